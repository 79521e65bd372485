#pragma once
// Asking the DNS, by interface: libunbound in the tools, a file of records where one is given
// (`--dns-file`), a fake in tests. Implementations are thread safe; a lookup blocks its caller, and
// lookups that do not depend on each other go side by side through lookup_all.

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "dns/answer.h"

namespace sm::dns {

class Resolver {
 public:
  virtual ~Resolver() = default;
  /// Until it is known whether it can be asked: an Error as open_resolver's where it cannot.
  virtual Result<void> check() { return {}; }
  /// Never throws, never fails: what could not be told is Outcome::failure.
  virtual Answer lookup(const Question& question) = 0;
  /// The answers in the order of the questions. Here: one after the other.
  virtual std::vector<Answer> lookup_all(std::span<const Question> questions);

  /// Begins a lookup that will be asked for soon, and does not wait for it. Here: does nothing.
  virtual void prefetch(const Question& question);
  /// The same for who will ask in a moment: the answer is kept for the next who does. `then` is
  /// called with it, if one comes, on the resolver's thread: it may ask ahead for more, and must
  /// neither look up nor throw. Here: does nothing.
  using Then = std::function<void(const Answer&)>;
  virtual void ask_ahead(const Question& question, Then then = {});

  Answer lookup(const name::DnsName& name, Type type) { return lookup(Question{name, type}); }
  /// At "_mta-sts" under "example.com". A name that would be longer than the DNS allows does not
  /// exist, and that is certain: no such name, secure (RFC 1035 §2.3.4).
  Answer lookup_under(std::string_view labels, const name::DnsName& name, Type type);
  void prefetch_under(std::string_view labels, const name::DnsName& name, Type type);
  void ask_ahead_under(std::string_view labels, const name::DnsName& name, Type type);
  /// The same labels under several names, side by side; the answers in the order of the questions.
  std::vector<Answer> lookup_all_under(std::string_view labels,
                                       std::span<const Question> questions);
};

struct ResolverOptions {
  std::vector<ServerAddress> servers{};  ///< forwarders; empty: the nameservers of `resolv_conf`
  std::string resolv_conf = "/etc/resolv.conf";
  std::string trust_anchor_file = "/usr/share/dns/root.key";  ///< DNSKEY or DS records
  std::chrono::milliseconds timeout{10'000};  ///< of one lookup, its validation included
  unsigned parallel = 32;  ///< lookups under way at once; smprobe in bulk wants hundreds
  /// Believe the AD bit of the server instead of validating here. Only for servers on loopback
  /// (opening fails otherwise): anywhere else the bit can be forged on the way.
  bool trust_ad_bit = false;
  std::string dns_file{};  ///< answer from this file instead (dns/file_resolver.h)
};

/// The `nameserver` lines of a resolv.conf(5); where there are none, the local machine, as in libc.
/// Addresses with a zone ("fe80::1%eth0") are passed over.
std::vector<ServerAddress> parse_resolv_conf(std::string_view text);
/// The servers that the options name, resolv_conf's where they name none. Never empty.
Result<std::vector<ServerAddress>> servers_of(const ResolverOptions& options);

/// The resolver that the options name: libunbound that validates in this process, or one of the two
/// special ones. Errc::configuration when options contradict each other or the trust anchor cannot
/// be read; Errc::no_input or malformed for the DNS file. Sends nothing yet.
Result<std::unique_ptr<Resolver>> open_resolver(const ResolverOptions& options);
/// The same for who has other things to do meanwhile, and calls check() then.
Result<std::unique_ptr<Resolver>> begin_resolver(const ResolverOptions& options);

}  // namespace sm::dns
