#pragma once
// The resolver of the tools: libunbound, which forwards to the configured servers and validates
// DNSSEC in this process, so that neither those servers nor the way to them need to be trusted.
//
// One libunbound context, one thread of it that works, one thread of ours that hands out results;
// callers on any number of threads wait for their own. The cache lives as long as the object.

#include <memory>

#include "dns/resolver.h"

namespace sm::dns {

class UnboundResolver final : public Resolver {
 public:
  /// Checks the options and the trust anchor and starts the threads: to be called after any fork.
  /// Nothing goes out before the first lookup.
  static Result<std::unique_ptr<Resolver>> open(const ResolverOptions& options);
  ~UnboundResolver() override;

  using Resolver::lookup;
  Answer lookup(const Question& question) override;
  /// All at once, as far as ResolverOptions::parallel allows.
  std::vector<Answer> lookup_all(std::span<const Question> questions) override;

 private:
  class Engine;
  explicit UnboundResolver(std::unique_ptr<Engine> engine);
  std::unique_ptr<Engine> engine_;
};

}  // namespace sm::dns
