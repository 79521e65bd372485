#pragma once
// What a look at an installation found: one thing looked at, how it stands, and how to mend it.

#include <string>
#include <vector>

namespace sm::setup {

enum class Standing {
  good,
  advice,   ///< it works; it could be better
  missing,  ///< not there or wrong: the installation is not ready
  unknown,  ///< could not be told now: the installation is not known to be ready
};
/// "ok", "advice", "missing", "unknown".
std::string_view text(Standing standing);

struct Finding {
  std::string check;  ///< stable: "configuration", "dkim", "own-mx", …
  std::string about;  ///< the organisation, domain, file or host; may be empty
  Standing standing;
  std::string text{};  ///< one sentence: what is so
  std::string mend{};  ///< what to do about it; empty where nothing is to be done
};
using Findings = std::vector<Finding>;

/// Neither anything missing nor anything unknown.
bool is_ready(const Findings& findings);

/// {"check","about","standing","text","mend"}, about and mend null where there is none.
std::string json(const Finding& finding);

}  // namespace sm::setup
