#include "dns/address.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace sm::dns {
namespace {

std::optional<IpAddress> address_of(const sockaddr* socket_address) {
  if (socket_address == nullptr) return std::nullopt;
  const void* bytes = nullptr;
  std::size_t size = 0;
  if (socket_address->sa_family == AF_INET) {
    bytes = &reinterpret_cast<const sockaddr_in*>(socket_address)->sin_addr;
    size = 4;
  } else if (socket_address->sa_family == AF_INET6) {
    bytes = &reinterpret_cast<const sockaddr_in6*>(socket_address)->sin6_addr;
    size = 16;
  } else {
    return std::nullopt;
  }
  return IpAddress::from_bytes({static_cast<const std::uint8_t*>(bytes), size});
}

}  // namespace

std::optional<std::string> AddressGuard::refusal(const IpAddress& address) const {
  const bool is_listed = std::any_of(allowed.begin(), allowed.end(), [&](const IpPrefix& prefix) {
    return prefix.contains(address);
  });
  if (is_listed) return std::nullopt;
  if (address.is_loopback()) return address.text() + " is a loopback address";
  if (!address.is_public()) {
    return address.text() + " is not a public address (private, link-local, multicast or reserved)";
  }
  if (std::find(own.begin(), own.end(), address) != own.end()) {
    return address.text() + " is an address of this machine";
  }
  return std::nullopt;
}

Result<std::vector<IpAddress>> own_addresses() {
  ifaddrs* raw = nullptr;
  if (::getifaddrs(&raw) != 0) return fail_errno("listing this machine's addresses", errno);
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> list(raw, ::freeifaddrs);
  std::vector<IpAddress> own;
  for (const ifaddrs* entry = list.get(); entry != nullptr; entry = entry->ifa_next) {
    const auto address = address_of(entry->ifa_addr);
    if (address && std::find(own.begin(), own.end(), *address) == own.end()) {
      own.push_back(*address);
    }
  }
  return own;
}

}  // namespace sm::dns
