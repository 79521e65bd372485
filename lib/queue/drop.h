#pragma once
// The drop: where users without rights leave their messages, sealed to the organisation's public
// key, by way of smsend-drop, a small program that may write there and do nothing else.
//
// Nothing in the drop is believed. A name must be one that smsend-drop makes; a file must be a
// plain one with one name, of bounded size; it is copied before it is looked at, so that nobody
// changes it afterwards; it must open with our key, to a message that we would have accepted from a
// command line. Who submitted is who owns the file. What is none of this goes into the quarantine,
// with a record; nothing of it is ever sent.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sealing/office.h"

namespace sm::queue {

struct TakenUp {
  std::uint64_t messages = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t held_back = 0;  ///< their user has too much waiting already: later
  std::vector<Error> warnings{};
};

/// Takes up what is there, a bounded number of files. An Error where the drop cannot be read, or
/// our own side fails: then what is there stays there.
Result<TakenUp> take_up_drop(sealing::Office& office);

/// What has lain in the quarantine for 30 days goes, each with a record `deleted`: by then whoever
/// wanted to look has. Returns how many.
Result<std::size_t> sweep_quarantine(sealing::Office& office);

/// A name that smsend-drop makes: 24 characters of base64url. Anything else in the folder is passed
/// over where it begins with a dot (it is being written) and is quarantined where not.
bool is_drop_name(std::string_view name);

}  // namespace sm::queue
