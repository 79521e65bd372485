#pragma once
// What an open log is made of. log.cc has what one process does under the lock, log_together.cc how
// many of them write as one. Part of log.h; nobody else includes it.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "audit/compose.h"
#include "audit/log.h"
#include "audit/log_files.h"
#include "audit/log_lock.h"
#include "audit/signer.h"
#include "audit/slots.h"

namespace sm::audit {

/// One call of append() on its way.
struct Waiting {
  std::vector<Draft> drafts;
  std::uint32_t spends = 0;
  std::optional<Result<Appended>> result;
  bool is_done = false;  ///< nobody else looks at it any more; under Impl's mutex, unlike the rest
};

/// What a reservation gives back to.
struct Reservation::Ledger {
  std::mutex mutex;
  Slots* slots = nullptr;  ///< null once the log was closed
  void give_back(std::size_t records);
};

class Log::Impl {
 public:
  Impl(Layout layout, const Clock& clock, LogOptions options, SignerSetting setting, Slots slots);
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> begin();
  Result<std::vector<Draft>> prepare(std::span<const Record> records) const;
  Result<Appended> append(std::vector<Draft> drafts, Reservation* reservation);
  Result<Reservation> reserve(std::size_t records);
  Result<Checkpoint> sign_checkpoint();
  Result<Checkpoint> end_epoch();
  Result<Erased> erase(const EraseRequest& request);
  [[nodiscard]] const Layout& layout() const { return layout_; }

 private:
  Result<void> settle();
  std::vector<Entry> compose(std::span<const Draft> drafts) const;
  Result<Appended> write(std::span<const Draft> drafts);
  Result<void> keep(std::uint64_t record_bytes, std::uint64_t disclosure_bytes,
                    std::uint64_t reserved);
  Result<void> keep_beside(std::span<const Draft> drafts, std::uint32_t spends);
  void lead(const std::vector<Waiting*>& mine);
  Result<std::optional<Held>> wait_for_turn(const std::vector<Waiting*>& mine);
  bool was_answered(std::uint64_t id, const std::vector<Waiting*>& mine) const;
  bool was_written_by_another(std::uint64_t id, const std::vector<Waiting*>& mine);
  void write_together(const std::vector<Waiting*>& mine);
  void write_alone(Waiting& waiting);
  void sign_if_due(Appended& appended);
  Result<Draft> draft_own(const Record& record) const;

  Layout layout_;
  const Clock& clock_;
  LogOptions options_;
  Writer writer_;
  LogFiles files_;
  Signer signer_;
  Slots slots_;
  LogLock lock_;
  std::shared_ptr<Reservation::Ledger> ledger_;

  std::mutex mutex_;  ///< guards what follows; who leads uses all the rest alone
  std::condition_variable changed_;
  std::vector<Waiting*> queue_;
  bool is_led_ = false;
};

}  // namespace sm::audit
