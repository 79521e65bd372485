// links: smtp
// Replies, cut at two places that the input chooses: the parser's bounds hold, and cutting changes
// nothing.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "smtp/reply.h"

namespace {

using namespace sm::smtp;

void must(bool holds) {
  if (!holds) std::abort();
}

void check(const Reply& reply) {
  must(reply.code >= 200 && reply.code <= 599);
  must(!reply.lines.empty() && reply.lines.size() <= ReplyParser::kMaxLines);
  for (const auto& line : reply.lines) {
    must(line.size() < ReplyParser::kMaxLine);
    must(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  must(reply.text().find('\n') == std::string::npos);
  must(queue_id(reply).size() <= 128);
  if (reply.enhanced) must(reply.enhanced->status_class == reply.code / 100);
}

// All that a parser makes of these octets.
void parse(ReplyParser& parser, std::string_view octets, std::string& seen) {
  while (!octets.empty()) {
    const auto before = octets.size();
    const auto step = parser.next(octets);
    if (const auto* reply = std::get_if<Reply>(&step)) {
      check(*reply);
      seen += reply->verbatim() + "\n\n";
      must(octets.size() < before);
    } else if (const auto* fault = std::get_if<ReplyFault>(&step)) {
      must(!text(*fault).empty());
      if (seen.empty() || seen.back() != '!') seen += std::string(text(*fault)) + '!';
      return;
    } else {
      must(octets.empty());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view octets(reinterpret_cast<const char*>(bytes + 2), size - 2);
  const std::size_t first = octets.size() * bytes[0] / 256;
  const std::size_t second = first + (octets.size() - first) * bytes[1] / 256;
  std::string whole;
  ReplyParser at_once;
  parse(at_once, octets, whole);
  std::string cut;
  ReplyParser in_pieces;
  parse(in_pieces, octets.substr(0, first), cut);
  parse(in_pieces, octets.substr(first, second - first), cut);
  parse(in_pieces, octets.substr(second), cut);
  must(whole == cut);
  return 0;
}
