// Messages made at random, prepared, and read again: every part has the content that it had.
#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <random>

#include "base/text.h"
#include "message/mime.h"
#include "message/octets.h"
#include "message/prepare.h"
#include "message/transfer.h"
#include "support/temp_dir.h"

using namespace sm;
using namespace sm::message;

namespace {

struct Content {
  std::string type;
  std::string content;
  friend bool operator==(const Content&, const Content&) = default;
};

/// Makes messages; the same ones in each run.
class Maker {
 public:
  explicit Maker(unsigned seed) : random_(seed) {}

  std::string message() {
    leaves.clear();
    std::string text = "From: Anna <anna@example.org>\r\nSubject: x\r\nMIME-Version: 1.0\r\n";
    return text + part(0, Around::nothing);
  }
  std::vector<Content> leaves;  ///< of the message made last, decoded

 private:
  enum class Around { nothing, multipart };

  unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }

  std::string line() {
    constexpr std::string_view kAscii = "ab c=.-_ \t\"'";
    std::string text;
    const bool has_8bit = below(2) == 0;
    for (unsigned i = below(200); i > 0; --i) {
      text += has_8bit && below(5) == 0 ? static_cast<char>(128 + below(128))
                                        : kAscii[below(static_cast<unsigned>(kAscii.size()))];
    }
    return text;
  }

  std::string content() {
    std::string text;
    for (unsigned i = below(6); i > 0; --i)
      text += line() + "\r\n";
    return text;
  }

  /// A header's Content-* fields, the empty line and the body, which ends in CRLF.
  std::string part(int depth, Around around) {
    const auto kind = depth < 4 ? below(5) : 4;
    if (kind <= 1) return multipart(depth);
    if (kind == 2) {
      return "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n" + part(depth + 1, around);
    }
    return leaf(around);
  }

  std::string multipart(int depth) {
    const std::string boundary = "=b" + std::to_string(++boundaries_) + "=";
    std::string text = "Content-Type: multipart/" +
                       std::string(below(2) ? "mixed" : "alternative") + ";\r\n boundary=\"" +
                       boundary + "\"\r\n";
    if (below(2)) text += "Content-Transfer-Encoding: 8bit\r\n";
    text += "\r\n";
    if (below(2)) text += "This is a preamble.\r\n";
    for (unsigned i = 1 + below(4); i > 0; --i)
      text += "--" + boundary + "\r\n" + part(depth + 1, Around::multipart);
    // Without a closing delimiter the last part's content would end elsewhere.
    return text + "--" + boundary + "--\r\n" + (below(2) ? "An epilogue.\r\n" : "");
  }

  std::string leaf(Around around) {
    constexpr std::array<std::string_view, 3> kTypes{"text/plain", "text/html", "application/x"};
    const auto type = kTypes[below(kTypes.size())];
    const auto decoded = content();
    std::string text = "Content-Type: " + std::string(type) + "\r\n";
    std::string encoded = decoded;
    const auto encoding = below(4);
    if (encoding == 0) {
      encoded.clear();
      Base64Encoder encoder;
      encoder.feed(as_bytes(decoded), encoded);
      encoder.finish(encoded);
      encoded += "\r\n";
      text += "Content-Transfer-Encoding: base64\r\n";
    } else if (encoding == 1) {
      text += "Content-Transfer-Encoding: binary\r\n";
    }
    // Inside a multipart the CRLF before the delimiter is not content.
    leaves.push_back({std::string(type), decoded});
    const bool needs_line_end = around == Around::multipart && encoding != 0;
    return text + "\r\n" + encoded + (needs_line_end ? "\r\n" : "");
  }

  std::mt19937 random_;
  int boundaries_ = 0;
};

std::string decoded(const Part& part, const std::string& raw) {
  std::string content;
  if (part.encoding == TransferEncoding::base64) {
    Base64Decoder decoder;
    decoder.feed(as_bytes(raw), content);
    return content;
  }
  if (part.encoding != TransferEncoding::quoted_printable) return raw;
  QuotedPrintableDecoder decoder;
  decoder.feed(as_bytes(raw), content);
  decoder.finish(content);
  return content;
}

std::vector<Content> contents_of(const PreparedMessage& message) {
  const auto parts = scan_mime(message.header(), *message.open_body());
  REQUIRE(parts);
  const auto body = *read_all(*message.open_body(), SIZE_MAX);
  std::vector<Content> leaves;
  for (const auto& part : *parts) {
    if (!part.is_leaf()) continue;
    const auto raw = body.substr(part.body.begin, part.body.size());
    leaves.push_back({part.type.value, decoded(part, raw)});
  }
  return leaves;
}

}  // namespace

TEST_CASE("in 400 random messages every part keeps its content, in 7 bits", "[prepare]") {
  const test::TempDir folder;
  const std::string attached = "attached \xff\r\n";
  std::ofstream(folder / "a.bin", std::ios::binary) << attached;
  std::size_t converted = 0;
  for (unsigned seed = 0; seed < 400; ++seed) {
    CAPTURE(seed);
    Maker maker(seed);
    const auto text = maker.message();
    auto message = read_message(*read_memory(text), Purpose::submission);
    REQUIRE(message);
    PrepareOptions options;
    options.space = {folder.path(), 0};
    if (seed % 2 == 0) options.attachments = {{folder / "a.bin"}};
    const auto done = prepare(*std::move(message), options);
    REQUIRE(done);
    const auto bytes = *read_all(*done->open(), SIZE_MAX);
    CHECK(is_ascii(bytes));
    CHECK_FALSE(done->is_8bit());
    converted += is_ascii(text) ? 0 : 1;
    auto expected = maker.leaves;
    if (seed % 2 == 0) expected.push_back({"application/octet-stream", attached});
    CHECK(contents_of(*done) == expected);
  }
  CHECK(converted > 200);
}
