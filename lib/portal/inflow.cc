#include "portal/inflow.h"

#include <algorithm>
#include <cstring>

namespace sm::portal {

std::size_t Inflow::pour(Bytes bytes) {
  const std::lock_guard lock(mutex_);
  if (is_done_) return bytes.size();
  std::size_t taken = 0;
  while (taken < bytes.size() && held_ < kRoom) {
    const std::size_t at = (first_ + held_) % kRoom;
    const std::size_t fits = std::min({bytes.size() - taken, kRoom - held_, kRoom - at});
    std::memcpy(vessel_.writable().data() + at, bytes.data() + taken, fits);
    taken += fits;
    held_ += fits;
  }
  if (taken > 0) changed_.notify_all();
  if (taken < bytes.size()) {
    is_stopped_ = true;
    valve_.stop();
  }
  return taken;
}

bool Inflow::end() {
  const std::lock_guard lock(mutex_);
  has_ended_ = true;
  changed_.notify_all();
  if (is_done_) return true;
  is_stopped_ = true;
  valve_.stop();
  return false;
}

void Inflow::abort() {
  const std::lock_guard lock(mutex_);
  is_aborted_ = true;
  changed_.notify_all();
}

void Inflow::restart() {
  if (!is_stopped_) return;
  is_stopped_ = false;
  valve_.start();
}

Result<std::size_t> Inflow::read(std::span<std::uint8_t> into) {
  std::unique_lock lock(mutex_);
  const bool in_time =
      changed_.wait_for(lock, kPatience, [&] { return held_ > 0 || has_ended_ || is_aborted_; });
  if (is_aborted_) return fail(Errc::temporary, "the client went away");
  if (!in_time) return fail(Errc::temporary, "the client sends nothing");
  std::size_t given = 0;
  while (given < into.size() && held_ > 0) {
    const std::size_t fits = std::min({into.size() - given, held_, kRoom - first_});
    std::memcpy(into.data() + given, vessel_.reveal().data() + first_, fits);
    given += fits;
    first_ = (first_ + fits) % kRoom;
    held_ -= fits;
  }
  // Not before there is room worth the while; at the end of the body only done() goes on.
  if (!has_ended_ && held_ <= kRoom / 2) restart();
  return given;
}

void Inflow::done() {
  const std::lock_guard lock(mutex_);
  is_done_ = true;
  held_ = 0;
  restart();
}

}  // namespace sm::portal
