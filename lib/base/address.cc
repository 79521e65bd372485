#include "base/address.h"

#include <algorithm>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/text.h"

namespace sm {
namespace {

constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct Range {
  std::string_view prefix;
  std::string_view why;
};

/// IANA's special-purpose registries (RFC 6890), less the documentation and benchmark ranges.
constexpr std::array kNotPublic = {
    Range{"0.0.0.0/8", "this network"},    Range{"10.0.0.0/8", "private"},
    Range{"100.64.0.0/10", "shared"},      Range{"127.0.0.0/8", "loopback"},
    Range{"169.254.0.0/16", "link-local"}, Range{"172.16.0.0/12", "private"},
    Range{"192.0.0.0/24", "protocol"},     Range{"192.168.0.0/16", "private"},
    Range{"224.0.0.0/4", "multicast"},     Range{"240.0.0.0/4", "reserved, broadcast"},
    Range{"::/128", "unspecified"},        Range{"::1/128", "loopback"},
    Range{"100::/64", "discard"},          Range{"64:ff9b:1::/48", "local NAT64"},
    Range{"fc00::/7", "unique local"},     Range{"fe80::/10", "link-local"},
    Range{"fec0::/10", "site-local"},      Range{"ff00::/8", "multicast"},
};

/// The IPv4 address that an IPv6 address carries: compatible (RFC 4291 §2.5.5.1), NAT64
/// (RFC 6052 §2.1), 6to4 (RFC 3056 §2).
std::optional<IpAddress> carried_v4(Bytes v6) {
  const auto starts_with = [&](std::initializer_list<std::uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), v6.begin());
  };
  if (starts_with({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})) return IpAddress::from_bytes(v6.last(4));
  if (starts_with({0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) {
    return IpAddress::from_bytes(v6.last(4));
  }
  if (starts_with({0x20, 0x02})) return IpAddress::from_bytes(v6.subspan(2, 4));
  return std::nullopt;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton takes no octal, hexadecimal or short forms, but it does take text after a NUL.
  if (text.empty() || text.size() > INET6_ADDRSTRLEN || text.find('\0') != text.npos) {
    return std::nullopt;
  }
  const std::string terminated(text);
  std::array<std::uint8_t, 16> bytes{};
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
    return from_bytes(Bytes(bytes).first(4));
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return from_bytes(bytes);
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::from_bytes(Bytes bytes) {
  if (bytes.size() == 16 && std::equal(kMapped.begin(), kMapped.end(), bytes.begin())) {
    bytes = bytes.last(4);
  }
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  IpAddress address;
  address.size_ = bytes.size();
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

std::string IpAddress::literal() const {
  return is_v4() ? '[' + text() + ']' : "[IPv6:" + text() + ']';
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return *this == *parse("::1");
}

bool IpAddress::is_public() const {
  static const auto ranges = [] {
    std::vector<IpPrefix> parsed;
    for (const auto& range : kNotPublic)
      parsed.push_back(*IpPrefix::parse(range.prefix));
    return parsed;
  }();
  if (std::any_of(ranges.begin(), ranges.end(), [&](const auto& r) { return r.contains(*this); })) {
    return false;
  }
  if (is_v4()) return true;
  const auto carried = carried_v4(bytes());
  return !carried || carried->is_public();
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const auto bits = static_cast<unsigned>(address->bytes().size() * 8);
  if (slash == text.npos) return IpPrefix(*address, bits);
  // A mapped address has become 4 bytes, and a length counted over 16 would mean something else.
  if (address->is_v4() && text.find(':') != text.npos) return std::nullopt;
  const auto length = parse_decimal(text.substr(slash + 1), bits);
  if (!length) return std::nullopt;
  for (unsigned bit = static_cast<unsigned>(*length); bit < bits; ++bit) {
    if ((address->bytes()[bit / 8] & (0x80 >> (bit % 8))) != 0) return std::nullopt;
  }
  return IpPrefix(*address, static_cast<unsigned>(*length));
}

bool IpPrefix::contains(const IpAddress& address) const {
  if (address.is_v4() != address_.is_v4()) return false;
  const auto mine = address_.bytes();
  const auto theirs = address.bytes();
  const unsigned whole = length_ / 8;
  if (!std::equal(mine.begin(), mine.begin() + whole, theirs.begin())) return false;
  const unsigned rest = length_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return (mine[whole] & mask) == (theirs[whole] & mask);
}

std::string IpPrefix::text() const {
  return address_.text() + '/' + std::to_string(length_);
}

std::optional<ServerAddress> ServerAddress::parse(std::string_view text,
                                                  std::uint16_t default_port) {
  const auto at = text.find('@');
  const auto address = IpAddress::parse(text.substr(0, at));
  if (!address) return std::nullopt;
  if (at == text.npos) return ServerAddress{*address, default_port};
  const auto port = parse_decimal(text.substr(at + 1), 65535);
  if (!port || *port == 0) return std::nullopt;
  return ServerAddress{*address, static_cast<std::uint16_t>(*port)};
}

}  // namespace sm
