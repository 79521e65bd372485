#include "audit/verify.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <unordered_set>

#include "audit/blocks.h"
#include "audit/disclosure.h"
#include "audit/disclosure_stream.h"
#include "audit/extent.h"
#include "audit/layout.h"
#include "audit/log_key.h"
#include "audit/segment_lines.h"
#include "audit/verify_block.h"
#include "base/encoding.h"
#include "crypto/random.h"

namespace sm::audit {
namespace {

constexpr std::size_t kMostCheckpoint = std::size_t{1} << 20;
constexpr std::chrono::hours kOldAnchor{24 * 31};

/// The pipeline: threads take blocks, look at their lines, and put the results together in order.
class Verifier {
 public:
  Verifier(BlockSource source, std::optional<Layout> layout, const Extent& extent,
           const DisclosureMode& mode, std::vector<NamedCheckpoint>& checkpoints)
      : source_(std::move(source)),
        last_segment_(extent.segments.empty() ? 0 : extent.segments.back()),
        is_folder_(layout.has_value()),
        mode_(mode),
        disclosures_(std::move(layout), extent),
        checkpoints_(checkpoints) {
    for (const NamedCheckpoint& one : checkpoints_)
      wanted_.insert(one.checkpoint.size);
    next_wanted_ = wanted_.begin();
  }

  Result<void> run(unsigned threads);

  // What came out.
  std::uint64_t records = 0;    ///< lines
  std::uint64_t first_seq = 0;  ///< of the first line
  std::uint64_t next_seq = 0;
  Findings findings;
  Lifecycle lifecycle;
  std::vector<EpochEnd> epoch_ends;
  bool is_missing_explained = true;  ///< what is missing is what was erased (exact mode: judged)
  std::unordered_set<std::string> erased_but_there;  ///< exact mode: digests, if they ever were

 private:
  void work();
  Result<void> merge_ready(std::unique_lock<std::mutex>& lock);
  Result<void> merge(BlockResult& result);
  void check_chain(const BlockResult& result);
  void check_segment(const BlockResult& result, bool is_last);
  void add_leaves(const BlockResult& result);
  void check_root();
  void add_job(BlockResult& result, std::string lines);
  void add(DisclosureResult result);
  void judge_missing();
  void fail_with(Error error);

  BlockSource source_;
  std::uint64_t last_segment_;
  bool is_folder_;
  DisclosureMode mode_;
  DisclosureStream disclosures_;
  std::vector<NamedCheckpoint>& checkpoints_;
  std::set<std::uint64_t> wanted_;                       ///< sizes whose root somebody signed
  std::set<std::uint64_t>::const_iterator next_wanted_;  ///< the first that was not reached yet

  std::mutex read_mutex_;  ///< guards source_
  bool is_at_end_ = false;

  std::mutex mutex_;  ///< guards all below, and the public results
  std::condition_variable merged_;
  std::map<std::uint64_t, BlockResult> ready_;
  std::uint64_t next_block_ = 0;
  std::deque<DisclosureJob> jobs_;
  std::optional<Error> error_;
  Frontier frontier_;
  Hash last_{};
  bool is_last_good_ = false;
  bool is_begun_ = false;
  std::uint64_t segment_ = 0;
  std::uint64_t last_good_size_ = 0;
  DigestSum missing_sum_, erased_sum_;
  std::vector<std::pair<std::uint64_t, std::string>> missing_;
  std::unordered_set<std::string> erased_;
};

void Verifier::fail_with(Error error) {
  const std::lock_guard lock(mutex_);
  if (!error_) error_ = std::move(error);
  merged_.notify_all();
}

void Verifier::check_root() {
  const std::uint64_t size = frontier_.size();
  if (next_wanted_ == wanted_.end() || *next_wanted_ != size) return;
  ++next_wanted_;
  const Hash root = frontier_.root();
  bool is_good = true;
  for (NamedCheckpoint& one : checkpoints_) {
    if (one.checkpoint.size != size) continue;
    one.has_matching_root = one.checkpoint.root == root;
    if (one.has_matching_root) continue;
    is_good = false;
    findings.add(FindingKind::tree_mismatch, last_good_size_,
                 "the first " + std::to_string(size) + " lines are not those of " + one.name);
  }
  if (is_good) last_good_size_ = size;
}

void Verifier::add_leaves(const BlockResult& result) {
  const bool begins_at_zero = first_seq == 0;
  for (const Hash& leaf : result.leaves) {
    frontier_.add(leaf);
    if (begins_at_zero) check_root();
  }
}

/// What the block says against what came before it.
void Verifier::check_chain(const BlockResult& result) {
  if (!is_begun_) {
    is_begun_ = true;
    if (!is_folder_ && result.base_seq) first_seq = next_seq = *result.base_seq;
    if (first_seq == 0 && !result.first_prev.empty() && result.first_prev != std::string(64, '0')) {
      findings.add(FindingKind::chain_break, 0, "the first record does not begin a chain");
    }
  } else if (!result.first_prev.empty() && result.first_prev != to_hex(last_)) {
    findings.add(FindingKind::chain_break, result.base_seq,
                 "its prev is not the hash of the line before");
    if (is_last_good_ && result.base_seq == next_seq) {
      findings.add(FindingKind::altered, next_seq - 1, "its successor commits to another line");
    }
  }
  if (result.base_seq && *result.base_seq != next_seq) {
    findings.add(FindingKind::chain_break, next_seq,
                 "record " + std::to_string(*result.base_seq) + " stands where " +
                     std::to_string(next_seq) + " belongs");
  } else if (result.begins_segment && result.base_seq &&
             segment_of(*result.base_seq) != *result.begins_segment) {
    findings.add(FindingKind::chain_break, next_seq,
                 "it stands in segment " + segment_name(*result.begins_segment));
  }
}

/// Segment N holds the records from N * 65,536 on; only the last may be short.
void Verifier::check_segment(const BlockResult& result, bool is_last) {
  if (!is_folder_) return;
  const std::uint64_t end = (segment_ + 1) * kSegmentRecords;
  if (next_seq > end && next_seq - result.leaves.size() <= end) {
    findings.add(FindingKind::chain_break, end, "it stands in segment " + segment_name(segment_));
  } else if (result.ends_segment && !is_last && next_seq < end) {
    findings.add(FindingKind::chain_break, next_seq,
                 "segment " + segment_name(segment_) + " ends before it is full");
  }
}

void Verifier::add_job(BlockResult& result, std::string lines) {
  if (!mode_.is_on || (result.digests.empty() && lines.empty())) return;
  jobs_.push_back({result.base_seq.value_or(next_seq), std::move(result.digests),
                   std::move(result.digest_ends), std::move(lines)});
}

Result<void> Verifier::merge(BlockResult& result) {
  if (result.begins_segment) {
    segment_ = *result.begins_segment;
    auto done = disclosures_.begin_segment(segment_);
    if (!done) return done;
  }
  if (!result.leaves.empty()) check_chain(result);
  const std::uint64_t base = result.base_seq.value_or(next_seq);
  for (Defect& defect : result.defects) {
    findings.add(defect.kind, base + defect.index, std::move(defect.detail));
  }
  for (LifecycleStep& step : result.steps) {
    step.seq += base;
    lifecycle.add(step, result.recipients);
  }
  epoch_ends.insert(epoch_ends.end(), result.epoch_ends.begin(), result.epoch_ends.end());
  erased_sum_.add(result.erased_sum);
  for (std::string& digest : result.erased)
    erased_.insert(std::move(digest));
  if (!result.leaves.empty()) {
    add_leaves(result);
    records += result.leaves.size();
    last_ = result.leaves.back();
    is_last_good_ = result.is_last_good;
    next_seq = result.base_seq ? result.last_seq + 1 : next_seq + result.leaves.size();
    std::string lines;
    auto done = disclosures_.take_below(next_seq, lines, findings);
    if (!done) return done;
    add_job(result, std::move(lines));
  }
  const bool is_last = !is_folder_ || segment_ == last_segment_;
  check_segment(result, is_last);
  if (!result.ends_segment) return {};
  if (result.torn_bytes > 0) {
    findings.add(is_last ? FindingKind::torn_tail : FindingKind::altered, next_seq,
                 std::to_string(result.torn_bytes) + " bytes without a line end");
  }
  return disclosures_.end_segment(is_last, next_seq, findings);
}

Result<void> Verifier::merge_ready(std::unique_lock<std::mutex>& lock) {
  (void)lock;
  while (!ready_.empty() && ready_.begin()->first == next_block_) {
    BlockResult result = std::move(ready_.begin()->second);
    ready_.erase(ready_.begin());
    ++next_block_;
    auto done = merge(result);
    if (!done) return done;
  }
  return {};
}

void Verifier::add(DisclosureResult result) {
  for (Finding& finding : result.findings.all())
    findings.add(std::move(finding));
  missing_sum_.add(result.missing_sum);
  std::move(result.missing.begin(), result.missing.end(), std::back_inserter(missing_));
}

void Verifier::work() {
  constexpr std::uint64_t kAhead = 64;  // blocks that may wait for a slow one
  BlockVerifier verifier(mode_);
  DisclosureVerifier disclosure_verifier(mode_);
  Block block;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (!jobs_.empty()) {
        DisclosureJob job = std::move(jobs_.front());
        jobs_.pop_front();
        lock.unlock();
        DisclosureResult result = disclosure_verifier.verify(job);
        lock.lock();
        add(std::move(result));
        continue;
      }
      if (error_) return;
    }
    {
      const std::lock_guard lock(read_mutex_);
      if (!is_at_end_) {
        const auto is_more = source_.next(block);
        if (!is_more) return fail_with(is_more.error());
        is_at_end_ = !*is_more;
      }
      if (is_at_end_) break;
    }
    BlockResult result = verifier.verify(block);
    std::unique_lock lock(mutex_);
    const std::uint64_t number = result.number;
    ready_.emplace(number, std::move(result));
    auto done = merge_ready(lock);
    if (!done) {
      lock.unlock();
      return fail_with(std::move(done).error());
    }
    merged_.notify_all();
    merged_.wait(lock, [&] { return error_ || number < next_block_ + kAhead; });
  }
  // Nothing more to read: what others merge may still bring jobs.
  for (;;) {
    std::unique_lock lock(mutex_);
    if (jobs_.empty()) return;
    DisclosureJob job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    DisclosureResult result = disclosure_verifier.verify(job);
    lock.lock();
    add(std::move(result));
  }
}

void Verifier::judge_missing() {
  if (!mode_.is_on || missing_sum_ == erased_sum_) return;
  is_missing_explained = false;
  if (!mode_.is_exact) return;
  for (const auto& [seq, digest] : missing_) {
    if (erased_.count(digest) == 0) {
      findings.add(FindingKind::disclosure_mismatch, seq, "a disclosure is gone, and not erased");
    }
  }
  erased_but_there = erased_;
  for (const auto& [seq, digest] : missing_)
    erased_but_there.erase(digest);
}

Result<void> Verifier::run(unsigned threads) {
  if (threads == 0) threads = std::clamp(std::thread::hardware_concurrency(), 1u, 64u);
  check_root();  // of nothing
  std::vector<std::thread> others;
  for (unsigned i = 1; i < threads; ++i)
    others.emplace_back([this] { work(); });
  work();
  for (std::thread& other : others)
    other.join();
  work();  // jobs that came up when the first of us was done
  if (error_) return fail(std::move(*error_));
  judge_missing();
  return {};
}

/// The checkpoints that a folder keeps.
Result<std::vector<NamedCheckpoint>> checkpoints_of(const Layout& layout, Findings& findings) {
  std::vector<NamedCheckpoint> checkpoints;
  const auto sizes = archived_in(layout.checkpoints_folder());
  if (!sizes) return fail(sizes.error());
  std::vector<std::pair<std::string, std::optional<std::uint64_t>>> files;
  for (const std::uint64_t size : *sizes)
    files.emplace_back(layout.archived(size), size);
  const auto is_there = exists(layout.checkpoint());
  if (!is_there) return fail(is_there.error());
  if (*is_there) files.emplace_back(layout.checkpoint(), std::nullopt);
  for (const auto& [path, size] : files) {
    const std::string name = path.substr(layout.folder.size() + 1);
    const auto note = read_regular(path, kMostCheckpoint);
    if (!note) return fail(note.error());
    auto checkpoint = Checkpoint::parse(*note);
    if (!checkpoint || (size && checkpoint->size != *size)) {
      findings.add(FindingKind::altered, std::nullopt,
                   name + " is not the checkpoint it should be");
      continue;
    }
    checkpoints.push_back({name, std::move(*checkpoint), false, false});
  }
  return checkpoints;
}

void judge_sizes(const std::vector<NamedCheckpoint>& checkpoints, std::uint64_t records,
                 Findings& findings) {
  for (const NamedCheckpoint& one : checkpoints) {
    if (one.checkpoint.size <= records) continue;
    findings.add(FindingKind::shorter_than_checkpoint, records,
                 one.name + " was signed over " + std::to_string(one.checkpoint.size) +
                     " records, the log has " + std::to_string(records));
  }
}

void note_anchors(const Anchors& anchors, bool is_authority_known, VerifyReport& report,
                  Findings& findings) {
  for (const BadAnchor& bad : anchors.bad) {
    findings.add(
        FindingKind::tree_mismatch, bad.size == 0 ? 0 : bad.size - 1,
        "the anchor over the first " + std::to_string(bad.size) + " records is none: " + bad.why);
  }
  report.anchor = anchors.newest;
  if (!anchors.newest) return;
  const AnchorAge& newest = *anchors.newest;
  const auto days = std::chrono::duration_cast<std::chrono::hours>(newest.age).count() / 24;
  Finding finding{
      FindingKind::anchor_age, std::nullopt, 1,
      "the newest anchor is over " + std::to_string(newest.size) + " records, of " +
          utc_text(newest.timestamp.time) + ", " + std::to_string(days) + " days old" +
          (is_authority_known ? "" : "; whether its authority is one was not looked at"),
      newest.age < kOldAnchor};
  findings.add(std::move(finding));
}

/// What the pipeline found, and what follows from it.
VerifyReport conclude(Verifier& verifier, const std::vector<NamedCheckpoint>& checkpoints,
                      const std::vector<VerifierKey>& listed, const VerifyRequest& request,
                      bool is_folder) {
  VerifyReport report;
  Findings& findings = verifier.findings;
  report.records = verifier.records;
  report.first_seq = verifier.first_seq;
  if (verifier.first_seq > 0) {
    findings.add(FindingKind::tail_not_proven, verifier.first_seq,
                 "root not provable: begins at " + std::to_string(verifier.first_seq));
  } else {
    judge_sizes(checkpoints, verifier.records, findings);
    const EpochAnswer answer =
        judge_epochs({listed, request.keys, verifier.epoch_ends, checkpoints, is_folder}, findings);
    report.signed_size = answer.signed_size;
    for (const NamedCheckpoint& one : checkpoints) {
      if (!one.is_outside || !one.has_matching_root) continue;
      report.outside_checkpoint =
          std::max(report.outside_checkpoint.value_or(0), one.checkpoint.size);
    }
    if (!report.outside_checkpoint) {
      findings.add(FindingKind::tail_not_proven, std::nullopt,
                   "without a checkpoint from outside a tail that was cut, or a log that was "
                   "rewritten with its key, does not show");
    }
    if (!answer.is_origin_proven) {
      findings.add(FindingKind::origin_unproven, std::nullopt,
                   "without a key or a checkpoint from outside the log shows that it is "
                   "consistent, not whose it is");
    }
  }
  const std::uint64_t unsigned_records =
      report.records - std::min(report.records, report.signed_size);
  if (unsigned_records > 0 && verifier.first_seq == 0) {
    findings.add(FindingKind::unsigned_tail, report.signed_size,
                 "no checkpoint covers the last records", unsigned_records);
  }
  if (const auto first = verifier.lifecycle.first_open()) {
    findings.add(FindingKind::lifecycle_incomplete, *first, "submitted, and no record of its end",
                 verifier.lifecycle.open_count());
  }
  return report;
}

/// The keys that a folder lists.
struct ListedKeys {
  bool is_there = false;
  std::vector<VerifierKey> keys;
  std::string defect;  ///< why what is there lists none
};

Result<ListedKeys> listed_keys(const Layout& layout) {
  const auto is_there = exists(layout.vkeys());
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return ListedKeys{};
  auto keys = read_listed_keys(layout);
  if (keys) return ListedKeys{true, std::move(*keys), {}};
  if (keys.error().code != Errc::malformed) return fail(std::move(keys).error());
  return ListedKeys{true, {}, keys.error().what};
}

/// `is_needed`: something is signed, and no key came from outside.
void judge_list(const ListedKeys& listed, bool is_needed, Findings& findings) {
  if (!listed.defect.empty()) {
    findings.add(FindingKind::key_out_of_epoch, std::nullopt, listed.defect);
  } else if (!listed.is_there && is_needed) {
    findings.add(FindingKind::key_out_of_epoch, std::nullopt,
                 "log.vkey is missing: nothing tells which key may sign");
  }
}

}  // namespace

bool VerifyReport::is_intact() const {
  return std::none_of(findings.begin(), findings.end(),
                      [](const Finding& one) { return is_damage(one.kind); });
}

bool VerifyReport::is_perfect() const {
  return std::all_of(findings.begin(), findings.end(),
                     [](const Finding& one) { return one.is_mere_information; });
}

namespace {

/// A folder with nothing of a log in it is not an empty log: somebody named the wrong one.
bool is_no_log(const Extent& extent, const std::vector<NamedCheckpoint>& own,
               const std::vector<VerifierKey>& listed) {
  return extent.segments.empty() && extent.disclosures.empty() && own.empty() && listed.empty();
}

/// What the files' names tell.
void judge_files(const Extent& extent, Findings& findings) {
  const auto& segments = extent.segments;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (segments[i] == i) continue;
    findings.add(FindingKind::chain_break, i * kSegmentRecords,
                 "segment " + segment_name(i) + " is missing");
    break;
  }
  for (const auto& [number, inode] : extent.disclosures) {
    if (std::binary_search(segments.begin(), segments.end(), number)) continue;
    findings.add(FindingKind::disclosure_mismatch, number * kSegmentRecords,
                 "disclosures of a segment that is not there, " + segment_name(number));
  }
}

/// Values that an `erased` record calls destroyed and that stand there (again): a backup was put
/// back, or an erasure was broken off and nobody came by since.
Result<void> note_erased_but_there(const Layout& layout, const Extent& extent,
                                   const std::unordered_set<std::string>& digests,
                                   Findings& findings) {
  for (const auto& [number, inode] : extent.disclosures) {
    if (digests.empty()) break;
    auto lines = SegmentLines::open(layout.disclosures(number));
    if (!lines) return fail(std::move(lines).error());
    for (;;) {
      const auto line = lines->next();
      if (!line) return fail(line.error());
      if (!*line) break;
      const auto parsed = DisclosureLine::parse(**line);
      if (!parsed) continue;
      for (const std::string& text : parsed->disclosures) {
        if (digests.count(disclosure_digest(text)) == 0) continue;
        findings.add(FindingKind::lifecycle_incomplete, parsed->seq,
                     "a value that was erased stands there: an erasure was broken off, or a backup "
                     "was put back; erase it again");
      }
    }
  }
  return {};
}

/// One reading of a folder.
struct FolderReading {
  VerifyReport report;
  bool is_void = false;  ///< an erasure came in between: what it found means nothing
};

Result<FolderReading> read_folder(const Layout& layout, const VerifyRequest& request) {
  DisclosureMode mode{true, false, crypto::random_bytes<32>()};
  for (;;) {
    Findings before;
    // In this order: a listed key's last checkpoint is there before its successor is listed, and
    // what was signed stands in the segments before it is signed.
    const auto listed = listed_keys(layout);
    if (!listed) return fail(listed.error());
    auto own = checkpoints_of(layout, before);
    if (!own) return fail(std::move(own).error());
    const auto extent = Extent::look(layout);
    if (!extent) return fail(extent.error());
    if (is_no_log(*extent, *own, listed->keys) && request.checkpoints.empty() &&
        request.keys.empty()) {
      return fail(Errc::no_input, layout.folder + " holds no log");
    }
    judge_list(*listed, !own->empty() && request.keys.empty(), before);
    judge_files(*extent, before);
    std::vector<NamedCheckpoint> checkpoints = std::move(*own);
    checkpoints.insert(checkpoints.end(), request.checkpoints.begin(), request.checkpoints.end());
    Verifier verifier(
        BlockSource::of_segments(layout.folder, extent->segments, extent->last_records), layout,
        *extent, mode, checkpoints);
    auto done = verifier.run(request.threads);
    if (!done) return fail(std::move(done).error());
    if (!verifier.is_missing_explained && !mode.is_exact) {
      mode.is_exact = true;  // something is gone that no sum explains: look closely
      continue;
    }
    done = note_erased_but_there(layout, *extent, verifier.erased_but_there, verifier.findings);
    if (!done) return fail(std::move(done).error());
    for (Finding& finding : before.all())
      verifier.findings.add(std::move(finding));
    VerifyReport report = conclude(verifier, checkpoints, listed->keys, request, true);
    const auto anchors = read_anchors(layout, request.clock->now(), request.tsa_ca);
    if (!anchors) return fail(anchors.error());
    note_anchors(*anchors, !request.tsa_ca.empty(), report, verifier.findings);
    report.findings = verifier.findings.all();
    return FolderReading{std::move(report), extent->was_rewritten(layout)};
  }
}

}  // namespace

Result<VerifyReport> verify_folder(const std::string& folder, const VerifyRequest& request) {
  constexpr int kMostReadings = 5;
  const Layout layout{folder};
  for (int i = 1;; ++i) {
    auto reading = read_folder(layout, request);
    if (!reading) return fail(std::move(reading).error());
    if (!reading->is_void || reading->report.is_intact() || i == kMostReadings) {
      return std::move(reading->report);
    }
  }
}

Result<VerifyReport> verify_stream(UniqueFd fd, const std::string& name,
                                   const VerifyRequest& request) {
  std::vector<NamedCheckpoint> checkpoints = request.checkpoints;
  Verifier verifier(BlockSource::of_stream(std::move(fd), name), std::nullopt, Extent{},
                    DisclosureMode{}, checkpoints);
  auto done = verifier.run(request.threads);
  if (!done) return fail(std::move(done).error());
  if (verifier.records == 0 && verifier.findings.all().empty() && checkpoints.empty()) {
    // A pipe whose other end failed must not pass for a log without faults.
    return fail(Errc::no_input, name + " is empty: no record of a log");
  }
  VerifyReport report = conclude(verifier, checkpoints, {}, request, false);
  report.findings = verifier.findings.all();
  return report;
}

}  // namespace sm::audit
