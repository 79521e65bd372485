#pragma once
// The header of a sealed envelope, `smtools-envelope/v1`: a few lines of text that can change while
// the bodies never do. It names the envelope, binds part 0 (the manifest) and lists the stanzas by
// which the message key is reached. Stanzas come and go without the message key; destroying the
// header destroys the content.
//
// The header carries no MAC of its own: the id enters every key and every AAD, part 0's salt and
// commitment bind message key and manifest, and each stanza binds its own line.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "crypto/chunked.h"
#include "envelope/stanza.h"

namespace sm::envelope {

inline constexpr std::size_t kMaxHeaderSize = 256 * 1024;
inline constexpr std::size_t kMaxStanzas = 1024;
inline constexpr std::size_t kMaxPasswordStanzas = 8;

/// Where the header at the start of `bytes` ends (after the LF of `---`), or nothing when its end
/// has not come yet.
std::optional<std::size_t> find_header_end(std::string_view bytes);

struct Header {
  EnvelopeId id;
  crypto::ChunkedPrefix manifest{};  ///< salt ‖ commitment of part 0
  std::uint64_t manifest_size = 0;   ///< bytes of part 0, sealed
  std::vector<Stanza> stanzas;

  [[nodiscard]] std::string text() const;
  /// Adds a stanza. Errc::malformed where the header would be beyond its caps.
  Result<void> add(Stanza stanza);
  /// The caps, and no stanza twice: Errc::malformed.
  [[nodiscard]] Result<void> check() const;
};

/// The header in `text`, which is all of it and nothing more. Errc::malformed: not an envelope, an
/// unknown version, a line that is not canonical, caps exceeded.
Result<Header> parse_header(std::string_view text);

}  // namespace sm::envelope
