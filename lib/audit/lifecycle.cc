#include "audit/lifecycle.h"

#include <algorithm>
#include <cstring>

namespace sm::audit {
namespace {
constexpr std::array<char, 8> kNobody{};
}

std::size_t Lifecycle::HashOf::operator()(const std::array<char, 16>& id) const {
  // Ids are random: any eight of their bytes are a hash. (Who forges ids can slow a verifier down,
  // and with a seventeenth of the work by writing longer logs.)
  std::size_t hash = 0, more = 0;
  std::memcpy(&hash, id.data(), sizeof hash);
  std::memcpy(&more, id.data() + sizeof hash, sizeof more);
  return hash ^ (more * 0x9e3779b97f4a7c15ull);
}

bool matters_to_lifecycle(Event event) {
  switch (event) {
    case Event::submitted:
    case Event::refused:
    case Event::queued:
    case Event::delivered:
    case Event::deferred:
    case Event::failed:
    case Event::uncertain:
    case Event::returned:
    case Event::notified:
    case Event::revoked:
    case Event::deleted:
    case Event::expired:
      return true;
    default:
      return false;
  }
}

bool Lifecycle::is_end(const LifecycleStep& step, bool is_queued) {
  switch (step.event) {
    case Event::delivered:
    case Event::refused:
    case Event::failed:
    case Event::returned:
      return true;
    case Event::notified:
    case Event::revoked:
    case Event::deleted:
    case Event::expired:
      return step.is_success;
    case Event::deferred:
    case Event::uncertain:
      return !is_queued;
    default:
      return false;
  }
}

void Lifecycle::submit(const LifecycleStep& step, std::span<const std::array<char, 8>> recipients) {
  Message& message =
      open_.try_emplace(step.message, Message{step.seq, false, {}, {}}).first->second;
  for (const auto& id : recipients) {
    if (message.one == kNobody) {
      message.one = id;
    } else {
      message.more.push_back(id);
    }
  }
}

void Lifecycle::add(const LifecycleStep& step, std::span<const std::array<char, 8>> recipients) {
  if (step.event == Event::submitted) {
    return submit(step, recipients.subspan(step.recipients_begin,
                                           step.recipients_end - step.recipients_begin));
  }
  const auto found = open_.find(step.message);
  if (found == open_.end()) return;
  Message& message = found->second;
  if (step.event == Event::queued) message.is_queued = true;
  if (!is_end(step, message.is_queued)) return;
  if (step.recipient == kNobody) {
    open_.erase(found);
    return;
  }
  if (message.one == step.recipient) message.one = kNobody;
  std::erase(message.more, step.recipient);
  if (message.one == kNobody && message.more.empty()) open_.erase(found);
}

std::optional<std::uint64_t> Lifecycle::first_open() const {
  std::optional<std::uint64_t> first;
  for (const auto& [id, message] : open_) {
    if (!first || message.seq < *first) first = message.seq;
  }
  return first;
}

std::vector<Lifecycle::Open> Lifecycle::open() const {
  std::vector<Open> all;
  for (const auto& [id, message] : open_) {
    Open& one = all.emplace_back(Open{id, message.seq, message.is_queued, message.more});
    if (message.one != kNobody) one.recipients.push_back(message.one);
  }
  return all;
}

}  // namespace sm::audit
