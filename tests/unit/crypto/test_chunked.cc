#include <zlib.h>

#include "crypto/chunked.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "unit/crypto/vectors.h"

namespace sm::crypto {
struct ChunkedKeysInspection {
  static std::string key(const ChunkedKeys& keys) { return to_hex(keys.key_.reveal()); }
  static std::string base_nonce(const ChunkedKeys& keys) { return to_hex(keys.base_nonce_); }
};
}  // namespace sm::crypto

using namespace sm;
using namespace sm::crypto;
using sm::test::hex;

namespace {

/// Wycheproof deflates its ciphertexts, which are long and made to compress.
std::vector<std::uint8_t> inflated(const std::vector<std::uint8_t>& in) {
  std::vector<std::uint8_t> out(8 << 20);
  uLongf size = out.size();
  REQUIRE(uncompress(out.data(), &size, in.data(), in.size()) == Z_OK);
  out.resize(size);
  return out;
}

struct Opened {
  bool is_header_right = false;
  bool is_whole = false;
  std::vector<std::uint8_t> plaintext{};  ///< the longest verified prefix
  std::string key{}, base_nonce{};
};

/// Opens as the specification says, chunk after chunk.
Opened open(const std::vector<std::uint8_t>& raw_key, Bytes context, Bytes sealed) {
  Opened opened;
  if (raw_key.size() != 32 || sealed.size() < kChunkedPrefixSize) return opened;
  ChunkedPrefix prefix;
  std::copy_n(sealed.begin(), prefix.size(), prefix.begin());
  const AeadKey key(std::span<const std::uint8_t, 32>(raw_key.data(), 32));
  const auto keys = ChunkedKeys::matching(key, prefix, context);
  if (!keys) return opened;
  opened.is_header_right = true;
  opened.key = ChunkedKeysInspection::key(*keys);
  opened.base_nonce = ChunkedKeysInspection::base_nonce(*keys);
  ChunkCipher cipher(*keys, Amount::bulk);
  Bytes rest = sealed.subspan(prefix.size());
  for (std::uint64_t i = 0;; ++i) {
    const Bytes chunk = rest.first(std::min(rest.size(), kSealedChunkSize));
    if (chunk.size() < kTagSize) return opened;
    std::vector<std::uint8_t> plaintext(chunk.size() - kTagSize);
    if (!cipher.open(i, chunk, plaintext)) return opened;
    opened.plaintext.insert(opened.plaintext.end(), plaintext.begin(), plaintext.end());
    rest = rest.subspan(chunk.size());
    if (plaintext.size() < kChunkSize) {
      opened.is_whole = rest.empty();
      return opened;
    }
  }
}

}  // namespace

TEST_CASE("Cobblestone-256 agrees with Wycheproof on every vector", "[crypto]") {
  const auto tests = test::vectors("wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json");
  if (!tests) return;
  int checked = 0;
  for (const auto& test : tests->at("testGroups").at(0).at("tests")) {
    INFO("tcId " << test.at("tcId") << ": " << test.at("comment"));
    ++checked;
    const auto sealed = inflated(hex(test.at("ct")));
    const auto context = hex(test.at("ctx"));
    const auto opened = open(hex(test.at("key")), context, sealed);
    const bool is_valid = test.at("result") == "valid";
    CHECK(opened.is_whole == is_valid);
    CHECK((plaintext_size(sealed.size()) || !is_valid));
    CHECK(opened.is_header_right == test.contains("aeadKey"));
    if (test.contains("aeadKey")) {
      CHECK(opened.key == test.at("aeadKey").get<std::string>());
      CHECK(opened.base_nonce == test.at("baseNonce").get<std::string>());
    }
    if (test.contains("msgSha512") && opened.is_header_right) {
      CHECK(opened.plaintext.size() == test.at("msgLength"));
      CHECK(to_hex(sha512(opened.plaintext)) == test.at("msgSha512").get<std::string>());
    }
    if (!is_valid) continue;
    // The other way: the same salt makes the same bytes.
    ChunkedSalt salt;
    std::copy_n(sealed.begin(), salt.size(), salt.begin());
    const auto raw_key = hex(test.at("key"));
    const auto keys = ChunkedKeys::derive(
        AeadKey(std::span<const std::uint8_t, 32>(raw_key.data(), 32)), salt, context);
    std::vector<std::uint8_t> again(keys.prefix().begin(), keys.prefix().end());
    ChunkCipher cipher(keys);
    const Bytes plaintext = opened.plaintext;
    for (std::uint64_t i = 0; i * kChunkSize <= plaintext.size(); ++i) {
      const Bytes chunk = plaintext.subspan(i * kChunkSize)
                              .first(std::min(kChunkSize, plaintext.size() - i * kChunkSize));
      again.resize(again.size() + chunk.size() + kTagSize);
      cipher.seal(i, chunk, std::span(again).last(chunk.size() + kTagSize));
    }
    CHECK(again == sealed);
    CHECK(sealed_size(plaintext.size()) == sealed.size());
  }
  CHECK(checked == 35);
}

TEST_CASE("sizes of sealed messages go both ways, and no others are sizes", "[crypto]") {
  std::uint64_t valid = 0;
  for (std::uint64_t size = 0; size <= 3 * kChunkSize; ++size) {
    valid += plaintext_size(sealed_size(size)) == size;
  }
  CHECK(valid == 3 * kChunkSize + 1);
  CHECK(sealed_size(0) == 72);
  for (const std::uint64_t none : {0, 55, 56, 71, 56 + 16400, 56 + 16400 + 15}) {
    CHECK_FALSE(plaintext_size(none));
  }
  CHECK(plaintext_size(sealed_size(kMaxChunkedSize)) == kMaxChunkedSize);
  CHECK_FALSE(plaintext_size(sealed_size(kMaxChunkedSize) + 17));
  CHECK_FALSE(plaintext_size(UINT64_MAX));
}

TEST_CASE("two keys never open one body", "[crypto]") {
  const auto one = random_key<32>();
  const auto other = random_key<32>();
  const auto keys = ChunkedKeys::fresh(one, as_bytes("context"));
  CHECK(ChunkedKeys::matching(one, keys.prefix(), as_bytes("context")));
  CHECK_FALSE(ChunkedKeys::matching(other, keys.prefix(), as_bytes("context")));
  CHECK_FALSE(ChunkedKeys::matching(one, keys.prefix(), as_bytes("contexu")));
  for (std::size_t bit = 0; bit < kChunkedPrefixSize * 8; ++bit) {
    auto prefix = keys.prefix();
    prefix[bit / 8] = static_cast<std::uint8_t>(prefix[bit / 8] ^ (1 << bit % 8));
    if (ChunkedKeys::matching(one, prefix, as_bytes("context"))) FAIL("bit " << bit);
  }
  CHECK(ChunkedKeys::fresh(one, {}).prefix() != ChunkedKeys::fresh(one, {}).prefix());
}
