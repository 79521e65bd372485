#pragma once
// For calls of the library below that fail only when it is broken or memory ran out: nothing that
// is built on a wrong digest, nonce or cipher may go on.

#include <cstdlib>

namespace sm::crypto {

inline void must(bool is_done) {
  if (!is_done) std::abort();
}

}  // namespace sm::crypto
