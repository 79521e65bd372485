#pragma once
// Links: what a recipient gets by mail, `<portal>/m/<token>`. The token is 32 random bytes and
// stands nowhere in the store but inside a notification that still waits, sealed; the store knows
// its SHA-256, which finds the recipient and opens nothing.

#include <string>
#include <string_view>

#include "base/result.h"
#include "crypto/digest.h"
#include "envelope/wrap.h"

namespace sm::sealing {

/// What the path of a recipient's link begins with, after the portal's own: "/m/".
inline constexpr std::string_view kLinkPath = "/m/";
/// The same for the form that asks a sender for a recipient's phone number: "/n/".
inline constexpr std::string_view kNumberPath = "/n/";

using LinkHash = crypto::Sha256;

LinkHash hash_of(const envelope::LinkToken& token);

/// `portal` is the configured base URL, without a slash at the end.
Secret link_url(const std::string& portal, std::string_view path, const envelope::LinkToken& token);

/// A token out of a URL's last segment: exactly 43 characters of canonical base64url.
std::optional<envelope::LinkToken> parse_token(std::string_view segment);

}  // namespace sm::sealing
