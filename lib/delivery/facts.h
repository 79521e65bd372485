#pragma once
// What is known of a destination before anybody connects to it: where its mail goes (MX, or ntamx
// of NTA 7516), at which addresses, and what it promises about its own servers (DANE, MTA-STS).
//
// Facts only: nothing here judges. route.h turns facts, and what a connection showed, into a
// decision; probe.h and courier.h connect.

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dane/tlsa.h"
#include "dns/mx.h"
#include "dns/resolver.h"
#include "mtasts/lookup.h"
#include "nta7516/record.h"
#include "tlsrpt/record.h"

namespace sm::delivery {

/// One host that takes the destination's mail.
struct HostFacts {
  dns::MxHost mx;
  dns::HostAddresses addresses;
  dane::Lookup tlsa;
};

struct DestinationFacts {
  name::Domain domain;
  nta7516::Lookup nta7516;
  /// The record is valid today and comes from a secure answer: DANE is mandatory.
  bool nta7516_applies = false;
  /// The hosts below are the ntamx of the record, not the MX.
  bool uses_ntamx = false;
  dns::NextHops next_hops;
  mtasts::Lookup mta_sts;
  std::optional<tlsrpt::Lookup> tlsrpt{};  ///< only where asked for
  std::vector<HostFacts> hosts{};          ///< in the order in which to try them
  /// Those that come after `hosts` and were not looked up yet (FactFinder::Hosts::first).
  std::vector<dns::MxHost> further_hosts{};

  /// The set of hosts was validated by DNSSEC.
  [[nodiscard]] bool has_secure_hosts() const;
  /// The MTA-STS policy that must be obeyed, or nothing.
  [[nodiscard]] const mtasts::Policy* enforced_policy() const;
};

/// Looks facts up. Thread safe as far as its parts are.
class FactFinder {
 public:
  struct Parts {
    dns::Resolver* resolver;
    mtasts::Source* sts_source;
    mtasts::Cache* sts_cache;
    const Clock* clock = &system_clock();
    dns::AddressGuard guard{};
    dns::RandomBelow random;
    std::vector<name::Domain> own_names{};
    std::uint16_t port = 25;
  };
  explicit FactFinder(Parts parts) : parts_(std::move(parts)) {}

  /// Mostly one of the most preferred hosts takes a message: the others may wait until none does.
  enum class Hosts { first, all };
  struct Wanted {
    bool tlsrpt = false;  ///< the TLSRPT record too
    Hosts hosts = Hosts::all;
  };
  /// An Error only where our own side fails (the policy cache cannot be read): the destination is
  /// then undetermined, and mail waits.
  Result<DestinationFacts> find(const name::Domain& domain, Wanted wanted) const;
  /// Looks up the further hosts, and adds them to `hosts`.
  void complete(DestinationFacts& facts) const;
  /// Puts the questions about a domain and its first hosts under way, for who will ask for the
  /// facts in a moment. Returns at once; nothing has to be taken, or waited for.
  static void ask_ahead(dns::Resolver& resolver, const name::Domain& domain, std::uint16_t port);

  [[nodiscard]] std::uint16_t port() const { return parts_.port; }
  [[nodiscard]] const Clock& clock() const { return *parts_.clock; }

 private:
  std::vector<HostFacts> find_hosts(std::span<const dns::MxHost> hosts, std::size_t others) const;

  Parts parts_;
};

/// MTA-STS over this resolver: the record by DNS, the policy by HTTPS at addresses that the same
/// resolver gave and the same guard let through.
class StsSource final : public mtasts::Source {
 public:
  struct Options {
    std::optional<std::string> ca_file{};
    std::chrono::seconds timeout{60};  ///< RFC 8461 §3.3: one minute suggested
  };
  StsSource(dns::Resolver& resolver, dns::AddressGuard guard, Options options)
      : resolver_(&resolver), guard_(std::move(guard)), options_(std::move(options)) {}

  void expect_record(const name::Domain& domain) override;
  mtasts::RecordSource record(const name::Domain& domain) override;
  std::variant<std::string, mtasts::FetchFailed> policy_text(const name::Domain& domain) override;

 private:
  dns::Resolver* resolver_;
  dns::AddressGuard guard_;
  Options options_;
};

}  // namespace sm::delivery
