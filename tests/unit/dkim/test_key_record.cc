#include <catch2/catch.hpp>

#include "base/encoding.h"
#include "dkim/key_record.h"
#include "dkim/publish.h"
#include "dkim_support.h"

using namespace sm;
using namespace sm::dkim;

namespace {

const crypto::SigningKey& rsa() {
  static const auto key = crypto::SigningKey::generate_rsa(2048).value();
  return key;
}

const std::string& rsa_p() {
  static const std::string p = to_base64(rsa().public_key().spki());
  return p;
}

// An Ed25519 public key (RFC 8463 A.2).
const std::string kEd25519P = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

KeyState state_of(const std::string& record) {
  return parse_key_record(record).state;
}

KeyAnswer ask(const std::string& dns) {
  dns::FileResolver resolver(dns::parse_dns_file(dns).value());
  return read_key_answer(
      resolver.lookup(name::DnsName::parse("s._domainkey.a.example").value(), dns::Type::txt));
}

}  // namespace

TEST_CASE("a key record says all that RFC 6376 3.6.1 lets it say", "[dkim]") {
  const auto reading =
      parse_key_record("v=DKIM1; k=rsa; h=sha1:sha256; s=email; t=y:s; n=note; p=" + rsa_p());
  REQUIRE(reading.state == KeyState::usable);
  CHECK(reading.record->key == rsa().public_key());
  CHECK(reading.record->is_testing);
  CHECK(reading.record->is_strict);
  CHECK(reading.record->notes == "note");
  CHECK(state_of("p=" + rsa_p()) == KeyState::usable);
  CHECK(state_of("k=ed25519; p=" + kEd25519P) == KeyState::usable);
  CHECK(state_of("v=DKIM1; p=" + rsa_p().substr(0, 70) + " \t" + rsa_p().substr(70) + ";") ==
        KeyState::usable);
}

TEST_CASE("each way in which a record is no key is told apart", "[dkim]") {
  CHECK(state_of("v=DKIM1; p=") == KeyState::revoked);
  CHECK(state_of("v=DKIM1; k=rsa") == KeyState::malformed);
  CHECK(state_of("v=DKIM1; p=" + rsa_p() + "; p=" + rsa_p()) == KeyState::malformed);
  CHECK(state_of("v=DKIM2; p=" + rsa_p()) == KeyState::wrong_version);
  CHECK(state_of("p=" + rsa_p() + "; v=DKIM1") == KeyState::wrong_version);
  CHECK(state_of("k=dsa; p=" + rsa_p()) == KeyState::wrong_type);
  CHECK(state_of("h=sha1; p=" + rsa_p()) == KeyState::wrong_hash);
  CHECK(state_of("s=tlsrpt; p=" + rsa_p()) == KeyState::wrong_service);
  CHECK(state_of("s=tlsrpt:*; p=" + rsa_p()) == KeyState::usable);
  CHECK(state_of("p=" + std::string(4097, 'A')) == KeyState::oversized);
  CHECK(state_of("p=" + std::string(4096, 'A')) == KeyState::unreadable);
  CHECK(state_of("p=not*base64") == KeyState::unreadable);
  CHECK(state_of("k=ed25519; p=" + rsa_p()) == KeyState::unreadable);
  CHECK(state_of("k=rsa; p=" + kEd25519P) == KeyState::unreadable);
}

TEST_CASE("the DNS's answers lead to states that are never confused", "[dkim]") {
  const std::string at = "s._domainkey.a.example ";
  const std::string good = at + "TXT v=DKIM1; p=" + rsa_p() + "\n";
  CHECK(ask(good).state == KeyState::usable);
  CHECK(ask("").state == KeyState::none);
  CHECK(ask(at + "NXDOMAIN\n").state == KeyState::none);
  CHECK(ask(at + "SERVFAIL\n").state == KeyState::dns_failure);
  CHECK(ask(at + "TIMEOUT\n").state == KeyState::dns_failure);
  CHECK(ask(at + "BOGUS\n").state == KeyState::bogus);
  CHECK(ask(good + at + "TXT v=DKIM1; p=" + kEd25519P + "\n").state == KeyState::several);
  CHECK(ask(good + at + "TXT v=spf1 -all\n").state == KeyState::usable);
  CHECK(ask(at + "TXT v=spf1 -all\n").state == KeyState::malformed);
  CHECK(status_of(KeyState::none) == Status::permerror);
  CHECK(status_of(KeyState::dns_failure) == Status::temperror);
  CHECK(status_of(KeyState::bogus) == Status::temperror);
  CHECK(status_of(KeyState::revoked) == Status::permerror);
}

TEST_CASE("published text reads back as the key, in strings that fit", "[dkim]") {
  for (const bool is_rsa : {true, false}) {
    const auto key =
        is_rsa ? rsa().public_key() : crypto::SigningKey::generate_ed25519().public_key();
    const std::string record = record_text(key);
    CHECK(parse_key_record(record).record->key == key);
    std::string joined;
    for (const std::string& string : split_strings(record)) {
      CHECK(string.size() <= 255);
      joined += string;
    }
    CHECK(joined == record);
  }
  CHECK(state_of(revoked_record_text(crypto::KeyType::rsa)) == KeyState::revoked);
  const auto name = key_record_name(name::Domain::parse("a.example").value(), "S1").value();
  CHECK(format_record(RecordFormat::zone, name, "v=DKIM1; p=") ==
        "s1._domainkey.a.example.\t3600\tIN\tTXT\t( \"v=DKIM1; p=\" )\n");
  CHECK(format_record(RecordFormat::raw, name, "v=DKIM1; p=") == "v=DKIM1; p=\n");
  CHECK(format_record(RecordFormat::json, name, "v=DKIM1; p=") ==
        "{\"name\":\"s1._domainkey.a.example\",\"type\":\"TXT\",\"ttl\":3600,"
        "\"content\":\"v=DKIM1; p=\",\"strings\":[\"v=DKIM1; p=\"]}\n");
  CHECK(format_record(RecordFormat::nsupdate, name, "v=DKIM1; p=") ==
        "update delete s1._domainkey.a.example. TXT\n"
        "update add s1._domainkey.a.example. 3600 TXT \"v=DKIM1; p=\"\nsend\n");
  CHECK(key_record_name(name::Domain::parse("a.example").value(), "a..b").error().code ==
        Errc::usage);
}

TEST_CASE("a published key is compared with the private one in plain words", "[dkim]") {
  const auto name = name::DnsName::parse("s._domainkey.a.example").value();
  const std::string at = "s._domainkey.a.example TXT ";
  const auto check = [&](const std::string& dns) {
    return check_published(ask(dns), name, rsa().public_key());
  };
  CHECK(check(at + record_text(rsa().public_key()) + "\n").is_good);
  const auto other = check(at + "v=DKIM1; k=ed25519; p=" + kEd25519P + "\n");
  CHECK_FALSE(other.is_good);
  CHECK(other.summary == "the published key is not this private key's");
  const auto none = check("");
  CHECK_FALSE(none.is_good);
  CHECK(none.summary == "there is no key at s._domainkey.a.example");
  const auto quoted = check(at + "v=DKIM1; k=rsa; p=" + rsa_p().substr(0, 60) + "\" \"" +
                            rsa_p().substr(60) + "\n");
  CHECK_FALSE(quoted.is_good);
  CHECK(quoted.findings.front() ==
        "this private key's public key is in it, in a record that is wrong");
  CHECK(check("s._domainkey.a.example SERVFAIL\n").is_undetermined);
  CHECK_FALSE(check(at + "v=DKIM1; p=\n").is_good);
}

TEST_CASE("keys are found in records that are none", "[dkim]") {
  CHECK(keys_in("v=DKIM1; p=" + rsa_p()).size() == 1);
  CHECK(keys_in("p=" + rsa_p() + "; p=" + kEd25519P).size() == 2);
  CHECK(keys_in("p=" + rsa_p() + "; p=" + rsa_p()).size() == 1);
  CHECK(keys_in("p=\"" + rsa_p().substr(0, 9) + "\" \"" + rsa_p().substr(9) + "\"").size() == 1);
  CHECK(keys_in("p=; p=p=").empty());
  CHECK(keys_in("").empty());
}
