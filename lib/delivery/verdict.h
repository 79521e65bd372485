#pragma once
// How safely a destination can be reached, in the words that smprobe prints and smsend acts on.
//
// A verdict is about one host or one destination. `verified` means that DNSSEC-anchored DANE
// (RFC 7672) or an enforced MTA-STS policy (RFC 8461) proved who answers; `trusted` that the public
// key infrastructure did, for an MX host whose name DNS gave without proof; the others that nobody
// did. `undetermined` is never an answer: it says that there is none yet, and mail waits.

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace sm::delivery {

enum class Verdict { verified, trusted, encrypted, insecure, undeliverable, undetermined };
enum class Mechanism { none, dane, mta_sts, pkix };

/// The least that a sender accepts.
using config::Minimum;

std::string_view text(Verdict verdict);
/// "dane", "mta-sts", "pkix"; empty for none (null in JSON).
std::string_view text(Mechanism mechanism);
std::string_view text(Minimum minimum);
std::optional<Minimum> parse_minimum(std::string_view text);

/// True for verified, and for trusted where the minimum is trusted; never for any other.
bool reaches(Verdict verdict, Minimum minimum);

/// Why, as a stable code. Where RFC 8460 §4.3 has a result type it is that one.
enum class Reason {
  none,
  // RFC 8460 §4.3
  starttls_not_supported,
  certificate_host_mismatch,
  certificate_expired,
  certificate_not_trusted,
  validation_failure,
  tlsa_invalid,
  dnssec_invalid,
  dane_required,
  sts_policy_fetch_error,
  sts_policy_invalid,
  sts_webpki_invalid,
  // DNS
  dns_temporary,
  dns_bogus,
  no_such_domain,
  null_mx,
  no_mail_host,
  mail_loop,
  address_forbidden,
  // connection
  connect_failed,
  connection_lost,
  timed_out,
  rate_limited,
  greeting_refused,
  protocol_error,
  tls_refused_now,
  deadline_passed,
  not_connected,
  // replies to a transaction
  mailbox_unknown,
  mailbox_unavailable,
  recipient_rejected,
  sender_rejected,
  message_rejected,
  message_too_large,
  rejected_now,
  reply_lost,
  smtputf8_not_supported,
  eight_bit_not_supported,
  requiretls_not_supported,
  // ours
  bcc_present,
  message_invalid,
  address_invalid,
  policy_forbids,
  level_too_low,
  method_too_weak,
  phone_missing,
  nta7516_required,
  log_unavailable,
  interrupted,
  // of rows of a batch
  row_invalid,
  header_injection,
  attachment_unreadable,
  key_in_use,
  content_changed,
  done_before,
  internal_error,
};

/// "certificate-expired"; empty for none.
std::string_view text(Reason reason);

}  // namespace sm::delivery
