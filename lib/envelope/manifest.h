#pragma once
// The manifest, part 0 of an envelope: which parts there are, what they are called and of which
// type, how long they are, and the salt and commitment that bind each body to this list. Subject,
// names and types of a message live nowhere else.
//
// It is JSON, padded with spaces to a multiple of 1 KiB, so that its length tells little.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/chunked.h"

namespace sm::envelope {

inline constexpr std::size_t kManifestUnit = 1024;
inline constexpr std::size_t kMaxManifestSize = std::size_t{4} << 20;
inline constexpr std::size_t kMaxParts = 10000;

/// Whether a padded manifest can have that many bytes.
constexpr bool is_manifest_size(std::uint64_t size) {
  return size >= kManifestUnit && size <= kMaxManifestSize && size % kManifestUnit == 0;
}

enum class Role {
  message,  ///< a mail without its attachments
  file,
};

/// What is known of a part, apart from its body.
struct PartInfo {
  Role role = Role::file;
  std::optional<std::string> name{};  ///< as its sender called it: any text, no safe file name
  std::string type = "application/octet-stream";
  std::optional<std::uint64_t>
      size{};  ///< bytes of plaintext; unset only for a last part from a pipe
};

struct Part {
  PartInfo info;
  crypto::ChunkedPrefix sealed{};  ///< salt ‖ commitment of its body
};

struct Manifest {
  std::chrono::sys_seconds created{};
  std::vector<Part> parts;  ///< part n stands at n - 1

  /// The padded JSON. Errc::malformed where it would be beyond the caps, or a size is missing that
  /// must not be.
  [[nodiscard]] Result<std::string> text() const;
};

/// Errc::malformed: not what text() writes, in any order of keys: duplicate and unknown keys, gaps
/// in the numbering and missing sizes are refused.
Result<Manifest> parse_manifest(std::string_view text);

/// "message", "file".
std::string_view text(Role role);

/// One line of JSON for a part, as `smunseal --list` prints it: n, role, name, type, size.
std::string part_json(std::size_t n, const PartInfo& info);

}  // namespace sm::envelope
