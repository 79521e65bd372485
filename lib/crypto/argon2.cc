#include "crypto/argon2.h"

#include <argon2.h>

#include "base/late_library.h"

namespace sm::crypto {
namespace {

struct Libargon2 {
  decltype(&::argon2id_hash_raw) hash;
  decltype(&::argon2_error_message) message;
};

const Result<Libargon2>& libargon2() {
  static const Result<Libargon2> loaded = [] {
    LateLibrary library("libargon2.so.1", "libargon2-1");
    Libargon2 functions{};
    library.find(functions.hash, "argon2id_hash_raw");
    library.find(functions.message, "argon2_error_message");
    return library.found(functions);
  }();
  return loaded;
}

}  // namespace

std::optional<Argon2Params> Argon2Params::checked(std::uint64_t t, std::uint64_t m_kib,
                                                  std::uint64_t p) {
  if (t < 1 || t > 16 || p < 1 || p > 16 || m_kib < 8 * p || m_kib > 1048576) return std::nullopt;
  Argon2Params params;
  params.t_ = static_cast<std::uint32_t>(t);
  params.m_kib_ = static_cast<std::uint32_t>(m_kib);
  params.p_ = static_cast<std::uint32_t>(p);
  return params;
}

Result<AeadKey> argon2id(Bytes password, std::span<const std::uint8_t, kArgon2SaltSize> salt,
                         const Argon2Params& params) {
  const auto& library = libargon2();
  if (!library) return fail(library.error());
  AeadKey key;
  const int result =
      library->hash(params.t(), params.m_kib(), params.p(), password.data(), password.size(),
                    salt.data(), salt.size(), key.writable().data(), key.writable().size());
  if (result == ARGON2_OK) return key;
  const Errc code = result == ARGON2_MEMORY_ALLOCATION_ERROR || result == ARGON2_THREAD_FAIL
                        ? Errc::temporary
                        : Errc::bug;
  return fail(code, std::string("deriving a key from the password: ") + library->message(result));
}

}  // namespace sm::crypto
