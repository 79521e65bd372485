#include <catch2/catch.hpp>
#include <random>

#include "base/encoding.h"
#include "dkim/canonical.h"

using namespace sm;
using namespace sm::dkim;

namespace {

class Gather final : public ByteSink {
 public:
  void write(Bytes bytes) override { text += as_text(bytes); }
  std::string text;
};

std::string canonical(Canon canon, std::string_view body) {
  Gather gather;
  BodyCanonicalizer canonicalizer(canon);
  canonicalizer.update(as_bytes(body), gather);
  canonicalizer.finish(gather);
  return gather.text;
}

std::string canonical_field(Canon canon, std::string_view raw) {
  std::string out;
  append_canonical_field(canon, raw, out);
  return out;
}

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// RFC 6376 §3.4.3 and §3.4.4 as they are written, over the whole body at once.
std::string by_the_letter(Canon canon, std::string body) {
  if (!body.empty() && !body.ends_with("\r\n")) body += "\r\n";
  std::string out;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find("\r\n", at);
    std::string line = body.substr(at, end - at);
    if (canon == Canon::relaxed) {
      while (!line.empty() && is_blank(line.back()))
        line.pop_back();
      std::string reduced;
      for (const char c : line) {
        if (is_blank(c) && !reduced.empty() && reduced.back() == ' ') continue;
        reduced += is_blank(c) ? ' ' : c;
      }
      line = reduced;
    }
    out += line + "\r\n";
    at = end + 2;
  }
  while (out.ends_with("\r\n\r\n"))
    out.resize(out.size() - 2);
  if (out == "\r\n") out.clear();
  if (out.empty() && canon == Canon::simple) out = "\r\n";
  return out;
}

/// Text in which white space and line ends meet often; some of it long without any.
std::string random_body(std::mt19937& random) {
  static const std::string kPieces[] = {" ",
                                        "\t",
                                        "\r\n",
                                        "\r",
                                        "\n",
                                        "a",
                                        "b.",
                                        "=",
                                        "\r\n\r\n",
                                        std::string(70, 'x'),
                                        "word word\r\n"};
  std::string body;
  const auto pieces = random() % 200;
  const auto kinds = 3 + random() % (std::size(kPieces) - 2);
  for (std::size_t i = 0; i < pieces; ++i)
    body += kPieces[random() % kinds];
  return body;
}

}  // namespace

TEST_CASE("the example of RFC 6376 3.4.5 comes out as printed there", "[dkim]") {
  CHECK(canonical_field(Canon::relaxed, "A: X\r\n") == "a:X\r\n");
  CHECK(canonical_field(Canon::relaxed, "B : Y\t\r\n\tZ  \r\n") == "b:Y Z\r\n");
  CHECK(canonical(Canon::relaxed, " C \r\nD \t E\r\n\r\n\r\n") == " C\r\nD E\r\n");
  CHECK(canonical_field(Canon::simple, "B : Y\t\r\n\tZ  \r\n") == "B : Y\t\r\n\tZ  \r\n");
  CHECK(canonical(Canon::simple, " C \r\nD \t E\r\n\r\n\r\n") == " C \r\nD \t E\r\n");
}

TEST_CASE("an empty body is a line end for simple and nothing for relaxed", "[dkim]") {
  for (const char* body : {"", "\r\n", "\r\n\r\n\r\n"}) {
    CHECK(canonical(Canon::simple, body) == "\r\n");
    CHECK(canonical(Canon::relaxed, body).empty());
  }
  CHECK(canonical(Canon::relaxed, " \t\r\n \r\n").empty());
  CHECK(canonical(Canon::simple, " \r\n") == " \r\n");
  // RFC 6376 §3.4.3, §3.4.4: the hashes of an empty body.
  CHECK(to_base64(body_hash(Canon::simple, {})) == "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=");
  CHECK(to_base64(body_hash(Canon::relaxed, {})) == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

TEST_CASE("a missing last line end is added, and blanks before it go", "[dkim]") {
  CHECK(canonical(Canon::simple, "a ") == "a \r\n");
  CHECK(canonical(Canon::relaxed, "a ") == "a\r\n");
  CHECK(canonical(Canon::relaxed, "a \r") == "a \r\r\n");
  CHECK(canonical(Canon::simple, "a\r") == "a\r\r\n");
}

TEST_CASE("a CR or LF alone is a character", "[dkim]") {
  CHECK(canonical(Canon::relaxed, "a \rb \nc\r\n") == "a \rb \nc\r\n");
  CHECK(canonical(Canon::relaxed, "a\r\r\n\r\n") == "a\r\r\n");
  CHECK(canonical(Canon::relaxed, "a\n\n") == "a\n\n\r\n");
}

TEST_CASE("a relaxed field is unfolded, and only its white space changes", "[dkim]") {
  CHECK(canonical_field(Canon::relaxed, "Subject:\r\n") == "subject:\r\n");
  CHECK(canonical_field(Canon::relaxed, "Subject: \r\n \r\n") == "subject:\r\n");
  CHECK(canonical_field(Canon::relaxed, "SUBJect:  a\r\n\t b:  c\t \r\n") == "subject:a b: c\r\n");
  CHECK(canonical_field(Canon::relaxed, "From \t:a\r\n") == "from:a\r\n");
}

TEST_CASE("bodies of every shape are canonicalized by the letter of the RFC", "[dkim]") {
  std::mt19937 random(6376);
  for (int i = 0; i < 4000; ++i) {
    const std::string body = random_body(random);
    for (const Canon canon : {Canon::simple, Canon::relaxed}) {
      const std::string expected = by_the_letter(canon, body);
      if (canonical(canon, body) != expected) {
        INFO(text(canon) << " of hex " << to_hex(as_bytes(body)));
        CHECK(to_hex(as_bytes(canonical(canon, body))) == to_hex(as_bytes(expected)));
      }
    }
  }
}

TEST_CASE("splitting a body anywhere changes nothing", "[dkim]") {
  std::mt19937 random(8463);
  for (int i = 0; i < 1500; ++i) {
    const std::string body = random_body(random);
    for (const Canon canon : {Canon::simple, Canon::relaxed}) {
      Gather gather;
      BodyCanonicalizer canonicalizer(canon);
      const std::size_t most = 1 + random() % 300;
      for (std::size_t at = 0; at < body.size();) {
        const std::size_t size = random() % (most + 1);
        canonicalizer.update(as_bytes(std::string_view(body).substr(at, size)), gather);
        at += size;
      }
      canonicalizer.finish(gather);
      REQUIRE(gather.text == canonical(canon, body));
    }
  }
  // Every single boundary of one body that has all that matters.
  const std::string body = " a\t b \r\n\r\n \r\rc\r\n" + std::string(130, 'x') + " \t\r\n\r\n \r\n";
  for (const Canon canon : {Canon::simple, Canon::relaxed}) {
    const auto whole = body_hash(canon, as_bytes(body));
    for (std::size_t cut = 0; cut <= body.size(); ++cut) {
      BodyHasher hasher(canon);
      hasher.update(as_bytes(std::string_view(body).substr(0, cut)));
      hasher.update(as_bytes(std::string_view(body).substr(cut)));
      REQUIRE(hasher.finish() == whole);
    }
  }
}

TEST_CASE("a limit counts canonical octets", "[dkim]") {
  const std::string body = "a  b\r\nfooter\r\n";
  BodyHasher limited(Canon::relaxed, 5);
  limited.update(as_bytes(body));
  CHECK(limited.finish() == crypto::sha256(as_bytes("a b\r\n")));
  CHECK(limited.size() == 13);
  BodyHasher nothing(Canon::relaxed, 0);
  nothing.update(as_bytes(body));
  CHECK(nothing.finish() == crypto::sha256({}));
  BodyHasher beyond(Canon::relaxed, 1000);
  beyond.update(as_bytes(body));
  CHECK(beyond.finish() == body_hash(Canon::relaxed, as_bytes(body)));
}

TEST_CASE("c= is read as RFC 6376 3.5 says", "[dkim]") {
  CHECK(Canons::parse("relaxed") == Canons{Canon::relaxed, Canon::simple});
  CHECK(Canons::parse("simple/relaxed") == Canons{Canon::simple, Canon::relaxed});
  CHECK(Canons::parse("Relaxed/RELAXED") == Canons{});
  CHECK(Canons{}.text() == "relaxed/relaxed");
  CHECK_FALSE(Canons::parse(""));
  CHECK_FALSE(Canons::parse("relaxed/"));
  CHECK_FALSE(Canons::parse("nowsp"));
}
