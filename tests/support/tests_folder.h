#pragma once
// Where the tests' own helpers lie (scripts that play a server), whatever folder a test runs in.

#include <string>

namespace sm::test {

/// "/…/tests".
std::string tests_folder();

}  // namespace sm::test
