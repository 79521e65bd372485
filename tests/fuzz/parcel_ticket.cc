// links: queue
// The ticket of a queued message, as a stranger may have written it: what is read is what is
// written again, and holds no address or text that could not reach an envelope.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "queue/ticket.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto ticket = sm::queue::Ticket::parse(text);
  if (!ticket) return 0;
  const auto again = sm::queue::Ticket::parse(ticket->text());
  if (!again || again->text() != ticket->text()) std::abort();
  if (ticket->text().find('\n') != std::string::npos) std::abort();
  return 0;
}
