#pragma once
// The board on which the processes that write one log meet: a file with a slot for each.
//
// A process that finds the log locked puts its drafts in its slot and waits for the lock. Whoever
// holds the lock writes for all whose drafts are up, with one sync for all, and answers beside the
// slot. A slot also says how many ending records its process keeps space for. A slot belongs to its
// process by a lock on one byte of the file, which the kernel drops when the process dies, however
// that ends. The board speeds things up and keeps no truth: without it every process writes for
// itself.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/tree.h"
#include "base/file.h"
#include "base/result.h"

namespace sm::audit {

class Slots {
 public:
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kMostPayload = 32 * 1024;

  static Result<Slots> open(const std::string& path);

  /// Takes a free slot for this open file. False when all are taken.
  Result<bool> claim();
  Slots(Slots&&) noexcept;
  ~Slots();

  /// What stands in a slot that waits.
  struct Request {
    std::size_t slot = 0;
    std::uint64_t id = 0;
    std::uint32_t spends = 0;  ///< how many of its records have their space kept
    std::string payload;
  };
  /// What whoever wrote it answers.
  struct Answer {
    std::uint64_t id = 0;
    bool is_done = false;  ///< false: is about to be written at first_seq; look whether it was
    std::uint64_t first_seq = 0;
    std::uint32_t count = 0;
    Hash last_leaf{};  ///< of the last of them
  };

  /// Puts drafts up; the request's id. Nothing when they are too large, or there is no slot.
  std::optional<std::uint64_t> publish(std::string_view payload, std::uint32_t spends);
  void withdraw();
  /// The answer to this process's own request, when there is one.
  [[nodiscard]] std::optional<Answer> answer_to(std::uint64_t id) const;
  /// What wait() compares with: take it before you look for an answer or for the lock.
  [[nodiscard]] std::uint32_t bell() const;
  /// Sleeps until this process's bell rings after `seen`, at most `most`.
  void wait(std::uint32_t seen, std::chrono::milliseconds most) const;
  /// For whoever just gave the lock up: wakes one that waits, to take it.
  void wake_one() const;

  // For whoever holds the log's lock.
  /// Requests of living processes other than this one that are not answered yet.
  [[nodiscard]] std::vector<Request> waiting() const;
  void answer(std::size_t slot, const Answer& answer);
  /// Forgets all payloads: what was erased from the log must not stay here.
  Result<void> scrub();

  /// How many ending records this process keeps space for.
  Result<void> set_reserved(std::uint32_t records);
  [[nodiscard]] std::uint32_t own_reserved() const;
  /// The sum over all processes. Dead ones are counted until `is_exact` asks for their end.
  [[nodiscard]] std::uint64_t total_reserved(bool is_exact) const;

 private:
  struct Header;
  struct Own;
  struct Bells;
  Slots(UniqueFd fd, std::unique_ptr<Bells> bells);
  [[nodiscard]] std::vector<std::size_t> waiting_slots() const;
  void ring(std::size_t slot) const;
  [[nodiscard]] std::vector<Header> headers() const;
  [[nodiscard]] bool is_alive(std::size_t slot) const;
  bool write_header(const Header& header);

  UniqueFd fd_;
  std::unique_ptr<Bells> bells_;  ///< null where memory cannot be shared: waiting is polling
  std::unique_ptr<Own> own_;      ///< null until a slot was claimed
};

}  // namespace sm::audit
