#include <catch2/catch.hpp>
#include <random>

#include "base/encoding.h"
#include "base/text.h"
#include "message/transfer.h"

using namespace sm;
using namespace sm::message;

namespace {

/// Feeds in pieces of one size.
template <class Coder>
std::string run(std::string_view bytes, std::size_t piece, bool* is_clean = nullptr) {
  Coder coder;
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += piece)
    coder.feed(as_bytes(bytes.substr(i, piece)), out);
  if constexpr (std::is_same_v<Coder, Base64Decoder>) {
    coder.finish();
  } else {
    coder.finish(out);
  }
  if constexpr (requires { coder.is_clean(); }) {
    if (is_clean != nullptr) *is_clean = coder.is_clean();
  }
  return out;
}

std::string random_text(std::mt19937& random, std::size_t size) {
  constexpr std::string_view kAlphabet = "ab =.\t\r\n\xc3\xa9\x7f\x00-";
  std::string text(size, 0);
  for (char& c : text)
    c = kAlphabet[random() % kAlphabet.size()];
  return text;
}

void check_lines(const std::string& encoded) {
  for (const auto line : split(encoded, '\n'))
    CHECK(line.size() <= 77);
  CHECK(is_ascii(encoded));
}

}  // namespace

TEST_CASE("quoted-printable and base64 decode to what was encoded, however it is cut",
          "[transfer]") {
  std::mt19937 random(1);  // NOLINT: the same texts in each run
  for (std::size_t size = 0; size < 400; ++size) {
    const auto text = random_text(random, size);
    const auto quoted = run<QuotedPrintableEncoder>(text, 4096);
    const auto base64 = run<Base64Encoder>(text, 4096);
    check_lines(quoted);
    check_lines(base64);
    for (const std::size_t piece :
         {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{57}, std::size_t{58}}) {
      CHECK(run<QuotedPrintableEncoder>(text, piece) == quoted);
      CHECK(run<Base64Encoder>(text, piece) == base64);
      bool is_clean = false;
      CHECK(run<QuotedPrintableDecoder>(quoted, piece, &is_clean) == text);
      CHECK(is_clean);
      CHECK(run<Base64Decoder>(base64, piece, &is_clean) == text);
      CHECK(is_clean);
    }
  }
}

TEST_CASE("base64 lines have 76 characters and no line end after the last", "[transfer]") {
  CHECK(run<Base64Encoder>("", 1).empty());
  CHECK(run<Base64Encoder>("f", 1) == "Zg==");
  CHECK(run<Base64Encoder>(std::string(57, 'x'), 10) == to_base64(as_bytes(std::string(57, 'x'))));
  const auto two = run<Base64Encoder>(std::string(58, 'x'), 10);
  CHECK(two.substr(76) == "\r\neA==");
}

TEST_CASE("quoted-printable keeps line ends and encodes blanks before them", "[transfer]") {
  CHECK(run<QuotedPrintableEncoder>("a \r\nb\t\r\n\r\nc ", 1) == "a=20\r\nb=09\r\n\r\nc=20");
  CHECK(run<QuotedPrintableEncoder>("na\xc3\xafve=", 1) == "na=C3=AFve=3D");
  CHECK(run<QuotedPrintableEncoder>("a\rb\nc\r", 1) == "a=0Db=0Ac=0D");
}

TEST_CASE("decoders take what others wrote, and say that it was not clean", "[transfer]") {
  bool is_clean = true;
  CHECK(run<Base64Decoder>("Zm9v\r\nYg==\r\nYmFy", 1, &is_clean) == "foobbar");
  CHECK_FALSE(is_clean);
  CHECK(run<Base64Decoder>("Zm*9v", 1, &is_clean) == "foo");
  CHECK_FALSE(is_clean);
  CHECK(run<Base64Decoder>("Zm9vYg", 1, &is_clean) == "foob");
  CHECK_FALSE(is_clean);
  CHECK(run<QuotedPrintableDecoder>("a=ZZ=\r\nb=e9 \r\n=3", 1, &is_clean) == "a=ZZb\xe9\r\n=3");
  CHECK_FALSE(is_clean);
  CHECK(run<QuotedPrintableDecoder>("==41==", 1, &is_clean) == "=A=");
  CHECK_FALSE(is_clean);
  CHECK(run<QuotedPrintableDecoder>("soft=\r\n line=", 1, &is_clean) == "soft line");
  CHECK(is_clean);
}
