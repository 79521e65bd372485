#pragma once
// What the audit log knows of the keyring. Every change of the keyring is a record with its counter
// and the SHA-256 of the file, so that an older copy put back (a destroyed key with it) is known
// for what it is, wherever the copy came from.

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace sm::keys {

/// The newest change that the log tells of.
struct Mark {
  std::uint64_t counter = 0;
  std::string sha256;  ///< hex, of the keyring's file
  bool operator==(const Mark&) const = default;
};

/// The facts by which a record carries a mark.
inline constexpr char kCounterFact[] = "keyring_counter";
inline constexpr char kSha256Fact[] = "keyring_sha256";

/// The mark with the greatest counter in the logs of all organisations under `<state>/audit`;
/// nothing where none has any. An Error where a log is there and cannot be read: then no keyring
/// is to be believed.
Result<std::optional<Mark>> newest_mark(const std::string& state);

}  // namespace sm::keys
