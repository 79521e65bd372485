#pragma once
// Domain names as mail uses them.
//
// A Domain is a host-style name (RFC 5321 §4.1.2, RFC 1123 §2.1: letters, digits, hyphens) that can
// stand in an address, be looked up and be compared with a certificate. It has one spelling: lower
// case, internationalized labels as A-labels ("xn--…", RFC 5890), no final dot. A DnsName is wider
// by the underscore, for names that only resolvers see ("_25._tcp.mx.example"). Neither is ever the
// root, an IP address or a wildcard.

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sm::name {

/// A name that can be looked up in the DNS: labels of letters, digits, hyphens and underscores.
class DnsName {
 public:
  /// Longest text, without the final dot (RFC 1035 §2.3.4: 255 octets on the wire).
  static constexpr std::size_t kMaxText = 253;
  static constexpr std::size_t kMaxLabel = 63;

  /// Reads ASCII text in any case, with or without one final dot. Errc::malformed for all else:
  /// empty, the root, empty or over-long labels, other characters, labels with a hyphen at an end.
  static Result<DnsName> parse(std::string_view text);

  /// Lower case, no final dot.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// Labels from left to right; at least one. Views into text().
  [[nodiscard]] std::vector<std::string_view> labels() const;
  /// "_25._tcp" before "mx.example" gives "_25._tcp.mx.example"; malformed when that is too long.
  [[nodiscard]] Result<DnsName> prefixed(std::string_view labels) const;
  /// True when this name is `other` or ends with "." + other.
  [[nodiscard]] bool is_at_or_under(const DnsName& other) const;

  friend bool operator==(const DnsName&, const DnsName&) = default;
  friend auto operator<=>(const DnsName&, const DnsName&) = default;

 protected:
  explicit DnsName(std::string text) : text_(std::move(text)) {}

 private:
  std::string text_;
};

/// A domain of an address, or the name of a mail host.
class Domain : public DnsName {
 public:
  /// Reads ASCII or UTF-8 text in any case, with or without one final dot. U-labels are mapped and
  /// converted (IDNA2008 with the non-transitional mapping of UTS 46). Errc::malformed for all that
  /// DnsName refuses, and for underscores, IP addresses (a last label of digits only, RFC 3696 §2),
  /// address literals, invisible characters and labels that IDNA does not allow.
  static Result<Domain> parse(std::string_view text);
  /// The same name where a DnsName has no underscore and is no IP address; otherwise malformed.
  static Result<Domain> from(const DnsName& name);

  /// For people: A-labels that convert there and back are shown as U-labels, others as they are.
  [[nodiscard]] std::string unicode() const;

 private:
  explicit Domain(std::string text) : DnsName(std::move(text)) {}
};

}  // namespace sm::name

template <>
struct std::hash<sm::name::DnsName> {
  std::size_t operator()(const sm::name::DnsName& name) const noexcept {
    return std::hash<std::string>()(name.text());
  }
};
template <>
struct std::hash<sm::name::Domain> : std::hash<sm::name::DnsName> {};
