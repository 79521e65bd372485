#pragma once
// SPF (RFC 7208) from the owner's side: a domain says in one TXT record which hosts may send mail
// with it as envelope sender. This folder reads the record and everything it includes, and counts
// what a receiver would have to look up; it does not judge any one sending host.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/resolver.h"
#include "name/domain.h"

namespace sm::sender {

/// RFC 7208 §4.6.4: more lookups, or more without any answer, and receivers say permerror.
constexpr unsigned kMaxSpfLookups = 10;
constexpr unsigned kMaxVoidLookups = 2;

inline constexpr std::size_t kMostMxHosts = 10;  ///< behind one mechanism (RFC 7208 §4.6.4)

/// Only the receiver of a mail can tell what it stands for (RFC 7208 §7).
inline bool has_macro(std::string_view text) {
  return text.find('%') != std::string_view::npos;
}

enum class SpfQualifier { pass, fail, softfail, neutral };

/// One mechanism or modifier.
struct SpfTerm {
  SpfQualifier qualifier = SpfQualifier::pass;
  std::string name{};    ///< "include", "a", "all", "redirect", …; lower case
  std::string value{};   ///< what stands behind ":" or "=", without the prefix length
  std::string prefix{};  ///< "/24", "//64", "/24//64"
  bool is_modifier = false;
};

struct SpfRecord {
  std::string text{};
  std::vector<SpfTerm> terms{};

  /// Of "all"; nothing without one.
  [[nodiscard]] std::optional<SpfQualifier> all() const;
  [[nodiscard]] std::optional<std::string> redirect() const;
};

/// RFC 7208 §4.6.1 and §12. Errc::malformed names the term.
Result<SpfRecord> parse_spf(std::string_view text);

enum class SpfState {
  good,     ///< one record, sound, and it ends in -all or ~all
  none,     ///< a definite answer: no record
  open,     ///< sound, but it lets every host pass, or says nothing of the others
  invalid,  ///< receivers say permerror: several records, syntax, too many lookups; `why`
  unknown,  ///< a lookup failed or is bogus: try later
};
/// "good", "none", …
std::string_view text(SpfState state);

struct Spf {
  SpfState state;
  std::string why{};                  ///< for invalid and unknown
  std::optional<SpfRecord> record{};  ///< the domain's own
  std::optional<SpfQualifier> all{};  ///< after redirects
  unsigned lookups = 0;               ///< of all records together
  unsigned void_lookups = 0;
  std::vector<std::string> included{};  ///< "name: text", in the order met
  bool uses_ptr = false;                ///< RFC 7208 §5.5: should not be used
  std::vector<dns::Answer> answers{};   ///< the evidence: TXT answers, the domain's own first
};

Spf look_at_spf(dns::Resolver& resolver, const name::Domain& domain);

}  // namespace sm::sender
