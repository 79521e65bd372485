#pragma once
// What a domain looks like from here: its records, its mail hosts and their certificates, and the
// addresses that this machine sends from. Looked up once, for both what is to be published (init)
// and what is (check).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "crypto/certificate.h"
#include "delivery/equipment.h"
#include "delivery/probe.h"
#include "sender/report.h"
#include "sender/spf_host.h"

namespace sm::setup {

/// One address that mail leaves from, and whether the domain's SPF record allows it.
struct SendingAddress {
  IpAddress address;
  sender::SpfHostAnswer spf;
};

struct Surroundings {
  name::Domain domain;
  std::vector<SendingAddress> addresses{};  ///< public ones only
  sender::Report sender;
  delivery::DestinationReport own_mx;  ///< the domain as a destination
  dns::Answer top_level;  ///< NS of the domain's top-level domain: signed nearly anywhere
  std::optional<std::string> found_sts{};  ///< the MTA-STS TXT record, as found
  bool has_policy_host = false;            ///< mta-sts.<domain> has an address
};

/// The network as set-up needs it: an MX that is this very machine may be looked at, and is no
/// loop. `domain` gives the name that is said in EHLO.
Result<std::unique_ptr<delivery::Equipment>> own_equipment(
    config::Config config, const name::Domain& domain, const std::optional<std::string>& dns_file);

/// `addresses` are those that the caller names; empty: the public ones of this machine.
/// `selectors`: those that the domain signs with.
Surroundings look_around(const delivery::Equipment& equipment, const name::Domain& domain,
                         std::vector<IpAddress> addresses,
                         const std::vector<std::string>& selectors);

}  // namespace sm::setup
