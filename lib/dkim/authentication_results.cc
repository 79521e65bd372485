#include "dkim/authentication_results.h"

#include <algorithm>

#include "base/text.h"

namespace sm::dkim {
namespace {

bool is_token_character(char c) {
  // RFC 2045 §5.1: token, less what could end or fold the field.
  return c > 0x20 && c < 0x7f &&
         std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

/// A value as it is where it is a token, else quoted; what cannot be quoted is left out.
std::string value_text(std::string_view text) {
  if (is_token(text)) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) {
    if (c < 0x20 || c >= 0x7f) continue;
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string property(std::string_view name, std::string_view value) {
  return value.empty() ? "" : " " + std::string(name) + "=" + value_text(value);
}

std::string one_result(const SignatureResult& result) {
  constexpr std::size_t kShownOfB = 8;  // RFC 6008 §3: enough to tell signatures apart
  std::string text = "dkim=" + std::string(dkim::text(result.status));
  if (result.status != Status::pass) text += property("reason", result.reason);
  text += property("header.d", result.parsed.d);
  if (const Signature* signature = result.parsed.signature()) {
    // RFC 8601 §2.7.1 has the identity bare: "@example.com", "joe@example.com".
    const bool is_plain = std::all_of(signature->identity.begin(), signature->identity.end(),
                                      [](char c) { return is_token_character(c) || c == '@'; });
    if (is_plain) text += " header.i=" + signature->identity;
  }
  text += property("header.s", result.parsed.s) + property("header.a", result.parsed.a);
  if (const Signature* signature = result.parsed.signature()) {
    text += property("header.b", std::string_view(signature->b_text).substr(0, kShownOfB));
  }
  return text;
}

}  // namespace

Result<std::string> authentication_results(const Verification& verification,
                                           const std::string& server) {
  if (!is_token(server)) {
    return fail(Errc::usage, "'" + printable(server) + "' is no name for Authentication-Results",
                "the host's name, such as mx.example.com");
  }
  std::string field = "Authentication-Results: " + server;
  for (const SignatureResult& result : verification.signatures)
    field += ";\r\n\t" + one_result(result);
  if (verification.signatures.empty()) field += "; dkim=none";
  return field + "\r\n";
}

}  // namespace sm::dkim
