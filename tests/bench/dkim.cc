// What scripts/bench dkim runs in one process: bench-dkim MODE…
//   rsa SECONDS       messages of 4 KB signed with one RSA-2048 key, a second
//   ed25519 SECONDS   what further signatures of such a message take, a second: with Ed25519 keys
//   body SECONDS      MB/s of relaxed body hashing, text of a mail
//   dense SECONDS     the same where every second word ends in two blanks
//   rsa-raw, ed25519-raw SECONDS   bare signatures a second with the same keys
// Prints one number. Time is this process's own user time, as openssl speed counts: what else the
// machine does does not count, and nothing here calls the system.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include <sys/resource.h>

#include "dkim/signer.h"

namespace {

using namespace sm;

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec) / 1e6;
}

std::string text(std::size_t size, bool is_dense) {
  std::string body;
  for (std::size_t line = 0; body.size() < size; ++line) {
    body += is_dense ? "two  words  and\tmore \t of them  in every  line   \r\n"
                     : "The meeting of the board is moved to Thursday, room " +
                           std::to_string(line % 97) + ";\r\nplease bring what is asked for.\r\n";
    if (line % 12 == 11) body += "\r\n";
  }
  return body;
}

/// Calls of `work` a second.
double rate(double seconds, const std::function<void()>& work) {
  const double begin = cpu_seconds();
  std::size_t count = 0;
  double passed = 0;
  constexpr int kBetweenLooks = 8;  // at the clock, which costs a call
  while (passed < seconds) {
    for (int i = 0; i < kBetweenLooks; ++i)
      work();
    count += kBetweenLooks;
    passed = cpu_seconds() - begin;
  }
  return static_cast<double>(count) / passed;
}

/// Messages a second, each signed with an RSA-2048 key and so many Ed25519 keys.
double sign_messages(double seconds, std::size_t edge_keys) {
  const std::string header_bytes =
      "From: Anna Bakker <anna@example.com>\r\nTo: Bob <bob@example.net>\r\n"
      "Subject: minutes of the meeting\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
      "Message-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n";
  const std::string body = text(4096, false);
  const auto header = message::HeaderIndex::parse(header_bytes).value();
  using Key = crypto::SigningKey;
  std::vector<dkim::SelectedKey> keys;
  keys.push_back({"mail", std::make_shared<const Key>(Key::generate_rsa(2048).value())});
  for (std::size_t i = 0; i < edge_keys; ++i) {
    keys.push_back(
        {"edge" + std::to_string(i), std::make_shared<const Key>(Key::generate_ed25519())});
  }
  const auto signer =
      dkim::Signer::create(name::Domain::parse("example.com").value(), std::move(keys)).value();
  const std::chrono::sys_seconds now(std::chrono::seconds(1'795'310'360));
  return rate(seconds, [&] {
    auto hasher = signer.body_hasher();
    hasher.update(as_bytes(body));
    if (!signer.sign(header, hasher.finish(), now)) std::abort();
  });
}

/// Many keys, so that what is subtracted does not drown the difference.
double sign_again(double seconds) {
  constexpr std::size_t kKeys = 20;
  const double one = sign_messages(seconds / 2, 0);
  const double all = sign_messages(seconds / 2, kKeys);
  return kKeys / (1 / all - 1 / one);
}

double sign_digests(double seconds, const crypto::SigningKey& key) {
  const auto digest = crypto::sha256(as_bytes("digest"));
  return rate(seconds, [&] {
    if (!key.sign(digest)) std::abort();
  });
}

double hash_bodies(double seconds, bool is_dense) {
  constexpr std::size_t kBlock = 65536;
  const std::string body = text(32 << 20, is_dense);
  const double passes = rate(seconds, [&] {
    dkim::BodyHasher hasher(dkim::Canon::relaxed);
    for (std::size_t at = 0; at < body.size(); at += kBlock)
      hasher.update(as_bytes(std::string_view(body).substr(at, kBlock)));
    static volatile std::uint8_t kept;
    kept = hasher.finish()[0];
    static_cast<void>(kept);
  });
  return passes * static_cast<double>(body.size()) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const double seconds = argc > 2 ? std::atof(argv[2]) : 1;
  double figure = 0;
  if (mode == "rsa") {
    figure = sign_messages(seconds, 0);
  } else if (mode == "ed25519") {
    figure = sign_again(seconds);
  } else if (mode == "body" || mode == "dense") {
    figure = hash_bodies(seconds, mode == "dense");
  } else if (mode == "rsa-raw") {
    figure = sign_digests(seconds, crypto::SigningKey::generate_rsa(2048).value());
  } else if (mode == "ed25519-raw") {
    figure = sign_digests(seconds, crypto::SigningKey::generate_ed25519());
  } else {
    std::fprintf(stderr, "bench-dkim: rsa|ed25519|body|dense|rsa-raw|ed25519-raw SECONDS\n");
    return 64;
  }
  std::printf("%.1f\n", figure);
  return 0;
}
