#pragma once
// From a Record to the bytes of its line. What a process can say before it holds the lock (a Draft)
// is made first; sequence number, chain and time come when its turn comes, perhaps by the hand of
// another process that writes for all that wait.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "audit/record.h"
#include "audit/tree.h"
#include "base/clock.h"
#include "base/result.h"

namespace sm::audit {

/// Who writes: the fields that are the same in all records of a process.
struct Writer {
  Writer(const std::string& tool, const std::string& host, const std::string& boot_id);
  std::string boot;
  std::string json;  ///< `,"tool":…,"host":…,"boot":…`
};

struct Draft {
  std::string before_mono;  ///< `"event":…,"tool":…,"host":…,"boot":…`
  std::string after_mono;   ///< `,"level":…,"_sd":[…]}`
  std::string disclosures;  ///< `["…","…"]`, or empty
};

/// A line that verifying would call altered must never be written: it could not be taken back.
Result<void> check_readable(const Draft& draft);

/// Errc::malformed where the record has a defect, or its line would be none (65,535 bytes at most).
Result<Draft> draft(const Record& record, const Writer& writer);

/// The line, without LF.
std::string line_of(const Draft& draft, std::uint64_t seq, const Hash& previous,
                    const std::string& ts, std::uint64_t mono_micros);
/// The line of the disclosures file, without LF; empty when there are none.
std::string disclosure_line_of(const Draft& draft, std::uint64_t seq);

/// Drafts as bytes, to be handed to another process, and back. Nothing when damaged.
std::string pack(std::span<const Draft> drafts);
std::optional<std::vector<Draft>> unpack(std::string_view bytes);

}  // namespace sm::audit
