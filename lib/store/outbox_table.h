#pragma once
// Errands: mail of our own that must go out. Each is leased to one process at a time; a lease that
// its holder did not give back in time is anybody's again. Marks and pauses are measured by the
// caller (sealing/mark.h), so that nobody's clock keeps an errand from being run.

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "store/index.h"

namespace sm::store {

struct Errand {
  std::int64_t id = 0;
  std::string kind;
  std::string org;
  std::string message;
  std::string recipient;             ///< may be empty
  std::vector<std::uint8_t> sealed;  ///< an envelope for the organisation; may be empty
  std::string mail_id;               ///< its Message-ID, the same at every attempt
  WallTime created{};
  std::string tried;       ///< mark of the last attempt, or of its making
  std::int64_t pause = 0;  ///< seconds after that mark; negative: held until somebody frees it
  std::int64_t attempts = 0;
  std::string lease;   ///< who has it; empty: nobody
  std::string leased;  ///< mark
};

class OutboxTable {
 public:
  explicit OutboxTable(Index& index) : index_(&index) {}
  Result<void> add(const Errand& errand);
  /// In the order in which they were made; those that are held excepted. `message` empty: of all.
  Result<std::vector<Errand>> waiting(const std::string& message);
  Result<std::vector<Errand>> of_recipient(const std::string& message,
                                           const std::string& recipient);
  /// True where the errand is still as it was read: now it is `lease`'s.
  Result<bool> take(const Errand& errand, const std::string& lease, const std::string& mark);
  /// Not accepted: again after the pause.
  Result<void> postpone(std::int64_t id, const std::string& lease, const std::string& mark,
                        std::int64_t pause);
  /// False where another has it by now.
  Result<bool> remove(std::int64_t id, const std::string& lease);
  /// Due now.
  Result<void> hurry(std::int64_t id);
  /// Held errands of a recipient become due.
  Result<void> free(const std::string& message, const std::string& recipient);
  /// Those that carry a secret (a link), of a recipient or, where `recipient` is empty, of all.
  Result<void> drop(const std::string& message, const std::string& recipient);

 private:
  Index* index_;
};

/// A form link that asks for a phone number.
struct NumberLink {
  std::string message;
  std::string recipient;
};

class NumberLinkTable {
 public:
  explicit NumberLinkTable(Index& index) : index_(&index) {}
  Result<void> add(Bytes link_hash, const NumberLink& link);
  Result<std::optional<NumberLink>> find(Bytes link_hash);
  /// True where it was there: used once.
  Result<bool> take(Bytes link_hash);
  Result<void> drop(const std::string& message, const std::string& recipient);

 private:
  Index* index_;
};

}  // namespace sm::store
