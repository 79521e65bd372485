#pragma once
// Everything that reaches the network, made once from the configuration and shared by all threads
// of a tool: resolver, guard against addresses that mail must not go to, TLS context, policy cache,
// SMTP client.

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "delivery/facts.h"
#include "dns/resolver.h"
#include "mtasts/lookup.h"
#include "smtp/client.h"
#include "smtp/notice.h"
#include "tls/context.h"

namespace sm::delivery {

/// How patient the tool is: probes look, deliveries wait as RFC 5321 §4.5.3.2 says.
enum class Patience { probe, delivery };

class Equipment {
 public:
  /// What takes longest to get ready. What is missing here, make() gets by itself.
  struct HeadStart {
    std::unique_ptr<dns::Resolver> resolver{};
    std::future<Result<tls::Context>> tls{};
  };
  struct Options {
    Patience patience = Patience::delivery;
    std::optional<std::string> dns_file{};  ///< answers from this file instead of the network
    unsigned parallel_lookups = 32;
    /// Finding their facts begins at once, while the caller does other things (FactFinder).
    std::vector<name::Domain> soon{};
    HeadStart head_start{};
  };
  /// `sts_cache` keeps MTA-STS policies between runs (sm::state); null: for this run only.
  static Result<std::unique_ptr<Equipment>> make(const config::Config& config, Options options,
                                                 std::unique_ptr<mtasts::Cache> sts_cache);
  /// For who has other things to do before make(): the resolver, for the first questions, and the
  /// TLS context, on a thread of its own. Where the resolver cannot be had, that is told by make().
  static HeadStart begin(const config::Config& config, const Options& options);
  Equipment(const Equipment&) = delete;
  Equipment& operator=(const Equipment&) = delete;
  ~Equipment();

  [[nodiscard]] dns::Resolver& resolver() const;
  [[nodiscard]] const FactFinder& finder() const;
  [[nodiscard]] const smtp::Client& client() const;
  /// For notifications to destinations that prove nothing (notice_courier.h).
  [[nodiscard]] const smtp::NoticeClient& notice_client() const;
  /// The name that we give in EHLO.
  [[nodiscard]] const name::Domain& host_name() const;

 private:
  struct Parts;
  explicit Equipment(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace sm::delivery
