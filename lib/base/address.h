#pragma once
// IP addresses and prefixes, without ports and without names.
//
// One value for one address: an IPv4-mapped IPv6 address (::ffff:192.0.2.1, RFC 4291 §2.5.5.2) *is*
// the IPv4 address that it means, so no guard on addresses can be passed by writing one the other
// way. Which addresses mail may be sent to is decided by is_public(); what a machine's own
// addresses are, is not known here.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace sm {

class IpAddress {
 public:
  /// Dotted quad (four decimal numbers without leading zeros) or RFC 4291 §2.2 text. No brackets,
  /// no zone, no port.
  static std::optional<IpAddress> parse(std::string_view text);
  /// From network byte order: 4 or 16 bytes; nothing for other sizes.
  static std::optional<IpAddress> from_bytes(Bytes bytes);

  [[nodiscard]] bool is_v4() const { return size_ == 4; }
  /// 4 or 16 bytes in network byte order.
  [[nodiscard]] Bytes bytes() const { return {bytes_.data(), size_}; }
  /// Canonical text (RFC 5952).
  [[nodiscard]] std::string text() const;
  /// As in an EHLO or a mailbox: [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321 §4.1.3).
  [[nodiscard]] std::string literal() const;

  [[nodiscard]] bool is_loopback() const;
  /// False for loopback, private (RFC 1918, RFC 4193), shared (RFC 6598), link-local, site-local,
  /// multicast, broadcast, unspecified and "this network", reserved 240/4, and every IPv6 form that
  /// carries such an IPv4 address (compatible, NAT64 64:ff9b::/96, 6to4). The documentation ranges
  /// of RFC 5737 and RFC 3849 count as public: nobody's network is behind them.
  [[nodiscard]] bool is_public() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  IpAddress() = default;
  std::size_t size_ = 0;
  std::array<std::uint8_t, 16> bytes_{};
};

/// 10.0.0.0/8, 2001:db8::/32; an address alone is a prefix of its full length.
class IpPrefix {
 public:
  /// Bits beyond the length must be zero: 10.0.0.1/8 is refused.
  static std::optional<IpPrefix> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string text() const;

 private:
  IpPrefix(IpAddress address, unsigned length) : address_(address), length_(length) {}
  IpAddress address_;
  unsigned length_;
};

/// An address and a port, as resolvers are written: ADDR[@PORT].
struct ServerAddress {
  IpAddress address;
  std::uint16_t port;

  /// `192.0.2.53`, `192.0.2.53@5353`, `2001:db8::53@53`; `default_port` where none is written.
  static std::optional<ServerAddress> parse(std::string_view text, std::uint16_t default_port);
  /// ADDR@PORT.
  [[nodiscard]] std::string text() const { return address.text() + '@' + std::to_string(port); }
  friend auto operator<=>(const ServerAddress&, const ServerAddress&) = default;
};

}  // namespace sm
