#pragma once
// Whether every submitted message reached an end: a pass over the records in order, whose memory
// grows only with the messages that are still open.
//
// A recipient is at an end after `delivered`, `refused`, `failed` or `returned`, after `notified`
// with success (a sealed message), and after `revoked`, `deleted` or `expired`. `deferred` and
// `uncertain` are ends where nobody promised to try again: that is, unless the message is `queued`.
// A record without recipient speaks for all of them.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "audit/event.h"

namespace sm::audit {

/// What of a record matters here.
struct LifecycleStep {
  std::uint64_t seq = 0;
  Event event{};
  bool is_success = true;  ///< outcome absent or "success"
  std::array<char, 16> message{};
  std::array<char, 8> recipient{};  ///< zeros: none
  // Of `submitted`: where its recipients stand in the block's list.
  std::uint32_t recipients_begin = 0, recipients_end = 0;
};

/// Whether a record of this event can change anything here.
bool matters_to_lifecycle(Event event);

class Lifecycle {
 public:
  /// `recipients`: the list that the step's indexes mean.
  void add(const LifecycleStep& step, std::span<const std::array<char, 8>> recipients);
  [[nodiscard]] std::uint64_t open_count() const { return open_.size(); }
  /// The seq of the first message that is still open.
  [[nodiscard]] std::optional<std::uint64_t> first_open() const;

  struct Open {
    std::array<char, 16> message{};
    std::uint64_t seq = 0;  ///< of its submission
    bool is_queued = false;
    std::vector<std::array<char, 8>> recipients;  ///< those without an end
  };
  [[nodiscard]] std::vector<Open> open() const;

 private:
  struct Message {
    std::uint64_t seq = 0;
    bool is_queued = false;
    // Recipients without an end: most messages have one.
    std::array<char, 8> one{};  ///< zeros: none
    std::vector<std::array<char, 8>> more;
  };
  struct HashOf {
    std::size_t operator()(const std::array<char, 16>& id) const;
  };
  void submit(const LifecycleStep& step, std::span<const std::array<char, 8>> recipients);
  static bool is_end(const LifecycleStep& step, bool is_queued);
  std::unordered_map<std::array<char, 16>, Message, HashOf> open_;
};

}  // namespace sm::audit
