#include "queue/notice.h"

#include "queue/report.h"
#include "sealing/mark.h"

namespace sm::queue {
namespace {

using delivery::RecipientResult;
using delivery::Status;

constexpr std::chrono::hours kUsualWarning{4};  // where only the sender asks for one

bool is_gone(Status status) {
  return status == Status::delivered || status == Status::sealed || status == Status::pending;
}
bool waits(Status status) {
  return status == Status::deferred || status == Status::uncertain || status == Status::queued;
}

std::optional<smtp::Notify> notify_of(const Standing& standing, const std::string& address) {
  if (standing.message == nullptr) return std::nullopt;
  for (const auto& recipient : standing.message->ticket().envelope.recipients) {
    if (recipient.mailbox.text() == address) return recipient.notify;
  }
  return std::nullopt;
}

/// Why nobody is told; empty where the sender is.
std::string reason_for_silence(const Standing& standing, const RecipientResult& result) {
  const auto& row = standing.row;
  if (row.kind == store::QueuedKind::report || row.sender.empty()) return "null-sender";
  const auto notify = notify_of(standing, result.recipient);
  if (notify && !notify->on_failure) return "not-wanted";
  return {};
}

Subject subject_of(const RecipientResult& result) {
  Subject subject{.recipient = result.recipient,
                  .enhanced = result.enhanced,
                  .reason = std::string(delivery::text(result.reason)),
                  .detail = result.detail,
                  .reply = result.reply,
                  .mx = result.mx,
                  .may_have_arrived = result.status == Status::uncertain};
  // RFC 3464 §2.3.4: of an action that failed the status is permanent; RFC 3463 §3.5 X.4.7, the
  // time is over.
  const bool ran_out = waits(result.status);
  if (ran_out) subject.enhanced = subject.may_have_arrived ? "5.4.2" : "5.4.7";
  if (!ran_out && !subject.enhanced.starts_with('5')) subject.enhanced = "5.0.0";
  return subject;
}

bool wants_warning(const sealing::Office& office, const Standing& standing,
                   const RecipientResult& result) {
  const auto& row = standing.row;
  if (row.is_warned || row.sender.empty() || standing.is_recovery) return false;
  if (standing.is_final(result)) return false;
  const auto notify = notify_of(standing, result.recipient);
  if (notify && !notify->on_delay) return false;
  const auto& configured = office.config->queue.warn_after;
  if (!configured && !notify) return false;
  const auto made = sealing::Mark::parse(row.made);
  return made && sealing::elapsed_since(*made, *office.clock) >= configured.value_or(kUsualWarning);
}

Result<std::optional<WaitingReport>> write_notice(sealing::Office& office, const std::string& host,
                                                  const Standing& standing, Action action,
                                                  std::vector<Subject> subjects) {
  const auto& row = standing.row;
  const auto to = name::Mailbox::parse(row.sender);
  if (subjects.empty() || !to) return std::optional<WaitingReport>();
  Report report{.action = action,
                .to = *to,
                .message_id = row.id,
                .arrived = row.created,
                .until = row.created + office.config->queue.lifetime,
                .subjects = std::move(subjects)};
  if (standing.message != nullptr) {
    const auto& envelope = standing.message->ticket().envelope;
    if (envelope.id) report.envelope_id = envelope.id->text();
    report.header = standing.message->message().header().bytes();
  }
  auto message = compose(report, standing.organisation, host, *office.clock);
  if (!message) return fail(std::move(message).error());
  auto waiting = write_report(
      office, {.message = &*message, .organisation = &standing.organisation, .to = *to});
  if (!waiting) return fail(std::move(waiting).error());
  return std::optional<WaitingReport>(std::move(*waiting));
}

}  // namespace

bool Standing::is_final(const RecipientResult& result) const {
  return !waits(result.status) || (is_over && !is_recovery);
}

bool Standing::is_bad(const RecipientResult& result) const {
  return is_final(result) && !is_gone(result.status);
}

Result<std::optional<WaitingReport>> failure_notice(sealing::Office& office,
                                                    const std::string& host,
                                                    const Standing& standing) {
  std::vector<Subject> subjects;
  for (const auto& result : standing.results) {
    if (standing.is_bad(result) && reason_for_silence(standing, result).empty()) {
      subjects.push_back(subject_of(result));
    }
  }
  return write_notice(office, host, standing, Action::failed, std::move(subjects));
}

Result<std::optional<WaitingReport>> delay_notice(sealing::Office& office, const std::string& host,
                                                  const Standing& standing) {
  std::vector<Subject> subjects;
  for (const auto& result : standing.results) {
    if (!wants_warning(office, standing, result)) continue;
    subjects.push_back(subject_of(result));
    subjects.back().enhanced = result.enhanced.starts_with('4') ? result.enhanced : "4.4.7";
  }
  return write_notice(office, host, standing, Action::delayed, std::move(subjects));
}

Returned returned(const Standing& standing, const std::optional<WaitingReport>& report) {
  Returned all;
  const auto message = audit::MessageId::parse(standing.row.id);
  for (const auto& result : standing.results) {
    const auto recipient = audit::RecipientId::parse(result.recipient_id);
    if (!standing.is_bad(result) || !message || !recipient || standing.is_told) continue;
    const auto silence = reason_for_silence(standing, result);
    if (silence.empty()) ++all.told;
    auto& record = all.records.emplace_back(audit::Event::returned, *message, *recipient);
    record.outcome(silence.empty() ? audit::Outcome::success : audit::Outcome::failure, silence)
        .fact("status", delivery::text(result.status))
        .disclose("recipient", result.recipient)
        .disclose("sender", standing.row.sender.empty() ? "<>" : standing.row.sender);
    if (silence.empty() && report) record.fact("report", report->row.id);
  }
  return all;
}

}  // namespace sm::queue
