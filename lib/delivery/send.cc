#include "delivery/send.h"

#include <atomic>
#include <map>
#include <thread>

#include "base/encoding.h"

namespace sm::delivery {
namespace {

int exit_of(const RecipientReport& report, Status status) {
  if (status == Status::refused) return 77;
  switch (report.reason) {
    case Reason::mailbox_unknown:
      return 67;
    case Reason::eight_bit_not_supported:
    case Reason::smtputf8_not_supported:
      return 65;
    case Reason::message_too_large:
      return report.reply ? 69 : 65;
    default:
      return 69;
  }
}

Status status_of(const RecipientReport& report, OnInsecure on_insecure) {
  switch (report.end) {
    case End::accepted:
      return Status::delivered;
    case End::deferred:
      return Status::deferred;
    case End::uncertain:
      return Status::uncertain;
    case End::failed:
      // Our own demand, not the destination's word (RFC 8689 §4.2.1).
      return report.reason == Reason::requiretls_not_supported ? Status::refused : Status::failed;
    case End::fall_back:
      switch (on_insecure) {
        case OnInsecure::refuse:
          return Status::refused;
        case OnInsecure::defer:
          return Status::deferred;
        case OnInsecure::seal:
        case OnInsecure::seal_late:
          return Status::pending;
      }
  }
  return Status::deferred;
}

bool is_destination_away(const RecipientReport& report) {
  if (report.end != End::deferred) return false;
  if (report.reply && report.reply->reply && report.reply->reply->code != 421) return false;
  switch (report.reason) {
    case Reason::dns_temporary:
    case Reason::dns_bogus:
    case Reason::connect_failed:
    case Reason::connection_lost:
    case Reason::timed_out:
    case Reason::rate_limited:
    case Reason::greeting_refused:
    case Reason::protocol_error:
    case Reason::tls_refused_now:
    case Reason::not_connected:
      return true;
    case Reason::log_unavailable:
    case Reason::internal_error:
    case Reason::interrupted:
      return false;  // our own side
    default:
      return !report.reply;
  }
}

bool may_seal_late(const DeliveryReport& delivery, Status status, OnInsecure on_insecure) {
  return status == Status::deferred && on_insecure == OnInsecure::seal_late && delivery.facts &&
         promises_nothing(*delivery.facts, delivery.verdict);
}

/// RFC 3463 §3.1: what may be tried again is of class 4, though a wish (`--on-insecure defer`) has
/// made it so, and not the finding.
std::string code_for(const RecipientReport& report, Status status) {
  const bool is_for_now = status == Status::deferred || status == Status::uncertain;
  std::string code = report.enhanced;
  if (is_for_now && code.starts_with('5')) code.front() = '4';
  return code;
}

void add_dns(audit::Attempt& attempt, const DestinationFacts& facts, const HostFacts& host) {
  attempt.mx_dnssec = facts.uses_ntamx ? dns::dnssec_word(facts.nta7516.answer)
                                       : dns::dnssec_word(facts.next_hops.answer);
  attempt.address_dnssec = dns::text(host.addresses.security);
  if (!host.tlsa.answers.empty()) attempt.tlsa_dnssec = dns::dnssec_word(host.tlsa.answers.back());
  attempt.mx_host = host.mx.host.text();
  if (const auto* found = std::get_if<mtasts::Found>(&facts.mta_sts)) {
    attempt.sts_mode = mtasts::text(found->policy.mode);
    attempt.sts_policy_id = found->id;
  }
}

void add_session(audit::Attempt& attempt, const smtp::SessionFacts& session) {
  attempt.remote_address = session.remote.address.text();
  attempt.remote_port = session.remote.port;
  if (session.local) {
    attempt.local_address = session.local->address.text();
    attempt.local_port = session.local->port;
  }
  if (!session.tls) return;
  const auto& tls = *session.tls;
  attempt.tls_version = tls.version;
  attempt.tls_cipher = tls.cipher;
  attempt.certificate_sha256 = to_hex(tls.leaf.sha256);
  attempt.spki_sha256 = to_hex(tls.leaf.spki_sha256);
  const auto& judged =
      tls.demand == tls::Demand::dane ? static_cast<const tls::ChainVerdict&>(tls.dane) : tls.pkix;
  if (judged.is_good()) {
    attempt.chain_verdict = "ok";
  } else if (!judged.faults.empty()) {
    attempt.chain_verdict = tls::rfc8460_text(judged.faults.front());
  }
  if (tls.dane.record) attempt.tlsa = tls.dane.record->text();
}

void add_reply(audit::Attempt& attempt, const RecipientReport& report) {
  if (report.reply && report.reply->reply) {
    attempt.reply_code = report.reply->reply->code;
    attempt.reply = report.reply->reply->verbatim();
  }
  attempt.enhanced_status = report.enhanced;
  const bool is_accepted = report.end == End::accepted;
  if (is_accepted && report.reply && report.reply->reply && report.reply->reply->enhanced) {
    attempt.enhanced_status = report.reply->reply->enhanced->text();
  }
  if (!report.transaction || !report.transaction->is_content_sent) return;
  attempt.queue_id = report.transaction->queue_id;
  attempt.message_sha256 = to_hex(report.transaction->sha256);
}

}  // namespace

audit::Event event_of(Status status) {
  switch (status) {
    case Status::delivered:
      return audit::Event::delivered;
    case Status::deferred:
      return audit::Event::deferred;
    case Status::refused:
      return audit::Event::refused;
    case Status::failed:
      return audit::Event::failed;
    case Status::uncertain:
      return audit::Event::uncertain;
    case Status::sealed:
      return audit::Event::sealed;
    case Status::pending:
    case Status::queued:
      return audit::Event::queued;
  }
  return audit::Event::uncertain;
}

RecipientResult result_of(const smtp::Recipient& recipient, const DeliveryReport& delivery,
                          const RecipientReport& report, OnInsecure on_insecure) {
  RecipientResult result;
  result.recipient = recipient.mailbox.text();
  result.status = status_of(report, on_insecure);
  result.is_away = is_destination_away(report);
  if (may_seal_late(delivery, result.status, on_insecure)) result.status = Status::pending;
  result.level = report.level.verdict;
  result.mechanism = report.level.mechanism;
  if (report.host && delivery.facts) {
    result.mx = delivery.facts->hosts[*report.host].mx.host.text();
  }
  if (report.session && report.session->tls) result.tls = report.session->tls->version;
  if (report.reply && report.reply->reply) result.reply = report.reply->reply->text();
  result.reason = report.reason;
  result.detail = report.detail;
  result.enhanced = code_for(report, result.status);
  result.exit_if_failed = exit_of(report, result.status);
  return result;
}

RecipientResult foresee(const smtp::Recipient& recipient, const DestinationReport& destination,
                        Minimum minimum, OnInsecure on_insecure) {
  const auto& verdict = destination.verdict;
  const Course chosen = course(verdict, minimum);
  RecipientReport report{.reason = verdict.best.reason,
                         .enhanced = enhanced_code(verdict.best.reason, chosen),
                         .detail = verdict.best.detail,
                         .level = verdict.best,
                         .host = verdict.host};
  if (verdict.host) report.session = destination.hosts[*verdict.host].session;
  switch (chosen) {
    case Course::deliver:
      report.end = End::accepted;
      break;
    case Course::fall_back:
      report.end = End::fall_back;
      break;
    case Course::defer:
      report.end = End::deferred;
      break;
    case Course::fail:
      report.end = End::failed;
      break;
  }
  if (chosen == Course::fall_back && report.reason == Reason::none) {
    report.reason = Reason::level_too_low;
  }
  auto result = result_of(recipient, {.facts = destination.facts}, report, on_insecure);
  result.took = destination.took;
  return result;
}

audit::Attempt evidence_of(const DeliveryReport& delivery, const RecipientReport& report,
                           const audit::MessageId& message, const audit::Recipient& recipient,
                           const Mailing& mailing) {
  audit::Attempt attempt{.message = message, .recipient = recipient};
  const bool is_known = report.level.verdict != Verdict::undetermined;
  if (is_known) attempt.level = text(report.level.verdict);
  attempt.mechanism = text(report.level.mechanism);
  attempt.reason = text(report.reason);
  attempt.detail = report.detail;
  attempt.message_id = mailing.message->message_id();
  attempt.size = mailing.message->size();
  attempt.dkim = mailing.dkim;
  attempt.key = mailing.key;
  if (delivery.facts && report.host) {
    add_dns(attempt, *delivery.facts, delivery.facts->hosts[*report.host]);
  }
  if (report.session) add_session(attempt, *report.session);
  add_reply(attempt, report);
  return attempt;
}

Result<void> MessageContent::rewind() {
  source_ = message_->open();
  return {};
}

Result<std::string_view> MessageContent::next() {
  auto block = source_->next();
  if (!block) return fail(std::move(block).error());
  return as_text(*block);
}

audit::Submission submission_of(const Mailing& mailing, const audit::MessageId& id,
                                std::vector<audit::Recipient> recipients, bool is_direct) {
  audit::Submission submission{.message = id, .recipients = std::move(recipients)};
  submission.sender = mailing.envelope.sender.text();
  submission.account = mailing.account;
  submission.uid = mailing.uid;
  submission.size = mailing.message->size();
  submission.message_id = mailing.message->message_id();
  submission.key = mailing.key;
  submission.method = is_direct ? "direct" : "sealed";
  return submission;
}

PartEnd end_part(const Mailing& mailing, const smtp::Envelope& envelope, const audit::MessageId& id,
                 const std::vector<audit::Recipient>& recipients, const DeliveryReport& delivery,
                 OnInsecure on_insecure, const Clock& clock) {
  PartEnd ends;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    const auto& report = delivery.recipients[i];
    auto& result =
        ends.results.emplace_back(result_of(envelope.recipients[i], delivery, report, on_insecure));
    result.message = id.text();
    result.recipient_id = recipients[i].id.text();
    if (result.status == Status::pending) continue;
    auto evidence = evidence_of(delivery, report, id, recipients[i], mailing);
    if (!result.enhanced.empty()) evidence.enhanced_status = result.enhanced;
    ends.records.push_back(audit::ending(event_of(result.status), evidence, clock));
  }
  return ends;
}

/// One call of send(): the recipients by domain, and threads that serve the domains.
class Sender::Work {
 public:
  Work(Sender& sender, const Mailing& mailing)
      : sender_(sender),
        mailing_(mailing),
        id_(audit::MessageId::fresh()),
        deadline_(sender.finder_->clock(), sender.options_.deadline),
        results_(mailing.envelope.recipients.size()) {
    for (std::size_t i = 0; i < results_.size(); ++i) {
      const auto& mailbox = mailing.envelope.recipients[i].mailbox;
      recipients_.push_back({audit::RecipientId::fresh(), mailbox.text()});
      by_domain_[mailbox.domain()].push_back(i);
    }
    for (const auto& [domain, which] : by_domain_)
      order_.push_back(&domain);
  }

  Result<std::vector<RecipientResult>> run() {
    if (auto recorded = submit(); !recorded) return fail(std::move(recorded).error());
    auto reserved = sender_.log_->reserve(recipients_.size());
    if (!reserved) return fail(std::move(reserved).error());
    reservation_ = std::move(*reserved);
    if (sender_.options_.seals_all) return all_pending();
    std::vector<std::jthread> others;
    const auto threads = std::min<std::size_t>(sender_.options_.parallel, order_.size());
    for (std::size_t i = 1; i < threads; ++i)
      others.emplace_back([this] { serve(); });
    serve();
    others.clear();  // joins
    return std::move(results_);
  }

 private:
  std::vector<RecipientResult> all_pending() {
    for (std::size_t i = 0; i < results_.size(); ++i) {
      results_[i].recipient = recipients_[i].address;
      results_[i].recipient_id = recipients_[i].id.text();
      results_[i].message = id_.text();
      results_[i].status = Status::pending;
    }
    return std::move(results_);
  }

  Result<void> submit() {
    const auto submission = submission_of(mailing_, id_, recipients_, !sender_.options_.seals_all);
    auto appended = sender_.log_->append(audit::submitted(submission, sender_.finder_->clock()));
    if (!appended) return fail(std::move(appended).error());
    if (appended->not_signed) sender_.warnings_.push_back(*appended->not_signed);
    return {};
  }

  void serve() {
    for (auto i = next_++; i < order_.size(); i = next_++) {
      serve(*order_[i], by_domain_.at(*order_[i]));
    }
  }

  void serve(const name::Domain& domain, const std::vector<std::size_t>& which) {
    smtp::Envelope envelope = mailing_.envelope;
    envelope.recipients.clear();
    for (const auto i : which)
      envelope.recipients.push_back(mailing_.envelope.recipients[i]);
    MessageContent content(*mailing_.message);
    Courier courier(*sender_.finder_, *sender_.client_, sender_.options_.minimum);
    const auto started = deadline_.clock().monotonic();
    const auto delivery = courier.deliver(domain, envelope, content, deadline_);
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline_.clock().monotonic() - started);

    std::vector<audit::Recipient> recipients;
    for (const auto i : which)
      recipients.push_back(recipients_[i]);
    auto ends = end_part(mailing_, envelope, id_, recipients, delivery,
                         sender_.options_.on_insecure, deadline_.clock());
    for (std::size_t i = 0; i < which.size(); ++i) {
      results_[which[i]] = std::move(ends.results[i]);
      results_[which[i]].took = took;
    }
    if (!ends.records.empty()) record(ends.records);
  }

  void record(const std::vector<audit::Record>& records) {
    const std::lock_guard lock(mutex_);
    auto appended = sender_.log_->append(records, reservation_);
    // What was delivered stays delivered. The log takes the ends once more as new records, with a
    // sync of their own; where that fails too, the gap is told.
    if (!appended) appended = sender_.log_->append(records, reservation_);
    if (!appended) sender_.gaps_.push_back(std::move(appended).error());
  }

  Sender& sender_;
  const Mailing& mailing_;
  audit::MessageId id_;
  Deadline deadline_;
  std::vector<RecipientResult> results_;
  std::vector<audit::Recipient> recipients_;
  std::map<name::Domain, std::vector<std::size_t>> by_domain_;
  std::vector<const name::Domain*> order_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  audit::Reservation reservation_;
};

Result<std::vector<RecipientResult>> Sender::send(const Mailing& mailing) {
  return Work(*this, mailing).run();
}

}  // namespace sm::delivery
