#include "commands.h"

namespace sm::smsetup {

Result<std::vector<IpAddress>> addresses_of(const Options& options) {
  std::vector<IpAddress> addresses;
  for (const auto& text : options.addresses) {
    const auto address = IpAddress::parse(text);
    if (!address) return fail(Errc::usage, "--address: '" + text + "' is no IP address");
    addresses.push_back(*address);
  }
  return addresses;
}

keys::KeyPlaces key_places(const Options& options, const std::string& state) {
  const auto& environment = options.common.environment;
  keys::KeyPlaces places{state, nullptr, environment.credentials_directory};
  if (environment.master_key) places.environment_key = &*environment.master_key;
  return places;
}

Result<cli::Verdict> run(const Options& options) {
  switch (options.command) {
    case Command::init:
      return init(options);
    case Command::check:
      return check(options);
    case Command::none:
      break;
  }
  return fail(Errc::usage, "no command");
}

}  // namespace sm::smsetup
