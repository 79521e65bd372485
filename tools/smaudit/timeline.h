#pragma once
// A message's records as a story: what happened, when, to whom, in words.

#include <string>
#include <vector>

#include "audit/disclosure.h"
#include "audit/scan.h"

namespace sm::smaudit {

struct Step {
  audit::ParsedRecord record;
  std::vector<audit::Disclosure> disclosures;
};

/// A heading and one line a step, with an empty line behind. What came from outside is made
/// printable. `steps` is not empty.
std::string timeline(const std::vector<Step>& steps);

}  // namespace sm::smaudit
