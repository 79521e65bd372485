// links: dns
// DNS messages as a hostile server could send them: nothing crashes, every name and record that
// comes out can be written as one line of text, and chains of CNAMEs end.

#include <cstdint>
#include <cstdlib>

#include "dns/mx.h"
#include "dns/records.h"

namespace {
void check_line(const std::string& text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) > 0x7e) std::abort();
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm;
  const auto message = dns::parse_message({bytes, size});
  if (!message) return 0;
  check_line(message->question_name);
  for (const auto& answer : message->answers) {
    check_line(answer.owner);
    check_line(dns::text(answer.record));
  }
  const auto name = name::DnsName::parse(message->question_name);
  if (!name) return 0;
  const auto chain = dns::follow_cnames(*name, message->answers, dns::Security::insecure);
  if (chain && chain->size() > dns::kMaxHops) std::abort();
  return 0;
}
