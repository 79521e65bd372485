#include "audit/epochs.h"

#include <algorithm>
#include <optional>

namespace sm::audit {
namespace {

/// The epoch, counted from 0, whose key signs this size.
std::size_t epoch_of(std::uint64_t size, std::span<const EpochEnd> ends) {
  return static_cast<std::size_t>(std::count_if(
      ends.begin(), ends.end(), [&](const EpochEnd& end) { return size > end.seq + 1; }));
}

/// The first epoch's key: the first of log.vkey, or without that list the key from outside that no
/// epoch_ended introduces.
std::optional<VerifierKey> first_key(const EpochQuestion& question) {
  if (!question.listed.empty()) return question.listed.front();
  for (const VerifierKey& key : question.trusted) {
    const bool is_later = std::any_of(question.ends.begin(), question.ends.end(),
                                      [&](const EpochEnd& end) { return end.next == key.text(); });
    if (!is_later) return key;
  }
  return std::nullopt;
}

/// The keys of the epochs: the first, and those that the log itself names.
std::vector<std::optional<VerifierKey>> keys_of_epochs(const EpochQuestion& question,
                                                       Findings& findings) {
  std::vector<std::optional<VerifierKey>> keys;
  keys.push_back(first_key(question));
  for (const EpochEnd& end : question.ends) {
    auto next = VerifierKey::parse(end.next);
    if (!next) {
      findings.add(FindingKind::key_out_of_epoch, end.seq, "epoch_ended names no next key");
    } else if (keys.front() && next->name != keys.front()->name) {
      findings.add(FindingKind::key_out_of_epoch, end.seq,
                   "epoch_ended names a key of another origin, " + next->name);
    }
    keys.push_back(std::move(next));
  }
  return keys;
}

/// log.vkey must list the keys that the log names, no more and no others.
void compare_with_list(const EpochQuestion& question,
                       const std::vector<std::optional<VerifierKey>>& keys, Findings& findings) {
  const auto& listed = question.listed;
  if (listed.empty()) return;
  for (std::size_t i = 1; i < listed.size(); ++i) {
    if (i < keys.size() && keys[i] == listed[i]) continue;
    const std::optional<std::uint64_t> seq =
        i < keys.size() ? std::optional(question.ends[i - 1].seq) : std::nullopt;
    findings.add(FindingKind::key_out_of_epoch, seq,
                 "log.vkey lists a key that no epoch_ended introduced: " + listed[i].text());
  }
}

/// Whether checkpoint `one` is signed by that key, and by no key that it may not be signed by.
bool is_signed_by(const NamedCheckpoint& one, const std::optional<VerifierKey>& key) {
  return key && one.checkpoint.verify(std::span(&*key, 1)) == NoteVerdict::good;
}

std::string what_signed(const NamedCheckpoint& one,
                        const std::vector<std::optional<VerifierKey>>& keys) {
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (is_signed_by(one, keys[i])) {
      return "is signed by the key of epoch " + std::to_string(i + 1);
    }
    if (keys[i] && one.checkpoint.origin != keys[i]->name) {
      return "has the origin " + one.checkpoint.origin + ", not " + keys[i]->name;
    }
  }
  return "is signed by no key of this log";
}

/// Each ended epoch whose successor signs must be closed by its own key.
void require_last_checkpoints(const EpochQuestion& question,
                              const std::vector<std::optional<VerifierKey>>& keys,
                              Findings& findings) {
  for (std::size_t i = 0; i < question.ends.size(); ++i) {
    const std::uint64_t size = question.ends[i].seq + 1;
    const bool is_succeeded =
        question.listed.size() > i + 1 ||
        std::any_of(question.checkpoints.begin(), question.checkpoints.end(),
                    [&](const NamedCheckpoint& one) { return one.checkpoint.size > size; });
    if (!is_succeeded) continue;
    const bool is_closed = std::any_of(
        question.checkpoints.begin(), question.checkpoints.end(), [&](const NamedCheckpoint& one) {
          return one.checkpoint.size == size && is_signed_by(one, keys[i]);
        });
    if (is_closed) continue;
    findings.add(FindingKind::key_out_of_epoch, question.ends[i].seq,
                 "epoch " + std::to_string(i + 1) + " has no last checkpoint by its own key");
  }
}

}  // namespace

EpochAnswer judge_epochs(const EpochQuestion& question, Findings& findings) {
  EpochAnswer answer;
  const auto keys = keys_of_epochs(question, findings);
  compare_with_list(question, keys, findings);
  if (question.is_folder) require_last_checkpoints(question, keys, findings);
  // The first epoch that a key from outside vouches for: those after it follow from the log.
  std::optional<std::size_t> first_trusted;
  for (std::size_t i = 0; i < keys.size() && !first_trusted; ++i) {
    const auto& trusted = question.trusted;
    if (keys[i] && std::find(trusted.begin(), trusted.end(), *keys[i]) != trusted.end()) {
      first_trusted = i;
    }
  }
  if (!question.trusted.empty() && !first_trusted) {
    findings.add(FindingKind::key_out_of_epoch, std::nullopt,
                 "the key that was given is none of this log's");
  }
  const bool has_no_key = question.listed.empty() && question.trusted.empty();
  for (const NamedCheckpoint& one : question.checkpoints) {
    if (has_no_key && one.is_outside) {
      // The auditor kept it: its root counts, its signature cannot be told from another's.
      if (one.has_matching_root) {
        answer.signed_size = std::max(answer.signed_size, one.checkpoint.size);
      }
      continue;
    }
    const std::size_t epoch = epoch_of(one.checkpoint.size, question.ends);
    if (!is_signed_by(one, keys[epoch])) {
      const std::uint64_t size = one.checkpoint.size;
      findings.add(
          FindingKind::key_out_of_epoch, size == 0 ? 0 : size - 1,
          one.name + " " + what_signed(one, keys) + ", its epoch is " + std::to_string(epoch + 1));
      continue;
    }
    if (!one.has_matching_root) continue;
    const bool is_vouched = one.is_outside || (first_trusted && epoch >= *first_trusted);
    answer.is_origin_proven |= is_vouched;
    // Where a key came from outside, what other keys signed counts for nothing: an attacker may
    // have put an epoch of his own before it.
    if (is_vouched || question.trusted.empty()) {
      answer.signed_size = std::max(answer.signed_size, one.checkpoint.size);
    }
  }
  return answer;
}

}  // namespace sm::audit
