#include "audit/erase.h"

#include <algorithm>
#include <cerrno>
#include <set>
#include <unordered_set>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/disclosure.h"
#include "audit/scan.h"
#include "audit/segment_lines.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"

namespace sm::audit {
namespace {

constexpr std::size_t kMostDigests = 1000;  // of one record: 46 kB of its line
constexpr std::size_t kMostPlan = std::size_t{1} << 30;

/// A disclosures file that is to be read whole, or nothing where the segment has none.
Result<std::optional<SegmentLines>> open_disclosures(const Layout& layout, std::uint64_t number) {
  const auto is_there = exists(layout.disclosures(number));
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return std::optional<SegmentLines>();
  auto lines = SegmentLines::open(layout.disclosures(number));
  if (!lines) return fail(std::move(lines).error());
  return std::optional(std::move(*lines));
}

/// Calls each(DisclosureLine) for every line of every segment.
template <class Each>
Result<void> for_each_disclosure_line(const Layout& layout, Each each) {
  const auto numbers = segments_in(layout.folder);
  if (!numbers) return fail(numbers.error());
  for (const std::uint64_t number : *numbers) {
    auto lines = open_disclosures(layout, number);
    if (!lines) return fail(std::move(lines).error());
    if (!*lines) continue;
    for (;;) {
      const auto line = (*lines)->next();
      if (!line) return fail(line.error());
      if (!*line) break;
      const auto parsed = DisclosureLine::parse(**line);
      if (!parsed) {
        return fail(Errc::malformed,
                    layout.disclosures(number) + " is damaged; run smaudit verify");
      }
      each(*parsed);
    }
  }
  return {};
}

/// Calls each(RecordView) for every record.
template <class Each>
Result<void> for_each_record(const Layout& layout, Each each) {
  const auto numbers = segments_in(layout.folder);
  if (!numbers) return fail(numbers.error());
  LineScanner scanner;
  for (const std::uint64_t number : *numbers) {
    auto lines = SegmentLines::open(layout.segment(number));
    if (!lines) return fail(std::move(lines).error());
    for (;;) {
      const auto line = lines->next();
      if (!line) return fail(line.error());
      if (!*line) break;
      const RecordView* const record = scanner.scan(**line);
      if (record == nullptr) {
        return fail(Errc::malformed, layout.segment(number) + " is damaged: " + scanner.defect() +
                                         "; run smaudit verify");
      }
      each(*record);
    }
  }
  return {};
}

bool is_about(const Disclosure& disclosure, std::string_view address) {
  return holds_address(disclosure.text, address);
}

/// The records all of whose disclosures go.
Result<std::set<std::uint64_t>> records_of_message(const Layout& layout, const MessageId& message) {
  std::set<std::uint64_t> seqs;
  const std::string id = message.text();
  auto done = for_each_record(layout, [&](const RecordView& record) {
    if (record.message == id) seqs.insert(record.seq);
  });
  if (!done) return fail(std::move(done).error());
  return seqs;
}

Result<std::set<std::uint64_t>> records_of_recipient(const Layout& layout,
                                                     const std::string& address) {
  std::unordered_set<std::uint64_t> naming;
  auto done = for_each_disclosure_line(layout, [&](const DisclosureLine& line) {
    for (const std::string& text : line.disclosures) {
      const auto disclosure = Disclosure::parse(text);
      if (disclosure && disclosure->name == "recipient" && is_about(*disclosure, address)) {
        naming.insert(line.seq);
      }
    }
  });
  if (!done) return fail(std::move(done).error());
  std::set<std::pair<std::string, std::string>> recipients;  // message, recipient
  done = for_each_record(layout, [&](const RecordView& record) {
    if (!record.recipient.empty() && naming.count(record.seq) != 0) {
      recipients.emplace(record.message, record.recipient);
    }
  });
  if (!done) return fail(std::move(done).error());
  std::set<std::uint64_t> seqs;
  done = for_each_record(layout, [&](const RecordView& record) {
    if (record.recipient.empty()) return;
    if (recipients.count({std::string(record.message), std::string(record.recipient)}) != 0) {
      seqs.insert(record.seq);
    }
  });
  if (!done) return fail(std::move(done).error());
  return seqs;
}

std::string digests_array(const std::vector<std::string>& texts) {
  JsonArray array;
  for (const std::string& text : texts) {
    array.add(text);
  }
  return array.text();
}

/// The digests that `erased` records list from `from` on.
Result<std::unordered_set<std::string>> listed_since(const Layout& layout, std::uint64_t from,
                                                     std::uint64_t next) {
  std::unordered_set<std::string> listed;
  if (from >= next) return listed;
  auto done = for_each_record(layout, [&](const RecordView& record) {
    if (record.seq < from) return;
    for (const std::string_view digest : record.digests)
      listed.emplace(digest);
  });
  if (!done) return fail(std::move(done).error());
  return listed;
}

/// Overwrites the bytes of a file that has no name any more, or soon has none, before the disk gets
/// them back.
void overwrite(int fd, const std::string& path) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return;
  const std::vector<std::uint8_t> zeros(static_cast<std::size_t>(status.st_size), 0);
  if (pwrite_all(fd, zeros, 0, path)) (void)sync_file_data(fd, path);
}

/// Puts `kept` in the place of a disclosures file. The new file has always the same name before it
/// has its own: what a crash leaves of it must not outlive the next erasure.
Result<void> put_in_place(const Layout& layout, const std::string& path, std::string_view kept) {
  const std::string temporary = layout.disclosures_folder() + "/.replacing";
  if (const auto left = open_file(temporary, O_RDWR | O_NOFOLLOW))
    overwrite(left->get(), temporary);
  if (::unlink(temporary.c_str()) != 0 && errno != ENOENT) {
    return fail_errno("removing " + temporary, errno);
  }
  const auto old = open_file(path, O_RDWR | O_NOFOLLOW);
  if (!old) return fail(old.error());
  struct stat status {};
  if (::fstat(old->get(), &status) != 0) return fail_errno("looking at " + path, errno);
  const auto fresh = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!fresh) return fail(fresh.error());
  if (::fchmod(fresh->get(), status.st_mode & 0777) != 0) {
    return fail_errno("making " + temporary, errno);
  }
  auto done = write_all(fresh->get(), as_bytes(kept), temporary);
  if (done) done = sync_file(fresh->get(), temporary);
  if (!done) return done;
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return fail_errno("replacing " + path, errno);
  }
  done = sync_folder(layout.disclosures_folder());
  if (done) overwrite(old->get(), path);
  return done;
}

/// Writes the lines without those digests beside the file and puts them in its place.
Result<void> replace_file(const Layout& layout, std::uint64_t number,
                          const std::unordered_set<std::string>& digests) {
  auto lines = open_disclosures(layout, number);
  if (!lines) return fail(std::move(lines).error());
  if (!*lines) return {};
  std::string kept;
  bool is_changed = false;
  for (;;) {
    const auto line = (*lines)->next();
    if (!line) return fail(line.error());
    if (!*line) break;
    auto parsed = DisclosureLine::parse(**line);
    if (!parsed) return fail(Errc::malformed, layout.disclosures(number) + " is damaged");
    const auto gone = std::erase_if(parsed->disclosures, [&](const std::string& disclosure) {
      return digests.count(disclosure_digest(disclosure)) != 0;
    });
    is_changed |= gone > 0;
    if (!parsed->disclosures.empty())
      kept += (gone > 0 ? parsed->text() : std::string(**line)) + '\n';
  }
  return is_changed ? put_in_place(layout, layout.disclosures(number), kept) : Result<void>();
}

}  // namespace

bool holds_address(std::string_view text, std::string_view address) {
  if (address.empty()) return false;
  const std::string in = to_lower(text), wanted = to_lower(address);
  const auto is_word = [](char c) {
    return is_alnum(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  for (auto at = in.find(wanted); at != in.npos; at = in.find(wanted, at + 1)) {
    const auto end = at + wanted.size();
    const bool begins = at == 0 || !(is_word(in[at - 1]) || in[at - 1] == '.');
    const bool goes_on =
        end < in.size() &&
        (is_alnum(in[end]) || in[end] == '-' || static_cast<unsigned char>(in[end]) >= 0x80 ||
         (in[end] == '.' && end + 1 < in.size() && is_alnum(in[end + 1])));
    if (begins && !goes_on) return true;
  }
  return false;
}

Result<Erased> plan_erasure(const Layout& layout, const EraseRequest& request, std::uint64_t next) {
  if (request.authorised_by.empty() || request.ground.empty()) {
    return fail(Errc::usage, "an erasure names who authorised it, and its ground");
  }
  if (!request.message && request.address.find('@') == std::string::npos) {
    return fail(Errc::usage, "'" + printable(request.address) + "' is no mail address");
  }
  const auto whole = request.message ? records_of_message(layout, *request.message)
                                     : records_of_recipient(layout, request.address);
  if (!whole) return fail(whole.error());
  std::vector<std::string> digests;
  Erased erased;
  auto done = for_each_disclosure_line(layout, [&](const DisclosureLine& line) {
    const auto before = digests.size();
    for (const std::string& text : line.disclosures) {
      const auto disclosure = Disclosure::parse(text);
      const bool is_named =
          !request.message && disclosure && is_about(*disclosure, request.address);
      if (whole->count(line.seq) != 0 || is_named) digests.push_back(disclosure_digest(text));
    }
    if (digests.size() > before) ++erased.records;
  });
  if (!done) return fail(std::move(done).error());
  erased.disclosures = digests.size();
  if (digests.empty()) return erased;
  std::sort(digests.begin(), digests.end());
  JsonObject plan;
  plan.add("seq", next).add("message", request.message ? request.message->text() : "");
  plan.add("authorised_by", request.authorised_by).add("ground", request.ground);
  plan.add_raw("digests", digests_array(digests));
  auto put_down = publish_file(layout.erasing(), as_bytes(plan.text() + "\n"));
  if (!put_down) return fail(std::move(put_down).error());
  return erased;
}

Result<std::optional<PendingErasure>> pending_erasure(const Layout& layout, std::uint64_t next) {
  const auto is_there = exists(layout.erasing());
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return std::optional<PendingErasure>();
  const auto text = read_file(layout.erasing(), kMostPlan);
  if (!text) return fail(text.error());
  const auto plan = ErasurePlan::parse(*text);
  if (!plan) return fail(Errc::configuration, layout.erasing() + " is damaged");
  const auto listed = listed_since(layout, plan->seq, next);
  if (!listed) return fail(listed.error());
  PendingErasure pending{plan->digests, {}};
  std::vector<std::string> unlisted;
  std::copy_if(plan->digests.begin(), plan->digests.end(), std::back_inserter(unlisted),
               [&](const std::string& digest) { return listed->count(digest) == 0; });
  const auto message = MessageId::parse(plan->message);
  for (std::size_t done = 0; done < unlisted.size(); done += kMostDigests) {
    const auto count = std::min(kMostDigests, unlisted.size() - done);
    const auto from = unlisted.begin() + static_cast<std::ptrdiff_t>(done);
    Record& record = pending.records.emplace_back(message ? Record(Event::erased, *message)
                                                          : Record(Event::erased));
    record.fact("digests",
                std::vector<std::string>(from, from + static_cast<std::ptrdiff_t>(count)));
    record.disclose("authorised_by", plan->authorised_by).disclose("ground", plan->ground);
  }
  return std::optional(std::move(pending));
}

Result<void> finish_erasure(const Layout& layout, const PendingErasure& pending) {
  const auto numbers = segments_in(layout.folder);
  if (!numbers) return fail(numbers.error());
  const std::unordered_set<std::string> digests(pending.digests.begin(), pending.digests.end());
  for (const std::uint64_t number : *numbers) {
    auto done = replace_file(layout, number, digests);
    if (!done) return done;
  }
  if (::unlink(layout.erasing().c_str()) != 0 && errno != ENOENT) {
    return fail_errno("removing " + layout.erasing(), errno);
  }
  return sync_folder(layout.disclosures_folder());
}

}  // namespace sm::audit
