#pragma once
// What resolver and name servers say about a key's record.

#include <functional>
#include <string>
#include <vector>

#include "dkim/rotation.h"
#include "dns/resolver.h"

namespace sm::smsign {

/// Who may be asked beyond the resolver.
enum class Reach {
  resolver_only,  ///< the answers come from a file: the network is not touched
  name_servers,
};

/// The record as the resolver has it, and as each of the zone's name servers has it itself.
std::vector<dkim::Sighting> look_everywhere(dns::Resolver& resolver, const name::DnsName& name,
                                            Reach reach);

/// Those that do not satisfy `is_there`, each with what it says instead.
std::vector<std::string> missing(const std::vector<dkim::Sighting>& sightings,
                                 const std::function<bool(const dkim::KeyAnswer&)>& is_there);

}  // namespace sm::smsign
