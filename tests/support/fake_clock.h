#pragma once
// A clock that tests set: nothing sleeps.

#include "base/clock.h"

namespace sm::test {

class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime now = WallTime(std::chrono::seconds(1'795'000'000))) : now_(now) {}
  [[nodiscard]] WallTime now() const override { return now_; }
  [[nodiscard]] Monotonic monotonic() const override { return monotonic_; }
  [[nodiscard]] std::string boot_id() const override { return boot_id_; }
  [[nodiscard]] bool is_synchronised() const override { return is_synchronised_; }

  /// Time passes on both clocks.
  void advance(std::chrono::microseconds by) {
    now_ += by;
    monotonic_ += by;
  }
  /// Somebody sets the time of day; the monotonic clock does not notice.
  void step(std::chrono::microseconds by) { now_ += by; }
  /// The machine starts anew: another life, whose monotonic clock begins at `uptime`.
  void reboot(std::chrono::microseconds uptime = std::chrono::seconds(10)) {
    monotonic_ = Monotonic(uptime);
    boot_id_.back() = boot_id_.back() == '9' ? '1' : static_cast<char>(boot_id_.back() + 1);
  }
  void set_synchronised(bool is_synchronised) { is_synchronised_ = is_synchronised; }

 private:
  WallTime now_;
  Monotonic monotonic_{std::chrono::hours(1)};
  std::string boot_id_ = "00000000-0000-4000-8000-000000000001";
  bool is_synchronised_ = true;
};

}  // namespace sm::test
