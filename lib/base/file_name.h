#pragma once
// File names that strangers chose: of attachments and of sealed parts.
//
// A safe file name is one that can be created in a folder, typed, listed on a terminal and handed
// to a program without surprise: one path component, printable UTF-8, no hidden file, no option, no
// name that another system keeps for itself. The original is never used as a path.

#include <string>
#include <string_view>

namespace sm {

/// The safe form of a name; "" when nothing of it is left, and the caller chooses another. What
/// stands before the last "/" or "\" is dropped; control, bidirectional, invisible and invalid
/// characters and <>:"|?* become "_", and so does a "." or "-" at the start; blanks and dots at the
/// end are cut; device names of Windows get a "_" before them. At most `most` bytes: the middle is
/// cut at a character boundary and a short extension stays. Applying it again changes nothing.
std::string safe_file_name(std::string_view name, std::size_t most = 200);

}  // namespace sm
