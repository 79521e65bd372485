#pragma once
// What was asked for: domains and addresses, from arguments or from stdin.

#include <string>
#include <vector>

#include "base/result.h"
#include "name/domain.h"
#include "options.h"

namespace sm::smprobe {

struct Destination {
  std::string given;
  name::Domain domain;  ///< of an address: its own
};

/// All of them, or an Error that names the first that is neither a domain nor an address.
Result<std::vector<Destination>> destinations_of(const Options& options);

}  // namespace sm::smprobe
