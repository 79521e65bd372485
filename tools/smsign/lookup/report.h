#pragma once
// Verifications for people and programs.

#include <string>

#include "base/result.h"
#include "dkim/verifier.h"
#include "message/reader.h"
#include "options.h"

namespace sm::smsign {

/// "pass d=example.com s=mail a=rsa-sha256 good signature (2048-bit key, DNSSEC: secure)".
std::string plain_line(const dkim::SignatureResult& result);
/// The same and all that was found, as one JSON object.
std::string json_line(const dkim::SignatureResult& result);

/// --authentication-results, with LF as stdout has it.
Result<std::string> authentication_results(const dkim::Verification& verification,
                                           const std::string& server);

/// --explain: each signature's line, then sentences.
Result<void> print_explanation(const Options& options, const message::Message& message,
                               const dkim::Verification& verification);

/// --canonical: the bytes that one signature's hash is made of, as they are.
Result<cli::Verdict> print_canonical(const Options& options, const message::Message& message);

}  // namespace sm::smsign
