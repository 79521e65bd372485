#pragma once
// Where third-party test vectors lie: $SMTOOLS_VECTORS, else beside the checkout. They may be
// missing; a test that needs them says SKIP then.

#include <string>

namespace sm::test {

std::string vectors_folder();

}  // namespace sm::test
