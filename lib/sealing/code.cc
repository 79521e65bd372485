#include "sealing/code.h"

#include <array>

#include "base/text.h"
#include "crypto/random.h"

namespace sm::sealing {
namespace {

constexpr std::size_t kDigits = 6;
/// Without those that are read for one another: 0 O, 1 I L, 2 Z, 5 S, 8 B.
constexpr std::string_view kReferenceLetters = "ACDEFGHJKMNPQRTUVWXY34679";

}  // namespace

Code Code::fresh() {
  Secret digits(kDigits);
  for (auto& digit : digits.writable())
    digit = static_cast<std::uint8_t>('0' + crypto::random_below(10));
  return Code(std::move(digits));
}

std::optional<Code> Code::parse(std::string_view typed) {
  constexpr std::size_t kMost = 64;
  if (typed.size() > kMost) return std::nullopt;
  Secret digits;
  for (const char c : typed) {
    if (c == ' ' || c == '-' || c == '\t' || c == '\r' || c == '\n') continue;
    if (!is_digit(c)) return std::nullopt;
    const auto octet = static_cast<std::uint8_t>(c);
    digits.append(Bytes(&octet, 1));
  }
  if (digits.size() != kDigits) return std::nullopt;
  return Code(std::move(digits));
}

std::string fresh_reference() {
  std::string reference;
  for (int i = 0; i < 4; ++i)
    reference += kReferenceLetters[crypto::random_below(kReferenceLetters.size())];
  return reference;
}

}  // namespace sm::sealing
