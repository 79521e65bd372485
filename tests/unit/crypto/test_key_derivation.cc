#include "crypto/argon2.h"
#include "crypto/digest.h"
#include "crypto/hkdf.h"
#include "crypto/x25519.h"
#include "unit/crypto/vectors.h"

using namespace sm;
using namespace sm::crypto;
using sm::test::hex;

TEST_CASE("HKDF-SHA-512 agrees with Wycheproof on every vector", "[crypto]") {
  const auto tests = test::vectors("wycheproof/hkdf_sha512_test.json");
  if (!tests) return;
  int checked = 0;
  for (const auto& group : tests->at("testGroups")) {
    for (const auto& test : group.at("tests")) {
      INFO("tcId " << test.at("tcId"));
      ++checked;
      const std::size_t size = test.at("size");
      const bool is_valid = test.at("result") == "valid";
      // The invalid ones ask for more than RFC 5869 §2.3 allows; asking so is a bug here.
      CHECK((size <= kHkdfMost) == is_valid);
      if (!is_valid) continue;
      std::vector<std::uint8_t> out(size);
      hkdf_sha512(hex(test.at("salt")), hex(test.at("ikm")), hex(test.at("info")), out);
      CHECK(to_hex(out) == test.at("okm").get<std::string>());
    }
  }
  CHECK(checked == tests->at("numberOfTests"));
}

TEST_CASE("HMAC-SHA-512 agrees with Wycheproof on every vector", "[crypto]") {
  const auto tests = test::vectors("wycheproof/hmac_sha512_test.json");
  if (!tests) return;
  int checked = 0;
  for (const auto& group : tests->at("testGroups")) {
    const std::size_t size = group.at("tagSize").get<std::size_t>() / 8;
    for (const auto& test : group.at("tests")) {
      INFO("tcId " << test.at("tcId"));
      const auto mac = hmac_sha512(hex(test.at("key")), hex(test.at("msg")));
      const bool is_equal = equal_constant_time({mac.data(), size}, hex(test.at("tag")));
      CHECK(is_equal == (test.at("result") == "valid"));
      ++checked;
    }
  }
  CHECK(checked == tests->at("numberOfTests"));
}

TEST_CASE("Argon2id gives what other implementations give", "[crypto]") {
  // By PyNaCl's libsodium (which has p=1 only) and argon2-cffi:
  // hash_secret_raw(b"password", b"somesaltsomesalt", 3, 65536, 4, 32, Type.ID).
  const std::string salt = "somesaltsomesalt";
  const std::span<const std::uint8_t, 16> salt_bytes(as_bytes(salt).data(), 16);
  const auto p1 =
      argon2id(as_bytes("password"), salt_bytes, Argon2Params::checked(2, 1024, 1).value());
  CHECK(to_hex(p1.value().reveal()) ==
        "08a19ee7f6d7f589c2ab6af18d6e724172b19f7d6fd462b38430ab31ceabeaf0");
  const auto p4 = argon2id(as_bytes("password"), salt_bytes, Argon2Params());
  CHECK(to_hex(p4.value().reveal()) ==
        "81db97a7e67a891784a2599bc879f957cb3512d273984bd97d8a18fc59ff01e2");
}

TEST_CASE("A64 argon2 parameters beyond the caps are no parameters", "[crypto]") {
  CHECK(Argon2Params::checked(3, 65536, 4) == Argon2Params());
  CHECK(Argon2Params::checked(1, 8, 1));
  CHECK(Argon2Params::checked(16, 1048576, 16));
  CHECK_FALSE(Argon2Params::checked(0, 65536, 4));
  CHECK_FALSE(Argon2Params::checked(17, 65536, 4));
  CHECK_FALSE(Argon2Params::checked(3, 65536, 0));
  CHECK_FALSE(Argon2Params::checked(3, 65536, 17));
  CHECK_FALSE(Argon2Params::checked(3, 127, 16));
  CHECK(Argon2Params::checked(3, 128, 16));
  CHECK_FALSE(Argon2Params::checked(3, 1048577, 4));
  CHECK_FALSE(Argon2Params::checked(3, UINT64_MAX, 4));
  CHECK_FALSE(Argon2Params::checked(UINT64_MAX, 65536, 4));
}

TEST_CASE("X25519 agrees with RFC 7748 section 6.1", "[crypto]") {
  const auto key = [](const std::string& text) {
    return X25519Private(std::span<const std::uint8_t, 32>(hex(text).data(), 32));
  };
  const auto alice = key("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const auto bob = key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  const auto alice_public = x25519_public(alice);
  const auto bob_public = x25519_public(bob);
  CHECK(to_hex(alice_public) == "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  CHECK(to_hex(bob_public) == "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  const std::string shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  CHECK(to_hex(x25519_shared(alice, bob_public).value().reveal()) == shared);
  CHECK(to_hex(x25519_shared(bob, alice_public).value().reveal()) == shared);
}

TEST_CASE("X25519 refuses the public keys that make every secret zero", "[crypto]") {
  // The points of low order that RFC 7748 §6.1 speaks of: 0, 1, p-1, p, p+1 and two of order 8.
  const auto pair = generate_x25519();
  int refused = 0;
  for (const char* low : {"0000000000000000000000000000000000000000000000000000000000000000",
                          "0100000000000000000000000000000000000000000000000000000000000000",
                          "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                          "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                          "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"}) {
    X25519Public point{};
    const auto bytes = hex(low);
    std::copy(bytes.begin(), bytes.end(), point.begin());
    refused += !x25519_shared(pair.private_key, point);
  }
  CHECK(refused == 7);
}
