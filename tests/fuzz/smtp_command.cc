// links: queue
// The counter's dialogue (smsend -bs): whatever a client says, only what stands between DATA and
// CRLF.CRLF is taken, without a bare CR or LF, and from a sender whose MAIL was a line of its own.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "message/source.h"
#include "queue/counter.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string words(reinterpret_cast<const char*>(data), size);
  const auto in = sm::message::read_memory(words, 1 + size % 97);
  sm::queue::Counter counter(
      {.host = "h.example", .message_limit = 10'000, .most_recipients = 10}, *in,
      [](std::string_view said) {
        if (!said.ends_with("\r\n")) std::abort();
        return sm::Result<void>();
      },
      [](const sm::smtp::Envelope& envelope,
         sm::message::Source& content) -> sm::Result<std::string> {
        if (envelope.recipients.empty()) std::abort();
        auto text = sm::message::read_all(content, 20'000);
        if (!text) return sm::fail(std::move(text).error());
        for (std::size_t i = 0; i < text->size(); ++i) {
          const bool is_cr = (*text)[i] == '\r';
          const bool is_paired = is_cr && i + 1 < text->size() && (*text)[i + 1] == '\n';
          const bool is_lone_lf = (*text)[i] == '\n' && (i == 0 || (*text)[i - 1] != '\r');
          if ((is_cr && !is_paired) || is_lone_lf) std::abort();
        }
        return std::string("x");
      });
  (void)counter.serve();
  return 0;
}
