#pragma once
// Structured MIME fields: a value and its parameters (RFC 2045 §5.1, RFC 2183, RFC 2231).
//
//   Content-Type: multipart/mixed; boundary="x"
//   Content-Disposition: attachment; filename*0*=UTF-8''na%C3%AF; filename*1=ve.pdf
//
// Reading is exact where a second reader might see something else: a parameter that comes twice is
// an error, not a choice.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sm::message {

struct Parameter {
  std::string name;      ///< lower case, without "*" and section numbers
  std::string value;     ///< UTF-8 where the field named a charset (RFC 2231), else as written
  bool is_plain = true;  ///< written as name=value, not by RFC 2231
};

/// A value with parameters: "multipart/mixed" or "attachment", lower case.
struct StructuredField {
  std::string value;
  std::vector<Parameter> parameters;
  /// The parameter's value, or null.
  [[nodiscard]] const std::string* find(std::string_view name) const;
  [[nodiscard]] const Parameter* find_parameter(std::string_view name) const;
};

/// Reads a Content-Type, Content-Disposition or Content-Transfer-Encoding value, folding and
/// comments included. Errc::malformed: no value, a parameter twice, no "=", an open quote or
/// comment, more than 100 parameters.
Result<StructuredField> parse_structured(std::string_view value);

/// The parameter as it stands in a new field, "; name=value": quoted where it must be; beyond ASCII
/// or long, by RFC 2231 in sections that fit lines of 76 characters, each on a folded line.
std::string parameter_text(std::string_view name, std::string_view value);

}  // namespace sm::message
