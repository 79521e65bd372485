#pragma once
// A DNS that stands in a file, for tests and for checking mail without a network (`--dns-file F`).
//
//   # one record a line: name type value…
//   example.com MX 10 mx.example.com
//   s1._domainkey.example.com TXT v=DKIM1; k=rsa; p=MIIB…
//   _25._tcp.mx.example.com TLSA 3 1 1
//   8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d gone.example NXDOMAIN
//   broken.example SERVFAIL
//   broken.example A TIMEOUT
//   example.com SECURE
//
// A value in double quotes is read as in a zone file, each quoted piece one string; all else is the
// rest of the line, as it is. `IN` and a TTL before the type are allowed and ignored. In the place
// of a record `NXDOMAIN NODATA SERVFAIL TIMEOUT REFUSED BOGUS` say how the whole name is answered
// (after a type: that type alone); BOGUS may give the reason. `SECURE` and `INSECURE` say whether
// the name and all names under it count as validated (the nearest line above a name decides;
// without any: insecure). Names that are neither listed nor above a listed one do not exist. CNAMEs
// are followed. A line that begins with `#` is a comment; `#` after white space begins one too,
// except inside quotes and in a TXT value without quotes.

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dns/resolver.h"

namespace sm::dns {

/// Records and verdicts by name. Also the ground of the fake resolver in tests.
class ZoneTable {
 public:
  struct Fixed {
    Outcome outcome;
    FailureKind failure = FailureKind::servfail;
    std::string why{};
  };
  void add(const name::DnsName& name, Type type, Record record);
  /// How the name (or one type of it) is answered, whatever records it has.
  void fix(const name::DnsName& name, std::optional<Type> type, Fixed fixed);
  /// The name and all under it.
  void set_security(const name::DnsName& name, Security security);
  [[nodiscard]] Answer answer(const Question& question) const;

 private:
  struct Node {
    std::map<Type, std::vector<Record>> records;
    std::map<Type, Fixed> fixed_types;
    std::optional<Fixed> fixed;
  };
  [[nodiscard]] Security security_of(const std::string& name) const;
  [[nodiscard]] bool exists(const std::string& name) const;
  std::map<std::string, Node> nodes_;
  std::map<std::string, Security> security_;
};

/// Reads the format above. Errc::malformed names the line.
Result<ZoneTable> parse_dns_file(std::string_view text);

class FileResolver final : public Resolver {
 public:
  explicit FileResolver(ZoneTable table) : table_(std::move(table)) {}
  using Resolver::lookup;
  Answer lookup(const Question& question) override { return table_.answer(question); }

 private:
  ZoneTable table_;
};

}  // namespace sm::dns
