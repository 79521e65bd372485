#pragma once
// DANE for SMTP (RFC 7672, over RFC 6698 and 7671): a host's own statement, signed by DNSSEC, of
// which certificate its mail server shows. Where usable TLSA records exist, a connection is
// verified by them or not used; where DNSSEC proves that there are none, DANE says nothing.
//
// This folder finds the records and judges which are usable. The comparison with a certificate is
// OpenSSL's, in sm::tls. It stores nothing and decides nothing about delivery: a Lookup is a fact.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dns/answer.h"
#include "dns/mx.h"
#include "dns/resolver.h"
#include "name/domain.h"

namespace sm::dane {

using dns::Tlsa;

/// Why a record proves nothing in SMTP, or nothing when it is usable: usages PKIX-TA(0) and
/// PKIX-EE(1) (RFC 7672 §3.1.3), unknown usages, selectors and matching types, digests of the wrong
/// length, empty data.
std::optional<std::string> why_unusable(const Tlsa& tlsa);

/// A record that is passed over, and why.
struct UnusableTlsa {
  std::string record;  ///< "0 0 1 <hex>"; what could be read of a malformed one in hex
  std::string why;
};

struct Usable {
  std::vector<Tlsa> records;           ///< to be given to the TLS library
  std::vector<UnusableTlsa> unusable;  ///< the rest, digests outdone by stronger ones included
};

/// The usable ones of an RRset. Digest agility (RFC 7671 §9): of the digests for one usage and
/// selector only the strongest counts; full values (matching type 0) always count.
Usable select_usable(const std::vector<dns::Record>& rrset);

/// TLSA base domains in the order in which to ask (RFC 7672 §2.2.3): the fully expanded host name
/// when all is secure, then the name itself when that was an alias; the name itself alone when its
/// own CNAME is secure and what it leads to is not; none when the name's own answer is insecure.
/// Names in the middle of a chain never.
std::vector<name::Domain> base_domains(const dns::HostAddresses& host);

/// What the TLSA records of one host say. Closed: switch over it without default.
enum class Outcome {
  /// The host's addresses are not secured by DNSSEC: TLSA was not asked for, DANE does not apply.
  insecure,
  /// DNSSEC proves that there is no TLSA record (or that they lie in an unsigned zone).
  none,
  /// `records` bind the server: a certificate matches one of them, or the host is not used.
  usable,
  /// There are records, none usable: nothing is proven, but TLS is mandatory (RFC 7672 §2.2).
  all_unusable,
  /// The lookup was bogus or failed: this host must not be used now; try the next (§2.1.2).
  host_unusable,
};

struct Lookup {
  Outcome outcome;
  /// The base domain whose records count: SNI and first reference name. Nothing for `insecure`.
  std::optional<name::Domain> base_domain{};
  std::vector<Tlsa> records{};  ///< for `usable`
  std::vector<UnusableTlsa> unusable{};
  std::string why{};                   ///< for host_unusable: which lookup, and how it failed
  bool is_bogus = false;               ///< host_unusable because validation failed
  std::vector<dns::Answer> answers{};  ///< the evidence: each TLSA answer, in the order asked
};

/// Asks for `_<port>._tcp.<base domain>` as far as RFC 7672 wants it. Asks nothing at all when the
/// host's addresses are insecure: some large operators' servers fail on TLSA queries.
Lookup lookup_tlsa(dns::Resolver& resolver, const dns::HostAddresses& host, std::uint16_t port);

/// The same for several hosts, side by side; one result a host, in order.
std::vector<Lookup> lookup_all_tlsa(dns::Resolver& resolver,
                                    const std::vector<dns::HostAddresses>& hosts,
                                    std::uint16_t port);

/// For who knows already that it will be asked (dns::Resolver::ask_ahead).
void ask_ahead(dns::Resolver& resolver, const name::Domain& base_domain, std::uint16_t port);

/// Names that a certificate under a DANE-TA(2) anchor may bear (RFC 7672 §3.2.2): the base domain;
/// the next-hop domain; that domain after CNAME expansion where the MX answer is secure. DANE-EE(3)
/// checks no names.
std::vector<name::Domain> reference_names(const name::Domain& base_domain,
                                          const dns::NextHops& next_hops);

/// "insecure", "none", "usable", "all-unusable", "host-unusable".
std::string_view text(Outcome outcome);

}  // namespace sm::dane
