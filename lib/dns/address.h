#pragma once
// Which addresses mail may be sent to.
//
// An MX record is written by a stranger. Where it leads to loopback, to a private network, to a
// link-local, multicast or unspecified address, or to this machine itself, a connection would reach
// something that is not the destination's mail server: it is refused before any socket is opened,
// unless the configuration lists the address. What is public, and that an IPv4-mapped IPv6 address
// is the IPv4 address that it means, is told by sm::IpAddress.

#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace sm::dns {

struct AddressGuard {
  std::vector<IpAddress> own{};     ///< this machine's addresses: mail to them would come back
  std::vector<IpPrefix> allowed{};  ///< listed by the configuration: never refused

  /// Why the address must not be connected to, or nothing.
  [[nodiscard]] std::optional<std::string> refusal(const IpAddress& address) const;
};

/// The addresses of this machine's interfaces (getifaddrs(3)), for AddressGuard::own.
Result<std::vector<IpAddress>> own_addresses();

}  // namespace sm::dns
