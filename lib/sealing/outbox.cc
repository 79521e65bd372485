#include "sealing/outbox.h"

#include <algorithm>
#include <future>

#include "base/encoding.h"
#include "crypto/random.h"
#include "delivery/courier.h"
#include "delivery/notice_courier.h"
#include "delivery/send.h"
#include "sealing/mark.h"
#include "sealing/trip.h"
#include "store/outbox_table.h"

namespace sm::sealing {
namespace {

using std::chrono::seconds;

constexpr std::chrono::minutes kLeaseTime{10};
constexpr seconds kPatience{120};  // for one attempt
constexpr std::size_t kSideBySide = 8;

bool is_due(const store::Errand& errand, const Clock& clock) {
  if (!errand.lease.empty()) {
    const auto leased = Mark::parse(errand.leased);
    if (leased && elapsed_since(*leased, clock) < kLeaseTime) return false;
  }
  const auto tried = Mark::parse(errand.tried);
  return !tried || elapsed_since(*tried, clock) >= seconds(errand.pause);
}

}  // namespace

/// What one trip after the other is made with.
struct Postman::Bag {
  std::optional<delivery::Courier> courier{};
  std::optional<delivery::NoticeCourier> notice_courier{};
  config::Minimum minimum = config::Minimum::trusted;

  void carry(Trip& trip, const delivery::Equipment& equipment, const Deadline& deadline) {
    const auto wanted = trip.organisation->policy.minimum;
    if (courier && minimum != wanted) courier.reset();
    if (!courier) courier.emplace(equipment.finder(), equipment.client(), wanted);
    minimum = wanted;
    const auto envelope = envelope_of(trip);
    delivery::MessageContent content(trip.composed->message);
    trip.delivery = courier->deliver(trip.to.domain(), envelope, content, deadline);
    if (!trip.notice || !delivery::may_go_open(trip.delivery)) return;
    if (!notice_courier) {
      notice_courier.emplace(equipment.notice_client(), equipment.finder().port());
    }
    notice_courier->deliver(envelope, *trip.notice, deadline, trip.delivery);
  }
};

Postman::Postman(Office& office, const delivery::Equipment& equipment)
    : office_(office), equipment_(equipment), writer_(std::make_unique<TripWriter>(office)) {
  for (std::size_t i = 0; i < kSideBySide; ++i)
    bags_.push_back(std::make_unique<Bag>());
}
Postman::~Postman() = default;

/// One call of run().
class Postman::Round {
 public:
  Round(Postman& postman, seconds deadline)
      : bags_(postman.bags_),
        office_(postman.office_),
        equipment_(postman.equipment_),
        writer_(*postman.writer_),
        deadline_(*office_.clock, deadline),
        outbox_(*office_.index),
        lease_(to_base64url(crypto::random_bytes<12>())),
        book_(office_, lease_) {}

  Result<std::vector<ErrandEnd>> run(std::size_t most, const std::string& message) {
    auto waiting = outbox_.waiting(message);
    if (!waiting) return fail(std::move(waiting).error());
    std::erase_if(*waiting,
                  [&](const store::Errand& errand) { return !is_due(errand, *office_.clock); });
    if (waiting->size() > most) waiting->resize(most);
    std::vector<ErrandEnd> ends;
    for (std::size_t at = 0; at < waiting->size() && !deadline_.has_passed();) {
      std::vector<Trip> trips;
      for (; at < waiting->size() && trips.size() < kSideBySide; ++at) {
        if (auto packed = pack((*waiting)[at], trips); !packed) {
          return fail(std::move(packed).error());
        }
      }
      carry_all(trips);
      auto settled = book_.settle(trips);
      if (!settled) return fail(std::move(settled).error());
      std::move(settled->begin(), settled->end(), std::back_inserter(ends));
    }
    return ends;
  }

 private:
  void carry_all(std::vector<Trip>& trips) {
    const Deadline each = deadline_.capped(kPatience);
    const auto go = [&](std::size_t i) {
      if (trips[i].composed) bags_[i]->carry(trips[i], equipment_, each);
    };
    std::vector<std::future<void>> others;
    for (std::size_t i = 1; i < trips.size(); ++i)
      others.push_back(std::async(std::launch::async, go, i));
    if (!trips.empty()) go(0);
    for (auto& other : others)
      other.get();
  }

  /// Leases an errand and makes its mail; an errand that has lost its purpose is removed.
  Result<void> pack(store::Errand errand, std::vector<Trip>& trips) {
    auto taken = outbox_.take(errand, lease_, Mark::now(*office_.clock).text());
    if (!taken) return fail(std::move(taken).error());
    if (!*taken) return {};
    errand.attempts += 1;
    auto trip = writer_.write(errand);
    if (!trip) return fail(std::move(trip).error());
    if (!*trip) return book_.remove(errand.id);
    trips.push_back(std::move(**trip));
    return {};
  }

  std::vector<std::unique_ptr<Bag>>& bags_;
  Office& office_;
  const delivery::Equipment& equipment_;
  TripWriter& writer_;
  Deadline deadline_;
  store::OutboxTable outbox_;
  std::string lease_;
  TripBook book_;
};

Result<std::vector<ErrandEnd>> Postman::run(std::size_t most, seconds deadline,
                                            const std::string& message) {
  return Round(*this, deadline).run(most, message);
}

}  // namespace sm::sealing
