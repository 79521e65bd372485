#pragma once
// Who may be at the other end, and how it was proved.
//
// Expectations say, before connecting, what is known of the peer: the names that its certificate
// must bear (PKIX, RFC 6125) and the TLSA records that it must match (DANE, RFC 7672). One
// handshake is judged by both; `demand` says which of the two must hold before anything may be
// sent. The proof that it held is a VerifiedPeer, which only a Session can make: without one there
// is no MAIL.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "name/domain.h"

namespace sm::tls {

/// One TLSA record (RFC 6698 §2.1).
struct DaneRecord {
  std::uint8_t usage = 0;
  std::uint8_t selector = 0;
  std::uint8_t matching_type = 0;
  std::vector<std::uint8_t> data;

  /// "3 1 1 0123…": presentation form, lower-case hex.
  [[nodiscard]] std::string text() const;
  /// RFC 7672 §3.1: usage 2 or 3, selector 0 or 1, matching type 0 (not empty), 1 (32 octets) or
  /// 2 (64 octets). All others prove nothing for SMTP.
  [[nodiscard]] bool is_usable() const;
  friend bool operator==(const DaneRecord&, const DaneRecord&) = default;
};

/// What must hold before a message may be sent.
enum class Demand {
  none,  ///< only looking: never yields a VerifiedPeer
  pkix,
  dane,
};

/// What is known of a peer before the handshake.
struct Expectations {
  /// SNI; for DANE the TLSA base domain (RFC 7672 §8.1), else the MX host name.
  name::Domain server_name;
  /// PKIX reference names: the chain is judged against the roots and must match one of them.
  /// Empty: PKIX is not judged.
  std::vector<name::Domain> pkix_names{};
  /// TLSA records from a secure answer; unusable ones are passed over. No usable one: DANE is not
  /// judged.
  std::vector<DaneRecord> dane_records{};
  /// Further names for DANE-TA(2) beside server_name: the next-hop domain before and after
  /// expansion (RFC 7672 §3.2.2).
  std::vector<name::Domain> dane_ta_names{};
  Demand demand = Demand::none;
};

/// Why a certificate does not satisfy.
enum class CertificateFault {
  host_mismatch,  ///< RFC 8460 certificate-host-mismatch
  expired,        ///< RFC 8460 certificate-expired
  not_yet_valid,  ///< RFC 8460 has no word of its own: certificate-not-trusted
  not_trusted,  ///< RFC 8460 certificate-not-trusted: self-signed, unknown root, name constraints…
  no_dane_match,  ///< RFC 8460 validation-failure: no TLSA record matches
  other,          ///< RFC 8460 validation-failure
};
/// The result type of RFC 8460 §4.3: "certificate-expired" and the like.
std::string_view rfc8460_text(CertificateFault fault);

/// A certificate chain, judged by one of the two.
struct ChainVerdict {
  enum class State { not_judged, good, bad };
  State state = State::not_judged;
  /// The gravest first; empty unless bad.
  std::vector<CertificateFault> faults{};
  /// What the verifier said, for people: "certificate has expired"; empty unless bad.
  std::string words{};
  /// PKIX and DANE-TA: the reference name that matched. Empty otherwise.
  std::string matched_name{};

  [[nodiscard]] bool is_good() const { return state == State::good; }
};

/// A DANE verdict, with what matched.
struct DaneVerdict : ChainVerdict {
  std::optional<DaneRecord> record{};  ///< set when good
  int depth = -1;                      ///< of the matching certificate; 0 is the leaf
};

/// Proof that the peer of one session satisfied its demand. Only Session makes one, once; it cannot
/// be copied.
class VerifiedPeer {
 public:
  VerifiedPeer(VerifiedPeer&&) noexcept = default;
  VerifiedPeer& operator=(VerifiedPeer&&) noexcept = default;
  VerifiedPeer(const VerifiedPeer&) = delete;
  VerifiedPeer& operator=(const VerifiedPeer&) = delete;

  /// pkix or dane, never none.
  [[nodiscard]] Demand proved_by() const { return proved_by_; }

 private:
  friend class Session;
  explicit VerifiedPeer(Demand proved_by) : proved_by_(proved_by) {}
  Demand proved_by_;
};

}  // namespace sm::tls
