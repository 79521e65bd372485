#include "delivery/verdict.h"

namespace sm::delivery {

std::string_view text(Verdict verdict) {
  switch (verdict) {
    case Verdict::verified:
      return "verified";
    case Verdict::trusted:
      return "trusted";
    case Verdict::encrypted:
      return "encrypted";
    case Verdict::insecure:
      return "insecure";
    case Verdict::undeliverable:
      return "undeliverable";
    case Verdict::undetermined:
      return "undetermined";
  }
  return "undetermined";
}

std::string_view text(Mechanism mechanism) {
  switch (mechanism) {
    case Mechanism::none:
      return "";
    case Mechanism::dane:
      return "dane";
    case Mechanism::mta_sts:
      return "mta-sts";
    case Mechanism::pkix:
      return "pkix";
  }
  return "";
}

std::string_view text(Minimum minimum) {
  return minimum == Minimum::verified ? "verified" : "trusted";
}

std::optional<Minimum> parse_minimum(std::string_view text) {
  if (text == "trusted") return Minimum::trusted;
  if (text == "verified") return Minimum::verified;
  return std::nullopt;
}

bool reaches(Verdict verdict, Minimum minimum) {
  if (verdict == Verdict::verified) return true;
  return verdict == Verdict::trusted && minimum == Minimum::trusted;
}

std::string_view text(Reason reason) {
  switch (reason) {
    case Reason::none:
      return "";
    case Reason::starttls_not_supported:
      return "starttls-not-supported";
    case Reason::certificate_host_mismatch:
      return "certificate-host-mismatch";
    case Reason::certificate_expired:
      return "certificate-expired";
    case Reason::certificate_not_trusted:
      return "certificate-not-trusted";
    case Reason::validation_failure:
      return "validation-failure";
    case Reason::tlsa_invalid:
      return "tlsa-invalid";
    case Reason::dnssec_invalid:
      return "dnssec-invalid";
    case Reason::dane_required:
      return "dane-required";
    case Reason::sts_policy_fetch_error:
      return "sts-policy-fetch-error";
    case Reason::sts_policy_invalid:
      return "sts-policy-invalid";
    case Reason::sts_webpki_invalid:
      return "sts-webpki-invalid";
    case Reason::dns_temporary:
      return "dns-temporary";
    case Reason::dns_bogus:
      return "dns-bogus";
    case Reason::no_such_domain:
      return "no-such-domain";
    case Reason::null_mx:
      return "null-mx";
    case Reason::no_mail_host:
      return "no-mail-host";
    case Reason::mail_loop:
      return "mail-loop";
    case Reason::address_forbidden:
      return "address-forbidden";
    case Reason::connect_failed:
      return "connect-failed";
    case Reason::connection_lost:
      return "connection-lost";
    case Reason::timed_out:
      return "timed-out";
    case Reason::rate_limited:
      return "rate-limited";
    case Reason::greeting_refused:
      return "greeting-refused";
    case Reason::protocol_error:
      return "protocol-error";
    case Reason::tls_refused_now:
      return "tls-refused-now";
    case Reason::deadline_passed:
      return "deadline-passed";
    case Reason::not_connected:
      return "not-connected";
    case Reason::mailbox_unknown:
      return "mailbox-unknown";
    case Reason::mailbox_unavailable:
      return "mailbox-unavailable";
    case Reason::recipient_rejected:
      return "recipient-rejected";
    case Reason::sender_rejected:
      return "sender-rejected";
    case Reason::message_rejected:
      return "message-rejected";
    case Reason::message_too_large:
      return "message-too-large";
    case Reason::rejected_now:
      return "rejected-now";
    case Reason::reply_lost:
      return "reply-lost";
    case Reason::smtputf8_not_supported:
      return "smtputf8-not-supported";
    case Reason::eight_bit_not_supported:
      return "8bit-not-supported";
    case Reason::requiretls_not_supported:
      return "requiretls-not-supported";
    case Reason::bcc_present:
      return "bcc-present";
    case Reason::message_invalid:
      return "message-invalid";
    case Reason::address_invalid:
      return "address-invalid";
    case Reason::policy_forbids:
      return "policy-forbids";
    case Reason::level_too_low:
      return "level-too-low";
    case Reason::method_too_weak:
      return "method-too-weak";
    case Reason::phone_missing:
      return "phone-missing";
    case Reason::nta7516_required:
      return "nta7516-required";
    case Reason::log_unavailable:
      return "log-unavailable";
    case Reason::interrupted:
      return "interrupted";
    case Reason::row_invalid:
      return "row-invalid";
    case Reason::header_injection:
      return "header-injection";
    case Reason::attachment_unreadable:
      return "attachment-unreadable";
    case Reason::key_in_use:
      return "key-in-use";
    case Reason::content_changed:
      return "content-changed";
    case Reason::done_before:
      return "done-before";
    case Reason::internal_error:
      return "internal-error";
  }
  return "internal-error";
}

}  // namespace sm::delivery
