#pragma once
// Where things lie in a log's folder, and how its files are made.
//
//   00000000.ndjson …      the records, 65,536 a segment; only the last may be short or empty
//   disclosures/0000…      the disclosures of each segment
//   checkpoint             the newest signed checkpoint
//   checkpoints/<size>     all of them, the size in 20 digits
//   anchors/               timestamps over checkpoints (RFC 3161)
//   log.vkey               the keys that verify them, oldest first
//   lock                   held by whoever writes
//   .slots .cache/         for speed only: may be removed when nobody writes

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace sm::audit {

inline constexpr std::uint64_t kSegmentRecords = 65'536;

constexpr std::uint64_t segment_of(std::uint64_t seq) {
  return seq / kSegmentRecords;
}

struct Layout {
  std::string folder;

  [[nodiscard]] std::string segment(std::uint64_t number) const;
  [[nodiscard]] std::string disclosures(std::uint64_t number) const;
  [[nodiscard]] std::string disclosures_folder() const { return folder + "/disclosures"; }
  [[nodiscard]] std::string checkpoint() const { return folder + "/checkpoint"; }
  [[nodiscard]] std::string checkpoints_folder() const { return folder + "/checkpoints"; }
  [[nodiscard]] std::string archived(std::uint64_t size) const;
  [[nodiscard]] std::string anchors_folder() const { return folder + "/anchors"; }
  [[nodiscard]] std::string vkeys() const { return folder + "/log.vkey"; }
  [[nodiscard]] std::string lock() const { return folder + "/lock"; }
  [[nodiscard]] std::string slots() const { return folder + "/.slots"; }
  [[nodiscard]] std::string cache_folder() const { return folder + "/.cache"; }
  [[nodiscard]] std::string erasing() const { return disclosures_folder() + "/.erasing"; }
};

/// `<state>/keys/log-<org>-<epoch>.key`, epochs from 1.
std::string log_key_file(const std::string& state, const std::string& org, std::uint64_t epoch);

/// "00000012".
std::string segment_name(std::uint64_t number);

/// The numbers of the segments that are there, in order; gaps are the caller's to see.
Result<std::vector<std::uint64_t>> segments_in(const std::string& folder);
/// The sizes that checkpoints/ names, in order.
Result<std::vector<std::uint64_t>> archived_in(const std::string& checkpoints_folder);
/// The sizes of which anchors/ holds a reply, in order.
Result<std::vector<std::uint64_t>> anchored_in(const std::string& anchors_folder);

/// Whether a path exists; an Error where that cannot be told.
Result<bool> exists(const std::string& path);

/// Opens a file of a log for reading. A pipe or a device that stands in its place, in a folder that
/// came from elsewhere, is refused (Errc::no_input): it could keep a reader waiting for ever.
Result<UniqueFd> open_regular(const std::string& path);
/// The whole of it, at most `most` bytes.
Result<std::string> read_regular(const std::string& path, std::size_t most);
/// Opens for reading and writing, making the file where it is missing: for the folder's owner
/// alone; for the group, too, where the folder is writable for it; or for the group to read, where
/// the folder is that and has the set-group-ID bit. Whatever the umask.
Result<UniqueFd> open_shared(const std::string& path, int flags);
/// Makes a folder (and its parents) with the rights of the nearest one that exists.
Result<void> make_shared_folder(const std::string& path);
/// Rights of a file of that folder that is written once: for its owner, and for the folder's group
/// to read where that may do so.
std::uint32_t read_only_mode_in(const std::string& folder);

}  // namespace sm::audit
