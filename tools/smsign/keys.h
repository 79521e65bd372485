#pragma once
// Keys as the command line names them, and the commands that only need a key.

#include <string>

#include "base/result.h"
#include "cli/main.h"
#include "crypto/signing_key.h"
#include "name/domain.h"
#include "options.h"

namespace sm::smsign {

/// A PEM file, a file of $CREDENTIALS_DIRECTORY ("credential:NAME", or its path), or a key on a
/// token, whose PIN is asked for on the terminal where the URI names no file for it.
Result<crypto::SigningKey> open_key(const cli::Common& common, const std::string& name);

/// The value of a flag that the command cannot do without; Errc::usage names the flag.
Result<std::string> required(const std::string& value, const std::string& flag);

/// --domain.
Result<name::Domain> domain_of(const Options& options);

Result<cli::Verdict> make_key(const Options& options);      ///< smsign keygen
Result<cli::Verdict> print_record(const Options& options);  ///< smsign dns

}  // namespace sm::smsign
