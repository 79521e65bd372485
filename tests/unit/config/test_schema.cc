#include <catch2/catch.hpp>

#include "config/schema.h"

using sm::Errc;
using sm::config::FileText;
using sm::config::Method;
using sm::config::Minimum;
using sm::config::parse_file;

namespace {

FileText parsed(std::string_view text) {
  auto file = parse_file(text, "f");
  if (!file) FAIL(file.error().what);
  return std::move(*file);
}

std::string refusal(std::string_view text) {
  const auto file = parse_file(text, "f");
  if (file) return "(taken)";
  CHECK(file.error().code == Errc::configuration);
  return file.error().what;
}

constexpr std::string_view kWhole = R"(
state: /var/lib/smtools
network:
  resolvers: ["192.0.2.53", "2001:db8::53@5353"]
  trust_anchors: [/etc/root.key]
  ca_file: /etc/ca.pem
  allow_addresses: [10.1.0.0/16, "fd00::1"]
  helo: mail.delinde.example
  port: 2525
  deadline: 60
policy:
  minimum: verified
  requiretls: true
  methods: [sms, password]
  longest_expiry: 30d
  escrow: false
  registered_senders: off
  after_retrieval: destroy
  resolvers: [192.0.2.53, "2001:db8::53@5353"]
  trust_anchors: [/etc/root.key]
  ca_file: /etc/ca.pem
nta7516:
  header: X-Example
organisations:
  delinde:
    name: De Linde
    domains: [delinde.example, BÜCHER.example]
    dkim:
      - domain: delinde.example
        selector: s1
        key: /etc/s1.pem
        selector2: e1
        key2: "pkcs11:token=t"
    policy:
      minimum: verified
    audit:
      origin: delinde.example/log
)";

}  // namespace

TEST_CASE("the whole schema is read into its types", "[config]") {
  const auto file = parsed(kWhole);
  CHECK(file.state == "/var/lib/smtools");
  CHECK(file.network.resolvers.at(0).text() == "192.0.2.53@53");
  CHECK(file.network.resolvers.at(1).text() == "2001:db8::53@5353");
  CHECK(file.network.trust_anchors == std::vector<std::string>{"/etc/root.key"});
  CHECK(file.network.ca_file == "/etc/ca.pem");
  CHECK(file.network.allow_addresses.at(1).text() == "fd00::1/128");
  CHECK(file.network.helo->text() == "mail.delinde.example");
  CHECK(file.network.port == 2525);
  CHECK(file.network.deadline == std::chrono::seconds(60));
  CHECK_FALSE(file.network.trust_ad);
  CHECK(file.policy.minimum == Minimum::verified);
  CHECK(file.policy.requiretls == true);
  CHECK(file.policy.methods == std::set{Method::sms, Method::password});
  CHECK(file.policy.longest_expiry == std::chrono::days(30));
  CHECK(file.policy.escrow == false);
  CHECK(file.policy.after_retrieval == sm::config::AfterRetrieval::destroy);
  CHECK(file.policy.resolvers == file.network.resolvers);
  CHECK(file.policy.ca_file == "/etc/ca.pem");
  CHECK(file.nta7516_header == "X-Example");
  REQUIRE(file.organisations.size() == 1);
  const auto& organisation = file.organisations[0].organisation;
  CHECK(organisation.id == "delinde");
  CHECK(organisation.name == "De Linde");
  CHECK(organisation.domains.at(1).text() == "xn--bcher-kva.example");
  CHECK(organisation.dkim.at(0).selector2 == "e1");
  CHECK(organisation.dkim.at(0).key2 == "pkcs11:token=t");
  CHECK(organisation.audit_origin == "delinde.example/log");
  CHECK(file.organisations[0].policy.minimum == Minimum::verified);
}

TEST_CASE("an empty file configures nothing", "[config]") {
  const auto file = parsed("");
  CHECK_FALSE(file.state);
  CHECK(file.organisations.empty());
  CHECK(file.network.port == 25);
  parsed("network:\npolicy: {}\norganisations:\n");
}

TEST_CASE("what is unknown, doubled or of the wrong type is told with its place", "[config][A58]") {
  CHECK(refusal("stat: /x\n") == "f:1:1: unknown key 'stat'");
  CHECK(refusal("network:\n  resolver: []\n") == "f:2:3: unknown key 'resolver'");
  CHECK(refusal("state: /x\nstate: /y\n") == "f:2:1: the key 'state' comes twice");
  CHECK(refusal("network:\n  port: '25'\n") == "f:2:9: expected a whole number from 1 to 65535");
  CHECK(refusal("network:\n  port: 025\n") == "f:2:9: expected a whole number from 1 to 65535");
  CHECK(refusal("network:\n  trust_ad: yes\n") == "f:2:13: expected true or false");
  CHECK(refusal("network: [a]\n") == "f:1:10: expected keys and values");
  CHECK(refusal("network:\n  resolvers: 192.0.2.1\n") == "f:2:14: expected a list");
  CHECK(refusal("network:\n  resolvers: []\n") == "f:2:14: the list is empty");
  CHECK(refusal("network:\n  resolvers: [localhost]\n") ==
        "f:2:15: expected ADDRESS or ADDRESS@PORT");
  CHECK(refusal("network:\n  allow_addresses: [10.0.0.1/8]\n") ==
        "f:2:21: expected an IP address, or a network as 10.1.0.0/16");
  CHECK(refusal("network:\n  ca_file: ca.pem\n") == "f:2:12: expected a path from / on");
  CHECK(refusal("state: \"/x\\ny\"\n") == "f:1:8: expected one line of text");
  CHECK(refusal("policy:\n  minimum: encrypted\n") == "f:2:12: expected one of: trusted, verified");
  CHECK(refusal("policy:\n  longest_expiry: 91d\n") ==
        "f:2:19: expected a number of days from 1d to 90d");
  CHECK(refusal("policy:\n  longest_expiry: 30\n") != "(taken)");
  CHECK(refusal("policy:\n  methods: [sms, fax]\n") ==
        "f:2:18: expected one of: sms, email, password");
  CHECK(refusal("nta7516:\n  header: 'X Y'\n") == "f:2:11: expected the name of a header field");
  CHECK(refusal("audit:\n  origin: a+b\n") == "f:2:11: an origin has neither space nor +");
  CHECK(refusal("policy:\n  minimum:\n") == "f:2:3: expected one of: trusted, verified");
  CHECK(refusal("state: ~\n") == "f:1:1: expected text");
  CHECK(refusal("- a\n") == "f:1:1: expected keys and values");
}

TEST_CASE("registered senders are off or required, and nothing else", "[config]") {
  CHECK(parsed("policy:\n  registered_senders: required\n").policy.registered_senders == true);
  CHECK(refusal("policy:\n  registered_senders: true\n") ==
        "f:2:23: expected one of: off, required");
}

TEST_CASE("trust_ad is for resolvers on this machine", "[config]") {
  CHECK(
      parsed("network: {resolvers: ['127.0.0.1', '::1@5353'], trust_ad: true}\n").network.trust_ad);
  CHECK(refusal("network: {resolvers: ['127.0.0.1', 192.0.2.1], trust_ad: true}\n") != "(taken)");
  CHECK(refusal("network: {trust_ad: true}\n") != "(taken)");
}

TEST_CASE("an organisation has an id, domains of its own and keys for them", "[config]") {
  const auto with = [](const std::string& body) {
    return refusal("organisations:\n  one:\n    domains: [one.example]\n" + body);
  };
  CHECK(with("") == "(taken)");
  CHECK(refusal("organisations:\n  One:\n    domains: [x.example]\n") ==
        "f:2:3: 'One' is no organisation: 1 to 63 of a-z, 0-9, dot and hyphen");
  CHECK(refusal("organisations:\n  ../x:\n    domains: [x.example]\n") != "(taken)");
  CHECK(refusal("organisations:\n  one: {name: One}\n") == "f:2:8: 'domains' is missing");
  CHECK(refusal("organisations:\n  one: {domains: [127.0.0.1]}\n") != "(taken)");
  CHECK(with("  two:\n    domains: [ONE.example.]\n") ==
        "f:5:5: the domain one.example is listed twice");
  CHECK(with("    dkim: [{domain: other.example, selector: s, key: /k}]\n") ==
        "f:3:5: dkim: other.example is no domain of this organisation");
  CHECK(with("    dkim: [{domain: example, selector: s, key: /k}]\n") == "(taken)");
  CHECK(with("    dkim: [{domain: sub.one.example, selector: s, key: /k}]\n") == "(taken)");
  CHECK(with("    dkim: [{domain: one.example, selector: s}]\n") == "f:4:12: 'key' is missing");
  CHECK(with("    dkim: [{domain: one.example, selector: s, key: k.pem}]\n") ==
        "f:4:52: expected a path from / on, or a pkcs11: URI");
  CHECK(with("    dkim: [{domain: one.example, selector: 's s', key: /k}]\n") ==
        "f:4:44: expected a DKIM selector");
  CHECK(with("    dkim: [{domain: one.example, selector: s, key: /k, key2: /l}]\n") ==
        "f:4:12: selector2 and key2 belong together");
  CHECK(with("    policy: {resolvers: [192.0.2.1]}\n") == "f:4:14: unknown key 'resolvers'");
}

TEST_CASE("no two logs share an origin", "[config]") {
  CHECK(parsed("audit: {origin: x}\norganisations: {one: {domains: [one.example]}}\n")
            .organisations.at(0)
            .organisation.audit_origin == "x");
  CHECK(refusal("audit: {origin: x}\norganisations:\n  one: {domains: [one.example]}\n"
                "  two: {domains: [two.example]}\n") != "(taken)");
  CHECK(refusal("organisations:\n  one: {domains: [one.example], audit: {origin: x}}\n"
                "  two: {domains: [two.example], audit: {origin: x}}\n") ==
        "f:1:1: the audit origin x is given twice");
}
