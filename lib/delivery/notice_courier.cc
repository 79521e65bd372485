#include "delivery/notice_courier.h"

#include <algorithm>

#include "delivery/route.h"

namespace sm::delivery {
namespace {

/// RFC 5321 §4.2.3, RFC 3463 §3.2: what a 5xx means.
Reason rejection_of(const smtp::RecipientEnd& end) {
  if (!end.reply || end.stage != smtp::Stage::rcpt) return Reason::message_rejected;
  const auto& enhanced = end.reply->enhanced;
  const bool is_unknown =
      enhanced ? enhanced->subject == 1 && (enhanced->detail == 1 || enhanced->detail == 10)
               : end.reply->code == 550;
  return is_unknown ? Reason::mailbox_unknown : Reason::recipient_rejected;
}

}  // namespace

bool may_go_open(const DeliveryReport& report) {
  return report.facts && report.recipients.front().end == End::fall_back &&
         !report.verdict.is_promised;
}

bool NoticeCourier::connect(const DestinationFacts& facts, const HostFacts& host,
                            const IpAddress& address, const Deadline& deadline,
                            RecipientReport& report) {
  const bool is_at_hand =
      is_connected() && open_->host == host.mx.host && open_->address == address;
  if (is_at_hand) return true;
  disconnect();
  const smtp::Target target{{address, port_}, expectations(facts, host)};
  // One silent host must not eat the time of all.
  const auto share = std::max(deadline.remaining() / 2, std::chrono::milliseconds(5000));
  auto attempt = client_->connect(target, deadline.capped(share));
  if (auto* connection = std::get_if<smtp::NoticeConnection>(&attempt)) {
    auto session = std::make_shared<const smtp::SessionFacts>(connection->facts());
    open_.emplace(Open{std::move(*connection), address, host.mx.host, std::move(session)});
    return true;
  }
  report.detail = std::get<smtp::SessionFacts>(attempt).detail;
  return false;
}

bool NoticeCourier::hand_over(const smtp::Envelope& envelope, smtp::NoticeContent& notice,
                              std::size_t host, const Deadline& deadline, RecipientReport& report) {
  const auto delivered = open_->connection.deliver(envelope, notice, deadline);
  report.host = host;
  report.session = open_->session;
  const auto* transaction = std::get_if<smtp::Transaction>(&delivered);
  if (transaction == nullptr) return false;
  report.transaction = std::make_shared<const smtp::Transaction>(*transaction);
  report.reply = transaction->ends.front();
  switch (report.reply->outcome) {
    case smtp::Outcome::accepted:
      report.end = End::accepted;
      return true;
    case smtp::Outcome::failed:
      report.end = End::failed;
      report.reason = rejection_of(*report.reply);
      return true;
    case smtp::Outcome::uncertain:
      report.end = End::uncertain;
      report.reason = Reason::reply_lost;
      return true;
    case smtp::Outcome::deferred:
      report.reason = Reason::rejected_now;
      return false;
  }
  return false;
}

void NoticeCourier::deliver(const smtp::Envelope& envelope, smtp::NoticeContent& notice,
                            const Deadline& deadline, DeliveryReport& delivery) {
  const auto& facts = *delivery.facts;
  auto& report = delivery.recipients.front();
  for (std::size_t i = 0; i < facts.hosts.size(); ++i) {
    const auto& host = facts.hosts[i];
    // RULES: a published policy that fails is obeyed by everything we send.
    if (has_promise(facts, host) || judge_before_connecting(host)) continue;
    for (const auto& address : host.addresses.addresses) {
      if (deadline.has_passed()) break;
      if (!connect(facts, host, address, deadline, report)) continue;
      if (hand_over(envelope, notice, i, deadline, report)) return;
    }
  }
  report.end = End::deferred;
}

}  // namespace sm::delivery
