#pragma once
// What the audit log knows of the keyring. Every change of the keyring is a record with its counter
// and the SHA-256 of the file, so that an older copy put back (a destroyed key with it) is known
// for what it is, wherever the copy came from.
//
// A log can be large: how far it was searched, and what was found so far, is kept under a MAC of
// the master key's. A copy of that which is put back only makes the search longer.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace sm::keys {

/// The newest change that a log tells of.
struct Mark {
  std::uint64_t counter = 0;
  std::string sha256;  ///< hex, of the keyring's file
  bool operator==(const Mark&) const = default;
};

/// The facts by which a record carries a mark.
inline constexpr char kCounterFact[] = "keyring_counter";
inline constexpr char kSha256Fact[] = "keyring_sha256";

/// How far one organisation's log was searched.
struct Searched {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;  ///< in that segment; a line begins there
  std::optional<Mark> mark;  ///< the newest before it
  bool operator==(const Searched&) const = default;
};
/// By organisation.
using SearchProgress = std::map<std::string, Searched>;

struct Witness {
  std::optional<Mark> newest;  ///< the mark with the greatest counter
  SearchProgress progress;
  std::uint64_t bytes = 0;  ///< that were searched now
};

/// Searches the logs of all organisations under `<state>/audit`, from where `before` ends. An Error
/// where a log is there and cannot be read: then no keyring is to be believed.
Result<Witness> find_witness(const std::string& state, const SearchProgress& before = {});

/// The text of a progress, with its MAC; and back, nothing where the MAC is not right.
std::string progress_text(const SearchProgress& progress, Bytes mac_key);
std::optional<SearchProgress> parse_progress(std::string_view text, Bytes mac_key);

}  // namespace sm::keys
