#pragma once
// Looking without sending: connects to every mail host of a destination as far as TLS and EHLO,
// says QUIT, and has route.h judge what was seen. Many destinations share their hosts: each host is
// looked at once per Prober, and no address is asked by more than a few connections at a time.

#include <condition_variable>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "delivery/facts.h"
#include "delivery/route.h"
#include "smtp/client.h"

namespace sm::delivery {

using SessionPtr = std::shared_ptr<const smtp::SessionFacts>;

struct HostReport {
  HostVerdict verdict;
  SessionPtr session;  ///< null where nobody connected
};

struct DestinationReport {
  name::Domain domain;
  /// Nothing where our own side failed; `verdict` says how.
  std::shared_ptr<const DestinationFacts> facts{};
  std::vector<HostReport> hosts{};  ///< one for each of facts->hosts
  DestinationVerdict verdict{};
  std::chrono::milliseconds took{};
};

/// At most `limit` at once for each address.
class Pacer {
 public:
  explicit Pacer(unsigned limit) : limit_(limit) {}
  class Turn {
   public:
    Turn(Pacer& pacer, std::string address);
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn();

   private:
    Pacer* pacer_;
    std::string address_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable is_free_;
  std::map<std::string, unsigned> busy_;
  unsigned limit_;
};

class Prober {
 public:
  struct Options {
    Minimum minimum = Minimum::trusted;
    bool connects = true;      ///< false: DNS and policies only, every host stays undetermined
    bool wants_tlsrpt = true;  ///< look the TLSRPT record up as well
    std::chrono::seconds deadline{60};  ///< for one destination
    unsigned per_address = 4;           ///< connections at a time to one address
  };
  /// `client` presents us; it and `finder` must outlive the Prober. Thread safe.
  Prober(const FactFinder& finder, const smtp::Client& client, Options options)
      : finder_(&finder), client_(&client), options_(options), pacer_(options.per_address) {}

  DestinationReport probe(const name::Domain& domain);

 private:
  HostReport look_at(const DestinationFacts& destination, const HostFacts& host,
                     const Deadline& deadline);
  SessionPtr session_with(const DestinationFacts& destination, const HostFacts& host,
                          const Deadline& deadline);
  SessionPtr connect(const tls::Expectations& peer, const HostFacts& host,
                     const Deadline& deadline);

  const FactFinder* finder_;
  const smtp::Client* client_;
  Options options_;
  Pacer pacer_;
  std::mutex mutex_;
  std::map<std::string, std::shared_future<SessionPtr>> sessions_;
};

}  // namespace sm::delivery
