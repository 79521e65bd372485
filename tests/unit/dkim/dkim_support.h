#pragma once
// Messages and key records as text, for the tests of this folder.

#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <string_view>

#include "dkim/verifier.h"
#include "dns/file_resolver.h"
#include "message/header.h"

namespace sm::test {

/// Each LF that is not after a CR becomes CRLF.
inline std::string crlf(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

/// A message taken apart; lines may end in LF.
struct Mail {
  explicit Mail(std::string_view text) {
    const std::string whole = crlf(text);
    const auto end = whole.find("\r\n\r\n");
    REQUIRE(end != whole.npos);
    header_bytes = whole.substr(0, end + 2);
    body = whole.substr(end + 4);
    auto parsed = message::HeaderIndex::parse(header_bytes, message::Syntax::lenient);
    REQUIRE(parsed);
    header = std::move(parsed).value();
  }
  Mail(const Mail&) = delete;
  Mail& operator=(const Mail&) = delete;

  std::string header_bytes;
  std::string body;
  message::HeaderIndex header;
};

inline std::chrono::sys_seconds at(long long seconds) {
  return std::chrono::sys_seconds(std::chrono::seconds(seconds));
}

/// `dns` is a file of records (dns/file_resolver.h).
inline dkim::Verification verify(const Mail& mail, std::string_view dns,
                                 std::chrono::sys_seconds now = at(1667843664)) {
  auto table = dns::parse_dns_file(dns);
  if (!table) FAIL(table.error().what);
  dns::FileResolver resolver(std::move(table).value());
  dkim::Verifier verifier(mail.header);
  verifier.update(as_bytes(mail.body));
  return verifier.finish(resolver, now);
}

/// "pass good signature", one a signature.
inline std::string verdicts(const dkim::Verification& verification) {
  std::string all;
  for (const auto& one : verification.signatures) {
    all += (all.empty() ? "" : "; ") + std::string(dkim::text(one.status)) + " " + one.reason;
  }
  return all;
}

}  // namespace sm::test
