// links: smtp
// An EHLO reply in the clear and one under TLS: whatever a server says, STARTTLS is said only where
// it was offered, nothing is said after it, and no octet is believed that came with its answer.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "smtp/dialogue.h"

namespace {

using namespace sm;
using namespace sm::smtp;

void must(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t piece = 1 + bytes[0];
  std::string_view octets(reinterpret_cast<const char*>(bytes + 1), size - 1);
  static const auto helo = name::Domain::parse("client.example").value();
  Transcript transcript;
  Opening opening(helo, &transcript);
  std::string said;
  while (!octets.empty()) {
    opening.receive(octets.substr(0, piece));
    octets.remove_prefix(std::min(piece, octets.size()));
    said += opening.output();
    opening.sent(opening.output().size());
  }
  must(said.find("MAIL") == std::string::npos);
  must(said.size() <= 64);
  if (opening.is_ready_for_tls()) {
    must(said == "EHLO client.example\r\nSTARTTLS\r\n" || opening.obstacle());
  }
  if (opening.is_over()) must(opening.obstacle().has_value());
  if (!opening.ehlo()) return 0;
  const auto offered = parse_capabilities(*opening.ehlo());
  must(offered.keywords.size() < ReplyParser::kMaxLines);
  must(!opening.starttls() || offered.starttls);

  SecureDialogue secure(helo);
  secure.sent(secure.output().size());
  std::string again = opening.ehlo()->verbatim();
  for (std::size_t at = 0; (at = again.find('\n', at)) != std::string::npos; at += 2) {
    again.replace(at, 1, "\r\n");
  }
  secure.receive(again + "\r\n");
  must(secure.is_greeted() == opening.ehlo()->is_done());
  must(secure.capabilities().keywords.size() ==
       (secure.is_greeted() ? offered.keywords.size() : 0));
  return 0;
}
