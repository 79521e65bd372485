#include "retention/replay.h"

#include <string_view>

#include <sys/stat.h>

#include "audit/reader.h"
#include "base/text.h"
#include "sealing/ending.h"
#include "store/contact_table.h"
#include "store/sealed_table.h"

namespace sm::retention {
namespace {

using sealing::Ending;
using sealing::Told;

/// Cheap, and never wrong about a line that matters: the event stands in every line like this.
bool may_end_something(std::string_view line) {
  for (const std::string_view event :
       {"\"event\":\"deleted\"", "\"event\":\"expired\"", "\"event\":\"revoked\""}) {
    if (line.find(event) != line.npos) return true;
  }
  return false;
}

std::optional<Ending> ending_of(const audit::EntryView& entry) {
  switch (entry.record->event) {
    case audit::Event::expired:
      return Ending::expired;
    case audit::Event::revoked:
      return Ending::revoked;
    case audit::Event::deleted:
      return entry.line.find("\"ending\":\"retrieved\"") != entry.line.npos ? Ending::retrieved
                                                                            : Ending::deleted;
    default:
      return std::nullopt;
  }
}

/// True where there was something to end.
Result<bool> apply(sealing::Office& office, const audit::EntryView& entry) {
  const auto ending = ending_of(entry);
  const std::string message(entry.record->message);
  const std::string recipient(entry.record->recipient);
  const bool was_done = entry.record->outcome.empty() || entry.record->outcome == "success";
  if (!ending || !was_done || message.empty()) return false;
  store::SealedTable table(*office.index);
  if (recipient.empty()) {
    auto found = table.find(message);
    if (!found) return fail(std::move(found).error());
    if (!*found) return false;
    const bool is_afterwards = *ending == Ending::deleted && (*found)->ending != Ending::deleted;
    if ((*found)->phase == store::Phase::done && !is_afterwards) return false;
    if (auto ended = sealing::end_message(office, **found, *ending, {}, Told::yes); !ended) {
      return fail(std::move(ended).error());
    }
    return true;
  }
  auto link = table.find_recipient(message, recipient);
  if (!link) return fail(std::move(link).error());
  if (!*link || !(*link)->is_live()) return false;
  if (auto ended = sealing::end_recipient(office, **link, *ending, {}, Told::yes); !ended) {
    return fail(std::move(ended).error());
  }
  return true;
}

}  // namespace

Result<std::size_t> replay(sealing::Office& office, const std::string& org) {
  const std::string folder = audit::log_folder(office.config->state, org);
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return std::size_t{0};
  store::NoteTable notes(*office.index);
  const std::string note = "replayed/" + org;
  auto known = notes.find(note);
  if (!known) return fail(std::move(known).error());
  const auto from = parse_decimal(*known).value_or(0);
  auto reader = audit::LogReader::open(folder, from);
  if (!reader) return fail(std::move(reader).error());
  std::size_t repeated = 0;
  std::uint64_t next = from;
  for (;;) {
    auto entry = reader->next(may_end_something);
    if (!entry) return fail(std::move(entry).error());
    if (*entry == nullptr) break;
    const auto seq = (*entry)->record->seq;
    if (seq < from) continue;
    auto applied = apply(office, **entry);
    if (!applied) return fail(std::move(applied).error());
    if (*applied) ++repeated;
    next = seq + 1;
  }
  if (next != from) {
    if (auto put = notes.put(note, std::to_string(next)); !put) return fail(std::move(put).error());
  }
  return repeated;
}

}  // namespace sm::retention
