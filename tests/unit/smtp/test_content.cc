#include <catch2/catch.hpp>

#include "smtp/dots.h"
#include "smtp/envelope.h"

using namespace sm;
using namespace sm::smtp;
using namespace std::string_literals;

namespace {

// The wire form in pieces of every size; empty where it is refused.
std::string wire_of(const std::string& message, Framing framing = Framing::dots) {
  std::string first;
  for (std::size_t piece = message.size(); piece > 0; --piece) {
    ContentWriter writer(framing);
    std::string wire;
    bool is_whole = true;
    for (std::size_t at = 0; at < message.size() && is_whole; at += piece) {
      is_whole = writer.write(std::string_view(message).substr(at, piece), wire);
    }
    is_whole = is_whole && writer.is_at_line_start();
    const std::string result = is_whole ? wire : "";
    if (piece == message.size()) first = result;
    CAPTURE(piece);
    CHECK(result == first);
  }
  return first;
}

}  // namespace

TEST_CASE("A04 a dot that begins a line is doubled, no other", "[content][A04]") {
  CHECK(wire_of(".\r\n") == "..\r\n");
  CHECK(wire_of("..\r\n") == "...\r\n");
  CHECK(wire_of("a\r\n.\r\n.b\r\n") == "a\r\n..\r\n..b\r\n");
  CHECK(wire_of("a.\r\nb.c\r\n") == "a.\r\nb.c\r\n");
  CHECK(wire_of("\r\n\r\n.\r\n") == "\r\n\r\n..\r\n");
}

TEST_CASE("counted content is not changed", "[content]") {
  CHECK(wire_of("a\r\n.\r\n.b\r\n", Framing::counted) == "a\r\n.\r\n.b\r\n");
}

TEST_CASE("A01 no look-alike of the end mark passes", "[content][A01]") {
  for (const auto& look_alike :
       {"a\n.\nb\r\n"s, "a\r.\rb\r\n"s, "a\n.\r\nb\r\n"s, "a\r\n.\nb\r\n"s, "a\r.\r\nb\r\n"s,
        "a\r\n.\rb\r\n"s, "a\r\n.\r\r\nb\r\n"s, "a\r\r\n.\r\nb\r\n"s, "a\n\r.\n\rb\r\n"s, "\n"s,
        "a\0.\r\n"s, "a\n"s, "a\r"s, "\ra\r\n"s, "\n.\r\n"s, "a\r\n\n.\r\n"s}) {
    for (const auto framing : {Framing::dots, Framing::counted}) {
      CAPTURE(look_alike);
      CHECK(wire_of(look_alike, framing).empty());
    }
  }
  const auto wire = wire_of("a\r\n.\r\n..\r\n\r\n.\r\nMAIL FROM:<x@y.example>\r\n");
  CHECK(wire.find("\r\n.\r\n") == std::string::npos);
  CHECK((wire + ".\r\n").find("\r\n.\r\n") == wire.size() - 2);
}

TEST_CASE("what does not end at a line's end may not end", "[content]") {
  CHECK(wire_of("a").empty());
  CHECK(wire_of("a\r\n.").empty());
  ContentWriter writer(Framing::dots);
  CHECK(writer.is_at_line_start());
}

TEST_CASE("A05 envelope ids cannot hold what ends a line", "[envelope][A05]") {
  for (const auto& text : {""s, "a b"s, "a\r\nRCPT TO:<x@y.example>"s, "a\0b"s, "a\tb"s, "\x7f"s,
                           "caf\xc3\xa9"s, std::string(101, 'x')}) {
    CHECK_FALSE(EnvelopeId::parse(text));
  }
  CHECK(EnvelopeId::parse("QQ314159+=")->text() == "QQ314159+=");
  CHECK(xtext("QQ3+1=5 \r\n") == "QQ3+2B1+3D5+20+0D+0A");
}

TEST_CASE("NOTIFY is never alone or a list", "[envelope]") {
  CHECK(Notify::parse("never")->text() == "NEVER");
  CHECK(Notify::parse("failure,Success")->text() == "SUCCESS,FAILURE");
  CHECK(Notify::parse("delay")->text() == "DELAY");
  for (const auto* text : {"", "never,success", "success,", "success delay", "x"}) {
    CAPTURE(text);
    CHECK_FALSE(Notify::parse(text));
  }
}
