#pragma once
// Bringing one message to the recipients of one domain: hosts in preference order, only over
// connections whose verdict reaches the minimum, each recipient on its own.
//
// The gate is twofold. smtp::Client yields a Connection only when the TLS layer proved what
// expectations() demanded; and of those only one whose verdict (route.h) reaches the minimum is
// used. A Courier keeps its last connection open for the next message, and uses it where the next
// message's domain has the same host and demands the same proof of it; the verdict is then passed
// anew, on that domain's own facts. It serves one thread.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "delivery/facts.h"
#include "delivery/probe.h"
#include "delivery/route.h"
#include "smtp/client.h"
#include "smtp/envelope.h"

namespace sm::delivery {

/// What became of one recipient at this destination.
enum class End {
  accepted,
  deferred,
  failed,
  uncertain,
  fall_back,  ///< below the minimum, no promise broken: the caller seals, refuses or defers
};

struct RecipientReport {
  End end = End::deferred;
  Reason reason = Reason::none;
  std::string enhanced{};  ///< RFC 3463; set unless accepted
  std::string detail{};
  HostVerdict level{};
  std::optional<std::size_t> host{};  ///< index into facts->hosts
  SessionPtr session{};               ///< null where nobody connected
  std::optional<smtp::RecipientEnd> reply{};
  std::shared_ptr<const smtp::Transaction> transaction{};
};

struct DeliveryReport {
  std::shared_ptr<const DestinationFacts> facts{};  ///< null where they could not be had
  DestinationVerdict verdict{};
  std::vector<RecipientReport> recipients{};  ///< in the envelope's order
};

class Courier {
 public:
  /// `finder` and `client` must outlive the Courier.
  Courier(const FactFinder& finder, const smtp::Client& client, Minimum minimum)
      : finder_(&finder), client_(&client), minimum_(minimum) {}
  ~Courier();

  /// All recipients of the envelope are of this domain.
  DeliveryReport deliver(const name::Domain& domain, const smtp::Envelope& envelope,
                         smtp::Content& content, const Deadline& deadline);
  /// The same with facts that were looked up a moment ago; never null.
  DeliveryReport deliver(const std::shared_ptr<const DestinationFacts>& facts,
                         const smtp::Envelope& envelope, smtp::Content& content,
                         const Deadline& deadline);

  /// A connection is open for the next message.
  [[nodiscard]] bool is_connected() const { return open_ && open_->connection.is_usable(); }
  /// Quits it, where there is one.
  void disconnect();

 private:
  class Round;
  struct Open {
    smtp::Connection connection;
    SessionPtr session;
    name::Domain host;
    tls::Expectations proved;  ///< what was demanded of it, and held
  };
  /// Which of these hosts the open connection leads to, and may serve.
  [[nodiscard]] std::optional<std::size_t> host_of_open(const DestinationFacts& facts) const;
  const FactFinder* finder_;
  const smtp::Client* client_;
  Minimum minimum_;
  std::optional<Open> open_;
};

}  // namespace sm::delivery
