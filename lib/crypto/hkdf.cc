#include "crypto/hkdf.h"

#include <algorithm>
#include <cstdlib>

#include "crypto/digest.h"

namespace sm::crypto {

void hkdf_expand_sha512(Bytes prk, Bytes info, std::span<std::uint8_t> out) {
  if (out.size() > kHkdfMost) std::abort();  // a bug of the caller, which asks for a fixed size
  // RFC 5869 §2.3: T(i) = HMAC(PRK, T(i-1) ‖ info ‖ i), T(0) empty.
  Secret input;
  Sha512 block{};
  for (std::uint8_t i = 1; !out.empty(); ++i) {
    input.resize(0);
    if (i > 1) input.append(block);
    input.append(info);
    input.append({&i, 1});
    block = hmac_sha512(prk, input.reveal());
    const std::size_t taken = std::min(out.size(), block.size());
    std::copy_n(block.begin(), taken, out.begin());
    out = out.subspan(taken);
  }
  wipe(block.data(), block.size());
}

void hkdf_sha512(Bytes salt, Bytes input, Bytes info, std::span<std::uint8_t> out) {
  // HMAC pads a short key with zeros, so that an empty salt is RFC 5869 §2.2's 64 zeros.
  Sha512 prk = hmac_sha512(salt, input);
  hkdf_expand_sha512(prk, info, out);
  wipe(prk.data(), prk.size());
}

}  // namespace sm::crypto
