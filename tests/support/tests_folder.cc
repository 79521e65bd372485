#include "support/tests_folder.h"

namespace sm::test {

std::string tests_folder() {
  return SM_TESTS;
}

}  // namespace sm::test
