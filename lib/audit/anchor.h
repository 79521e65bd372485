#pragma once
// Anchors: RFC 3161 timestamps over the log's checkpoints. A timestamp authority, who knows nothing
// of us, signs the SHA-256 of a checkpoint file and the time: nobody can later make up a log that
// was supposedly as long as that then. Kept in anchors/, named by the checkpoint's size:
// <size>.tsq the query, <size>.tsr the reply.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/layout.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"

namespace sm::audit {

/// A query for a timestamp over these bytes (RFC 3161 §2.4.1): SHA-256, a random nonce of 8 bytes,
/// the authority's certificate wanted.
Result<std::vector<std::uint8_t>> timestamp_query(Bytes message);

/// A timestamp reply that was read.
struct Timestamp {
  std::chrono::sys_seconds time{};
  std::string authority;  ///< the signer's name, from its certificate; may be empty
};

/// What a reply says about a message.
enum class TimestampVerdict {
  good,           ///< granted, over this message, and signed by the certificate that it brings
  rejected,       ///< the authority granted nothing
  other_message,  ///< over other bytes
  bad_signature,
  untrusted,  ///< its certificate does not lead to one of the given roots
};
std::string_view text(TimestampVerdict verdict);

struct TimestampAnswer {
  TimestampVerdict verdict{};
  Timestamp timestamp;
};

/// Verifies a reply (RFC 3161 §2.4.2). `ca_file`: PEM roots that its certificate must lead to;
/// empty: the signature must be right, whoever made it. `query`: where given, the nonce must be
/// the query's. Errc::malformed: no timestamp reply.
Result<TimestampAnswer> verify_timestamp(Bytes reply, Bytes message, const std::string& ca_file,
                                         Bytes query = {});

/// Keeps a query over the checkpoint of that size until its reply comes.
Result<void> keep_query(const Layout& layout, std::uint64_t size, Bytes query);
/// The query over the checkpoint of that size, where there is one.
Result<std::optional<std::string>> query_over(const Layout& layout, std::uint64_t size);

/// Keeps a reply, and its query where there is one, in the log's folder.
Result<void> keep_anchor(const Layout& layout, std::uint64_t size, Bytes reply, Bytes query);

/// The newest anchor.
struct AnchorAge {
  std::uint64_t size = 0;  ///< of the checkpoint that it is over
  Timestamp timestamp;
  std::chrono::seconds age{};
};

/// An anchor that says nothing about its checkpoint, and why.
struct BadAnchor {
  std::uint64_t size = 0;
  std::string why;
};

struct Anchors {
  std::optional<AnchorAge> newest;
  std::vector<BadAnchor> bad;
};
/// All anchors of a log, verified against the checkpoints beside them. `ca_file` as in
/// verify_timestamp().
Result<Anchors> read_anchors(const Layout& layout, WallTime now, const std::string& ca_file);

/// The timestamp reply over the checkpoint of that size, where there is one.
Result<std::optional<std::string>> anchor_over(const Layout& layout, std::uint64_t size);

}  // namespace sm::audit
