#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include <sys/stat.h>

#include "base/encoding.h"
#include "base/file.h"
#include "crypto/signing_key.h"
#include "support/temp_dir.h"
#include "support/vectors_folder.h"

using namespace sm;
using namespace sm::crypto;

namespace {

std::vector<std::uint8_t> octets_of(const std::string& text) {
  return from_hex(text).value();
}

Ed25519Public public_of(const std::string& text) {
  Ed25519Public raw{};
  const auto bytes = octets_of(text);
  std::copy(bytes.begin(), bytes.end(), raw.begin());
  return raw;
}

}  // namespace

TEST_CASE("Ed25519 signs the RFC 8032 test message as written there", "[crypto]") {
  // RFC 8032 §7.1, TEST 2.
  const auto seed = octets_of("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb");
  const auto key = Ed25519Key::from_seed(std::span<const std::uint8_t, 32>(seed.data(), 32));
  CHECK(to_hex(key.public_key()) ==
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
  const auto message = octets_of("72");
  CHECK(to_hex(key.sign(message)) ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
  CHECK(to_hex(key.seed().reveal()) == to_hex(seed));
  CHECK(verify_ed25519(key.public_key(), message, key.sign(message)));
  CHECK_FALSE(verify_ed25519(key.public_key(), octets_of("73"), key.sign(message)));
}

TEST_CASE("Ed25519 agrees with Wycheproof on every signature", "[crypto]") {
  std::ifstream in(test::vectors_folder() + "/wycheproof/ed25519_test.json");
  if (!in) {
    WARN("SKIP: no Wycheproof vectors at " << test::vectors_folder());
    return;
  }
  const auto tests = nlohmann::json::parse(in);
  int checked = 0;
  for (const auto& group : tests.at("testGroups")) {
    const auto key = public_of(group.at("publicKey").at("pk"));
    for (const auto& test : group.at("tests")) {
      INFO("tcId " << test.at("tcId"));
      const bool is_valid = test.at("result") == "valid";
      CHECK(verify_ed25519(key, octets_of(test.at("msg")), octets_of(test.at("sig"))) == is_valid);
      ++checked;
    }
  }
  CHECK(checked == tests.at("numberOfTests"));
}

TEST_CASE("a key survives its PEM form and signs the same", "[crypto]") {
  const auto digest = sha256(as_bytes("message"));
  for (const bool is_rsa : {true, false}) {
    const auto key =
        is_rsa ? SigningKey::generate_rsa(2048).value() : SigningKey::generate_ed25519();
    CHECK(key.type() == (is_rsa ? KeyType::rsa : KeyType::ed25519));
    CHECK(key.bits() == (is_rsa ? 2048 : 256));
    const auto again = SigningKey::from_pem(key.pem().value(), "test").value();
    CHECK(again.public_key() == key.public_key());
    const auto signature = key.sign(digest).value();
    CHECK(again.sign(digest).value() == signature);
    CHECK(key.public_key().verify(digest, signature));
    CHECK_FALSE(key.public_key().verify(sha256(as_bytes("massage")), signature));
    CHECK_FALSE(SigningKey::generate_ed25519().public_key().verify(digest, signature));
    if (is_rsa) {
      CHECK(key.public_key().signed_digest(signature) == digest);
      CHECK_FALSE(SigningKey::generate_rsa(2048).value().public_key().signed_digest(signature));
    } else {
      CHECK_FALSE(key.public_key().signed_digest(signature));
    }
    const auto spki = key.public_key().spki();
    CHECK(PublicKey::from_spki(spki) == key.public_key());
  }
}

TEST_CASE("keys that OpenSSL wrote in either form are read as it reads them", "[crypto]") {
  // openssl genrsa -traditional 2048 | openssl rsa -traditional, cut to what is needed, would be a
  // fixture with a private key in it; the same forms are written here.
  const auto key = SigningKey::generate_rsa(2048).value();
  const auto pem = key.pem().value();
  const std::string text(as_text(pem.reveal()));
  const auto body_begin = text.find('\n') + 1;
  std::string base64;
  for (const char c : text.substr(body_begin, text.find("-----END") - body_begin)) {
    if (c != '\n') base64 += c;
  }
  const auto pkcs8 = from_base64(base64).value();
  // PKCS#8 of an RSA key: 26 octets, then RSAPrivateKey.
  const auto pkcs1 = to_base64(Bytes(pkcs8).subspan(26));
  std::string traditional = "-----BEGIN RSA PRIVATE KEY-----\n";
  for (std::size_t at = 0; at < pkcs1.size(); at += 64)
    traditional += pkcs1.substr(at, 64) + "\n";
  traditional += "-----END RSA PRIVATE KEY-----\n";
  const auto again = SigningKey::from_pem(Secret(as_bytes(traditional)), "test").value();
  CHECK(again.public_key() == key.public_key());
  const auto digest = sha256(as_bytes("x"));
  CHECK(again.sign(digest).value() == key.sign(digest).value());
  // Each octet of the structure changed in turn: a key, another key, or none; never a crash.
  for (std::size_t i = 0; i < 40; ++i) {
    auto broken = pkcs8;
    broken[i] ^= 0xff;
    const std::string changed =
        "-----BEGIN PRIVATE KEY-----\n" + to_base64(broken) + "\n-----END PRIVATE KEY-----\n";
    const auto read = SigningKey::from_pem(Secret(as_bytes(changed)), "test");
    if (!read) CHECK(read.error().code == Errc::malformed);
  }
}

TEST_CASE("a public key is all of its encoding, and of a kind that signs mail", "[crypto]") {
  auto spki = SigningKey::generate_ed25519().public_key().spki();
  spki.push_back(0);
  CHECK_FALSE(PublicKey::from_spki(spki));
  CHECK_FALSE(PublicKey::from_spki({}));
  CHECK_FALSE(PublicKey::from_pkcs1(spki));
  CHECK_FALSE(PublicKey::from_ed25519(Bytes(spki).first(31)));
  // A P-256 SubjectPublicKeyInfo.
  const auto p256 = octets_of(
      "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d"
      "812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5");
  CHECK_FALSE(PublicKey::from_spki(p256));
}

TEST_CASE("a key file that others can read is refused", "[crypto]") {
  const test::TempDir folder;
  const std::string path = folder / "key.pem";
  const auto key = SigningKey::generate_ed25519();
  REQUIRE(publish_file(path, key.pem().value().reveal(), 0640));
  const auto refused = SigningKey::open(path);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::denied);
  CHECK(refused.error().hint.find("chmod 600") != std::string::npos);
  CHECK(SigningKey::open(path, true));  // a credential's mode is the service manager's
  REQUIRE(chmod(path.c_str(), 0600) == 0);
  CHECK(SigningKey::open(path).value().public_key() == key.public_key());
  CHECK(SigningKey::open(folder / "none").error().code == Errc::no_input);
}

TEST_CASE("what is no usable private key is named as what it is", "[crypto]") {
  const auto error_of = [](std::string_view text) {
    const auto key = SigningKey::from_pem(Secret(as_bytes(text)), "k.pem");
    REQUIRE_FALSE(key);
    CHECK(key.error().code == Errc::malformed);
    return key.error().what;
  };
  CHECK(error_of("").find("holds no PEM private key") != std::string::npos);
  CHECK(error_of("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMA==\n-----END ENCRYPTED PRIVATE KEY-----")
            .find("passphrase") != std::string::npos);
  CHECK(error_of("-----BEGIN PRIVATE KEY-----\n"
                 "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2\n"
                 "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r\n"
                 "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G\n"
                 "-----END PRIVATE KEY-----\n")
            .find("neither an RSA nor an Ed25519") != std::string::npos);
  CHECK(SigningKey::generate_rsa(1024).error().code == Errc::usage);
  CHECK(SigningKey::generate_rsa(16384).error().code == Errc::usage);
}

TEST_CASE("a token's URI says where the PIN is, never what it is", "[crypto]") {
  CHECK(SigningKey::open("pkcs11:token=t;object=k?pin-value=1234").error().code == Errc::usage);
  CHECK(SigningKey::open("pkcs11:").error().code == Errc::usage);
  CHECK(SigningKey::open("pkcs11:token").error().code == Errc::usage);
  CHECK(SigningKey::open("pkcs11:token=%4").error().code == Errc::usage);
  CHECK(SigningKey::open("pkcs11:token=t;object=k?pin-source=/none").error().code ==
        Errc::no_input);
}
