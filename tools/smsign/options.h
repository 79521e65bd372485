#pragma once
// smsign's command line.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/common.h"
#include "cli/main.h"

namespace sm::smsign {

enum class Command { none, sign, verify, keygen, dns, check, rotate };

struct Options {
  cli::Common common;
  cli::NetworkFlags network;
  Command command = Command::none;

  // Several commands.
  std::string domain;              ///< --domain
  std::string selector;            ///< --selector
  std::string key;                 ///< --key: FILE, credential:NAME or pkcs11: URI
  std::optional<std::string> now;  ///< --now

  // sign
  std::string selector2, key2;        ///< a second signature over the same hash
  std::optional<std::string> expire;  ///< --expire 14d
  std::string identity;               ///< --identity
  std::optional<std::string> canons;  ///< --canonicalization

  // verify
  bool explains = false;                   ///< --explain
  std::optional<std::string> canonical;    ///< --canonical header|body
  std::optional<std::uint64_t> signature;  ///< --signature N, from 1
  std::string authentication_results;      ///< --authentication-results ID

  // keygen
  std::optional<std::string> algorithm;  ///< --algorithm
  std::optional<std::uint64_t> bits;     ///< --bits
  std::string out;                       ///< --out

  // dns
  std::optional<std::string> format;  ///< --format

  // rotate
  std::string new_selector;            ///< --new-selector
  std::optional<std::string> overlap;  ///< --overlap
  std::string organisation;            ///< --org
  bool begins_again = false;           ///< --again
  bool shows_status = false;           ///< --status
  bool aborts = false;                 ///< --abort
};

extern const cli::Summary kSummary;
void describe(CLI::App& app, Options& options);
Result<cli::Verdict> run(const Options& options);

/// The arguments with "sign" put in where no command is named: `smsign < in > out` signs.
std::vector<char*> with_default_command(int argc, char** argv);

}  // namespace sm::smsign
