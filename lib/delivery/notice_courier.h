#pragma once
// Bringing a notice (smtp/notice.h) to a destination that stays below the minimum and promises
// nothing about itself: opportunistic TLS, host by host in the order of preference. To whom a
// notice may go is decided by may_go_open(); a destination whose published policy fails gets none.

#include <memory>
#include <optional>

#include "delivery/courier.h"
#include "delivery/facts.h"
#include "smtp/notice.h"

namespace sm::delivery {

/// Whether what is no secret may go where this delivery would not: it fell back, and no promise is
/// broken.
bool may_go_open(const DeliveryReport& report);

/// Serves one thread. Keeps its last connection open for the next notice to the same host.
class NoticeCourier {
 public:
  /// `client` must outlive it. `port`: as of the FactFinder.
  NoticeCourier(const smtp::NoticeClient& client, std::uint16_t port)
      : client_(&client), port_(port) {}

  /// After a delivery that may_go_open(): what comes of it takes the place of that delivery's only
  /// recipient report.
  void deliver(const smtp::Envelope& envelope, smtp::NoticeContent& notice,
               const Deadline& deadline, DeliveryReport& report);

  [[nodiscard]] bool is_connected() const { return open_ && open_->connection.is_usable(); }
  void disconnect() { open_.reset(); }

 private:
  struct Open {
    smtp::NoticeConnection connection;
    IpAddress address;
    name::Domain host;
    SessionPtr session;
  };
  /// False where this address was of no use; `report.detail` says why.
  bool connect(const DestinationFacts& facts, const HostFacts& host, const IpAddress& address,
               const Deadline& deadline, RecipientReport& report);
  /// True when it has its end.
  bool hand_over(const smtp::Envelope& envelope, smtp::NoticeContent& notice, std::size_t host,
                 const Deadline& deadline, RecipientReport& report);

  const smtp::NoticeClient* client_;
  std::uint16_t port_;
  std::optional<Open> open_;
};

}  // namespace sm::delivery
