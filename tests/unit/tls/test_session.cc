#include <catch2/catch.hpp>

#include "support/fake_clock.h"
#include "support/tls_peer.h"

using namespace sm;
using namespace sm::test;
using namespace std::string_literals;
using tls::CertificateFault;
using tls::Demand;
using State = tls::ChainVerdict::State;

namespace {

struct Pki {
  Issued root = issue({.common_name = "Test Root", .is_ca = true});
  Issued intermediate = issue({.common_name = "Test Intermediate", .is_ca = true}, &root);
  Issued leaf = issue({.common_name = "mx.example", .dns_names = {"mx.example"}}, &intermediate);
  tls::Context context = trusting(root);

  [[nodiscard]] ServerRecipe good() const { return {leaf, {intermediate}}; }
  [[nodiscard]] ServerRecipe with(const Recipe& recipe) const {
    return {issue(recipe, &intermediate), {intermediate}};
  }
};

const Pki& pki() {
  static const Pki made;
  return made;
}

tls::Expectations expect_pkix(const std::string& name = "mx.example") {
  return {.server_name = domain(name), .pkix_names = {domain(name)}, .demand = Demand::pkix};
}

tls::Expectations expect_dane(std::vector<tls::DaneRecord> records) {
  return {.server_name = domain("mx.example"),
          .pkix_names = {domain("mx.example")},
          .dane_records = std::move(records),
          .demand = Demand::dane};
}

tls::DaneRecord other_record(std::uint8_t usage) {
  return {usage, 1, 1, std::vector<std::uint8_t>(32, 0xab)};
}

// The verdict of a handshake with one certificate, PKIX demanded.
tls::ChainVerdict pkix_of(const ServerRecipe& server, const std::string& name = "mx.example") {
  auto met = meet(pki().context, expect_pkix(name), server);
  REQUIRE(met.handshake);
  const bool is_good = met.handshake->pkix.is_good();
  CHECK(met.handshake->is_satisfied() == is_good);
  CHECK(met.session.take_verified_peer().has_value() == is_good);
  return met.handshake->pkix;
}

CertificateFault fault_of(const ServerRecipe& server, const std::string& name = "mx.example") {
  const auto verdict = pkix_of(server, name);
  REQUIRE(verdict.state == State::bad);
  REQUIRE_FALSE(verdict.faults.empty());
  CHECK_FALSE(verdict.words.empty());
  return verdict.faults.front();
}

}  // namespace

TEST_CASE("a trusted certificate with the right name satisfies PKIX", "[tls]") {
  auto met = meet(pki().context, expect_pkix(), pki().good());
  REQUIRE(met.handshake);
  CHECK(met.handshake->version == "TLSv1.3");
  CHECK(met.handshake->cipher == "TLS_AES_256_GCM_SHA384");
  CHECK(met.handshake->leaf.sha256 == pki().leaf.facts().sha256);
  CHECK(met.handshake->chain.size() == 2);
  CHECK(met.handshake->pkix.is_good());
  CHECK(met.handshake->pkix.matched_name == "mx.example");
  CHECK(met.handshake->dane.state == State::not_judged);
  CHECK(met.server->sni() == "mx.example");
  const auto peer = met.session.take_verified_peer();
  REQUIRE(peer);
  CHECK(peer->proved_by() == Demand::pkix);
  CHECK_FALSE(met.session.take_verified_peer());
}

TEST_CASE("TLS 1.2 will do", "[tls]") {
  auto server = pki().good();
  server.max_version = TLS1_2_VERSION;
  auto met = meet(pki().context, expect_pkix(), server);
  REQUIRE(met.handshake);
  CHECK(met.handshake->version == "TLSv1.2");
  CHECK(met.handshake->is_satisfied());
}

TEST_CASE("A17 expired", "[tls][A17]") {
  CHECK(fault_of(pki().with({.dns_names = {"mx.example"}, .from_days = -30, .to_days = -1})) ==
        CertificateFault::expired);
}

TEST_CASE("A17 not yet valid", "[tls][A17]") {
  CHECK(fault_of(pki().with({.dns_names = {"mx.example"}, .from_days = 1})) ==
        CertificateFault::not_yet_valid);
}

TEST_CASE("A17 self-signed", "[tls][A17]") {
  CHECK(fault_of({issue({.dns_names = {"mx.example"}})}) == CertificateFault::not_trusted);
}

TEST_CASE("A17 a root that nobody here trusts", "[tls][A17]") {
  const auto root = issue({.common_name = "Test Root", .is_ca = true});
  CHECK(fault_of({issue({.dns_names = {"mx.example"}}, &root), {root}}) ==
        CertificateFault::not_trusted);
}

TEST_CASE("A17 a chain without its intermediate", "[tls][A17]") {
  CHECK(fault_of({pki().leaf}) == CertificateFault::not_trusted);
}

TEST_CASE("A17 a leaf that plays the CA", "[tls][A17]") {
  const auto forged = issue({.dns_names = {"mx.example"}}, &pki().leaf);
  CHECK(fault_of({forged, {pki().leaf, pki().intermediate}}) == CertificateFault::not_trusted);
}

TEST_CASE("A17 wrong name", "[tls][A17]") {
  CHECK(fault_of(pki().with({.dns_names = {"mx.example.org"}})) == CertificateFault::host_mismatch);
  CHECK(fault_of(pki().good(), "mx2.example") == CertificateFault::host_mismatch);
  CHECK(fault_of(pki().good(), "a.mx.example") == CertificateFault::host_mismatch);
}

TEST_CASE("A17 a common name counts only where there is no DNS name", "[tls][A17]") {
  CHECK(pkix_of(pki().with({.common_name = "mx.example"})).is_good());
  CHECK(fault_of(pki().with({.common_name = "mx.example", .dns_names = {"www.example"}})) ==
        CertificateFault::host_mismatch);
}

TEST_CASE("A17 a NUL in a name does not end it", "[tls][A17]") {
  CHECK(fault_of(pki().with({.dns_names = {"mx.example\0.evil.example"s}})) ==
        CertificateFault::host_mismatch);
  CHECK(fault_of(pki().with({.common_name = "mx.example\0.evil.example"s})) !=
        CertificateFault::expired);
}

TEST_CASE("A17 a CA constrained to other names", "[tls][A17]") {
  const auto constrained = issue(
      {.common_name = "Constrained", .is_ca = true, .permitted_dns = "other.example"}, &pki().root);
  const auto leaf = issue({.dns_names = {"mx.example"}}, &constrained);
  CHECK(fault_of({leaf, {constrained}}) == CertificateFault::not_trusted);
  const auto inside = issue({.dns_names = {"mx.other.example"}}, &constrained);
  CHECK(pkix_of({inside, {constrained}}, "mx.other.example").is_good());
}

TEST_CASE("A17 a wildcard is a whole first label and stands for exactly one", "[tls][A17]") {
  const auto wild = pki().with({.dns_names = {"*.mail.example"}});
  CHECK(pkix_of(wild, "mx.mail.example").is_good());
  CHECK(fault_of(wild, "a.mx.mail.example") == CertificateFault::host_mismatch);
  CHECK(fault_of(wild, "mail.example") == CertificateFault::host_mismatch);
  CHECK(fault_of(pki().with({.dns_names = {"m*.mail.example"}}), "mx.mail.example") ==
        CertificateFault::host_mismatch);
  CHECK(fault_of(pki().with({.dns_names = {"mx.*.example"}}), "mx.mail.example") ==
        CertificateFault::host_mismatch);
}

TEST_CASE("several faults are told, the gravest first", "[tls]") {
  const auto verdict =
      pkix_of({issue({.dns_names = {"www.example"}, .from_days = -30, .to_days = -1})});
  REQUIRE(verdict.faults.size() == 3);
  CHECK(verdict.faults[0] == CertificateFault::not_trusted);
  CHECK(verdict.faults[1] == CertificateFault::expired);
  CHECK(verdict.faults[2] == CertificateFault::host_mismatch);
}

TEST_CASE("certificates are judged by the clock that is given", "[tls]") {
  FakeClock clock(WallTime(std::chrono::duration_cast<std::chrono::microseconds>(
      system_clock().now().time_since_epoch() + std::chrono::days(60))));
  const auto context = trusting(pki().root, clock);
  auto met = meet(context, expect_pkix(), pki().good());
  REQUIRE(met.handshake);
  REQUIRE_FALSE(met.handshake->pkix.is_good());
  CHECK(met.handshake->pkix.faults.front() == CertificateFault::expired);
  CHECK_FALSE(met.session.take_verified_peer());
}

TEST_CASE("only looking yields no proof, however good the peer", "[tls]") {
  auto expected = expect_dane({tlsa_3_1_1(pki().leaf)});
  expected.demand = Demand::none;
  auto met = meet(pki().context, expected, pki().good());
  REQUIRE(met.handshake);
  CHECK(met.handshake->dane.is_good());
  CHECK(met.handshake->pkix.is_good());
  CHECK_FALSE(met.handshake->is_satisfied());
  CHECK_FALSE(met.session.take_verified_peer());
}

TEST_CASE("DANE-EE 3 1 1 matches whatever names, dates and roots say", "[tls][dane]") {
  const auto leaf =
      issue({.common_name = "x", .dns_names = {"www.x"}, .from_days = -9, .to_days = -1});
  auto met = meet(pki().context, expect_dane({tlsa_3_1_1(leaf)}), {leaf});
  REQUIRE(met.handshake);
  CHECK(met.handshake->dane.is_good());
  CHECK(met.handshake->dane.depth == 0);
  CHECK(met.handshake->dane.record == tlsa_3_1_1(leaf));
  CHECK(met.handshake->pkix.state == State::bad);
  const auto peer = met.session.take_verified_peer();
  REQUIRE(peer);
  CHECK(peer->proved_by() == Demand::dane);
}

TEST_CASE("DANE-TA 2 0 1 with the intermediate as anchor needs the name", "[tls][dane]") {
  const auto record = tlsa_2_0_1(pki().intermediate);
  auto met = meet(pki().context, expect_dane({record}), pki().good());
  REQUIRE(met.handshake);
  CHECK(met.handshake->dane.is_good());
  CHECK(met.handshake->dane.depth == 1);
  CHECK(met.handshake->dane.record == record);
  CHECK(met.handshake->dane.matched_name == "mx.example");
  CHECK(met.handshake->pkix.is_good());

  const auto wrong_name = pki().with({.dns_names = {"www.example"}});
  auto refused = meet(pki().context, expect_dane({record}), wrong_name);
  REQUIRE(refused.handshake);
  CHECK(refused.handshake->dane.state == State::bad);
  CHECK(refused.handshake->dane.faults.front() == CertificateFault::host_mismatch);
  CHECK_FALSE(refused.session.take_verified_peer());
}

TEST_CASE("DANE-TA also takes the next-hop domain as a name", "[tls][dane]") {
  auto expected = expect_dane({tlsa_2_0_1(pki().intermediate)});
  expected.dane_ta_names = {domain("nexthop.example")};
  auto met = meet(pki().context, expected, pki().with({.dns_names = {"nexthop.example"}}));
  REQUIRE(met.handshake);
  CHECK(met.handshake->dane.is_good());
  CHECK(met.handshake->dane.matched_name == "nexthop.example");
}

TEST_CASE("DANE-TA does not help an expired leaf", "[tls][dane]") {
  auto met = meet(pki().context, expect_dane({tlsa_2_0_1(pki().intermediate)}),
                  pki().with({.dns_names = {"mx.example"}, .from_days = -9, .to_days = -1}));
  REQUIRE(met.handshake);
  CHECK(met.handshake->dane.state == State::bad);
  CHECK(met.handshake->dane.faults.front() == CertificateFault::expired);
}

TEST_CASE("the anchor of DANE-TA must be in the server's chain", "[tls][dane]") {
  auto met = meet(pki().context, expect_dane({tlsa_2_0_1(pki().intermediate)}), {pki().leaf});
  REQUIRE(met.handshake);
  CHECK_FALSE(met.handshake->dane.is_good());
  CHECK_FALSE(met.session.take_verified_peer());
}

TEST_CASE("of mixed DANE records one match is enough", "[tls][dane]") {
  SECTION("the end entity's") {
    auto met =
        meet(pki().context, expect_dane({other_record(2), tlsa_3_1_1(pki().leaf)}), pki().good());
    REQUIRE(met.handshake);
    CHECK(met.handshake->dane.record == tlsa_3_1_1(pki().leaf));
  }
  SECTION("the anchor's") {
    auto met = meet(pki().context, expect_dane({other_record(3), tlsa_2_0_1(pki().intermediate)}),
                    pki().good());
    REQUIRE(met.handshake);
    CHECK(met.handshake->dane.record == tlsa_2_0_1(pki().intermediate));
  }
}

TEST_CASE("a certificate that roots trust does not make up for a DANE mismatch", "[tls][dane]") {
  for (const auto& records : {std::vector{other_record(3)}, std::vector{other_record(2)},
                              std::vector{other_record(3), other_record(2)}}) {
    auto met = meet(pki().context, expect_dane(records), pki().good());
    REQUIRE(met.handshake);
    CHECK(met.handshake->pkix.is_good());
    CHECK(met.handshake->dane.state == State::bad);
    CHECK(met.handshake->dane.faults.front() == CertificateFault::no_dane_match);
    CHECK(tls::rfc8460_text(met.handshake->dane.faults.front()) == "validation-failure");
    CHECK_FALSE(met.handshake->dane.record);
    CHECK_FALSE(met.handshake->is_satisfied());
    CHECK_FALSE(met.session.take_verified_peer());
  }
}

TEST_CASE("DANE demanded with nothing usable begins nothing", "[tls][dane]") {
  const std::vector<tls::DaneRecord> unusable = {{0, 1, 1, std::vector<std::uint8_t>(32)},
                                                 {1, 1, 1, std::vector<std::uint8_t>(32)},
                                                 {3, 2, 1, std::vector<std::uint8_t>(32)},
                                                 {3, 1, 3, std::vector<std::uint8_t>(32)},
                                                 {3, 1, 1, std::vector<std::uint8_t>(31)},
                                                 {3, 1, 2, std::vector<std::uint8_t>(32)},
                                                 {3, 0, 0, {}}};
  for (const auto& record : unusable)
    CHECK_FALSE(record.is_usable());
  CHECK_FALSE(tls::Session::start(pki().context, expect_dane(unusable)));
  CHECK_FALSE(tls::Session::start(pki().context, expect_dane({})));
}

TEST_CASE("records that OpenSSL does not take are no DANE either", "[tls][dane]") {
  // Matching type 0 with octets that are no certificate.
  const tls::DaneRecord garbage{3, 0, 0, {1, 2, 3}};
  REQUIRE(garbage.is_usable());
  CHECK_FALSE(tls::Session::start(pki().context, expect_dane({garbage})));
  auto expected = expect_dane({garbage});
  expected.demand = Demand::none;
  auto met = meet(pki().context, expected, pki().good());
  REQUIRE(met.handshake);
  CHECK(met.handshake->dane.state == State::not_judged);
  CHECK(met.handshake->pkix.is_good());
  // What is left is PKIX with its own names: the base domain is none of them.
  expected.pkix_names = {domain("other.example")};
  expected.demand = Demand::pkix;
  auto other = meet(pki().context, expected, pki().good());
  REQUIRE(other.handshake);
  CHECK_FALSE(other.handshake->is_satisfied());
  CHECK_FALSE(other.session.take_verified_peer());
}

TEST_CASE("PKIX demanded without a name begins nothing", "[tls]") {
  auto expected = expect_pkix();
  expected.pkix_names.clear();
  CHECK_FALSE(tls::Session::start(pki().context, expected));
}

TEST_CASE("A16 TLS 1.0 and 1.1 end in a definite no", "[tls][A16]") {
  auto server = pki().good();
  server.min_version = TLS1_VERSION;
  server.max_version = TLS1_1_VERSION;
  auto met = meet(pki().context, expect_pkix(), server);
  REQUIRE(met.failure);
  CHECK(met.failure->is_definite());
  CHECK_FALSE(met.session.take_verified_peer());
  CHECK(SSL_CTX_get_min_proto_version(pki().context.native()) == TLS1_2_VERSION);
}

TEST_CASE("A16 NULL and anonymous suites have no common ground with us", "[tls][A16]") {
  for (const auto* suites : {"eNULL", "aNULL", "PSK"}) {
    CAPTURE(suites);
    auto server = pki().good();
    server.max_version = TLS1_2_VERSION;
    server.suites = suites;
    auto met = meet(pki().context, expect_pkix(), server);
    REQUIRE(met.failure);
    CHECK(met.failure->kind == tls::HandshakeFailure::Kind::alert);
  }
}

TEST_CASE("A16 no weak suite is offered", "[tls][A16]") {
  const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(pki().context.native()), SSL_free);
  const auto* suites = SSL_get_ciphers(ssl.get());
  REQUIRE(sk_SSL_CIPHER_num(suites) > 5);
  for (int i = 0; i < sk_SSL_CIPHER_num(suites); ++i) {
    const SSL_CIPHER* suite = sk_SSL_CIPHER_value(suites, i);
    CAPTURE(SSL_CIPHER_get_name(suite));
    CHECK(SSL_CIPHER_get_bits(suite, nullptr) >= 128);
    CHECK(SSL_CIPHER_get_auth_nid(suite) != NID_auth_null);
    const std::string name = SSL_CIPHER_get_name(suite);
    for (const auto* weak : {"NULL", "EXP", "RC4", "DES", "MD5", "anon", "PSK", "SRP"}) {
      CHECK(name.find(weak) == std::string::npos);
    }
  }
}

TEST_CASE("octets that are not TLS end in a definite no", "[tls]") {
  auto session = tls::Session::start(pki().context, expect_pkix()).value();
  REQUIRE(std::holds_alternative<tls::Session::NeedsMore>(session.handshake()));
  session.receive("421 4.3.2 too busy\r\n");
  const auto step = session.handshake();
  REQUIRE(std::holds_alternative<tls::HandshakeFailure>(step));
  CHECK(std::get<tls::HandshakeFailure>(step).kind == tls::HandshakeFailure::Kind::protocol);
}

TEST_CASE("a connection that ends in the handshake says nothing about the server", "[tls]") {
  auto session = tls::Session::start(pki().context, expect_pkix()).value();
  REQUIRE(std::holds_alternative<tls::Session::NeedsMore>(session.handshake()));
  session.receive_end();
  const auto step = session.handshake();
  REQUIRE(std::holds_alternative<tls::HandshakeFailure>(step));
  CHECK(std::get<tls::HandshakeFailure>(step).kind == tls::HandshakeFailure::Kind::lost);
}

TEST_CASE("plaintext crosses, and a close differs from a cut", "[tls][A19]") {
  auto met = meet(pki().context, expect_pkix(), pki().good());
  REQUIRE(met.handshake);
  REQUIRE(met.session.write("EHLO me\r\n"));
  met.exchange();
  CHECK(met.server->read() == "EHLO me\r\n");
  met.server->write("250 hi\r\n");
  met.exchange();
  std::string text;
  CHECK(met.session.read(text) == tls::Session::ReadState::open);
  CHECK(text == "250 hi\r\n");
  SECTION("closed") {
    met.server->close();
    met.exchange();
    met.session.receive_end();
    CHECK(met.session.read(text) == tls::Session::ReadState::closed);
  }
  SECTION("cut off") {
    met.session.receive_end();
    CHECK(met.session.read(text) == tls::Session::ReadState::truncated);
  }
  SECTION("a record cut in two") {
    met.server->write("250 2.0.0 queued\r\n");
    const auto record = met.server->take_output();
    met.session.receive(std::string_view(record).substr(0, record.size() - 1));
    met.session.receive_end();
    text.clear();
    CHECK(met.session.read(text) == tls::Session::ReadState::truncated);
    CHECK(text.empty());
  }
  SECTION("a record with one bit changed") {
    met.server->write("250 2.0.0 queued\r\n");
    auto record = met.server->take_output();
    record.back() = static_cast<char>(record.back() ^ 1);
    met.session.receive(record);
    text.clear();
    CHECK(met.session.read(text) == tls::Session::ReadState::broken);
    CHECK(text.empty());
    CHECK_FALSE(met.session.write("MAIL FROM:<a@b.example>\r\n"));
  }
}

TEST_CASE("A18 no session is resumed", "[tls][A18]") {
  for (int i = 0; i < 2; ++i) {
    auto met = meet(pki().context, expect_pkix(), pki().good());
    REQUIRE(met.handshake);
    met.server->write("250 hi\r\n");  // the server's tickets came with it
    met.exchange();
    std::string text;
    CHECK(met.session.read(text) == tls::Session::ReadState::open);
    CHECK(SSL_session_reused(met.server->native()) == 0);
    CHECK(SSL_CTX_sess_number(pki().context.native()) == 0);
  }
}

TEST_CASE("a server cannot renegotiate", "[tls]") {
  auto server = pki().good();
  server.max_version = TLS1_2_VERSION;
  auto met = meet(pki().context, expect_pkix(), server);
  REQUIRE(met.handshake);
  int hellos = 0;
  int alerts = 0;
  std::pair<int*, int*> counts{&hellos, &alerts};
  SSL_set_msg_callback_arg(met.server->native(), &counts);
  SSL_set_msg_callback(met.server->native(), [](int is_write, int, int type, const void* octets,
                                                std::size_t, SSL*, void* argument) {
    const auto* seen = static_cast<std::pair<int*, int*>*>(argument);
    const auto first = *static_cast<const unsigned char*>(octets);
    if (is_write == 0 && type == SSL3_RT_HANDSHAKE && first == 1) ++*seen->first;
    if (is_write == 0 && type == SSL3_RT_ALERT) ++*seen->second;
  });
  REQUIRE(SSL_renegotiate(met.server->native()) == 1);
  met.server->handshake();
  met.exchange();
  std::string text;
  CHECK(met.session.read(text) == tls::Session::ReadState::open);
  met.exchange();
  met.server->read();
  CHECK(hellos == 0);
  CHECK(alerts == 1);
}

TEST_CASE("a CA file that is missing or empty is an error", "[tls]") {
  const TempDir folder;
  const auto missing = tls::Context::create({.ca_file = folder / "none.pem"});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == Errc::no_input);
  REQUIRE(publish_file(folder / "empty.pem", as_bytes("nothing here\n")));
  const auto empty = tls::Context::create({.ca_file = folder / "empty.pem"});
  REQUIRE_FALSE(empty);
  CHECK(empty.error().code == Errc::malformed);
}

TEST_CASE("a CA file that only looks like one is told by who needs it, and DANE does not",
          "[tls]") {
  const TempDir folder;
  REQUIRE(publish_file(folder / "ca.pem", as_bytes("-----BEGIN CERTIFICATE-----\nAAAA\n"
                                                   "-----END CERTIFICATE-----\n")));
  const auto context = tls::Context::create({.ca_file = folder / "ca.pem"});
  REQUIRE(context);
  for (int i = 0; i < 2; ++i) {
    const auto session = tls::Session::start(*context, expect_pkix());
    REQUIRE_FALSE(session);
    CHECK(session.error().code == Errc::malformed);
  }
  auto expected = expect_dane({tlsa_3_1_1(pki().leaf)});
  expected.pkix_names.clear();
  auto met = meet(*context, expected, pki().good());
  REQUIRE(met.handshake);
  CHECK(met.session.take_verified_peer());
}

TEST_CASE("no root of ours stands in for an anchor that the server leaves out", "[tls][dane]") {
  auto met = meet(pki().context, expect_dane({tlsa_2_0_1(pki().root)}), pki().good());
  REQUIRE(met.handshake);
  CHECK(met.handshake->pkix.is_good());
  CHECK_FALSE(met.handshake->dane.is_good());
  CHECK_FALSE(met.session.take_verified_peer());
}

TEST_CASE("roots named by the environment are not trusted", "[tls]") {
  const TempDir folder;
  const std::string path = folder / "ca.pem";
  REQUIRE(publish_file(path, as_bytes(pki().root.pem())));
  REQUIRE(setenv("SSL_CERT_FILE", path.c_str(), 1) == 0);
  const auto context = tls::Context::create({});
  unsetenv("SSL_CERT_FILE");
  if (!context) {
    CHECK(context.error().code == Errc::unavailable);
    return;
  }
  auto met = meet(*context, expect_pkix(), pki().good());
  REQUIRE(met.handshake);
  CHECK_FALSE(met.handshake->pkix.is_good());
}
