// links: dns
// The `--dns-file` format: any text is read or refused, and what is read can be asked.

#include <cstdint>

#include "dns/file_resolver.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm;
  const auto table = dns::parse_dns_file({reinterpret_cast<const char*>(bytes), size});
  if (!table) return 0;
  const auto name = name::DnsName::parse("a.example");
  for (const auto type : {dns::Type::a, dns::Type::mx, dns::Type::txt, dns::Type::tlsa}) {
    (void)table->answer({*name, type});
  }
  return 0;
}
