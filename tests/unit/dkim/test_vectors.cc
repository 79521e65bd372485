// Messages that others signed: the appendices of RFC 6376 and RFC 8463, and messages from the wild.

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/signing_key.h"
#include "dkim/header_hash.h"
#include "dkim/verifier.h"
#include "dkim_support.h"
#include "support/vectors_folder.h"

using namespace sm;
using namespace sm::dkim;
using sm::test::Mail;
using sm::test::verdicts;
using sm::test::verify;

namespace {

// RFC 6376 A.2, with the spacing of errata 3192 and 4926.
constexpr std::string_view kRfc6376Message =
    "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\n"
    "      c=simple/simple; q=dns/txt; i=joe@football.example.com;\n"
    "      h=Received : From : To : Subject : Date : Message-ID;\n"
    "      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
    "      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\n"
    "        4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\n"
    "        KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\n"
    "        4bmp/YzhwvcubU4=;\n"
    "Received: from client1.football.example.com  [192.0.2.1]\n"
    "      by submitserver.example.com with SUBMISSION;\n"
    "      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\n"
    "From: Joe SixPack <joe@football.example.com>\n"
    "To: Suzie Q <suzie@shopping.example.net>\n"
    "Subject: Is dinner ready?\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\n"
    "\n"
    "Hi.\n"
    "\n"
    "We lost the game. Are you hungry yet?\n"
    "\n"
    "Joe.\n";
// RFC 6376 C.
constexpr std::string_view kRfc6376Dns =
    "brisbane._domainkey.example.com TXT v=DKIM1; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt"
    "IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi"
    "tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB\n";

// RFC 8463 A.3, the signatures' fields before b= was put in, and the message.
constexpr std::string_view kRfc8463Ed25519 =
    "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\n"
    " d=football.example.com; i=@football.example.com;\n"
    " q=dns/txt; s=brisbane; t=1528637909; h=from : to :\n"
    " subject : date : message-id : from : subject : date;\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
    " b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\n"
    " Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\n";
constexpr std::string_view kRfc8463Rsa =
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\n"
    " d=football.example.com; i=@football.example.com;\n"
    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\n"
    " date : message-id : from : subject : date;\n"
    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\n"
    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\n"
    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\n";
constexpr std::string_view kRfc8463Message =
    "From: Joe SixPack <joe@football.example.com>\n"
    "To: Suzie Q <suzie@shopping.example.net>\n"
    "Subject: Is dinner ready?\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\n"
    "\n"
    "Hi.\n"
    "\n"
    "We lost the game.  Are you hungry yet?\n"
    "\n"
    "Joe.\n";
// RFC 8463 A.2.
constexpr std::string_view kRfc8463Dns =
    "brisbane._domainkey.football.example.com TXT "
    "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"
    "test._domainkey.football.example.com TXT v=DKIM1; k=rsa; "
    "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J1"
    "6JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2Ee"
    "C3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n";
// RFC 8463 A.1: keys that the RFC publishes as examples.
constexpr std::string_view kRfc8463Seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
constexpr std::string_view kRfc8463RsaKey =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIICXQIBAAKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi\n"
    "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM\n"
    "KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\n"
    "AoGAH0cxOhFZDgzXWhDhnAJDw5s4roOXN4OhjiXa8W7Y3rhX3FJqmJSPuC8N9vQm\n"
    "6SVbaLAE4SG5mLMueHlh4KXffEpuLEiNp9Ss3O4YfLiQpbRqE7Tm5SxKjvvQoZZe\n"
    "zHorimOaChRL2it47iuWxzxSiRMv4c+j70GiWdxXnxe4UoECQQDzJB/0U58W7RZy\n"
    "6enGVj2kWF732CoWFZWzi1FicudrBFoy63QwcowpoCazKtvZGMNlPWnC7x/6o8Gc\n"
    "uSe0ga2xAkEA8C7PipPm1/1fTRQvj1o/dDmZp243044ZNyxjg+/OPN0oWCbXIGxy\n"
    "WvmZbXriOWoSALJTjExEgraHEgnXssuk7QJBALl5ICsYMu6hMxO73gnfNayNgPxd\n"
    "WFV6Z7ULnKyV7HSVYF0hgYOHjeYe9gaMtiJYoo0zGN+L3AAtNP9huqkWlzECQE1a\n"
    "licIeVlo1e+qJ6Mgqr0Q7Aa7falZ448ccbSFYEPD6oFxiOl9Y9se9iYHZKKfIcst\n"
    "o7DUw1/hz2Ck4N5JrgUCQQCyKveNvjzkkd8HjYs0SwM0fPjK16//5qDZ2UiDGnOe\n"
    "uEzxBDAr518Z8VFbR41in3W4Y3yCDgQlLlcETrS+zYcL\n"
    "-----END RSA PRIVATE KEY-----\n";

/// b= that `key` makes for the signature field on the RFC 8463 message.
std::string signed_again(std::string_view field, const crypto::SigningKey& key) {
  const Mail mail(std::string(field) + std::string(kRfc8463Message));
  const message::Field own = mail.header[0];
  const auto parsed = parse_signature(own.value);
  const Signature* signature = parsed.signature();
  REQUIRE(signature);
  CHECK(body_hash(signature->canons.body, as_bytes(mail.body)) == signature->body_hash);
  const std::string input = header_input(signature->canons.header, signature->signed_names,
                                         FieldsByName(mail.header), without_b(own.raw));
  CHECK(to_base64(key.sign(crypto::sha256(as_bytes(input))).value()) == signature->b_text);
  return signature->b_text;
}

}  // namespace

TEST_CASE("the signed message of RFC 6376 appendix A verifies", "[dkim]") {
  const Mail mail(kRfc6376Message);
  const auto verification = verify(mail, kRfc6376Dns);
  CHECK(verdicts(verification) == "pass good signature");
  CHECK(verification.author->text() == "football.example.com");
  CHECK(verification.author_passes());  // d= is above the author's domain
}

TEST_CASE("both signatures of RFC 8463 appendix A verify", "[dkim]") {
  const Mail mail(std::string(kRfc8463Ed25519) + std::string(kRfc8463Rsa) +
                  std::string(kRfc8463Message));
  const auto verification = verify(mail, kRfc8463Dns);
  CHECK(verdicts(verification) == "pass good signature; pass good signature");
  CHECK(verification.author_passes());
}

TEST_CASE("the keys of RFC 8463 appendix A make its signatures again", "[dkim]") {
  const auto seed = from_base64(kRfc8463Seed).value();
  const crypto::SigningKey ed25519(
      crypto::Ed25519Key::from_seed(std::span<const std::uint8_t, 32>(seed.data(), 32)));
  CHECK(signed_again(kRfc8463Ed25519, ed25519).starts_with("/gCrinpcQOoIfuHN"));
  const auto rsa =
      crypto::SigningKey::from_pem(Secret(as_bytes(kRfc8463RsaKey)), "RFC 8463").value();
  CHECK(signed_again(kRfc8463Rsa, rsa).starts_with("F45dVWDfMbQDGHJF"));
}

TEST_CASE("the last signature of each message from the wild verifies", "[dkim]") {
  int checked = 0;
  for (int i = 1; i <= 6; ++i) {
    const std::string path = test::vectors_folder() + "/dkim/00" + std::to_string(i) + ".txt";
    std::ifstream in(path);
    if (!in) continue;
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto blank = text.find("\n\n");
    std::string dns;
    for (const std::string_view line : split(std::string_view(text).substr(0, blank), '\n')) {
      const auto space = line.find(' ');
      dns += std::string(line.substr(0, space)) + " TXT" + std::string(line.substr(space)) + "\n";
    }
    const Mail mail(text.substr(blank + 2));
    const auto verification = verify(mail, dns);
    INFO(path << ": " << verdicts(verification));
    REQUIRE_FALSE(verification.signatures.empty());
    CHECK(verification.signatures.back().status == Status::pass);
    ++checked;
  }
  if (checked == 0) {
    WARN("SKIP: no DKIM vectors at " << test::vectors_folder());
  } else {
    CHECK(checked == 6);
  }
}
