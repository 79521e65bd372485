#pragma once
// The files of a log in the hands of whoever holds its lock: reading the tail, cutting what a crash
// left behind, appending durably, and keeping space.
//
// Nothing here locks, and nothing signs.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "audit/layout.h"
#include "audit/tree.h"
#include "base/file.h"
#include "base/result.h"
#include "crypto/digest.h"

namespace sm::audit {

/// Where the next record goes.
struct Tail {
  std::uint64_t next = 0;  ///< its seq
  Hash last{};             ///< the leaf of the record before; zeros for the first
};

/// What settle() took away.
struct Cut {
  std::uint64_t record_bytes = 0;
  std::uint64_t disclosure_bytes = 0;
  std::uint64_t disclosure_lines = 0;
  crypto::Sha256 sha256{};  ///< of the record bytes, then the disclosure bytes
  [[nodiscard]] bool is_empty() const { return record_bytes == 0 && disclosure_bytes == 0; }
};

/// One record as it will stand on disk; both without LF.
struct Entry {
  std::string line;
  std::string disclosures;  ///< empty: none
};

class LogFiles {
 public:
  explicit LogFiles(Layout layout) : layout_(std::move(layout)) {}

  /// Reads the tail again, and cuts record bytes after the last LF (and lines that hold NUL bytes,
  /// which a loss of power leaves), disclosure lines that are torn or belong to no record.
  /// `boot`: this boot's id. Errc::configuration where that would touch one of the first
  /// `signed_size` records, or where the last line is no record.
  Result<Cut> settle(std::uint64_t signed_size, const std::string& boot);
  [[nodiscard]] const Tail& tail() const { return tail_; }

  /// Appends the entries, whose seqs begin at tail().next: disclosures, sync, records, sync, and so
  /// on for each segment. After a failure what was written is taken back as far as that goes.
  Result<void> append(std::span<const Entry> entries);
  /// Makes durable what is there already.
  Result<void> sync();

  /// Keeps space on disk behind the ends of both files, beyond what is kept already.
  /// Errc::temporary: there is none.
  Result<void> keep_space(std::uint64_t record_bytes, std::uint64_t disclosure_bytes);
  /// The same for the next segment, when this one may end before the space is used.
  Result<void> keep_spare_segment(std::uint64_t record_bytes, std::uint64_t disclosure_bytes);

  [[nodiscard]] const Layout& layout() const { return layout_; }

 private:
  struct Part {
    UniqueFd fd;
    std::uint64_t number = 0;
    std::uint64_t size = 0;
    bool is_settled = false;  ///< its tail was looked at
  };
  Result<void> find_last_segment();
  Result<void> open_segment(std::uint64_t number);
  Result<void> create_segment(std::uint64_t number);
  Result<void> read_tail(std::uint64_t signed_size, const std::string& boot, Cut& cut,
                         crypto::Sha256Stream& digest);
  Result<void> settle_disclosures(Cut& cut, crypto::Sha256Stream& digest);
  Result<bool> open_disclosures(std::uint64_t number, bool is_to_be_made);
  Result<void> append_to_segment(std::span<const Entry> entries);

  Layout layout_;
  Part records_, disclosures_;
  Tail tail_;
  bool was_searched_for_nul_ = false;
};

}  // namespace sm::audit
