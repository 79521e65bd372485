#include "audit/receipt.h"

#include <algorithm>
#include <cerrno>

#include <sys/stat.h>
#include <unistd.h>

#include "audit/proof.h"
#include "audit/segment_index.h"
#include "audit/segment_lines.h"
#include "audit/tar.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"
#include "crypto/random.h"

namespace sm::audit {
namespace {

constexpr std::size_t kMostFile = std::size_t{4} << 20;
constexpr std::string_view kRecord = "record", kDisclosures = "disclosures",
                           kProof = "proof.tlog-proof", kTimestamp = "timestamp.tsr";

/// A folder beside the one that is wanted, removed again unless it was renamed.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string path) : path_(std::move(path)) {}
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    if (path_.empty()) return;
    for (const std::string& name : names_)
      (void)::unlink((path_ + '/' + name).c_str());
    (void)::rmdir(path_.c_str());
  }
  Result<void> add(const std::string& name, const std::string& content) {
    names_.push_back(name);
    return publish_file(path_ + '/' + name, as_bytes(content), 0644);
  }
  Result<void> rename_to(const std::string& path) {
    if (::rename(path_.c_str(), path.c_str()) != 0) return fail_errno("making " + path, errno);
    path_.clear();
    return sync_folder(folder_of(path));
  }

 private:
  std::string path_;
  std::vector<std::string> names_;
};

TarFiles files_of(const Receipt& receipt) {
  std::string disclosures;
  for (const std::string& one : receipt.disclosures) {
    disclosures += one + '\n';
  }
  TarFiles files;
  files.emplace(kRecord, receipt.record);
  files.emplace(kDisclosures, disclosures);
  files.emplace(kProof, receipt.proof);
  if (receipt.timestamp) files.emplace(kTimestamp, *receipt.timestamp);
  return files;
}

Result<TarFiles> read_folder(const std::string& path) {
  TarFiles files;
  for (const std::string_view name : {kRecord, kDisclosures, kProof, kTimestamp}) {
    const std::string file = path + '/' + std::string(name);
    const auto is_there = exists(file);
    if (!is_there) return fail(is_there.error());
    if (!*is_there) continue;
    auto content = read_file(file, kMostFile);
    if (!content) return fail(std::move(content).error());
    files.emplace(name, std::move(*content));
  }
  return files;
}

/// The disclosures of one record.
Result<std::vector<std::string>> disclosures_of(const Layout& layout, std::uint64_t seq) {
  const std::string path = layout.disclosures(segment_of(seq));
  const auto is_there = exists(path);
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return std::vector<std::string>();
  auto lines = SegmentLines::open(path);
  if (!lines) return fail(std::move(lines).error());
  const std::string prefix = "{\"seq\":" + std::to_string(seq) + ',';
  for (;;) {
    const auto line = lines->next();
    if (!line) return fail(line.error());
    if (!*line) return std::vector<std::string>();
    if (!(*line)->starts_with(prefix)) continue;
    auto parsed = DisclosureLine::parse(**line);
    if (!parsed) return fail(Errc::malformed, path + " is damaged", "smaudit verify tells more");
    return std::move(parsed->disclosures);
  }
}

/// A record that may be meant, with all that is still disclosed of it.
struct Candidate {
  std::uint64_t seq = 0;
  ParsedRecord record;
  std::vector<std::string> disclosures;
};

bool is_for(const Candidate& candidate, const ReceiptRequest& request) {
  if (request.recipient && candidate.record.recipient != request.recipient->text() &&
      !candidate.record.recipient.empty()) {
    return false;
  }
  if (request.recipient_address.empty()) return true;
  return std::any_of(candidate.disclosures.begin(), candidate.disclosures.end(),
                     [&](const std::string& text) {
                       const auto one = Disclosure::parse(text);
                       return one && one->name == "recipient" &&
                              equal_ignoring_case(one->text, request.recipient_address);
                     });
}

Result<std::vector<Candidate>> candidates_of(const Layout& layout, LogIndex& index,
                                             const ReceiptRequest& request) {
  const auto found = index.find(request.message);
  if (!found) return fail(found.error());
  std::vector<Candidate> candidates;
  for (const Found& one : *found) {
    auto record = parse_record(one.line);
    if (!record || record->message != request.message.text()) continue;
    if (request.event && record->event != *request.event) continue;
    auto disclosures = disclosures_of(layout, one.seq);
    if (!disclosures) return fail(std::move(disclosures).error());
    Candidate candidate{one.seq, std::move(*record), std::move(*disclosures)};
    if (is_for(candidate, request)) candidates.push_back(std::move(candidate));
  }
  return candidates;
}

std::string list_of(const std::vector<Candidate>& candidates) {
  std::vector<std::string> words;
  for (const Candidate& one : candidates) {
    words.push_back(std::string(text(one.record.event)) +
                    (one.record.recipient.empty() ? "" : " for " + one.record.recipient));
  }
  return join(words, ", ");
}

/// The one record that is meant.
Result<Candidate> choose(std::vector<Candidate> candidates, const ReceiptRequest& request) {
  if (candidates.empty()) {
    return fail(Errc::malformed,
                "no record of message " + request.message.text() + " is like that");
  }
  if (candidates.size() > 1 && !request.event) {
    std::vector<Candidate> delivered;
    std::copy_if(candidates.begin(), candidates.end(), std::back_inserter(delivered),
                 [](const Candidate& one) { return one.record.event == Event::delivered; });
    if (!delivered.empty()) candidates = std::move(delivered);
  }
  if (candidates.size() == 1 || request.takes_last) return std::move(candidates.back());
  return fail(Errc::usage,
              "several records of message " + request.message.text() +
                  " are like that: " + list_of(candidates),
              "say which, with --event and --recipient");
}

/// The disclosures of those names. Where one recipient was asked for, not the other recipients.
Result<std::vector<std::string>> chosen_disclosures(const Candidate& candidate,
                                                    const ReceiptRequest& request) {
  std::vector<std::string> chosen;
  for (const std::string& name : request.disclose) {
    const auto before = chosen.size();
    for (const std::string& text : candidate.disclosures) {
      const auto one = Disclosure::parse(text);
      if (!one || one->name != name) continue;
      const bool is_other = name == "recipient" && !request.recipient_address.empty() &&
                            !equal_ignoring_case(one->text, request.recipient_address);
      if (!is_other) chosen.push_back(text);
    }
    if (chosen.size() == before) {
      return fail(Errc::usage, "the record has no disclosure '" + printable(name) + "' (any more)");
    }
  }
  std::sort(chosen.begin(), chosen.end());
  chosen.erase(std::unique(chosen.begin(), chosen.end()), chosen.end());
  return chosen;
}

Result<Checkpoint> read_checkpoint(const std::string& path) {
  const auto note = read_file(path, kMostFile);
  if (!note) return fail(note.error());
  auto checkpoint = Checkpoint::parse(*note);
  if (!checkpoint) return fail(Errc::configuration, path + " is not a checkpoint");
  return std::move(*checkpoint);
}

/// A checkpoint and its timestamp.
struct Witness {
  Checkpoint checkpoint;
  std::optional<std::string> timestamp;
};

/// The newest checkpoint with a timestamp over the record, else the newest.
Result<Witness> witness_of(const Layout& layout, const Checkpoint& newest, std::uint64_t seq) {
  const auto sizes = archived_in(layout.checkpoints_folder());
  if (!sizes) return fail(sizes.error());
  const auto has_anchors = exists(layout.anchors_folder());
  if (!has_anchors) return fail(has_anchors.error());
  for (auto size = sizes->rbegin(); *has_anchors && size != sizes->rend() && *size > seq; ++size) {
    auto timestamp = anchor_over(layout, *size);
    if (!timestamp) return fail(std::move(timestamp).error());
    if (!*timestamp) continue;
    auto checkpoint = read_checkpoint(layout.archived(*size));
    if (!checkpoint) return fail(std::move(checkpoint).error());
    return Witness{std::move(*checkpoint), std::move(*timestamp)};
  }
  return Witness{newest, {}};
}

Result<TlogProof> prove(LogIndex& index, const Candidate& candidate, const Checkpoint& checkpoint) {
  const auto root_of = [&](std::uint64_t begin, std::uint64_t end) {
    return index.range_root(begin, end);
  };
  for (const bool is_second : {false, true}) {
    auto path = inclusion_proof(candidate.seq, checkpoint.size, root_of);
    if (!path) return fail(std::move(path).error());
    TlogProof proof{candidate.seq, std::move(*path), checkpoint};
    if (proof.includes(leaf_hash(as_bytes(candidate.record.line)))) return proof;
    if (is_second) break;
    auto rebuilt = index.rebuild();  // perhaps only the cache is wrong
    if (!rebuilt) return fail(std::move(rebuilt).error());
  }
  return fail(Errc::configuration, "the log does not agree with its checkpoint",
              "smaudit verify tells more");
}

void refuse(ReceiptReport& report, const std::string& why) {
  if (report.problem.empty()) report.problem = why;
}

/// Every disclosure must have its digest in the record, once.
void check_disclosures(const Receipt& receipt, ReceiptReport& report) {
  std::vector<std::string> digests = report.record->sd;
  for (const std::string& text : receipt.disclosures) {
    const auto digest = std::find(digests.begin(), digests.end(), disclosure_digest(text));
    auto parsed = Disclosure::parse(text);
    if (digest == digests.end() || !parsed) {
      return refuse(report, "a disclosure is not one of the record's");
    }
    digests.erase(digest);
    report.disclosures.push_back(std::move(*parsed));
  }
}

void check_timestamp(const Receipt& receipt, const Checkpoint& checkpoint,
                     const std::string& ca_file, ReceiptReport& report) {
  if (!receipt.timestamp) return;
  const auto answer =
      verify_timestamp(as_bytes(*receipt.timestamp), as_bytes(checkpoint.note), ca_file);
  if (!answer) return refuse(report, answer.error().what);
  if (answer->verdict != TimestampVerdict::good) {
    return refuse(report, std::string(text(answer->verdict)));
  }
  report.timestamp = answer->timestamp;
}

}  // namespace

Result<void> Receipt::write(const std::string& path) const {
  const auto is_there = exists(path);
  if (!is_there) return fail(is_there.error());
  if (*is_there) return fail(Errc::io, path + " exists already", "name another, or remove it");
  const TarFiles files = files_of(*this);
  if (path.ends_with(".tar")) {
    return publish_file(path, as_bytes(write_tar(files)), 0644, AtomicFile::Existing::keep);
  }
  const std::string clean = path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
  const std::string temporary = clean + '.' + to_hex(crypto::random_bytes<6>());
  if (::mkdir(temporary.c_str(), 0755) != 0) return fail_errno("making " + temporary, errno);
  TemporaryFolder folder(temporary);
  for (const auto& [name, content] : files) {
    auto done = folder.add(name, content);
    if (!done) return done;
  }
  return folder.rename_to(clean);
}

Result<Receipt> Receipt::read(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return fail_errno(Errc::no_input, "opening " + path, errno);
  }
  TarFiles files;
  if (S_ISDIR(status.st_mode)) {
    auto read = read_folder(path);
    if (!read) return fail(std::move(read).error());
    files = std::move(*read);
  } else {
    const auto bytes = read_file(path, kMostFile);
    if (!bytes) return fail(bytes.error());
    auto read = read_tar(*bytes);
    if (!read) return fail(Errc::malformed, path + " is not a receipt: no tar file of its files");
    files = std::move(*read);
  }
  Receipt receipt;
  if (files.count(kRecord) == 0 || files.count(kProof) == 0 || files.count(kDisclosures) == 0) {
    return fail(Errc::malformed,
                path + " is not a receipt: it needs record, disclosures and proof.tlog-proof");
  }
  receipt.record = files.find(kRecord)->second;
  receipt.proof = files.find(kProof)->second;
  const std::string& disclosures = files.find(kDisclosures)->second;
  for (const std::string_view line : split(disclosures, '\n')) {
    if (!line.empty()) receipt.disclosures.emplace_back(line);
  }
  const auto timestamp = files.find(kTimestamp);
  if (timestamp != files.end()) receipt.timestamp = timestamp->second;
  return receipt;
}

Result<Receipt> make_receipt(const Layout& layout, const ReceiptRequest& request) {
  const auto is_signed = exists(layout.checkpoint());
  if (!is_signed) return fail(is_signed.error());
  if (!*is_signed) {
    return fail(Errc::temporary, "the log has no checkpoint yet", "run smaudit checkpoint");
  }
  const auto newest = read_checkpoint(layout.checkpoint());
  if (!newest) return fail(newest.error());
  LogIndex index(layout);
  auto loaded = index.load(newest->size);
  if (!loaded) return fail(std::move(loaded).error());
  auto candidates = candidates_of(layout, index, request);
  if (!candidates) return fail(std::move(candidates).error());
  const auto chosen = choose(std::move(*candidates), request);
  if (!chosen) return fail(chosen.error());
  if (chosen->seq >= newest->size) {
    return fail(Errc::temporary,
                "no checkpoint covers record " + std::to_string(chosen->seq) + " yet",
                "run smaudit checkpoint");
  }
  auto disclosures = chosen_disclosures(*chosen, request);
  if (!disclosures) return fail(std::move(disclosures).error());
  auto witness = witness_of(layout, *newest, chosen->seq);
  if (!witness) return fail(std::move(witness).error());
  if (witness->checkpoint.size != newest->size) {
    loaded = index.load(witness->checkpoint.size);
    if (!loaded) return fail(std::move(loaded).error());
  }
  const auto proof = prove(index, *chosen, witness->checkpoint);
  if (!proof) return fail(proof.error());
  return Receipt{chosen->record.line, std::move(*disclosures), proof->text(),
                 std::move(witness->timestamp)};
}

ReceiptReport verify_receipt(const Receipt& receipt, std::span<const VerifierKey> keys,
                             const std::string& ca_file) {
  ReceiptReport report;
  report.record = parse_record(receipt.record);
  if (!report.record) {
    refuse(report, "the record is no record of an audit log");
    return report;
  }
  const auto proof = TlogProof::parse(receipt.proof);
  if (!proof) {
    refuse(report, "the proof is not a tlog-proof");
    return report;
  }
  report.origin = proof->checkpoint.origin;
  report.index = proof->index;
  report.size = proof->checkpoint.size;
  switch (proof->checkpoint.verify(keys)) {
    case NoteVerdict::good:
      break;
    case NoteVerdict::unknown_key:
      refuse(report, "the checkpoint is not signed by a given key");
      break;
    case NoteVerdict::bad_signature:
      refuse(report, "the checkpoint's signature is wrong");
      break;
  }
  if (!proof->includes(leaf_hash(as_bytes(receipt.record)))) {
    refuse(report, "the proof does not lead from the record to the checkpoint's root");
  }
  if (proof->index != report.record->seq)
    refuse(report, "the record's seq is not the proof's index");
  check_disclosures(receipt, report);
  check_timestamp(receipt, proof->checkpoint, ca_file, report);
  report.is_valid = report.problem.empty();
  return report;
}

}  // namespace sm::audit
