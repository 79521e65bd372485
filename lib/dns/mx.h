#pragma once
// From a domain to the hosts and addresses that take its mail (RFC 5321 §5.1, RFC 7505).
//
// Two pure steps over answers of the DNS. next_hops orders the MX hosts: preference first, random
// within a preference, never by how well a host is protected. gather_addresses joins what A and
// AAAA say of one host into the addresses that may be connected to; whoever connects uses exactly
// these and looks nothing up again. A failed lookup never means "no MX" and never "no address".

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dns/answer.h"
#include "dns/resolver.h"
#include "name/domain.h"

namespace sm::dns {

/// At most so many hosts, and addresses over all hosts, are tried in one delivery.
constexpr std::size_t kMaxHosts = 10;
constexpr std::size_t kMaxAddresses = 20;
/// A longer CNAME chain is answered as a failure.
constexpr std::size_t kMaxHops = 8;

/// Uniform in [0, bound), bound ≥ 1: crypto::random_below in the tools, a table in tests.
using RandomBelow = std::function<std::uint32_t(std::uint32_t bound)>;

struct MxHost {
  std::uint16_t preference;  ///< 0 for an implicit MX
  name::Domain host;
};

/// Lowest preference first, equal ones in random order, anew with each call (RFC 5321 §5.1).
void order_hosts(std::vector<MxHost>& hosts, const RandomBelow& random);

/// An MX record that is passed over, and why.
struct SkippedMx {
  std::uint16_t preference;
  std::string exchange;
  std::string why;
};

struct NextHops {
  enum class Kind {
    mx,              ///< `hosts` from MX records
    implicit_mx,     ///< a definite "no MX": the domain itself is the only host
    null_mx,         ///< RFC 7505: takes no mail; 5.1.10 (5.7.27 for a sender): permanent
    no_such_domain,  ///< permanent, 5.1.2
    loop,            ///< this host is the best MX: 5.4.6, permanent
    no_valid_mx,     ///< MX records, none of them usable: 5.4.4, permanent
    undetermined,    ///< the lookup failed or is bogus: try later, 4.4.3
  };
  Kind kind;
  name::Domain domain;  ///< the domain asked for
  /// After CNAMEs; the same as `domain` without any. Nothing when the target is no host name.
  std::optional<name::Domain> expanded;
  std::vector<MxHost> hosts{};             ///< in the order in which to try them, at most kMaxHosts
  std::vector<SkippedMx> skipped{};        ///< invalid, beyond this host, beyond the limit
  Security security = Security::insecure;  ///< of the MX answer, CNAMEs included
  Answer answer;                           ///< the evidence
};

/// `own_names` are this host's names: an MX at or beyond one's own preference would loop.
NextHops next_hops(const name::Domain& domain, const Answer& mx, const RandomBelow& random,
                   const std::vector<name::Domain>& own_names = {});

/// An address that must not be connected to, and why.
struct RefusedAddress {
  IpAddress address;
  std::string why;
};

/// What is known of one host's addresses.
struct HostAddresses {
  enum class Kind {
    found,         ///< at least one in `addresses`
    none,          ///< the host definitely has no address
    all_refused,   ///< it has some, none of which may be connected to
    undetermined,  ///< failed or bogus, without any address known
  };
  Kind kind;
  name::Domain host;
  std::vector<IpAddress> addresses{};  ///< AAAA and A in turn, AAAA first
  std::vector<RefusedAddress> refused{};
  std::size_t left_off = 0;  ///< addresses beyond kMaxAddresses
  /// Secure when the answers that gave the addresses are: then TLSA records may be asked for.
  Security security = Security::insecure;
  std::vector<Hop> chain{};  ///< of CNAMEs at the host (RFC 7672 §2.1.3)
  std::string canonical{};   ///< the name at its end
  std::string why{};         ///< for undetermined: which lookup failed, how
  bool is_bogus = false;     ///< undetermined because DNSSEC validation failed
  Answer a;                  ///< the evidence
  Answer aaaa;
};

/// Pure: joins the two answers. One that failed does not hold back what the other one found. At
/// most kMaxAddresses addresses.
HostAddresses join_addresses(const name::Domain& host, Answer a, Answer aaaa,
                             const AddressGuard& guard);

/// Looks A and AAAA of all hosts up side by side; one result a host, in order. Together they have
/// at most kMaxAddresses addresses, shared out so that no host with many leaves another without;
/// each of `others`, which are not looked up yet, has its share.
std::vector<HostAddresses> lookup_addresses(Resolver& resolver,
                                            const std::vector<name::Domain>& hosts,
                                            const AddressGuard& guard, std::size_t others = 0);

}  // namespace sm::dns
