#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "support/test_pki.h"

using namespace sm;
using namespace sm::test;
using namespace std::string_literals;

TEST_CASE("a certificate's names, dates and digests are read from its DER", "[certificate]") {
  const auto issued =
      issue({.common_name = "mx.example", .dns_names = {"MX.example", "*.example"}});
  const auto der = issued.der();
  const auto read = crypto::read_certificate(der);
  REQUIRE(read);
  CHECK(read->der == der);
  CHECK(read->subject == "CN=mx.example");
  CHECK(read->issuer == "CN=mx.example");
  CHECK(read->is_self_issued);
  CHECK(read->dns_names == std::vector<std::string>{"mx.example", "*.example"});
  CHECK(read->common_names == std::vector<std::string>{"mx.example"});
  CHECK(read->sha256 == crypto::sha256(der));
  CHECK(read->spki_sha256 == crypto::sha256(read->spki));
  CHECK(read->not_after - read->not_before == std::chrono::days(31));

  unsigned char digest[32];
  unsigned int size = 0;
  REQUIRE(X509_pubkey_digest(issued.certificate.get(), EVP_sha256(), digest, &size) == 1);
  // X509_pubkey_digest covers the key's bits only; SPKI is the whole structure, so they differ.
  CHECK(to_hex({digest, 32}) != to_hex(read->spki_sha256));
  unsigned char* spki = nullptr;
  const int length = i2d_PUBKEY(issued.key.get(), &spki);
  CHECK(std::vector<std::uint8_t>(spki, spki + length) == read->spki);
  OPENSSL_free(spki);
}

TEST_CASE("a NUL in a name shows and does not cut it", "[certificate][A17]") {
  const auto read = issue({.dns_names = {"mx.example\0.evil.example"s}}).facts();
  CHECK(read.dns_names == std::vector<std::string>{"mx.example\\x00.evil.example"});
}

TEST_CASE("what is not exactly one certificate is none", "[certificate]") {
  auto der = issue({}).der();
  CHECK_FALSE(crypto::read_certificate({}));
  for (const std::size_t size : {std::size_t{1}, der.size() / 2, der.size() - 1}) {
    CHECK_FALSE(crypto::read_certificate({der.data(), size}));
  }
  der.push_back(0);
  CHECK_FALSE(crypto::read_certificate(der));
}
