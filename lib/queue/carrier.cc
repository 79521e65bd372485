#include "queue/carrier.h"

#include <unistd.h>

#include "queue/history.h"
#include "queue/layout.h"
#include "sealing/mark.h"

namespace sm::queue {

Carrier::~Carrier() {
  while (!errands_.empty())
    errands_.erase(pop().errand);
}

/// On whichever thread it ended.
void Carrier::push(Ended ended) {
  const std::lock_guard lock(mutex_);
  ended_.push_back(std::move(ended));
  // Under the lock: whoever takes the last one may be gone a moment later, and this with it.
  has_ended_.notify_one();
}

Carrier::Ended Carrier::pop() {
  std::unique_lock lock(mutex_);
  has_ended_.wait(lock, [this] { return !ended_.empty(); });
  auto ended = std::move(ended_.front());
  ended_.pop_front();
  return ended;
}

Result<void> Carrier::begin(store::Queued row) {
  auto errand = std::make_unique<Errand>(office_, equipment_, std::move(row));
  auto* const known = errand.get();
  auto parcel = known->set_out();
  if (!parcel) return fail(std::move(parcel).error());
  octets_ += known->row().size;
  errands_.emplace(known, std::move(errand));
  if (!*parcel) {
    push({known});
    return {};
  }
  (*parcel)->settled = [this, known](std::vector<delivery::RecipientResult> results,
                                     std::vector<Error> gaps) {
    push({known, std::move(results), std::move(gaps)});
  };
  dispatcher_.add(std::move(*parcel));
  return {};
}

Result<Carrier::Next> Carrier::settle_one() {
  auto ended = pop();
  const auto errand = std::move(errands_.extract(ended.errand).mapped());
  octets_ -= errand->row().size;
  auto end = errand->ended(std::move(ended.results), std::move(ended.gaps));
  if (!end) return fail(std::move(end).error());
  return take(std::move(*end));
}

Carrier::Next Carrier::take(Errand::End end) {
  tally_ += end.tally;
  std::move(end.gaps.begin(), end.gaps.end(), std::back_inserter(gaps_));
  std::move(end.warnings.begin(), end.warnings.end(), std::back_inserter(warnings_));
  return end.is_away ? Next::stop : Next::go_on;
}

Result<void> Carrier::recover(const store::Queued& row) {
  const auto mark = sealing::Mark::parse(row.leased);
  const bool is_this_boot = mark && mark->boot == office_.clock->boot_id();
  const Layout layout{office_.config->state};
  const bool has_left = ::access(layout.sent(row.id).c_str(), F_OK) == 0;
  auto ends = last_ends(office_.config->state, row.org, row.id, row.log_seq);
  if (!ends) return fail(std::move(ends).error());
  auto settled = Errand(office_, equipment_, row).settle(*ends, has_left || !is_this_boot);
  if (!settled) return fail(std::move(settled).error());
  take(std::move(*settled));
  return {};
}

}  // namespace sm::queue
