#pragma once
// The outbox of the sealed channel: mail of our own that must go out, kept until the destination
// has accepted it. Each item is leased to one sender at a time, tried again with growing pauses,
// and destroyed once accepted or given up. What must not be read by others (a link) is sealed to
// the organisation's key; the mail itself is made at the moment of sending.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "delivery/equipment.h"
#include "delivery/verdict.h"
#include "sealing/office.h"

namespace sm::sealing {

enum class Errand {
  notification,    ///< a message waits for you, with the link
  number_request,  ///< to the sender: which phone number?
  failure_notice,  ///< to the sender: the notification could not be delivered
  unread_notice,   ///< to the sender: it expires soon and was not opened
  ended_notice,    ///< to the sender: too many wrong attempts ended the link
  reply,           ///< to the sender: the reply itself, or word of it
};
std::string_view text(Errand errand);

/// How one attempt ended.
struct ErrandEnd {
  enum class State {
    accepted,
    later,    ///< tried again
    given_up  ///< for good: the sender is told where it was a notification
  };
  std::string message;    ///< audit ids
  std::string recipient;  ///< empty for errands to the sender
  Errand errand = Errand::notification;
  State state = State::later;
  delivery::Reason reason = delivery::Reason::none;
  std::string detail{};
};

class TripWriter;  // sealing/trip.h

/// Serves one thread. Keeps its connections open for the next call.
class Postman {
 public:
  Postman(Office& office, const delivery::Equipment& equipment);
  ~Postman();

  /// Does every errand that is due, at most `most`; `message`: only those of one message (smsend,
  /// right after sealing). Attempts end by the deadline; what is under way by another process is
  /// left to it.
  Result<std::vector<ErrandEnd>> run(std::size_t most, std::chrono::seconds deadline,
                                     const std::string& message = {});

 private:
  class Round;
  struct Bag;
  Office& office_;
  const delivery::Equipment& equipment_;
  std::unique_ptr<TripWriter> writer_;
  std::vector<std::unique_ptr<Bag>> bags_;  ///< one for each trip that is made at a time
};

}  // namespace sm::sealing
