#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "cli/settings.h"
#include "delivery/equipment.h"
#include "delivery/probe.h"
#include "destinations.h"
#include "options.h"
#include "report.h"
#include "sender.h"
#include "state/sts_cache.h"

namespace sm::smprobe {
namespace {

using delivery::DestinationReport;
using delivery::Verdict;

/// 1 where one definitely stays below the minimum, else 75 where one could not be told.
class Tally {
 public:
  explicit Tally(delivery::Minimum minimum) : minimum_(minimum) {}
  void count(const DestinationReport& report) {
    const auto verdict = report.verdict.best.verdict;
    if (reaches(verdict, minimum_)) return;
    (verdict == Verdict::undetermined ? is_unknown_ : is_below_) = true;
  }
  [[nodiscard]] cli::Verdict verdict() const {
    if (is_below_) return cli::Verdict::no;
    return is_unknown_ ? cli::Verdict::temporary : cli::Verdict::yes;
  }

 private:
  delivery::Minimum minimum_;
  bool is_below_ = false;
  bool is_unknown_ = false;
};

/// Reports in the order of the destinations, as soon as each is there, from `jobs` threads.
template <class Use>
Result<void> probe_all(delivery::Prober& prober, const std::vector<Destination>& destinations,
                       std::size_t jobs, Use use) {
  std::vector<std::promise<DestinationReport>> promises(destinations.size());
  std::atomic<std::size_t> next{0};
  std::atomic<bool> is_over{false};
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < std::min(jobs, destinations.size()); ++i) {
    threads.emplace_back([&] {
      for (auto at = next++; at < destinations.size() && !is_over; at = next++) {
        promises[at].set_value(prober.probe(destinations[at].domain));
      }
    });
  }
  for (std::size_t i = 0; i < destinations.size(); ++i) {
    const auto report = promises[i].get_future().get();
    if (auto used = use(destinations[i], report); !used) {
      is_over = true;
      return used;
    }
  }
  return {};
}

/// Policies are kept between runs where the state can be written; a probe needs no rights to it.
std::unique_ptr<mtasts::Cache> policy_cache(const Options& options, const config::Config& config) {
  auto index = store::Index::open(config.state);
  if (index) return std::make_unique<state::StsCache>(std::move(*index));
  options.common.diagnostics().detail("MTA-STS policies are kept for this run only: " +
                                      index.error().what);
  return nullptr;
}

Result<cli::Verdict> probe(const Options& options, const config::Config& config) {
  auto destinations = destinations_of(options);
  if (!destinations) return fail(std::move(destinations).error());
  const std::size_t jobs = options.jobs.value_or(64);
  // Few destinations need no resolver for many: it takes longer to start.
  constexpr std::size_t kFew = 8;
  const unsigned lookups = destinations->size() <= kFew ? 32 : 256;
  auto equipment = delivery::Equipment::make(config,
                                             {.patience = delivery::Patience::probe,
                                              .dns_file = options.network.dns_file,
                                              .parallel_lookups = lookups},
                                             policy_cache(options, config));
  if (!equipment) return fail(std::move(equipment).error());
  const auto minimum = config.policy.minimum;
  delivery::Prober prober(
      (*equipment)->finder(), (*equipment)->client(),
      {.minimum = minimum,
       .connects = !options.stays_off,
       .deadline = options.network.deadline ? config.network.deadline : std::chrono::seconds(60)});
  Tally tally(minimum);
  auto& out = options.common.out();
  cli::Progress progress(options.common.diagnostics(), system_clock(), destinations->size());
  const auto print = [&](const Destination& destination,
                         const DestinationReport& report) -> Result<void> {
    tally.count(report);
    progress.count();
    if (options.common.is_json) {
      out.line(json_line(destination.given, report));
    } else if (options.explains) {
      out.print(explanation(destination.given, report, minimum));
    } else {
      out.line(plain_line(destination.given, report));
    }
    return out.flush();
  };
  if (auto done = probe_all(prober, *destinations, jobs, print); !done) {
    return fail(std::move(done).error());
  }
  return tally.verdict();
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  auto config = cli::load_config(options.common, options.network,
                                 {.minimum = cli::minimum_of(options.minimum)});
  if (!config) return fail(std::move(config).error());
  if (options.looks_at_sender) return look_at_senders(options, *config);
  return probe(options, *config);
}

}  // namespace sm::smprobe
