#include "delivery/recorder.h"

#include <map>
#include <utility>

namespace sm::delivery {
namespace {

Result<void> append_to(audit::Log& log, const std::string& prepared,
                       audit::Reservation& reservation) {
  auto appended = log.append_prepared(prepared, reservation);
  if (!appended) return fail(std::move(appended).error());
  return {};
}

}  // namespace

Recorder::Recorder() : thread_([this] { serve(); }) {}

Recorder::~Recorder() {
  {
    const std::lock_guard lock(mutex_);
    is_closing_ = true;
  }
  more_.notify_one();
}

void Recorder::add(Entry entry) {
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(entry));
  if (waiting_.size() == 1) more_.notify_one();
}

void Recorder::serve() {
  for (;;) {
    std::vector<Entry> entries;
    {
      std::unique_lock lock(mutex_);
      more_.wait(lock, [&] { return !waiting_.empty() || is_closing_; });
      if (waiting_.empty()) return;
      entries.swap(waiting_);
    }
    write(entries);
  }
}

void Recorder::write(std::vector<Entry>& entries) {
  struct Together {
    std::string prepared;
    audit::Reservation reservation;
    Result<void> done;
  };
  std::map<audit::Log*, Together> by_log;
  for (auto& entry : entries) {
    if (entry.prepared.empty()) continue;
    auto& together = by_log[entry.log];
    together.prepared += entry.prepared;
    together.reservation.add(std::move(entry.reservation));
  }
  for (auto& [log, together] : by_log)
    together.done = append_to(*log, together.prepared, together.reservation);
  for (auto& entry : entries) {
    Result<void> done;
    if (!entry.prepared.empty()) {
      auto& together = by_log.at(entry.log);
      done = together.done;
      // What was delivered stays delivered: once more, each as new records with a sync of their
      // own; where that fails too, the gap is told.
      if (!done) done = append_to(*entry.log, entry.prepared, together.reservation);
    }
    entry.recorded(std::move(done));
  }
}

}  // namespace sm::delivery
