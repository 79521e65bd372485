#include "name/domain.h"

#include <algorithm>
#include <array>
#include <memory>

#include <idn2.h>

#include "base/late_library.h"
#include "base/text.h"

namespace sm::name {
namespace {

enum class Underscores { allowed, refused };

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 300;
  return "'" + printable(text.substr(0, kShown)) + (text.size() > kShown ? "…'" : "'");
}

Unexpected refuse(std::string_view text, const std::string& why) {
  return fail(Errc::malformed, quoted(text) + " is not a domain name: " + why);
}

/// What is wrong with a label, or nothing.
const char* label_fault(std::string_view label, Underscores underscores) {
  if (label.empty()) return "a label is empty";
  if (label.size() > DnsName::kMaxLabel) return "a label is longer than 63 characters";
  const bool is_clean = std::all_of(label.begin(), label.end(), [&](char c) {
    return is_alnum(c) || c == '-' || (c == '_' && underscores == Underscores::allowed);
  });
  if (!is_clean) return "only letters, digits and hyphens may stand in it";
  // RFC 1123 §2.1, RFC 952: no hyphen at either end.
  if (label.front() == '-' || label.back() == '-') return "a label begins or ends with a hyphen";
  return nullptr;
}

/// Lower case without the final dot, or the reason why not.
Result<std::string> canonical(std::string_view text, Underscores underscores) {
  std::string_view name = text;
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty()) return refuse(text, "it is empty");
  if (name.size() > DnsName::kMaxText) return refuse(text, "it is longer than 253 characters");
  for (const auto label : split(name, '.')) {
    if (const char* fault = label_fault(label, underscores)) return refuse(text, fault);
  }
  return to_lower(name);
}

/// RFC 3696 §2: no top-level domain is all digits, so this is an IPv4 address or part of one.
bool ends_in_number(std::string_view name) {
  const auto label = name.substr(name.rfind('.') + 1);
  return std::all_of(label.begin(), label.end(), is_digit);
}

/// Characters that change nothing visible: the mapping of UTS 46 drops some of them silently, and
/// two names that look alike would be one.
bool has_invisible(std::string_view text) {
  return printable(text) != text || text.find("\xc2\xad") != text.npos ||
         text.find("\xef\xb8\x8f") != text.npos;
}

struct Libidn2 {
  decltype(&::idn2_lookup_u8) lookup;
  decltype(&::idn2_to_unicode_8z8z) to_unicode;
  decltype(&::idn2_strerror) strerror;
  decltype(&::idn2_free) free;
};

/// For the few names that are not ASCII: its tables are large.
const Result<Libidn2>& libidn2() {
  static const Result<Libidn2> loaded = [] {
    LateLibrary library("libidn2.so.0", "libidn2-0");
    Libidn2 functions{};
    library.find(functions.lookup, "idn2_lookup_u8");
    library.find(functions.to_unicode, "idn2_to_unicode_8z8z");
    library.find(functions.strerror, "idn2_strerror");
    library.find(functions.free, "idn2_free");
    return library.found(functions);
  }();
  return loaded;
}

/// For what libidn2 made, and so only where it is loaded.
struct FreeIdn {
  void operator()(void* text) const { libidn2()->free(text); }
};

/// IDNA2008 with the non-transitional mapping of UTS 46, so that "ß" stays what it is.
Result<std::string> to_a_labels(std::string_view text) {
  if (!is_utf8(text)) return refuse(text, "it is not UTF-8");
  if (has_invisible(text)) return refuse(text, "it has invisible characters");
  const auto& idn = libidn2();
  if (!idn) return fail(idn.error());
  std::uint8_t* raw = nullptr;
  const std::string terminated(text);
  const int status = idn->lookup(reinterpret_cast<const std::uint8_t*>(terminated.c_str()), &raw,
                                 IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES);
  const std::unique_ptr<std::uint8_t, FreeIdn> ascii(raw);
  if (status != IDN2_OK) return refuse(text, idn->strerror(status));
  return std::string(reinterpret_cast<const char*>(ascii.get()));
}

}  // namespace

Result<DnsName> DnsName::parse(std::string_view text) {
  auto name = canonical(text, Underscores::allowed);
  if (!name) return fail(std::move(name).error());
  return DnsName(*std::move(name));
}

std::vector<std::string_view> DnsName::labels() const {
  return split(text_, '.');
}

Result<DnsName> DnsName::prefixed(std::string_view labels) const {
  return parse(std::string(labels) + "." + text_);
}

bool DnsName::is_at_or_under(const DnsName& other) const {
  const std::string_view mine = text_;
  if (mine == other.text_) return true;
  return mine.size() > other.text_.size() && mine.ends_with(other.text_) &&
         mine[mine.size() - other.text_.size() - 1] == '.';
}

Result<Domain> Domain::parse(std::string_view text) {
  // A NUL or a control character would end or hide part of the text in the libraries below.
  const bool has_control = std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (has_control) return refuse(text, "it has control characters");
  if (text.size() > 4 * kMaxText) return refuse(text, "it is longer than 253 characters");
  std::string ascii(text);
  if (!is_ascii(text)) {
    auto converted = to_a_labels(text);
    if (!converted) return fail(std::move(converted).error());
    ascii = *std::move(converted);
  }
  auto name = canonical(ascii, Underscores::refused);
  if (!name) return fail(std::move(name).error());
  if (ends_in_number(*name)) return refuse(text, "it is an IP address or part of one");
  return Domain(*std::move(name));
}

Result<Domain> Domain::from(const DnsName& name) {
  return parse(name.text());
}

std::string Domain::unicode() const {
  if (text().find("xn--") == std::string::npos) return text();
  const auto& idn = libidn2();
  if (!idn) return text();
  char* raw = nullptr;
  if (idn->to_unicode(text().c_str(), &raw, 0) != IDN2_OK) return text();
  const std::unique_ptr<char, FreeIdn> shown(raw);
  const auto back = Domain::parse(shown.get());
  return back && *back == *this ? std::string(shown.get()) : text();
}

}  // namespace sm::name
