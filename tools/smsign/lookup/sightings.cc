#include "sightings.h"

#include <set>

#include "base/text.h"
#include "dns/direct.h"

namespace sm::smsign {
namespace {

constexpr std::size_t kMostServers = 16;
constexpr std::uint16_t kDnsPort = 53;
constexpr std::chrono::milliseconds kPatience{3'000};

/// The NS records of the zone that a name is in: those of the nearest name above it that has any.
std::vector<std::string> name_servers(dns::Resolver& resolver, const name::DnsName& name) {
  std::string_view rest = name.text();
  for (;;) {
    const auto dot = rest.find('.');
    if (dot == rest.npos) return {};
    rest.remove_prefix(dot + 1);
    const auto zone = name::DnsName::parse(rest);
    if (!zone || zone->labels().size() < 2) return {};
    const auto answer = resolver.lookup(*zone, dns::Type::ns);
    std::vector<std::string> servers;
    for (const auto& target : answer.all<dns::Target>())
      servers.push_back(target.name);
    if (!servers.empty()) return servers;
  }
}

std::vector<IpAddress> addresses(dns::Resolver& resolver, const std::string& server) {
  std::vector<IpAddress> found;
  const auto name = name::DnsName::parse(server);
  if (!name) return found;
  for (const auto type : {dns::Type::a, dns::Type::aaaa}) {
    for (const IpAddress& address : resolver.lookup(*name, type).all<IpAddress>())
      found.push_back(address);
  }
  return found;
}

}  // namespace

std::vector<dkim::Sighting> look_everywhere(dns::Resolver& resolver, const name::DnsName& name,
                                            Reach reach) {
  const dns::Question question{name, dns::Type::txt};
  std::vector<dkim::Sighting> sightings;
  sightings.push_back({"the resolver", dkim::read_key_answer(resolver.lookup(question))});
  if (reach == Reach::resolver_only) return sightings;
  for (const std::string& server : name_servers(resolver, name)) {
    if (sightings.size() > kMostServers) break;
    std::optional<dns::Answer> answer;
    // One address that answers speaks for the server: machines behind a name share a zone.
    for (const IpAddress& address : addresses(resolver, server)) {
      answer = dns::ask_server({address, kDnsPort}, question, kPatience);
      if (!answer->is_unknown()) break;
    }
    dkim::KeyAnswer key{.state = dkim::KeyState::dns_failure, .why = "no address of it is known"};
    if (answer) key = dkim::read_key_answer(*answer);
    sightings.push_back({server, std::move(key)});
  }
  return sightings;
}

std::vector<std::string> missing(const std::vector<dkim::Sighting>& sightings,
                                 const std::function<bool(const dkim::KeyAnswer&)>& is_there) {
  std::vector<std::string> lacking;
  for (const dkim::Sighting& sighting : sightings) {
    if (is_there(sighting.answer)) continue;
    const std::string why = sighting.answer.why.empty() ? "" : ", " + sighting.answer.why;
    lacking.push_back(printable(sighting.source) + ": " +
                      std::string(dkim::text(sighting.answer.state)) + printable(why));
  }
  return lacking;
}

}  // namespace sm::smsign
