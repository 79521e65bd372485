#pragma once
// Files that an envelope's parts become. A part's name was chosen by a stranger: it becomes a safe
// file name (base/file_name.h), and no two parts become the same file. What is there already is
// replaced only on demand, and only where it is a plain file: never through a link, never a pipe or
// a device (CASES A67, A68).

#include <string>
#include <vector>

#include "base/result.h"
#include "envelope/manifest.h"

namespace sm::envelope {

/// Whether a file can be published under this path by renaming: nothing is there, or a regular
/// file. Errc::usage: a link, a pipe, a device, a folder.
Result<void> check_replaceable(const std::string& path);

/// A file name for each part, all different: its safe name, "part-N" where it has none, and with
/// its number added where another part has that name already.
std::vector<std::string> file_names(const Manifest& manifest);

}  // namespace sm::envelope
