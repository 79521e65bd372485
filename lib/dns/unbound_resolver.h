#pragma once
// The resolver of the tools: libunbound, which forwards to the configured servers and validates
// DNSSEC in this process, so that neither those servers nor the way to them need to be trusted.
//
// Callers on any number of threads wait for their own answers. The cache lives as long as the
// object. Bulk use (ResolverOptions::parallel) gets several libunbound contexts, since each
// validates on a single thread.

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "dns/resolver.h"
#include "dns/unbound_engine.h"

namespace sm::dns {

class UnboundResolver final : public Resolver {
 public:
  /// Checks the options and the trust anchor and starts the threads: to be called after any fork.
  /// Nothing goes out before the first lookup. What libunbound says of them is told by check().
  static Result<std::unique_ptr<Resolver>> open(const ResolverOptions& options);
  ~UnboundResolver() override;

  Result<void> check() override;
  using Resolver::lookup;
  Answer lookup(const Question& question) override;
  void prefetch(const Question& question) override;
  void ask_ahead(const Question& question, Then then) override;
  /// All at once, as far as ResolverOptions::parallel allows.
  std::vector<Answer> lookup_all(std::span<const Question> questions) override;

 private:
  UnboundResolver(std::vector<std::unique_ptr<UnboundEngine>> engines, std::string servers,
                  std::chrono::milliseconds timeout);
  [[nodiscard]] UnboundEngine& home_of(const name::DnsName& name) const;
  [[nodiscard]] Answer conclude(const Question& question, const UnboundEngine::Job& job) const;
  /// Which hops of an insecure answer's chain are secure by themselves.
  void judge_chain(Answer& answer);
  void keep(const Answer& answer);
  std::optional<Answer> take_kept(const Question& question);
  std::vector<Answer> take_or_ask(std::span<const Question> questions);
  std::vector<Answer> ask(std::span<const Question> questions);

  /// What ask_ahead() brought, for the next who asks, who then need not wait for the loop to wake.
  struct Kept {
    Answer answer;
    std::chrono::steady_clock::time_point until;
  };
  std::mutex kept_mutex_;
  std::vector<Kept> kept_;
  std::atomic<bool> is_any_kept_{false};

  std::string servers_;  ///< for messages
  std::chrono::milliseconds timeout_;
  std::vector<std::unique_ptr<UnboundEngine>> engines_;  ///< go first: they call back
};

}  // namespace sm::dns
