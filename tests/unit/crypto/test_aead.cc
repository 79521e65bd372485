#include <openssl/evp.h>

#include "crypto/aead.h"
#include "crypto/random.h"
#include "unit/crypto/vectors.h"

using namespace sm;
using namespace sm::crypto;
using sm::test::hex;

namespace {

AeadKey key_of(Bytes bytes) {
  REQUIRE(bytes.size() == 32);
  return AeadKey(bytes.first<32>());
}

/// A stream of SHAKE-128. OpenSSL 3.0 squeezes only once, so all of it is made at the start.
class Shake {
 public:
  Shake(Bytes input, std::size_t size) : bytes_(size) {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    REQUIRE(EVP_DigestInit_ex(context, EVP_shake128(), nullptr) == 1);
    REQUIRE(EVP_DigestUpdate(context, input.data(), input.size()) == 1);
    REQUIRE(EVP_DigestFinalXOF(context, bytes_.data(), bytes_.size()) == 1);
    EVP_MD_CTX_free(context);
  }
  Bytes take(std::size_t size) {
    REQUIRE(at_ + size <= bytes_.size());
    at_ += size;
    return {bytes_.data() + at_ - size, size};
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

}  // namespace

TEST_CASE("AES-256-GCM agrees with Wycheproof on every vector of our sizes", "[crypto]") {
  const auto tests = test::vectors("wycheproof/aes_gcm_test.json");
  if (!tests) return;
  int checked = 0;
  for (const auto& group : tests->at("testGroups")) {
    if (group.at("keySize") != 256 || group.at("ivSize") != 96) continue;
    for (const auto& test : group.at("tests")) {
      INFO("tcId " << test.at("tcId"));
      for (const Amount amount : {Amount::small, Amount::bulk}) {
        Aes256Gcm gcm(key_of(hex(test.at("key"))), amount);
        const auto iv = hex(test.at("iv"));
        const auto aad = hex(test.at("aad"));
        const auto message = hex(test.at("msg"));
        auto sealed = hex(test.at("ct"));
        for (const auto byte : hex(test.at("tag")))
          sealed.push_back(byte);
        const GcmNonce nonce(iv.data(), kGcmNonceSize);
        std::vector<std::uint8_t> out(message.size(), 0xaa);
        const bool is_valid = test.at("result") == "valid";
        CHECK(gcm.open(nonce, aad, sealed, out) == is_valid);
        CHECK(out == (is_valid ? message : std::vector<std::uint8_t>(message.size())));
        std::vector<std::uint8_t> again(message.size() + kTagSize);
        gcm.seal(nonce, aad, message, again);
        CHECK((again == sealed) == is_valid);
        ++checked;
      }
    }
  }
  CHECK(checked == 2 * 66);
}

TEST_CASE("for bulk data the same bytes come out, of every size, in place and apart", "[crypto]") {
  const auto key = random_key<32>();
  Aes256Gcm small(key, Amount::small);
  Aes256Gcm bulk(key, Amount::bulk);
  const auto aad = random_bytes<37>();
  std::vector<std::uint8_t> text(20000);
  fill_random(text);
  std::uint32_t compared = 0;
  for (std::size_t size = 0; size <= text.size(); size += size < 600 ? 1 : 97) {
    std::array<std::uint8_t, 12> nonce = random_bytes<12>();
    const Bytes plaintext = Bytes(text).first(size);
    const Bytes some_aad = Bytes(aad).first(size % 38);
    std::vector<std::uint8_t> a(size + kTagSize);
    std::vector<std::uint8_t> b(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
    b.resize(size + kTagSize);
    small.seal(GcmNonce(nonce), some_aad, plaintext, a);
    bulk.seal(GcmNonce(nonce), some_aad, Bytes(b).first(size), b);
    REQUIRE(a == b);
    REQUIRE(bulk.open(GcmNonce(nonce), some_aad, b, std::span(b).first(size)));
    REQUIRE(std::equal(plaintext.begin(), plaintext.end(), b.begin()));
    a[random_below(static_cast<std::uint32_t>(a.size()))] ^= 0x10;
    std::vector<std::uint8_t> out(size, 1);
    REQUIRE_FALSE(bulk.open(GcmNonce(nonce), some_aad, a, out));
    REQUIRE(out == std::vector<std::uint8_t>(size));
    ++compared;
  }
  CHECK(compared > 700);
}

TEST_CASE("one AES-256-GCM object seals and opens chunk after chunk, in place", "[crypto]") {
  Aes256Gcm gcm(AeadKey{});
  for (std::uint8_t i = 0; i < 5; ++i) {
    const std::array<std::uint8_t, 12> nonce{i};
    std::vector<std::uint8_t> buffer(1000 + 16, i);
    gcm.seal(GcmNonce(nonce), {}, {buffer.data(), 1000}, buffer);
    CHECK(buffer[0] != i);
    REQUIRE(gcm.open(GcmNonce(nonce), {}, buffer, {buffer.data(), 1000}));
    CHECK(std::all_of(buffer.begin(), buffer.begin() + 1000, [&](auto b) { return b == i; }));
    CHECK_FALSE(gcm.open(GcmNonce(nonce), {}, Bytes(buffer).first(15), {}));
  }
}

TEST_CASE("XAES-256-GCM agrees with the vectors of its specification", "[crypto]") {
  const auto tests = test::vectors("xaes-256-gcm.json");
  if (!tests) return;
  CHECK(tests->at("tests").size() == 2);
  for (const auto& test : tests->at("tests")) {
    const auto key = key_of(hex(test.at("key")));
    const std::string nonce_text = test.at("nonce_ascii");
    const XaesNonce nonce(as_bytes(nonce_text).data(), kXaesNonceSize);
    const std::string aad = test.at("aad_ascii");
    const std::string plaintext = test.at("plaintext_ascii");
    const auto sealed = xaes_seal(key, nonce, as_bytes(aad), as_bytes(plaintext));
    CHECK(to_hex(sealed) == test.at("ciphertext").get<std::string>());
    CHECK(as_text(xaes_open(key, nonce, as_bytes(aad), sealed).value().reveal()) == plaintext);
    CHECK_FALSE(xaes_open(key, nonce, as_bytes("other"), sealed));
  }
}

TEST_CASE("XAES-256-GCM agrees with 10,000 accumulated random rounds", "[crypto]") {
  const auto tests = test::vectors("xaes-256-gcm.json");
  if (!tests) return;
  Shake random({}, 10000 * (32 + 24 + 2 + 255 + 255));
  CHECK(to_hex(Shake({}, 16).take(16)) == "7f9c2ba4e88f827d616045507605853e");
  std::vector<std::uint8_t> all;
  for (int round = 0; round < 10000; ++round) {
    const auto key = key_of(random.take(32));
    const XaesNonce nonce(random.take(24).data(), kXaesNonceSize);
    const Bytes plaintext = random.take(random.take(1)[0]);
    const Bytes aad = random.take(random.take(1)[0]);
    const auto sealed = xaes_seal(key, nonce, aad, plaintext);
    all.insert(all.end(), sealed.begin(), sealed.end());
    const auto opened = xaes_open(key, nonce, aad, sealed);
    REQUIRE(opened);
    REQUIRE(std::ranges::equal(opened->reveal(), plaintext));
  }
  CHECK(to_hex(Shake(all, 32).take(32)) ==
        tests->at("accumulated").at("iterations_10000").get<std::string>());
}
