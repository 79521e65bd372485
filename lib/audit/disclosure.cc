#include "audit/disclosure.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/json_writer.h"
#include "crypto/random.h"

namespace sm::audit {

namespace {

/// FORMATS §3: 16 random bytes, fresh for each. A record has a score of them: they are drawn by the
/// block. Each is wiped as it is given out.
std::array<std::uint8_t, 16> fresh_salt() {
  constexpr std::size_t kSalt = 16;
  constexpr std::size_t kBlock = 32 * kSalt;
  thread_local SecretKey<kBlock> block;
  thread_local std::size_t at = kBlock;
  if (at == kBlock) {
    crypto::fill_random(block.writable());
    at = 0;
  }
  std::array<std::uint8_t, kSalt> salt{};
  auto from = block.writable().subspan(at, kSalt);
  std::copy(from.begin(), from.end(), salt.begin());
  std::fill(from.begin(), from.end(), std::uint8_t{0});
  at += kSalt;
  return salt;
}

}  // namespace

std::string make_disclosure(std::string_view name, std::string_view json) {
  const std::string salt = to_base64url(fresh_salt());
  return to_base64url(
      as_bytes("[\"" + salt + "\"," + json_quote(name) + ',' + std::string(json) + ']'));
}

std::string disclosure_digest(std::string_view disclosure) {
  return to_base64url(crypto::sha256(as_bytes(disclosure)));
}

std::string DisclosureLine::text() const {
  JsonArray array;
  for (const std::string& one : disclosures) {
    array.add(one);
  }
  return JsonObject().add("seq", seq).add_raw("d", array.text()).text();
}

}  // namespace sm::audit
