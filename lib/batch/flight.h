#pragma once
// What a run of a batch leaves behind whatever happens to it: which of its messages may have been
// taken by a server without our knowing, and what servers said that is not in the log yet.
//
// A file of one octet a message under way, mapped into memory and locked for the run's life:
// <state>/batch/<run>. An octet is set just before a message's end mark leaves, set to another
// value when its end is known and its record stands further back in the file, and cleared when the
// journal has its end. A process that is killed leaves the file as it was at that moment (what was
// written outlives a process without a sync, not a power loss: after one, all that was under way is
// in doubt). So a kill leaves in doubt only what waited for a server's last reply. The kernel drops
// the lock with the process, so that nobody takes a dead run for a living one.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/result.h"

namespace sm::batch {

class Flight {
 public:
  static constexpr std::uint32_t kSlots = 4096;

  /// Errc::temporary where there is no space.
  static Result<Flight> begin(const std::string& state, const Clock& clock);
  Flight(Flight&&) noexcept;
  Flight& operator=(Flight&&) = delete;
  /// Removes the file where no mark is left in it.
  ~Flight();

  [[nodiscard]] const std::string& run() const { return run_; }
  /// A free slot; nothing when all are taken.
  std::optional<std::uint32_t> take();
  /// The end mark is about to leave. From any thread.
  void mark(std::uint32_t slot) noexcept;
  /// Its end is known: the records of it, prepared for the log (audit::Log::prepare). What is too
  /// large, or finds no space, is not kept: the slot stays as it was. From any thread.
  void keep_end(std::uint32_t slot, std::string_view prepared) noexcept;
  /// The journal has its end.
  void give_back(std::uint32_t slot);
  /// What stands in the journal as ours cannot be ended now: the next run needs the file.
  void keep() { is_kept_ = true; }

 private:
  Flight(std::string path, std::string run, FileLock lock, std::uint8_t* slots);
  std::string path_;
  std::string run_;
  FileLock lock_;
  std::uint8_t* slots_;
  bool is_kept_ = false;
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  std::vector<std::uint32_t> free_;
};

/// A run that is dead, as its file tells. Holds the file's lock: one salvages, others wait.
class Wreck {
 public:
  /// Nothing where the run lives. A file that is gone, damaged or of another life of the machine
  /// leaves all in doubt.
  static Result<std::optional<Wreck>> board(const std::string& state, const std::string& run,
                                            const Clock& clock);
  [[nodiscard]] bool is_in_doubt(std::uint32_t slot) const;
  /// What was kept of its end; nothing where nothing whole was.
  [[nodiscard]] std::optional<std::string> end_of(std::uint32_t slot) const;
  /// All of it is in the journal.
  void clear();

 private:
  Wreck(std::string path, std::optional<FileLock> lock, std::optional<std::string> slots)
      : path_(std::move(path)), lock_(std::move(lock)), slots_(std::move(slots)) {}
  std::string path_;
  std::optional<FileLock> lock_;
  std::optional<std::string> slots_;
};

}  // namespace sm::batch
