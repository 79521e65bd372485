#pragma once
// Whose hands a tool works with. The state belongs to one user (smtools); what root would write
// into it, that user's runner and portal could not open again.

#include <string>

#include "base/result.h"

namespace sm::cli {

/// Root becomes the user who owns the folder, for good. Nothing happens where the folder is not
/// there, or is root's, or who asks is not root. Errc::denied where the system refuses.
Result<void> become_owner_of(const std::string& folder);

}  // namespace sm::cli
