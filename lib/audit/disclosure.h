#pragma once
// Disclosures: values that a record commits to without showing them. Each is the base64url of a
// JSON array [salt, name, value] with a salt of 16 random bytes of its own; the record's line holds
// the SHA-256 of that text. Who has the text can prove the value; who has only the line cannot even
// guess it. (The construction of SD-JWT, RFC 9901 §4.2, with the hash over the text as it stands.)

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"

namespace sm::audit {

/// A new disclosure; `json` is the value.
std::string make_disclosure(std::string_view name, std::string_view json);
/// base64url of the SHA-256 of a disclosure's text: what stands in `_sd`.
std::string disclosure_digest(std::string_view disclosure);

struct Disclosure {
  std::string name;
  std::string json;  ///< the value, as it stands in the text
  std::string text;  ///< the value for people: a string's content, any other value's JSON

  /// Nothing when it is not the canonical base64url of an array of two strings and a value.
  static std::optional<Disclosure> parse(std::string_view disclosure);
};

/// One line of a disclosures file: `{"seq":777,"d":["…","…"]}`.
struct DisclosureLine {
  std::uint64_t seq = 0;
  std::vector<std::string> disclosures;

  static std::optional<DisclosureLine> parse(std::string_view line);
  [[nodiscard]] std::string text() const;  ///< without LF
};

}  // namespace sm::audit
