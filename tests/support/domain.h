#pragma once
// Domains as tests write them.

#include <stdexcept>
#include <string_view>

#include "name/domain.h"

namespace sm::test {

/// A domain that the test knows to be one.
inline name::Domain domain(std::string_view text) {
  auto parsed = name::Domain::parse(text);
  if (!parsed) throw std::invalid_argument(parsed.error().what);
  return *std::move(parsed);
}

}  // namespace sm::test
