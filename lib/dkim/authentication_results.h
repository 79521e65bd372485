#pragma once
// Authentication-Results (RFC 8601): a verification as a header field, for filters further on.

#include <string>

#include "base/result.h"
#include "dkim/verifier.h"

namespace sm::dkim {

/// The whole field with CRLF: one dkim= for each signature, or dkim=none (§2.7.1). `server` is the
/// authserv-id, who verified; Errc::usage where it is no such word.
Result<std::string> authentication_results(const Verification& verification,
                                           const std::string& server);

}  // namespace sm::dkim
