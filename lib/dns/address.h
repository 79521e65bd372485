#pragma once
// IP addresses, and which of them mail may be sent to.
//
// An MX record is written by a stranger. Where it leads to loopback, to a private network, to a
// link-local, multicast or unspecified address, or to this machine itself, a connection would reach
// something that is not the destination's mail server: it is refused before any socket is opened,
// unless the configuration lists the address. Embedded IPv4 addresses (mapped, 6to4, NAT64) are
// judged by what they embed. The documentation ranges (RFC 5737, 3849, 9637) count as public.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sm::dns {

/// An IPv4 or IPv6 address, without zone or port.
class IpAddress {
 public:
  static IpAddress v4(std::array<std::uint8_t, 4> bytes);
  static IpAddress v6(std::array<std::uint8_t, 16> bytes);
  /// "192.0.2.1", "2001:db8::1". No brackets, zones, ports or short IPv4 forms.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const { return size_ == 4; }
  /// Network order, 4 or 16 bytes.
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  /// RFC 5952.
  [[nodiscard]] std::string text() const;
  /// The IPv4 address inside ::ffff:0:0/96, 64:ff9b::/96, 2002::/16; nothing for all others.
  [[nodiscard]] std::optional<IpAddress> embedded_v4() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;
  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  std::uint8_t size_ = 4;
  std::array<std::uint8_t, 16> bytes_{};
};

/// A network: "10.0.0.0/8", or a single address.
class IpPrefix {
 public:
  static Result<IpPrefix> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;

 private:
  IpPrefix(IpAddress network, unsigned length) : network_(network), length_(length) {}
  IpAddress network_;
  unsigned length_;
};

/// Where an address leads (IANA special-purpose registries, RFC 6890).
enum class AddressClass {
  global,       ///< the Internet, the documentation ranges included
  unspecified,  ///< 0.0.0.0/8, ::
  loopback,     ///< 127.0.0.0/8, ::1
  private_use,  ///< RFC 1918, shared 100.64.0.0/10, fc00::/7, fec0::/10
  link_local,   ///< 169.254.0.0/16, fe80::/10
  multicast,    ///< 224.0.0.0/4, ff00::/8
  reserved,     ///< all other special ranges, broadcast included
};
AddressClass classify(const IpAddress& address);
/// "loopback", "private", "link-local", …
std::string_view text(AddressClass address_class);

/// Which addresses must not be connected to.
struct AddressGuard {
  std::vector<IpAddress> own;     ///< this machine's addresses: mail to them would come back
  std::vector<IpPrefix> allowed;  ///< listed by the configuration: never refused

  /// Why the address must not be connected to, or nothing.
  [[nodiscard]] std::optional<std::string> refusal(const IpAddress& address) const;
};

/// The addresses of this machine's interfaces (getifaddrs(3)), for AddressGuard::own.
Result<std::vector<IpAddress>> own_addresses();

}  // namespace sm::dns
