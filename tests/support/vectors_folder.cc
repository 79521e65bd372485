#include "support/vectors_folder.h"

#include <cstdlib>

namespace sm::test {

std::string vectors_folder() {
  const char* const set = std::getenv("SMTOOLS_VECTORS");
  return set != nullptr ? set : SM_VECTORS;
}

}  // namespace sm::test
