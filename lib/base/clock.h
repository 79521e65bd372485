#pragma once
// Clocks, by interface: no library code asks the system for the time, and no test sleeps.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sm {

using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
using Monotonic = std::chrono::steady_clock::time_point;

class Clock {
 public:
  virtual ~Clock() = default;
  /// The time of day, UTC; it may jump.
  [[nodiscard]] virtual WallTime now() const = 0;
  /// Never goes back; says nothing about the time of day. CLOCK_BOOTTIME: time asleep counts.
  [[nodiscard]] virtual Monotonic monotonic() const = 0;
  /// The kernel's boot id: monotonic times compare only where it is the same.
  [[nodiscard]] virtual std::string boot_id() const = 0;
  /// Whether the kernel says that the time of day is kept in step (adjtimex(2)).
  [[nodiscard]] virtual bool is_synchronised() const = 0;
};

/// The system's own clock.
const Clock& system_clock();

/// "2026-11-21T10:00:00Z", and with six digits of a second "2026-11-21T10:00:00.123456Z".
std::string utc_text(std::chrono::sys_seconds time);
std::string utc_text_micros(WallTime time);
/// Reads both forms (0, or 1 to 9 digits of a second; further than micros is cut). UTC ("Z") only.
std::optional<WallTime> parse_utc(std::string_view text);
/// RFC 5322 §3.3: "Sat, 21 Nov 2026 10:00:00 +0000".
std::string mail_date(std::chrono::sys_seconds time);

/// A point in monotonic time by which something must be done.
class Deadline {
 public:
  Deadline(const Clock& clock, std::chrono::milliseconds from_now)
      : clock_(&clock), at_(clock.monotonic() + from_now) {}
  [[nodiscard]] bool has_passed() const { return clock_->monotonic() >= at_; }
  /// Zero when passed.
  [[nodiscard]] std::chrono::milliseconds remaining() const;
  /// The earlier of this one and `most` from now.
  [[nodiscard]] Deadline capped(std::chrono::milliseconds most) const;
  [[nodiscard]] const Clock& clock() const { return *clock_; }

 private:
  const Clock* clock_;
  Monotonic at_;
};

}  // namespace sm
