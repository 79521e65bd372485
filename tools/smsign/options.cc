#include "options.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/options.h"

namespace sm::smsign {
namespace {

constexpr std::array<std::string_view, 6> kCommands = {"sign", "verify", "keygen",
                                                       "dns",  "check",  "rotate"};
// Flags that may stand before the command.
constexpr std::array<std::string_view, 4> kBareFlags = {"--json", "-q", "--quiet", "--no-color"};
constexpr std::array<std::string_view, 2> kValueFlags = {"--config", "--state"};
constexpr std::array<std::string_view, 3> kAnswers = {"-h", "--help", "--version"};

template <class List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

CLI::App& add_command(CLI::App& app, Options& options, Command command, const std::string& name,
                      const std::string& help) {
  return cli::add_command(app, name, help, [&options, command] { options.command = command; });
}

void add_key_options(CLI::App& app, Options& options, const std::string& what) {
  cli::add_text(app, "--domain", options.domain, "DOMAIN", "the domain that signs, d=");
  cli::add_text(app, "--selector", options.selector, "SELECTOR", "the key's name in the DNS, s=");
  cli::add_text(app, "--key", options.key, "FILE|URI", what);
}

void describe_sign(CLI::App& app, Options& options) {
  add_key_options(app, options,
                  "private key: a PEM file, credential:NAME, or a pkcs11: URI (default: what the "
                  "configuration has for the domain in From)");
  cli::add_text(app, "--selector2", options.selector2, "SELECTOR", "the second key's name");
  cli::add_text(app, "--key2", options.key2, "FILE|URI",
                "a second signature by this key, over the same hash");
  cli::add_text(app, "--expire", options.expire, "DURATION",
                "adds x=: the signature ends so much later, such as 14d or 12h");
  cli::add_text(app, "--identity", options.identity, "ADDRESS",
                "adds i=: [user]@the domain or one below it");
  cli::add_text(app, "--canonicalization", options.canons, "HEADER/BODY",
                "simple or relaxed for each (default: relaxed/relaxed)");
  cli::add_text(app, "--now", options.now, "TIME", "signs as if at this time");
}

void describe_verify(CLI::App& app, Options& options) {
  cli::add_flag(app, "--explain", options.explains,
                "says why in sentences, and tries the known damages one by one");
  cli::add_choice(app, "--canonical", options.canonical, {"header", "body"},
                  "prints instead the bytes that a signature's hash is made of");
  cli::add_number(app, "--signature", options.signature, 1, 10, "N",
                  "with --canonical: the signature, from the top (default: 1)");
  cli::add_text(app, "--authentication-results", options.authentication_results, "NAME",
                "prints instead an Authentication-Results field; NAME says who verified");
  cli::add_text(app, "--now", options.now, "TIME",
                "when the message was received: seconds since 1970 or 2026-11-21T10:00:00Z "
                "(default: now)");
  cli::add_network_options(app, options.network);
}

void describe_keygen(CLI::App& app, Options& options) {
  cli::add_choice(app, "--algorithm", options.algorithm, {"rsa", "ed25519"},
                  "of the key (default: rsa)");
  cli::add_number(app, "--bits", options.bits, 2048, 8192, "N", "of an RSA key (default: 2048)");
  cli::add_text(app, "--out", options.out, "FILE", "where to; a file that exists is kept")
      ->required();
}

void describe_rotate(CLI::App& app, Options& options) {
  add_key_options(app, options,
                  "the key that signs now (default: what the configuration has for the domain)");
  cli::add_text(app, "--new-selector", options.new_selector, "SELECTOR",
                "of the new key (default: s and today's date)");
  cli::add_choice(app, "--algorithm", options.algorithm, {"rsa", "ed25519"},
                  "which of the domain's keys (default: rsa)");
  cli::add_number(app, "--bits", options.bits, 2048, 8192, "N", "of a new RSA key (default: 2048)");
  cli::add_text(app, "--overlap", options.overlap, "DURATION",
                "how long the old key stays valid after the switch (default: 7d)");
  cli::add_text(app, "--org", options.organisation, "NAME",
                "whose audit log tells of it (default: the domain's organisation)");
  cli::add_text(app, "--now", options.now, "TIME", "acts as if at this time");
  cli::add_flag(app, "--again", options.begins_again,
                "begins anew where the last rotation is done");
  cli::add_flag(app, "--status", options.shows_status, "only says how far the rotation is");
  cli::add_flag(app, "--abort", options.aborts, "gives up a rotation that has not switched yet");
  cli::add_network_options(app, options.network);
}

}  // namespace

const cli::Summary kSummary{
    .name = "smsign",
    .line = "signs mail with DKIM, verifies it, and makes, publishes and rotates the keys",
    .usage =
        "[sign] --domain D --selector S --key FILE|URI [options] < in > out\n"
        "verify [options] < in\n"
        "keygen|dns|check|rotate [options]",
};

void describe(CLI::App& app, Options& options) {
  cli::require_command(app);
  describe_sign(
      add_command(app, options, Command::sign, "sign", "signs stdin to stdout; the default"),
      options);
  describe_verify(add_command(app, options, Command::verify, "verify",
                              "judges every signature of a message, one line each"),
                  options);
  describe_keygen(add_command(app, options, Command::keygen, "keygen", "makes a private key"),
                  options);
  CLI::App& dns = add_command(app, options, Command::dns, "dns",
                              "prints the record to publish for a private key");
  add_key_options(dns, options, "private key: a PEM file, credential:NAME, or a pkcs11: URI");
  cli::add_choice(dns, "--format", options.format, {"zone", "raw", "json", "nsupdate"},
                  "how to print it (default: zone)");
  CLI::App& check = add_command(app, options, Command::check, "check",
                                "compares what is published with a private key");
  add_key_options(check, options, "private key (without: the record alone is judged)");
  cli::add_network_options(check, options.network);
  describe_rotate(add_command(app, options, Command::rotate, "rotate",
                              "replaces a key step by step; run it until it says done"),
                  options);
}

std::vector<char*> with_default_command(int argc, char** argv) {
  static std::string sign = "sign";
  std::vector<char*> arguments(argv, argv + argc);
  std::size_t at = 1;
  while (at < arguments.size()) {
    const std::string_view word = arguments[at];
    const bool is_verbose = word.starts_with("-v") && word.find_first_not_of('v', 1) == word.npos;
    if (contains(kValueFlags, word)) {
      at += 2;
    } else if (contains(kBareFlags, word) || is_verbose || word.starts_with("--config=") ||
               word.starts_with("--state=")) {
      ++at;
    } else {
      break;
    }
  }
  const bool is_named = at < arguments.size() &&
                        (contains(kCommands, arguments[at]) || contains(kAnswers, arguments[at]));
  if (!is_named && !arguments.empty()) {
    arguments.insert(
        arguments.begin() + static_cast<std::ptrdiff_t>(std::min(at, arguments.size())),
        sign.data());
  }
  return arguments;
}

}  // namespace sm::smsign
