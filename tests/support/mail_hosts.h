#pragma once
// MX hosts at loopback addresses, signed and with TLSA records, and a message for them.

#include <memory>
#include <string>
#include <vector>

#include "base/encoding.h"
#include "delivery/facts.h"
#include "delivery/sts_memory_cache.h"
#include "message/reader.h"
#include "message/source.h"
#include "smtp/envelope.h"
#include "support/fake_resolver.h"
#include "support/mail_sink.h"
#include "support/no_sts.h"
#include "support/tls_peer.h"

namespace sm::test {

struct MailHosts {
  Issued root = issue({.common_name = "Test Root", .is_ca = true});
  Issued leaf = issue({.common_name = "mx.example", .dns_names = {"mx.example"}}, &root);
  tls::Context tls = trusting(root);
  FakeResolver resolver;
  NoSts sts;
  delivery::StsMemoryCache cache;
  std::uint16_t port = 0;  ///< of all of them
  std::vector<std::unique_ptr<MailSink>> sinks;

  MailHosts() { resolver.sign("example"); }

  /// Listens at 127.0.0.`host`, with this certificate.
  MailSink& listen(int host, const Issued& shown, MailSink::Manners manners) {
    sinks.push_back(
        std::make_unique<MailSink>(ServerRecipe{shown}, host, port, std::move(manners)));
    port = sinks.front()->port();
    return *sinks.back();
  }
  /// "mx`host`.example" at 127.0.0.`host`, whose TLSA record names `leaf`.
  std::string publish(int host) {
    const auto mx = "mx" + std::to_string(host) + ".example";
    resolver.add(mx, "A", "127.0.0." + std::to_string(host));
    resolver.add("_" + std::to_string(port) + "._tcp." + mx, "TLSA",
                 "3 1 1 " + to_hex(Bytes(leaf.facts().spki_sha256)));
    return mx;
  }
  delivery::FactFinder::Parts finder_parts(dns::RandomBelow random) {
    return {.resolver = &resolver,
            .sts_source = &sts,
            .sts_cache = &cache,
            .guard = {.allowed = {*IpPrefix::parse("127.0.0.0/8")}},
            .random = std::move(random),
            .own_names = {},
            .port = port};
  }
};

inline message::PreparedMessage message_to(const std::string& address) {
  const auto text = "From: s@client.example\r\nTo: " + address + "\r\nSubject: x\r\n\r\nhi\r\n";
  auto read = message::read_message(*message::read_memory(text), message::Purpose::submission);
  return message::prepare(std::move(*read), {}).value();
}

inline smtp::Envelope envelope_to(const std::string& address) {
  smtp::Envelope envelope;
  envelope.sender = name::ReversePath::parse("s@client.example").value();
  envelope.recipients = {{name::Mailbox::parse(address).value()}};
  return envelope;
}

}  // namespace sm::test
