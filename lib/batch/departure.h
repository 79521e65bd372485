#pragma once
// Rows that are claimed leave: prepared and signed, on all processors; told to the log, one append
// of `submitted` for a group; then handed to the dispatcher, to the sealing line, or, where large
// files go along with a mail that is delivered, sent each as a message of its own.

#include <memory>
#include <thread>
#include <vector>

#include "batch/ends.h"
#include "batch/flight.h"
#include "batch/intake.h"
#include "batch/line.h"
#include "batch/run.h"
#include "batch/sealing_line.h"
#include "batch/traffic.h"
#include "delivery/dispatch.h"
#include "delivery/signing.h"
#include "sealing/premises.h"

namespace sm::batch {

class Departure {
 public:
  struct Parts {
    const Setting* setting;
    const Means* means;
    sealing::Premises* premises;
    Flight* flight;
    Traffic* traffic;
    Ends* ends;
    delivery::Dispatcher* dispatcher;
    SealingLine* sealing;
  };
  /// All must outlive it.
  explicit Departure(const Parts& parts);
  ~Departure() { close(); }

  /// Rows of one claim, in order. Waits for room.
  void push(std::vector<ItemPtr> items) { claimed_.push(std::move(items)); }
  /// When all that was pushed has left.
  void close();

 private:
  void serve();
  void prepare(std::vector<ItemPtr>& items);
  void prepare(Item& item);
  void submit(std::vector<ItemPtr>& items);
  void forward(const ItemPtr& item);
  void link();

  Parts parts_;
  const Clock& clock_;
  delivery::SigningDesk signing_;
  Line<std::vector<ItemPtr>> claimed_{4};
  Line<ItemPtr> to_link_{16};
  std::vector<std::jthread> linkers_;
  std::jthread thread_;
};

}  // namespace sm::batch
