#pragma once
// Sending many messages: a stream of parcels, each one message to its recipients, brought to their
// destinations side by side.
//
//   add()  ->  lanes, one a domain  ->  workers, one a connection  ->  settled()
//
// Recipients of one domain travel together. Domains whose facts name the same MX hosts are one
// destination: at most so many connections lead there at a time, beginning with few and growing
// with success, and a connection is used for message after message. A destination that says "not
// now" is left alone for a moment; of one that cannot be reached, or definitely stays below the
// minimum, the finding counts for all that comes within the next half minute or minute, so that a
// dead host does not cost every message its time-out. Waiting is bounded: add() blocks while too
// much is under way, so memory is flat whatever the stream's length.
//
// The evidence is as in single sends (send.h): `submitted` is the caller's to record before add();
// space for the ending records is reserved before a byte leaves; each end is durable before
// settled() is called. A recorder of its own writes the ends of all workers, as many at a time as
// have come: no connection waits for the disk.

#include <chrono>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "audit/log.h"
#include "delivery/courier.h"
#include "delivery/notice_courier.h"
#include "delivery/result.h"
#include "delivery/send.h"

namespace sm::delivery {

/// One message on its way. Whoever adds it keeps what `mailing.message` and `log` point to alive
/// until settled() returns.
struct Parcel {
  Mailing mailing;  ///< the message is signed; each recipient's address once
  audit::MessageId id;
  std::vector<audit::RecipientId> recipients;  ///< in the envelope's order
  audit::Log* log = nullptr;
  Minimum minimum = Minimum::trusted;
  OnInsecure on_insecure = OnInsecure::refuse;
  std::chrono::seconds deadline{300};  ///< counted from the moment a worker takes it up
  /// Not taken up later than this: then it is deferred (`interrupted`).
  Monotonic begins_by = Monotonic::max();

  /// Of a notification alone: where it goes when the destination proves nothing and promises
  /// nothing (notice_courier.h).
  smtp::NoticeContent* notice = nullptr;

  /// On a worker's thread, each time before the end mark of the message leaves: from then on, and
  /// until `ended`, only the server knows whether it has it. Where it fails the end mark does not
  /// leave. May be empty.
  std::function<Result<void>()> end_mark_leaves{};
  /// On a worker's thread, when recipients have their end and before that is durable: their
  /// records, prepared for the log. For whoever keeps them where a killed process leaves them. May
  /// be empty.
  std::function<void(std::string_view prepared)> ended{};
  /// On the recorder's thread, once, when all recipients have their end: results in the envelope's
  /// order, all recorded but the `pending` ones; `gaps` are ends that the log does not have. The
  /// parcel may be let go. Never empty, but for:
  std::function<void(std::vector<RecipientResult> results, std::vector<Error> gaps)> settled{};
  /// In place of `ended`, `settled` and all recording, for mail of our own to one recipient whose
  /// end is recorded otherwise. On a worker's thread; then `log` may be null.
  std::function<void(DeliveryReport report)> reported{};
};

class Dispatcher {
 public:
  struct Options {
    unsigned connections = 64;               ///< in all, and threads, as many as are needed
    unsigned per_destination = 8;            ///< at most
    unsigned at_first = 2;                   ///< to a destination, before anything succeeded there
    std::size_t waiting = 1024;              ///< parcels under way before add() blocks
    std::chrono::seconds facts_last{60};     ///< before a domain is looked up again
    std::chrono::seconds finding_lasts{60};  ///< a definite one: below the minimum, no mail at all
    std::chrono::seconds outage_lasts{30};   ///< not reachable
    std::chrono::seconds grace{5};           ///< after stop(), for what is under way
  };
  /// All must outlive it. `notices`: needed where a parcel has a notice.
  Dispatcher(const FactFinder& finder, const smtp::Client& client, Options options,
             const smtp::NoticeClient* notices = nullptr);
  Dispatcher(const FactFinder& finder, const smtp::Client& client)
      : Dispatcher(finder, client, Options()) {}
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;
  /// Waits for all that was added, as finish() does.
  ~Dispatcher();

  /// Blocks while `waiting` parcels are under way. After stop() it settles the parcel at once,
  /// deferred.
  void add(std::shared_ptr<Parcel> parcel);
  /// Returns when all that was added is settled.
  void finish();
  /// Nothing new is begun: what waits is settled at once, deferred (`interrupted`). What is under
  /// way gets `grace`; then it is broken off and settled as what it is by then, deferred or
  /// uncertain. From any thread, not from a signal handler; returns at once.
  void stop();

 private:
  class Yard;
  std::unique_ptr<Yard> yard_;
};

}  // namespace sm::delivery
