#pragma once
// Canonicalization (RFC 6376 §3.4): the form of a message whose bytes are hashed.
//
// "simple" takes the bytes nearly as they are, "relaxed" forgives what relays do to white space.
// Bodies are streams: they come in pieces of any size, cut anywhere, and the canonical bytes are
// the same. Lines end in CRLF; who reads files with LF converts first. A CR or LF that is not part
// of a CRLF is a character like others (RFC 6376 §2.8: only CRLF ends a line).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/secret.h"
#include "crypto/digest.h"

namespace sm::dkim {

enum class Canon { simple, relaxed };
std::string_view text(Canon canon);

/// c=, for the header and for the body.
struct Canons {
  Canon header = Canon::relaxed;
  Canon body = Canon::relaxed;
  /// "relaxed/simple"; one word alone means that word and simple (RFC 6376 §3.5).
  static std::optional<Canons> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  friend bool operator==(const Canons&, const Canons&) = default;
};

/// Adds one header field in canonical form, its CRLF included. `raw` is the field with its folding
/// and final CRLF.
void append_canonical_field(Canon canon, std::string_view raw, std::string& out);

/// Takes canonical bytes.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual void write(Bytes bytes) = 0;
};

/// Turns a body into its canonical bytes. One pass; holds one block of at most 16 KiB.
class BodyCanonicalizer {
 public:
  explicit BodyCanonicalizer(Canon canon);
  void update(Bytes body, ByteSink& sink);
  /// The end of the body; nothing may follow.
  void finish(ByteSink& sink);

 private:
  void compress(Bytes body, ByteSink& sink);
  void put(Bytes bytes, ByteSink& sink);
  void put_line_ends(ByteSink& sink);

  Canon canon_;
  bool has_content_ = false;     ///< something other than line ends was put out
  bool is_after_cr_ = false;     ///< the last byte was a CR that may begin a CRLF
  bool is_after_blank_ = false;  ///< relaxed: white space that is not yet decided on
  std::uint64_t line_ends_ = 0;  ///< CRLFs held back: at the end of the body they are dropped
  std::unique_ptr<std::uint8_t[]> block_;  ///< relaxed only
};

/// The body hash of one canonicalization: bh= before base64.
class BodyHasher final : private ByteSink {
 public:
  /// `limit` is l=: only so many canonical octets are hashed.
  explicit BodyHasher(Canon canon, std::optional<std::uint64_t> limit = {});
  void update(Bytes body) { canonicalizer_.update(body, *this); }
  crypto::Sha256 finish();
  /// Canonical octets so far, those beyond the limit included.
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  void write(Bytes bytes) override;
  BodyCanonicalizer canonicalizer_;
  crypto::Sha256Stream hash_;
  std::optional<std::uint64_t> limit_;
  std::uint64_t size_ = 0;
};

/// The body hash of a body in memory.
crypto::Sha256 body_hash(Canon canon, Bytes body);

}  // namespace sm::dkim
