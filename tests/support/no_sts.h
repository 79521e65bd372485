#pragma once
// Destinations that announce no MTA-STS policy.

#include <stdexcept>

#include "mtasts/lookup.h"

namespace sm::test {

class NoSts final : public mtasts::Source {
 public:
  mtasts::RecordSource record(const name::Domain&) override { return mtasts::NoRecord{}; }
  std::variant<std::string, mtasts::FetchFailed> policy_text(const name::Domain&) override {
    throw std::logic_error("nothing announces a policy");
  }
};

}  // namespace sm::test
