#pragma once
// The rows of a batch that are sealed: in groups, each with one sync of the store, one append to
// the log and one transaction; their notifications go through the batch's own dispatcher, over the
// connections that others use too; and their ends are settled in groups again.
//
//   push()  ->  sealers  ->  dispatcher  ->  settler  ->  told

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "batch/ends.h"
#include "batch/intake.h"
#include "batch/line.h"
#include "delivery/dispatch.h"
#include "delivery/equipment.h"
#include "sealing/fallback.h"
#include "sealing/premises.h"
#include "sealing/trip.h"

namespace sm::batch {

class SealingLine {
 public:
  struct Parts {
    const delivery::Equipment* equipment;
    sealing::Premises* premises;
    delivery::Dispatcher* dispatcher;
    Ends* ends;
    const Clock* clock;
    std::chrono::seconds deadline;     ///< for one notification
    std::function<bool()> is_stopped;  ///< then nobody is notified now
  };
  /// All must outlive it. An Error where the state cannot be opened once more.
  static Result<std::unique_ptr<SealingLine>> open(const Parts& parts);
  ~SealingLine() { close(); }

  /// A row whose result is `pending`, with its message. Never waits: a dispatcher's threads push.
  void push(ItemPtr item) { to_seal_.push(std::move(item)); }
  /// When all that was pushed is at its end; the dispatcher is idle then.
  void close();

 private:
  using Desk = sealing::Premises::Desk;
  using Fallbacks = std::map<const config::Organisation*, sealing::Fallback>;
  /// A row from its sealing until its last errand is settled.
  struct Passage {
    ItemPtr item;
    std::vector<delivery::RecipientResult> results;
    std::atomic<std::size_t> errands{0};  ///< not settled
  };
  using PassagePtr = std::shared_ptr<Passage>;
  struct Notice {
    PassagePtr passage;
    sealing::Trip trip;
  };
  using NoticePtr = std::shared_ptr<Notice>;

  explicit SealingLine(const Parts& parts);
  void seal(Desk& desk);
  void seal(Desk& desk, sealing::Fallback& fallback, sealing::TripWriter& writer,
            const std::vector<ItemPtr>& items);
  Result<std::vector<NoticePtr>> notices_of(Desk& desk, sealing::TripWriter& writer,
                                            const PassagePtr& passage);
  void send(const NoticePtr& notice);
  void settle(Desk& desk);
  void settle(const std::vector<NoticePtr>& notices, sealing::TripBook& book,
              const std::function<sealing::Fallback&(const Item&)>& fallback_of);
  sealing::Fallback& fallback_of(Fallbacks& fallbacks, Desk& desk, const Item& item);
  void end(Passage& passage, sealing::Fallback& fallback);

  Parts parts_;
  std::string lease_;  ///< all errands of this batch
  Line<ItemPtr> to_seal_{Traffic::kMostItems + Intake::kChunk};
  Line<NoticePtr> noticed_{4 * Traffic::kMostItems};
  std::vector<std::jthread> sealers_;
  std::jthread settler_;
};

}  // namespace sm::batch
