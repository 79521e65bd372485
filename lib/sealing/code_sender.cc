#include "sealing/code_sender.h"

#include "base/encoding.h"
#include "crypto/random.h"
#include "delivery/courier.h"
#include "sealing/errand.h"
#include "sealing/letter.h"
#include "sealing/words.h"

namespace sm::sealing {
namespace {

constexpr std::chrono::seconds kPatience{30};  // a person waits before a page

CodeSent failed(std::string reason, std::string detail) {
  return {CodeSent::State::failed, std::move(reason), std::move(detail)};
}

CodeSent from_report(const delivery::RecipientReport& report) {
  switch (report.end) {
    case delivery::End::accepted:
      return {};
    case delivery::End::uncertain:
      return {CodeSent::State::uncertain, "reply-lost", report.detail};
    case delivery::End::fall_back:
      // RULES: a code mailed over a route that is not at least trusted protects nothing.
      return {CodeSent::State::too_weak, "method-too-weak", report.detail};
    case delivery::End::deferred:
    case delivery::End::failed:
      return failed(std::string(text(report.reason)), report.detail);
  }
  return failed("internal-error", {});
}

CodeSent mail_code(const config::Organisation& organisation, const CodeMessage& message,
                   const delivery::Equipment& equipment, const Clock& clock) {
  auto to = name::Mailbox::parse(message.recipient_address);
  auto from = notice_address(organisation);
  if (!to || !from) return failed("internal-error", "no address");
  const std::string mail_id =
      "<" + to_base64url(crypto::random_bytes<18>()) + "@" + from->domain().text() + ">";
  const auto letter = code_letter(
      organisation,
      {*to, language_of(message.language, organisation.sealing.language), mail_id, clock.now()},
      message);
  delivery::SigningDesk signing;
  auto composed = NoticeWriter(organisation, clock, signing).compose(letter);
  if (!composed) return failed("internal-error", composed.error().what);
  constexpr std::size_t kMost = std::size_t{1} << 20;
  auto octets = message::read_all(*composed->message.open(), kMost);
  if (!octets) return failed("internal-error", octets.error().what);

  smtp::TextContent content(*octets);
  smtp::Envelope envelope;
  envelope.sender = *from;
  envelope.recipients = {{*to}};
  const auto minimum = organisation.policy.minimum;
  delivery::Courier courier(equipment.finder(), equipment.client(), minimum);
  const auto report = courier.deliver(to->domain(), envelope, content, Deadline(clock, kPatience));
  return from_report(report.recipients.front());
}

}  // namespace

CodeSent CodeSender::send(const CodeMessage& message) {
  const auto* found = config_.find_organisation(message.org);
  const auto organisation = found != nullptr ? *found : config_.default_organisation();
  if (message.phone.empty()) return mail_code(organisation, message, equipment_, clock_);
  if (!organisation.sms) return failed("gateway-missing", "no SMS gateway is configured");
  const Secret text = sms_text(organisation, message);
  return send_sms(*organisation.sms, message.phone, text.reveal(), equipment_.resolver(),
                  config_.network.ca_file);
}

}  // namespace sm::sealing
