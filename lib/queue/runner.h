#pragma once
// One run of the queue: what died runners left is settled, the drop is taken up, and what is due is
// carried, destinations side by side, over connections that all of them share
// (delivery/dispatch.h).
//
// Any number of runners may run at once. Each has a file that it holds locked as long as it lives,
// and every row that it works on bears its name; a row whose runner's file nobody holds belongs to
// the dead, and the next runner settles it. There is no time after which a living runner loses its
// rows: two never send one message.

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "delivery/equipment.h"
#include "queue/errand.h"
#include "sealing/premises.h"

namespace sm::queue {

struct RunReport {
  Tally tally;
  std::uint64_t taken_up = 0;     ///< messages out of the drop
  std::uint64_t quarantined = 0;  ///< things in the drop that were none
  std::vector<Error> failures{};  ///< of our own side: the messages wait, nothing is lost
  std::vector<Error> warnings{};  ///< all was done all the same
};

class Runner {
 public:
  struct Options {
    unsigned parallel = 8;  ///< destinations at a time
    bool is_flush = false;  ///< everything counts as due, once
    /// Asked now and then: nothing new is begun any more, and what is under way is settled within
    /// seconds. May be empty.
    std::function<bool()> is_stopped{};
  };
  /// Both outlive it.
  Runner(sealing::Premises& premises, const delivery::Equipment& equipment, Options options)
      : premises_(premises), equipment_(equipment), options_(options) {}

  /// An Error only where the queue cannot be looked at.
  Result<RunReport> run();

 private:
  class Work;
  sealing::Premises& premises_;
  const delivery::Equipment& equipment_;
  Options options_;
};

}  // namespace sm::queue
