// Private keys on PKCS#11 tokens, through OpenSSL's engine "pkcs11" (libp11; Debian 12 packages no
// PKCS#11 provider). Engines are deprecated in OpenSSL 3 and still work there.
#define OPENSSL_SUPPRESS_DEPRECATED

#include <mutex>

#include <openssl/engine.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ui.h>

#include "base/file.h"
#include "base/text.h"
#include "crypto/owned.h"
#include "crypto/signing_key.h"

namespace sm::crypto {
namespace {

constexpr std::size_t kMostPin = 256;

/// A PKCS#11 URI (RFC 7512) taken apart: what the engine is asked for, and what we read ourselves.
struct TokenUri {
  std::string key;    ///< without query and PIN
  std::string token;  ///< its label, for the words of errors and prompts
  std::string pin_source;
  std::string module_path;
};

std::optional<std::string> percent_decoded(std::string_view text) {
  const auto nibble = [](char c) -> int {
    if (is_digit(c)) return c - '0';
    const char l = to_lower(c);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
  };
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size() || nibble(text[i + 1]) < 0 || nibble(text[i + 2]) < 0) {
      return std::nullopt;
    }
    decoded += static_cast<char>(nibble(text[i + 1]) * 16 + nibble(text[i + 2]));
    i += 2;
  }
  return decoded;
}

Result<TokenUri> parse_token_uri(const std::string& uri) {
  const auto bad = [](const std::string& why) {
    return fail(Errc::usage, "the pkcs11: URI " + why,
                "pkcs11:token=LABEL;object=LABEL?pin-source=FILE&module-path=LIBRARY.so");
  };
  TokenUri parsed;
  std::string rest = uri.substr(std::string_view("pkcs11:").size());
  for (char& c : rest) {
    if (c == '?' || c == '&') c = ';';
  }
  for (const std::string_view attribute : split(rest, ';')) {
    if (attribute.empty()) continue;
    const auto equals = attribute.find('=');
    if (equals == attribute.npos) return bad("has an attribute without a value");
    const std::string_view name = attribute.substr(0, equals);
    const auto value = percent_decoded(attribute.substr(equals + 1));
    if (!value) return bad("has a broken percent encoding");
    if (name == "pin-value") {
      return fail(Errc::usage, "a PIN in a pkcs11: URI can be seen by everybody on this machine",
                  "put it in a file that only you can read: ?pin-source=FILE");
    }
    if (name == "pin-source") {
      parsed.pin_source = value->starts_with("file:") ? value->substr(5) : *value;
    } else if (name == "module-path") {
      parsed.module_path = *value;
    } else {
      if (name == "token") parsed.token = *value;
      parsed.key += (parsed.key.empty() ? "pkcs11:" : ";") + std::string(attribute);
    }
  }
  if (parsed.key.empty()) return bad("names no key");
  return parsed;
}

Result<Secret> read_pin(const TokenUri& uri, PinSource* source) {
  if (uri.pin_source.empty()) return source ? source->pin(uri.token) : Result<Secret>(Secret());
  auto pin = read_secret_file(uri.pin_source, kMostPin);
  if (!pin) return pin;
  while (!pin->empty() && (pin->reveal().back() == '\n' || pin->reveal().back() == '\r')) {
    pin->resize(pin->size() - 1);
  }
  return pin;
}

/// The engine, with its token library loaded. One library a process: an engine keeps the one it
/// began with, and it is never closed, since keys point into it.
Result<ENGINE*> engine_for(const std::string& module_path) {
  static ENGINE* engine = nullptr;
  static std::string loaded;
  if (engine) {
    if (loaded == module_path) return engine;
    return fail(Errc::unavailable, "two token libraries cannot be used at once");
  }
  ENGINE_load_builtin_engines();
  ENGINE* found = ENGINE_by_id("pkcs11");
  if (!found) {
    ERR_clear_error();
    return fail(Errc::unavailable, "OpenSSL's PKCS#11 engine is not installed",
                "apt install libengine-pkcs11-openssl");
  }
  ENGINE_ctrl_cmd_string(found, "QUIET", nullptr, 0);  // else it writes to stderr
  const bool is_ready =
      (module_path.empty() ||
       ENGINE_ctrl_cmd_string(found, "MODULE_PATH", module_path.c_str(), 0) == 1) &&
      ENGINE_init(found) == 1;
  ERR_clear_error();
  if (!is_ready) {
    ENGINE_free(found);
    return fail(Errc::unavailable, "the token library " + module_path + " cannot be used");
  }
  engine = found;
  loaded = module_path;
  return engine;
}

/// What OpenSSL said, in its words.
std::string engine_reason() {
  std::string reason;
  while (const unsigned long code = ERR_get_error()) {
    const char* text = ERR_reason_error_string(code);
    if (text) reason += (reason.empty() ? "" : "; ") + std::string(text);
  }
  return reason.empty() ? "no such key, or no access to it" : reason;
}

}  // namespace

Result<SigningKey> SigningKey::from_token(const std::string& uri, PinSource* pin_source) {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const auto parsed = parse_token_uri(uri);
  if (!parsed) return fail(parsed.error());
  auto pin = read_pin(*parsed, pin_source);
  if (!pin) return fail(std::move(pin).error());
  const auto engine = engine_for(parsed->module_path);
  if (!engine) return fail(engine.error());
  if (!pin->empty()) {
    const std::uint8_t end = 0;
    pin->append({&end, 1});
    ENGINE_ctrl_cmd_string(*engine, "PIN", reinterpret_cast<const char*>(pin->reveal().data()), 0);
  }
  // UI_null: without a PIN the engine would ask on the terminal.
  EVP_PKEY* key = ENGINE_load_private_key(*engine, parsed->key.c_str(),
                                          const_cast<UI_METHOD*>(UI_null()), nullptr);
  const std::string reason = engine_reason();
  const std::string name = parsed->token.empty() ? "the token" : "token " + parsed->token;
  if (!key) {
    const bool is_pin = to_lower(reason).find("pin") != std::string::npos;
    return fail(is_pin ? Errc::denied : Errc::unavailable, "no key from " + name + ": " + reason,
                pin->empty() ? "private keys show only with the PIN: ?pin-source=FILE"
                             : "p11tool --list-all-privkeys shows what is there");
  }
  SharedPkey shared = share(key);
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
    return fail(Errc::malformed, "the key on " + name + " is not an RSA key",
                "the PKCS#11 engine signs with RSA keys only");
  }
  return SigningKey(std::move(shared), true);
}

}  // namespace sm::crypto
