// Group commit: whoever holds the lock writes for all that wait, threads of this process and other
// processes, with one sync of the disclosures and one of the records.

#include "audit/log_impl.h"

namespace sm::audit {
namespace {

constexpr std::size_t kMostBatchBytes = std::size_t{4} << 20;

/// Gives out the seqs of records that were written in this order.
void fill_in(std::uint64_t first_seq, const std::vector<Waiting*>& waiting) {
  for (Waiting* one : waiting) {
    one->result.emplace(Appended{first_seq, one->drafts.size(), {}});
    first_seq += one->drafts.size();
  }
}

/// What other processes have put up and this one writes for them.
struct Placed {
  Slots::Request request;
  Slots::Answer answer;
};

/// Takes up the drafts of other processes behind those in `all`.
std::vector<Placed> take_up(Slots& slots, std::uint64_t next, std::vector<Draft>& all,
                            std::uint32_t& spends) {
  std::vector<Placed> placed;
  std::size_t bytes = 0;
  for (Slots::Request& request : slots.waiting()) {
    auto drafts = unpack(request.payload);
    if (!drafts || drafts->empty()) continue;
    bytes += request.payload.size();
    if (bytes > kMostBatchBytes) break;
    const auto count = static_cast<std::uint32_t>(drafts->size());
    const Slots::Answer answer{request.id, false, next + all.size(), count, {}};
    spends += request.spends;
    std::move(drafts->begin(), drafts->end(), std::back_inserter(all));
    placed.push_back({std::move(request), answer});
  }
  return placed;
}

}  // namespace

void Log::Impl::write_alone(Waiting& waiting) {
  // Ending records have their space: what could not be kept for others must not stop them.
  const bool is_ending = waiting.spends >= waiting.drafts.size();
  auto kept = is_ending ? Result<void>() : keep_beside(waiting.drafts, waiting.spends);
  if (kept) {
    waiting.result.emplace(write(waiting.drafts));
  } else {
    waiting.result.emplace(fail(std::move(kept).error()));
  }
}

void Log::Impl::write_together(const std::vector<Waiting*>& mine) {
  std::vector<Draft> all;
  std::uint32_t spends = 0;
  for (const Waiting* one : mine) {
    all.insert(all.end(), one->drafts.begin(), one->drafts.end());
    spends += one->spends;
  }
  const std::uint64_t next = files_.tail().next;
  std::vector<Placed> placed = take_up(slots_, next, all, spends);
  const bool is_alone = mine.size() == 1 && placed.empty();
  if (is_alone || !keep_beside(all, spends)) {
    for (Waiting* one : mine)
      write_alone(*one);
    return;  // others write for themselves
  }
  const std::vector<Entry> entries = compose(all);
  for (Placed& one : placed) {
    const std::size_t last = one.answer.first_seq - next + one.answer.count - 1;
    one.answer.last_leaf = leaf_hash(as_bytes(entries[last].line));
    slots_.answer(one.request.slot, one.answer);  // should this process die on the way
  }
  const auto written = files_.append(entries);
  for (Placed& one : placed) {
    one.answer.is_done = true;
    slots_.answer(one.request.slot, written ? one.answer : Slots::Answer{});
  }
  if (written) return fill_in(next, mine);
  for (Waiting* one : mine) {
    if (written.error().code == Errc::io) {
      one->result.emplace(fail(written.error()));  // a sync that failed is not tried again
    } else {
      write_alone(*one);  // there may be space for some
    }
  }
}

/// Whether another process wrote what this one had put up; then the results are filled in.
bool Log::Impl::was_answered(std::uint64_t id, const std::vector<Waiting*>& mine) const {
  const auto answer = slots_.answer_to(id);
  if (!answer || !answer->is_done) return false;
  fill_in(answer->first_seq, mine);
  return true;
}

/// The same under the lock, where whoever began to write may have died on the way: if the records
/// are there, they still have to be made durable.
bool Log::Impl::was_written_by_another(std::uint64_t id, const std::vector<Waiting*>& mine) {
  const auto answer = slots_.answer_to(id);
  if (!answer) return false;
  if (!answer->is_done) {
    if (!settle() || files_.tail().next < answer->first_seq + answer->count) return false;
    const auto line = line_at(layout_, answer->first_seq + answer->count - 1);
    if (!line || leaf_hash(as_bytes(*line)) != answer->last_leaf || !files_.sync()) return false;
  }
  fill_in(answer->first_seq, mine);
  return true;
}

/// Puts drafts up and waits until another process has written them, or the lock is ours.
Result<std::optional<Held>> Log::Impl::wait_for_turn(const std::vector<Waiting*>& mine) {
  // The bell rings when there is an answer or the lock is free; the time is for a holder that died.
  constexpr std::chrono::milliseconds kMost{50};
  std::string payload;
  std::uint32_t spends = 0;
  for (const Waiting* one : mine) {
    payload += pack(one->drafts);
    spends += one->spends;
  }
  const auto id = slots_.publish(payload, spends);
  if (!id) {
    auto held = lock_.take();
    if (!held) return fail(std::move(held).error());
    return std::optional(std::move(*held));
  }
  for (;;) {
    const std::uint32_t seen = slots_.bell();
    if (was_answered(*id, mine)) {
      slots_.withdraw();
      return std::optional<Held>();
    }
    auto held = lock_.try_take();
    if (!held || *held) {
      const bool is_written = held && was_written_by_another(*id, mine);
      slots_.withdraw();
      if (is_written) return std::optional<Held>();
      return held;
    }
    slots_.wait(seen, kMost);
  }
}

void Log::Impl::lead(const std::vector<Waiting*>& mine) {
  const auto refuse = [&](const Error& error) {
    for (Waiting* one : mine)
      one->result.emplace(fail(error));
  };
  auto at_once = lock_.try_take();
  const bool is_locked = at_once && !*at_once;
  const auto held = is_locked ? wait_for_turn(mine) : std::move(at_once);
  if (!held) return refuse(held.error());
  if (!*held) return;  // written by another
  auto settled = settle();
  if (!settled) return refuse(settled.error());
  write_together(mine);
  if (mine.front()->result->has_value()) sign_if_due(**mine.front()->result);
}

}  // namespace sm::audit
