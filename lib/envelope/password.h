#pragma once
// Passwords as envelopes take them: 1 to 1,024 bytes of well-formed UTF-8 without NUL, as they are,
// without normalisation. Of what a file holds, one line end at the very end (LF or CRLF) does not
// belong to the password.

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace sm::envelope {

class Password {
 public:
  /// What a file or a terminal gave. Errc::malformed: empty, too long, not UTF-8, or with a NUL;
  /// `name` is where it came from.
  static Result<Password> from_input(Secret input, const std::string& name);
  [[nodiscard]] Bytes reveal() const { return bytes_.reveal(); }
  [[nodiscard]] Password clone() const { return Password(bytes_.clone()); }

 private:
  explicit Password(Secret bytes) : bytes_(std::move(bytes)) {}
  Secret bytes_;
};

/// The password in a file, which only its owner can read. Errc::denied where others can.
Result<Password> read_password_file(const std::string& path);

}  // namespace sm::envelope
