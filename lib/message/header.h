#pragma once
// The header of a message, as an index over its bytes (RFC 5322 §2.2).
//
// Nothing is copied, unfolded or repaired: a field's raw bytes, folding and line end included, are
// what is hashed, signed and sent. Fields keep their order. The strict syntax is for messages that
// we send; the lenient one is for messages that came from elsewhere and are to be verified.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sm::message {

/// One field: views into the header's bytes.
struct Field {
  std::string_view raw;    ///< from the name to the CRLF that ends the field
  std::string_view name;   ///< as written, without white space before the colon
  std::string_view value;  ///< all between the colon and the last CRLF, folding included

  [[nodiscard]] bool is(std::string_view other) const;  ///< the name, in any case
};

enum class Syntax {
  strict,   ///< RFC 5322 §2.2 and §2.1.1
  lenient,  ///< also white space before the colon (§4.5.8), long lines, NUL, bare CR, any octets
};

/// An index over header bytes that the caller keeps alive and in place.
class HeaderIndex {
 public:
  static constexpr std::size_t kMaxBytes = 1024 * 1024;
  static constexpr std::size_t kMaxFields = 10'000;
  static constexpr std::size_t kMaxLine = 998;  ///< without CRLF (RFC 5322 §2.1.1)

  HeaderIndex() = default;

  /// `bytes` is the header alone: lines that end in CRLF, without the empty line after them; it may
  /// be empty. Errc::malformed names the line and what is wrong there: no colon, a space before the
  /// colon, a character that no field name has, a folded line before any field, a bare CR or LF, a
  /// NUL, a line over 998 octets, bytes that are not UTF-8, too many fields, too many bytes.
  static Result<HeaderIndex> parse(std::string_view bytes, Syntax syntax = Syntax::strict);

  [[nodiscard]] std::size_t size() const { return fields_.size(); }
  /// From the top, 0-based.
  [[nodiscard]] const Field& operator[](std::size_t i) const { return fields_[i]; }
  [[nodiscard]] std::string_view bytes() const { return bytes_; }

  [[nodiscard]] std::size_t count(std::string_view name) const;
  /// Positions of the fields of this name, from the top.
  [[nodiscard]] std::vector<std::size_t> all(std::string_view name) const;
  /// The topmost field of this name, or null.
  [[nodiscard]] const Field* first(std::string_view name) const;

  [[nodiscard]] auto begin() const { return fields_.begin(); }
  [[nodiscard]] auto end() const { return fields_.end(); }

 private:
  std::string_view bytes_;
  std::vector<Field> fields_;
};

/// The value on one line: each CRLF before white space is removed (RFC 5322 §2.2.3), blanks at both
/// ends too.
std::string unfolded(std::string_view value);

/// A new field, "Name: value" CRLF, folded at blanks where a line would be over 78 characters.
/// Errc::malformed where the name is no field name or the value has a CR, LF, NUL or invalid UTF-8,
/// or a word too long for a line.
Result<std::string> make_field(std::string_view name, std::string_view value);

}  // namespace sm::message
