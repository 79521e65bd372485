#pragma once
// Everything that reaches the network, made once from the configuration and shared by all threads
// of a tool: resolver, guard against addresses that mail must not go to, TLS context, policy cache,
// SMTP client.

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
  struct Options {
    Patience patience = Patience::delivery;
    std::optional<std::string> dns_file{};  ///< answers from this file instead of the network
    unsigned parallel_lookups = 32;
    /// One that begin_resolver() gave; null: one is opened.
    std::unique_ptr<dns::Resolver> resolver{};
  };
  /// `sts_cache` keeps MTA-STS policies between runs (sm::state); null: for this run only.
  static Result<std::unique_ptr<Equipment>> make(const config::Config& config, Options options,
                                                 std::unique_ptr<mtasts::Cache> sts_cache);
  /// The resolver alone, for who wants to ask it before all else is there (dns::begin_resolver).
  static Result<std::unique_ptr<dns::Resolver>> begin_resolver(const config::Config& config,
                                                               const Options& options);
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
