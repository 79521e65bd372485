#include "batch/recovery.h"

#include <map>
#include <unordered_map>

#include "audit/evidence.h"
#include "audit/reader.h"
#include "batch/flight.h"
#include "store/sealed_table.h"

namespace sm::batch {
namespace {

using delivery::Status;

/// What the log says of a message.
struct Trace {
  bool is_submitted = false;
  std::optional<Status> end{};
};
using Traces = std::unordered_map<std::string, Trace>;

std::optional<Status> end_of(audit::Event event) {
  switch (event) {
    case audit::Event::delivered:
      return Status::delivered;
    case audit::Event::deferred:
      return Status::deferred;
    case audit::Event::refused:
      return Status::refused;
    case audit::Event::failed:
      return Status::failed;
    case audit::Event::uncertain:
      return Status::uncertain;
    default:
      return std::nullopt;
  }
}

/// The audit id of a line, without parsing it: it stands right after the event.
std::string_view message_in(std::string_view line) {
  constexpr std::string_view kKey = "\"message\":\"";
  constexpr std::size_t kIdSize = 16;
  const auto at = line.find(kKey);
  return at == line.npos ? std::string_view() : line.substr(at + kKey.size(), kIdSize);
}

/// One pass over the log: only the lines of these messages are parsed.
Result<void> read_log(const std::string& folder, Traces& traces) {
  auto reader = audit::LogReader::open(folder);
  if (!reader) return fail(std::move(reader).error());
  const auto is_wanted = [&](std::string_view line) {
    return traces.count(std::string(message_in(line))) > 0;
  };
  for (;;) {
    auto entry = reader->next(is_wanted);
    if (!entry) return fail(std::move(entry).error());
    if (*entry == nullptr) return {};
    const auto& record = *(*entry)->record;
    const auto found = traces.find(std::string(record.message));
    if (found == traces.end()) continue;
    if (record.event == audit::Event::submitted) found->second.is_submitted = true;
    if (const auto end = end_of(record.event)) found->second.end = end;
  }
}

/// One organisation's part of what a run left.
class Salvage {
 public:
  Salvage(const Wreck& wreck, Journal& journal, sealing::Logs& logs, const Clock& clock)
      : wreck_(wreck), journal_(journal), logs_(logs), clock_(clock) {}

  Result<void> run(const std::string& org, const std::vector<Abandoned>& left) {
    auto log = logs_.of(org);
    if (!log) return fail(std::move(log).error());
    Traces traces;
    for (const auto& one : left)
      traces.emplace(one.message, Trace());
    if (auto read = read_log((*log)->folder(), traces); !read) return read;
    for (const auto& one : left) {
      auto status = status_of(one, traces.at(one.message));
      if (!status) return fail(std::move(status).error());
      ends_.push_back({org, one.key, *status});
    }
    if (!prepared_.empty()) {
      audit::Reservation none;
      auto told = (*log)->append_prepared(std::exchange(prepared_, {}), none);
      if (!told) return fail(std::move(told).error());
    }
    if (records_.empty()) return {};
    return logs_.append(org, std::exchange(records_, {}));
  }

  [[nodiscard]] const std::vector<KeyEnd>& ends() const { return ends_; }

 private:
  Result<Status> status_of(const Abandoned& one, const Trace& trace) {
    if (trace.end) return *trace.end;
    auto link = store::SealedTable(journal_.index()).find_recipient(one.message, one.recipient);
    if (!link) return fail(std::move(link).error());
    if (*link) {
      const bool is_told = (*link)->recipient.progress >= store::Progress::delivered;
      return is_told ? Status::sealed : Status::pending;
    }
    if (const auto end = kept_end(one)) return *end;
    const bool is_in_doubt = wreck_.is_in_doubt(one.slot);
    if (trace.is_submitted || is_in_doubt) tell(one, is_in_doubt);
    return is_in_doubt ? Status::uncertain : Status::deferred;
  }

  /// The run knew the end, and died before the log had it.
  std::optional<Status> kept_end(const Abandoned& one) {
    const auto end = wreck_.end_of(one.slot);
    const auto event = end ? audit::Log::event_of(*end) : std::nullopt;
    const auto status = event ? end_of(*event) : std::nullopt;
    // A slot is used again and again: the end must be that of this message.
    if (!status || message_in(*end) != one.message) return std::nullopt;
    prepared_ += *end;
    return status;
  }

  void tell(const Abandoned& one, bool is_in_doubt) {
    const auto message = audit::MessageId::parse(one.message);
    const auto recipient = audit::RecipientId::parse(one.recipient);
    if (!message || !recipient) return;
    audit::Attempt attempt{.message = *message, .recipient = {*recipient, one.address}};
    attempt.key = one.key;
    attempt.message_id = one.message_id;
    const auto reason = is_in_doubt ? delivery::Reason::reply_lost : delivery::Reason::interrupted;
    attempt.reason = text(reason);
    attempt.enhanced_status = "4.4.2";
    attempt.detail = is_in_doubt
                         ? "the run ended between the end of the message and the server's reply"
                         : "the run ended before the message was sent";
    records_.push_back(is_in_doubt ? audit::uncertain(attempt, clock_)
                                   : audit::deferred(attempt, clock_));
  }

  const Wreck& wreck_;
  Journal& journal_;
  sealing::Logs& logs_;
  const Clock& clock_;
  std::vector<KeyEnd> ends_;
  std::vector<audit::Record> records_;
  std::string prepared_;  ///< records that the run had ready
};

}  // namespace

Result<Salvaged> salvage(const std::string& run, const std::string& state, Journal& journal,
                         sealing::Logs& logs, const Clock& clock) {
  auto wreck = Wreck::board(state, run, clock);
  if (!wreck) return fail(std::move(wreck).error());
  if (!*wreck) return Salvaged{.is_alive = true};
  // Read under the wreck's lock: who had it before has ended them.
  auto claimed = journal.claimed_by(run);
  if (!claimed) return fail(std::move(claimed).error());
  std::map<std::string, std::vector<Abandoned>> by_org;
  for (auto& one : *claimed)
    by_org[one.org].push_back(std::move(one));
  Salvage salvage(**wreck, journal, logs, clock);
  for (const auto& [org, left] : by_org) {
    if (auto done = salvage.run(org, left); !done) return fail(std::move(done).error());
  }
  if (auto ended = journal.end(salvage.ends(), run); !ended) return fail(std::move(ended).error());
  (*wreck)->clear();
  Salvaged salvaged;
  for (const auto& end : salvage.ends()) {
    if (end.status == Status::uncertain) {
      ++salvaged.uncertain;
    } else if (end.status == Status::deferred) {
      ++salvaged.untouched;
    } else {
      ++salvaged.delivered;
    }
  }
  return salvaged;
}

}  // namespace sm::batch
