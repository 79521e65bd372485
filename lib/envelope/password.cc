#include "envelope/password.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"

namespace sm::envelope {
namespace {
constexpr std::size_t kMostBytes = 1024;
}

Result<Password> Password::from_input(Secret input, const std::string& name) {
  const std::string_view text = as_text(input.reveal());
  const std::size_t line_end = text.ends_with("\r\n") ? 2 : text.ends_with('\n') ? 1 : 0;
  input.resize(input.size() - line_end);
  const std::string_view password = as_text(input.reveal());
  if (password.empty()) return fail(Errc::malformed, "the password in " + name + " is empty");
  if (password.size() > kMostBytes) {
    return fail(Errc::malformed, "the password in " + name + " is longer than 1,024 bytes");
  }
  if (!is_utf8(password) || password.find('\0') != password.npos) {
    return fail(Errc::malformed, "the password in " + name + " is not UTF-8 text without NUL");
  }
  return Password(std::move(input));
}

Result<Password> read_password_file(const std::string& path) {
  auto input = read_secret_file(path, kMostBytes + 2);
  if (!input) return fail(std::move(input).error());
  return Password::from_input(std::move(*input), path);
}

}  // namespace sm::envelope
