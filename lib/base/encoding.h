#pragma once
// Base64 (RFC 4648 §4, padded), base64url (§5, unpadded) and lower-case hex.
//
// Decoding is strict: one text for one value. Wrong padding, non-zero trailing bits, white space
// and characters outside the alphabet are refused, so that no two encodings name the same bytes.
// (DKIM and MIME allow folding white space; their own folders strip it before they come here.)

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/secret.h"

namespace sm {

std::string to_base64(Bytes bytes);
std::string to_base64url(Bytes bytes);
std::string to_hex(Bytes bytes);

/// The bytes, or nothing when the text is not canonical.
std::optional<std::vector<std::uint8_t>> from_base64(std::string_view text);
std::optional<std::vector<std::uint8_t>> from_base64url(std::string_view text);
/// Lower-case digits only, an even number of them.
std::optional<std::vector<std::uint8_t>> from_hex(std::string_view text);

/// The same for key material: the result is wiped when it dies, and so are all intermediate bytes.
std::optional<Secret> secret_from_base64(std::string_view text);
/// Base64 of key material.
Secret secret_to_base64(Bytes bytes);

}  // namespace sm
