#pragma once
// The template of a batch: a whole message with headers, in mustache (mustache(5)), UTF-8.
//
// What a value may do depends on where it stands. In the header it is text of the field that the
// template wrote, never a line, a field or a further address: line ends are refused, display names
// and subjects beyond ASCII become encoded words (RFC 2047), a value inside angle brackets must be
// one mailbox. In a part of type text/html it is escaped ({{{x}}} is not). In all other text it
// stands as it is. A value that would be a delimiter line of the template's own multipart is
// refused. Sections ({{#x}}…{{/x}}, {{^x}}…{{/x}}) tell empty from not empty; partials, changed
// delimiters and variables in parts that are base64 or quoted-printable are refused.

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "batch/row.h"

namespace sm::batch {

class Template {
 public:
  static constexpr std::size_t kMost = 16 * 1024 * 1024;

  /// Errc::malformed with the reason and, where there is one, the line.
  static Result<Template> parse(std::string_view text);
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  /// All that it names.
  [[nodiscard]] const std::set<std::string>& variables() const;

  /// The message for a row, CRLF lines. Errc::malformed: a variable that the row does not have, a
  /// value that may not stand where it would. Not for two threads at once: each has its own.
  Result<std::string> render(const Row& row);

 private:
  struct Parts;
  explicit Template(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace sm::batch
