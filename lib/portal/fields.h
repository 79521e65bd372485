#pragma once
// What browsers and strangers write into a request, read strictly: cookies (RFC 6265), ranges
// (RFC 9110 §14), language preferences (RFC 9110 §12.5.4), small forms (URL standard §5), and what
// we write into answers about file names (RFC 6266, RFC 8187). Pure functions over text.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"

namespace sm::portal {

/// The cookie's value; nothing where it is missing, or there twice (then nobody knows whose is
/// whose).
std::optional<std::string_view> find_cookie(std::string_view field, std::string_view name);

/// Bytes [first, last] of something of `size` bytes.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  [[nodiscard]] std::uint64_t size() const { return last - first + 1; }
  bool operator==(const ByteRange&) const = default;
};
enum class RangeKind {
  whole,          ///< no range, or one that RFC 9110 §14.2 lets us ignore (several, other units)
  part,           ///< `range`
  unsatisfiable,  ///< 416
};
struct RangeAnswer {
  RangeKind kind = RangeKind::whole;
  ByteRange range{};
};
RangeAnswer parse_range(std::string_view field, std::uint64_t size);

/// "nl" or "en", whichever the client likes better; "" where it wants neither.
std::string_view preferred_language(std::string_view accept_language);

/// application/x-www-form-urlencoded. Values are wiped when they die. Nothing where a field comes
/// twice, a percent sign stands alone, or there are more than 32 fields.
using Form = std::map<std::string, Secret, std::less<>>;
std::optional<Form> parse_form(Bytes body);

/// `attachment; filename="…"; filename*=UTF-8''…`: plain ASCII for old clients, the name itself for
/// the others (RFC 6266 §4.3, appendix D).
std::string attachment_disposition(std::string_view name);

/// "host" or "host:port" as in a Host field, lower case, a port of 443 or 80 left out; empty where
/// it is none (RFC 9110 §7.2).
std::string canonical_host(std::string_view host);

/// "4.7 MB": for people, in powers of ten. `decimal`: "." or ",".
std::string size_text(std::uint64_t octets, char decimal);

}  // namespace sm::portal
