#pragma once
// The way out of a batch: a thread that gives every row its end. The journal has it first, many
// rows in one transaction; then it is told.

#include <mutex>
#include <thread>
#include <vector>

#include "batch/flight.h"
#include "batch/intake.h"
#include "batch/journal.h"
#include "batch/line.h"
#include "batch/run.h"
#include "batch/traffic.h"

namespace sm::batch {

class Ends {
 public:
  /// All but the journal must outlive it.
  Ends(Journal journal, Flight& flight, Traffic& traffic, Listener& listener)
      : journal_(std::move(journal)),
        flight_(flight),
        traffic_(traffic),
        listener_(listener),
        thread_([this] { serve(); }) {}
  ~Ends() { close(); }

  /// A row with its result. Its message is of no more use. From any thread.
  void push(ItemPtr item) {
    item->message.reset();
    ended_.push(std::move(item));
  }
  void warn(const Error& warning);
  /// An end that the log or the journal does not have.
  void add_gap(Error gap);
  /// When all that was pushed has been told.
  Summary close();

 private:
  static constexpr std::size_t kMostGaps = 20;
  void serve();
  void tell(const Item& item);

  Journal journal_;
  Flight& flight_;
  Traffic& traffic_;
  std::mutex hearing_;  ///< the listener hears one thing at a time
  Listener& listener_;
  std::mutex gaps_;
  Summary summary_;  ///< the thread's, but for the gaps
  Line<ItemPtr> ended_{1024};
  std::jthread thread_;
};

}  // namespace sm::batch
