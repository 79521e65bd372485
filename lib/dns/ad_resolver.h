#pragma once
// A resolver that believes another one: it sends plain queries to a validating server on this
// machine and takes the AD bit of its answers for DNSSEC's verdict (RFC 6840 §5.8).
//
// The bit is not signed by anybody. So this exists only for servers on loopback, only where the
// configuration asks for it, and only over connected sockets: the kernel drops what comes from any
// other address or port. A SERVFAIL is asked again with checking disabled (CD): if that brings an
// answer, the server had found it bogus.

#include <memory>

#include "dns/resolver.h"

namespace sm::dns {

class AdResolver final : public Resolver {
 public:
  /// Errc::configuration unless all servers are on loopback.
  static Result<std::unique_ptr<Resolver>> open(const ResolverOptions& options);

  using Resolver::lookup;
  Answer lookup(const Question& question) override;

 private:
  AdResolver(std::vector<ServerAddress> servers, std::chrono::milliseconds timeout)
      : servers_(std::move(servers)), timeout_(timeout) {}
  std::vector<ServerAddress> servers_;
  std::chrono::milliseconds timeout_;
};

}  // namespace sm::dns
