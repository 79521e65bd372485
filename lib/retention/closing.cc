#include "retention/closing.h"

#include <algorithm>
#include <map>

#include <sys/stat.h>

#include "audit/lifecycle.h"
#include "audit/reader.h"
#include "base/text.h"
#include "store/contact_table.h"
#include "store/sealed_table.h"

namespace sm::retention {
namespace {

constexpr std::chrono::hours kLongest{1};  // and no less than twice a delivery's deadline

bool may_matter(std::string_view line) {
  constexpr std::string_view kName = "\"event\":\"";
  const auto at = line.find(kName);
  if (at == line.npos) return true;
  const auto name = line.substr(at + kName.size());
  const auto event = audit::parse_event(name.substr(0, name.find('"')));
  return event && audit::matters_to_lifecycle(*event);
}

template <std::size_t N>
std::array<char, N> array_of(std::string_view text) {
  std::array<char, N> array{};
  if (text.size() == N) std::copy(text.begin(), text.end(), array.begin());
  return array;
}

template <std::size_t N>
std::string_view text_of(const std::array<char, N>& array) {
  return {array.data(), array.size()};
}

/// What the log has of lifecycles, from a place on.
struct Seen {
  audit::Lifecycle lifecycle;
  std::map<std::uint64_t, std::string> submitted;  ///< when, by seq
  std::uint64_t next = 0;
};

Result<Seen> read_log(const std::string& folder, std::uint64_t from) {
  auto reader = audit::LogReader::open(folder, from);
  if (!reader) return fail(std::move(reader).error());
  Seen seen{.next = from};
  for (;;) {
    auto entry = reader->next(may_matter);
    if (!entry) return fail(std::move(entry).error());
    if (*entry == nullptr) return seen;
    const auto& record = *(*entry)->record;
    if (record.seq < from) continue;
    seen.next = record.seq + 1;
    if (record.message.empty()) continue;
    audit::LifecycleStep step;
    step.seq = record.seq;
    step.event = record.event;
    step.is_success = record.outcome.empty() || record.outcome == "success";
    step.message = array_of<16>(record.message);
    step.recipient = array_of<8>(record.recipient);
    std::vector<std::array<char, 8>> recipients;
    for (const auto id : record.recipients)
      recipients.push_back(array_of<8>(id));
    step.recipients_end = static_cast<std::uint32_t>(recipients.size());
    seen.lifecycle.add(step, recipients);
    if (record.event == audit::Event::submitted) seen.submitted[record.seq] = record.ts;
  }
}

}  // namespace

Result<std::size_t> close_lifecycles(sealing::Office& office, const std::string& org) {
  const std::string folder = audit::log_folder(office.config->state, org);
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return std::size_t{0};
  store::NoteTable notes(*office.index);
  const std::string note = "lifecycles/" + org;
  auto known = notes.find(note);
  if (!known) return fail(std::move(known).error());
  const auto from = parse_decimal(*known).value_or(0);
  auto seen = read_log(folder, from);
  if (!seen) return fail(std::move(seen).error());

  const auto longest = std::max<std::chrono::microseconds>(
      kLongest, 2 * std::chrono::seconds(office.config->network.deadline));
  auto first_open = seen->next;
  std::size_t closed = 0;
  for (const auto& open : seen->lifecycle.open()) {
    const auto since = parse_utc(seen->submitted[open.seq]);
    const auto id = audit::MessageId::parse(text_of(open.message));
    auto sealed = store::SealedTable(*office.index).find(std::string(text_of(open.message)));
    if (!sealed) return fail(std::move(sealed).error());
    const bool is_left = id && since && office.clock->now() - *since > longest && !*sealed &&
                         !open.is_queued && !open.recipients.empty();
    if (!is_left) {
      first_open = std::min(first_open, open.seq);
      continue;
    }
    std::vector<audit::Record> records;
    for (const auto& recipient : open.recipients) {
      const auto who = audit::RecipientId::parse(text_of(recipient));
      if (!who) continue;
      records.emplace_back(audit::Event::uncertain, *id, *who);
      records.back().outcome(audit::Outcome::failure, "interrupted");
    }
    if (auto told = office.logs->append(org, records); !told) return fail(std::move(told).error());
    closed += records.size();
  }
  if (first_open != from) {
    auto put = notes.put(note, std::to_string(first_open));
    if (!put) return fail(std::move(put).error());
  }
  return closed;
}

}  // namespace sm::retention
