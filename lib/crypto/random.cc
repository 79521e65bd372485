#include "crypto/random.h"

#include <cerrno>
#include <cstdlib>

#include <sys/random.h>

namespace sm::crypto {

void fill_random(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const auto n = getrandom(bytes.data(), bytes.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) std::abort();
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

std::uint32_t random_below(std::uint32_t bound) {
  // The values below 2^32 mod bound are drawn again, so that each remainder is equally likely.
  const std::uint32_t threshold = -bound % bound;
  for (;;) {
    std::uint32_t value = 0;
    fill_random({reinterpret_cast<std::uint8_t*>(&value), sizeof value});
    if (value >= threshold) return value % bound;
  }
}

}  // namespace sm::crypto
