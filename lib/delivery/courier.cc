#include "delivery/courier.h"

#include <algorithm>

namespace sm::delivery {
namespace {

using smtp::Outcome;
using smtp::Stage;

/// RFC 5321 §4.2.3 and RFC 3463: what a server's refusal of a recipient means.
Reason reason_of(const smtp::RecipientEnd& end) {
  if (end.outcome == Outcome::accepted) return Reason::none;
  if (end.outcome == Outcome::uncertain) return Reason::reply_lost;
  // A reply that broke the dialogue off decided nothing: "250" before the end mark is no
  // acceptance.
  if (!end.reply || end.interruption != smtp::Interruption::none) {
    switch (end.interruption) {
      case smtp::Interruption::timed_out:
        return Reason::timed_out;
      case smtp::Interruption::deadline_passed:
        return Reason::deadline_passed;
      case smtp::Interruption::protocol_error:
        return Reason::protocol_error;
      case smtp::Interruption::content_unreadable:
        return Reason::internal_error;
      case smtp::Interruption::none:
      case smtp::Interruption::lost:
        return Reason::connection_lost;
    }
  }
  const auto& reply = *end.reply;
  // RFC 5321 §4.5.3.1.10: a 552 for too many recipients is taken for a 452.
  const bool is_for_now = reply.is_temporary() || end.outcome == Outcome::deferred;
  if (is_for_now) return reply.code == 421 ? Reason::rate_limited : Reason::rejected_now;
  if (reply.code == 552 || (reply.enhanced && reply.enhanced->text() == "5.3.4")) {
    return Reason::message_too_large;
  }
  switch (end.stage) {
    case Stage::mail:
      return Reason::sender_rejected;
    case Stage::rcpt: {
      const bool says_unknown = reply.enhanced && reply.enhanced->subject == 1 &&
                                (reply.enhanced->detail == 1 || reply.enhanced->detail == 10);
      if (says_unknown || (!reply.enhanced && reply.code == 550)) return Reason::mailbox_unknown;
      return Reason::recipient_rejected;
    }
    case Stage::connection:
    case Stage::data:
    case Stage::content:
    case Stage::end_of_data:
      return Reason::message_rejected;
  }
  return Reason::message_rejected;
}

std::string enhanced_of(const smtp::RecipientEnd& end) {
  if (end.interruption == smtp::Interruption::protocol_error) return "4.5.0";
  const bool speaks_of_success = end.reply && end.reply->code / 100 < 4;
  if (speaks_of_success) return "4.4.2";
  const bool is_permanent = end.outcome == Outcome::failed;
  if (end.reply && end.reply->enhanced) {
    // RFC 3463 §3.1: the class is that of what becomes of it; see reason_of for where they differ.
    auto code = *end.reply->enhanced;
    code.status_class = is_permanent ? 5 : 4;
    return code.text();
  }
  const char* subject = end.stage == Stage::rcpt && is_permanent ? ".1.1" : ".0.0";
  if (!end.reply) return "4.4.2";
  return (is_permanent ? "5" : "4") + std::string(subject);
}

End end_of(Outcome outcome) {
  switch (outcome) {
    case Outcome::accepted:
      return End::accepted;
    case Outcome::deferred:
      return End::deferred;
    case Outcome::failed:
      return End::failed;
    case Outcome::uncertain:
      return End::uncertain;
  }
  return End::deferred;
}

/// Whether a session that was begun with the demands `proved` answers those of `wanted` too: the
/// same names and records. The further names of RFC 7672 §3.2.2 count only where they were asked
/// (DANE-TA; §3.1.1: DANE-EE asks for no name).
bool proves_as_much(const tls::Expectations& wanted, const tls::Expectations& proved,
                    const smtp::SessionFacts& session) {
  if (wanted.demand != proved.demand || wanted.server_name != proved.server_name ||
      wanted.pkix_names != proved.pkix_names || wanted.dane_records != proved.dane_records) {
    return false;
  }
  constexpr int kDaneEe = 3;
  const bool is_ee = wanted.demand == tls::Demand::dane && session.tls &&
                     session.tls->dane.record && session.tls->dane.record->usage == kDaneEe;
  return is_ee || wanted.dane_ta_names == proved.dane_ta_names;
}

struct Refusal {
  Reason reason;
  const char* enhanced;
  const char* detail;
};

Refusal refusal_of(smtp::Unsuited unsuited) {
  switch (unsuited) {
    case smtp::Unsuited::needs_8bitmime:  // RFC 6152 §3
      return {Reason::eight_bit_not_supported, "5.6.3",
              "the message is signed and has 8-bit content, which the server does not take"};
    case smtp::Unsuited::needs_smtputf8:  // RFC 6531 §3.5
      return {Reason::smtputf8_not_supported, "5.6.7",
              "an address or header has UTF-8, which the server does not take"};
    case smtp::Unsuited::needs_requiretls:  // RFC 8689 §4.2.1
      return {Reason::requiretls_not_supported, "5.7.30", "the server does not offer REQUIRETLS"};
    case smtp::Unsuited::too_large:  // RFC 1870 §6.1
      return {Reason::message_too_large, "5.3.4", "the message is larger than the server takes"};
  }
  return {Reason::internal_error, "5.3.0", ""};
}

}  // namespace

/// One message's way along the hosts of one domain.
class Courier::Round {
 public:
  Round(Courier& courier, const smtp::Envelope& envelope, smtp::Content& content,
        const Deadline& deadline)
      : courier_(courier),
        envelope_(envelope),
        content_(content),
        deadline_(deadline),
        reports_(envelope.recipients.size()),
        is_settled_(envelope.recipients.size(), false) {}

  DeliveryReport run(std::shared_ptr<const DestinationFacts> facts);
  /// On the connection that is open already, to this host of theirs. False where it turned out to
  /// be of no use, or others are left to try.
  bool run_on_open(const std::shared_ptr<const DestinationFacts>& facts, std::size_t host);
  DeliveryReport take(std::shared_ptr<const DestinationFacts> facts, DestinationVerdict verdict);
  DeliveryReport take_from_open(const std::shared_ptr<const DestinationFacts>& facts,
                                std::size_t host);

 private:
  void try_hosts();
  void try_host(std::size_t index);
  /// True when the host needs no further address.
  bool try_address(std::size_t index, const IpAddress& address);
  void hand_over(smtp::Connection& connection, const SessionPtr& session, std::size_t host,
                 const HostVerdict& verdict);
  void settle(const smtp::Transaction& transaction, const std::vector<std::size_t>& which,
              const RecipientReport& common);
  void settle_by(const DestinationVerdict& verdict);
  [[nodiscard]] bool is_over() const {
    return deadline_.has_passed() || std::all_of(is_settled_.begin(), is_settled_.end(),
                                                 [](bool settled) { return settled; });
  }

  /// Over, and not for want of time.
  [[nodiscard]] bool is_done() const { return is_over() && !deadline_.has_passed(); }

  Courier& courier_;
  const smtp::Envelope& envelope_;
  smtp::Content& content_;
  const Deadline& deadline_;
  std::shared_ptr<const DestinationFacts> facts_;
  std::vector<RecipientReport> reports_;
  std::vector<bool> is_settled_;
  std::vector<HostVerdict> verdicts_;
  std::vector<SessionPtr> sessions_;
  std::size_t hosts_tried_ = 0;
  std::size_t addresses_tried_ = 0;
};

void Courier::Round::settle(const smtp::Transaction& transaction,
                            const std::vector<std::size_t>& which, const RecipientReport& common) {
  const auto shared = std::make_shared<const smtp::Transaction>(transaction);
  for (std::size_t i = 0; i < which.size(); ++i) {
    RecipientReport& report = reports_[which[i]];
    report = common;
    report.reply = transaction.ends[i];
    report.transaction = shared;
    report.end = end_of(report.reply->outcome);
    report.reason = reason_of(*report.reply);
    report.detail = report.reply->detail;
    if (report.end != End::accepted) report.enhanced = enhanced_of(*report.reply);
    is_settled_[which[i]] = report.end != End::deferred;  // deferred: the next host may take it
  }
}

void Courier::Round::hand_over(smtp::Connection& connection, const SessionPtr& session,
                               std::size_t host, const HostVerdict& verdict) {
  smtp::Envelope envelope = envelope_;
  envelope.recipients.clear();
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < is_settled_.size(); ++i) {
    if (is_settled_[i]) continue;
    which.push_back(i);
    envelope.recipients.push_back(envelope_.recipients[i]);
  }
  const RecipientReport common{.level = verdict, .host = host, .session = session};
  const auto delivery = connection.deliver(envelope, content_, deadline_);
  if (const auto* transaction = std::get_if<smtp::Transaction>(&delivery)) {
    settle(*transaction, which, common);
    return;
  }
  // Nothing was sent. Another host may suit better; if none does, the refusal stands.
  const auto refusal = refusal_of(std::get<smtp::Unsuited>(delivery));
  for (const std::size_t i : which) {
    reports_[i] = common;
    reports_[i].end = End::failed;
    reports_[i].reason = refusal.reason;
    reports_[i].enhanced = refusal.enhanced;
    reports_[i].detail = refusal.detail;
  }
}

bool Courier::Round::try_address(std::size_t index, const IpAddress& address) {
  const HostFacts& host = facts_->hosts[index];
  const smtp::Target target{{address, courier_.finder_->port()}, expectations(*facts_, host)};
  // One silent host must not eat the time of all: each gets at most half of what is left.
  const auto share = std::max(deadline_.remaining() / 2, std::chrono::milliseconds(5000));
  auto attempt = courier_.client_->connect(target, deadline_.capped(share));
  auto* connection = std::get_if<smtp::Connection>(&attempt);
  const auto session = std::make_shared<const smtp::SessionFacts>(
      connection != nullptr ? connection->facts() : std::get<smtp::SessionFacts>(attempt));
  sessions_[index] = session;
  verdicts_[index] = judge(*facts_, host, *session);
  if (connection == nullptr || !reaches(verdicts_[index].verdict, courier_.minimum_)) {
    return verdicts_[index].verdict != Verdict::undetermined;
  }
  hand_over(*connection, session, index, verdicts_[index]);
  if (connection->is_usable()) {
    courier_.open_.emplace(Open{std::move(*connection), session, host.mx.host, target.peer});
  }
  return true;
}

void Courier::Round::try_host(std::size_t index) {
  const HostFacts& host = facts_->hosts[index];
  if (auto verdict = judge_before_connecting(host)) {
    verdicts_[index] = std::move(*verdict);
    return;
  }
  for (const auto& address : host.addresses.addresses) {
    if (is_over() || addresses_tried_++ == dns::kMaxAddresses) return;
    if (try_address(index, address)) return;
  }
}

void Courier::Round::settle_by(const DestinationVerdict& verdict) {
  const Course chosen = course(verdict, courier_.minimum_);
  for (std::size_t i = 0; i < reports_.size(); ++i) {
    RecipientReport& report = reports_[i];
    if (is_settled_[i] || report.reply || report.end == End::failed) continue;
    report.level = verdict.best;
    report.host = verdict.host;
    if (verdict.host) report.session = sessions_[*verdict.host];
    report.reason = verdict.best.reason;
    report.detail = verdict.best.detail;
    report.enhanced = enhanced_code(report.reason, chosen);
    switch (chosen) {
      case Course::deliver:  // a host reached the minimum, yet nothing came of it: the time was up
      case Course::defer:
        report.end = End::deferred;
        break;
      case Course::fall_back:
        report.end = End::fall_back;
        break;
      case Course::fail:
        report.end = End::failed;
        break;
    }
    if (report.reason == Reason::none) {
      report.reason = chosen == Course::fall_back ? Reason::level_too_low : Reason::deadline_passed;
    }
  }
}

void Courier::Round::try_hosts() {
  const HostVerdict untried{Verdict::undetermined, Mechanism::none, Reason::deadline_passed,
                            "the deadline passed before this host was tried"};
  verdicts_.resize(facts_->hosts.size(), untried);
  sessions_.resize(facts_->hosts.size());
  while (hosts_tried_ < facts_->hosts.size() && !is_over())
    try_host(hosts_tried_++);
}

DeliveryReport Courier::Round::run(std::shared_ptr<const DestinationFacts> facts) {
  facts_ = std::move(facts);
  if (!judge_domain(*facts_)) {
    try_hosts();
    if (!is_done() && !facts_->further_hosts.empty()) {
      auto all = std::make_shared<DestinationFacts>(*facts_);
      courier_.finder_->complete(*all);
      facts_ = std::move(all);
      try_hosts();
    }
  }
  if (hosts_tried_ > 0 && is_done()) verdicts_.resize(hosts_tried_);
  const auto verdict = combine(*facts_, verdicts_, courier_.minimum_);
  settle_by(verdict);
  return take(facts_, verdict);
}

bool Courier::Round::run_on_open(const std::shared_ptr<const DestinationFacts>& facts,
                                 std::size_t host) {
  Open& open = *courier_.open_;
  const auto verdict = judge(*facts, facts->hosts[host], *open.session);
  if (!reaches(verdict.verdict, courier_.minimum_)) return false;
  facts_ = facts;
  hand_over(open.connection, open.session, host, verdict);
  return is_over();
}

DeliveryReport Courier::Round::take(std::shared_ptr<const DestinationFacts> facts,
                                    DestinationVerdict verdict) {
  return {std::move(facts), std::move(verdict), std::move(reports_)};
}

DeliveryReport Courier::Round::take_from_open(const std::shared_ptr<const DestinationFacts>& facts,
                                              std::size_t host) {
  DestinationVerdict verdict;
  verdict.best = reports_.front().level;
  verdict.host = host;
  return take(facts, std::move(verdict));
}

Courier::~Courier() {
  disconnect();
}

void Courier::disconnect() {
  open_.reset();  // quits
}

std::optional<std::size_t> Courier::host_of_open(const DestinationFacts& facts) const {
  if (!is_connected() || facts.hosts.empty()) return std::nullopt;
  for (std::size_t i = 0; i < facts.hosts.size(); ++i) {
    const HostFacts& host = facts.hosts[i];
    // RULES: preference beats what is at hand.
    if (host.mx.preference != facts.hosts.front().mx.preference) return std::nullopt;
    if (host.mx.host != open_->host || judge_before_connecting(host)) continue;
    const auto& addresses = host.addresses.addresses;
    const bool is_there = std::find(addresses.begin(), addresses.end(),
                                    open_->session->remote.address) != addresses.end();
    return is_there && proves_as_much(expectations(facts, host), open_->proved, *open_->session)
               ? std::optional(i)
               : std::nullopt;
  }
  return std::nullopt;
}

DeliveryReport Courier::deliver(const name::Domain& domain, const smtp::Envelope& envelope,
                                smtp::Content& content, const Deadline& deadline) {
  auto facts = finder_->find(domain, {.hosts = FactFinder::Hosts::first});
  if (!facts) {
    DeliveryReport report;
    report.verdict.best = {Verdict::undetermined, Mechanism::none, Reason::internal_error,
                           facts.error().what};
    RecipientReport deferred{.end = End::deferred, .reason = Reason::internal_error};
    deferred.enhanced = "4.3.0";
    deferred.detail = facts.error().what;
    report.recipients.assign(envelope.recipients.size(), deferred);
    return report;
  }
  return deliver(std::make_shared<const DestinationFacts>(std::move(*facts)), envelope, content,
                 deadline);
}

DeliveryReport Courier::deliver(const std::shared_ptr<const DestinationFacts>& facts,
                                const smtp::Envelope& envelope, smtp::Content& content,
                                const Deadline& deadline) {
  Round round(*this, envelope, content, deadline);
  if (const auto host = host_of_open(*facts); host && !judge_domain(*facts)) {
    if (round.run_on_open(facts, *host)) return round.take_from_open(facts, *host);
  }
  disconnect();
  return round.run(facts);
}

}  // namespace sm::delivery
