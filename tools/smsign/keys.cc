#include "keys.h"

#include "base/file.h"
#include "base/text.h"
#include "cli/prompt.h"
#include "dkim/publish.h"

namespace sm::smsign {
namespace {

constexpr std::string_view kCredential = "credential:";
constexpr std::uint64_t kUsualBits = 2048;

class TerminalPin final : public crypto::PinSource {
 public:
  Result<Secret> pin(const std::string& token) override {
    auto pin = cli::prompt_secret("PIN of token " + printable(token));
    // Without a terminal the token says itself what it misses.
    if (!pin && pin.error().code == Errc::unavailable) return Secret();
    return pin;
  }
};

dkim::RecordFormat format_of(const std::optional<std::string>& word) {
  if (word == "raw") return dkim::RecordFormat::raw;
  if (word == "json") return dkim::RecordFormat::json;
  if (word == "nsupdate") return dkim::RecordFormat::nsupdate;
  return dkim::RecordFormat::zone;
}

}  // namespace

Result<crypto::SigningKey> open_key(const cli::Common& common, const std::string& name) {
  const auto& folder = common.environment.credentials_directory;
  if (name.starts_with(kCredential)) {
    const std::string file = name.substr(kCredential.size());
    if (!folder) {
      return fail(Errc::no_input, "there is no $CREDENTIALS_DIRECTORY to take " + name + " from",
                  "LoadCredential= in a systemd service makes one");
    }
    if (file.empty() || file.find('/') != file.npos || file == "..") {
      return fail(Errc::usage, "'" + printable(name) + "' names no credential");
    }
    return crypto::SigningKey::from_file(*folder + "/" + file, true);
  }
  const bool is_credential = folder && name.starts_with(*folder + "/");
  TerminalPin pin;
  return crypto::SigningKey::open(name, is_credential, &pin);
}

Result<std::string> required(const std::string& value, const std::string& flag) {
  if (value.empty()) return fail(Errc::usage, flag + " is required");
  return value;
}

Result<name::Domain> domain_of(const Options& options) {
  const auto text = required(options.domain, "--domain");
  if (!text) return fail(text.error());
  auto domain = name::Domain::parse(*text);
  if (!domain) return fail(Errc::usage, "--domain: " + domain.error().what, domain.error().hint);
  return domain;
}

Result<cli::Verdict> make_key(const Options& options) {
  const bool is_rsa = options.algorithm.value_or("rsa") == "rsa";
  if (!is_rsa && options.bits) {
    return fail(Errc::usage, "--bits is for RSA keys: an Ed25519 key has one size");
  }
  auto key = is_rsa ? crypto::SigningKey::generate_rsa(
                          static_cast<unsigned>(options.bits.value_or(kUsualBits)))
                    : Result<crypto::SigningKey>(crypto::SigningKey::generate_ed25519());
  if (!key) return fail(key.error());
  const auto pem = key->pem();
  if (!pem) return fail(pem.error());
  auto published = publish_file(options.out, pem->reveal(), 0600, AtomicFile::Existing::keep);
  if (!published) {
    return fail(Errc::io, published.error().what,
                "an existing key is never replaced: choose another name");
  }
  return cli::Verdict::yes;
}

Result<cli::Verdict> print_record(const Options& options) {
  const auto domain = domain_of(options);
  if (!domain) return fail(domain.error());
  const auto selector = required(options.selector, "--selector");
  if (!selector) return fail(selector.error());
  const auto name = dkim::key_record_name(*domain, *selector);
  if (!name) return fail(name.error());
  const auto key_name = required(options.key, "--key");
  if (!key_name) return fail(key_name.error());
  const auto key = open_key(options.common, *key_name);
  if (!key) return fail(key.error());
  const auto format = options.common.is_json && !options.format ? dkim::RecordFormat::json
                                                                : format_of(options.format);
  options.common.out().print(
      dkim::format_record(format, *name, dkim::record_text(key->public_key())));
  return cli::Verdict::yes;
}

}  // namespace sm::smsign
