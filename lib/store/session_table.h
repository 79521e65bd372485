#pragma once
// What stands between a link and a message: codes that were sent, and browser sessions. A code is a
// hash under a key that only the browser's cookie gives; a session's message key is wrapped under
// another. Marks are texts of sealing/mark.h, which measures them.

#include <optional>
#include <string>
#include <vector>

#include "store/index.h"

namespace sm::store {

struct Challenge {
  std::string message;
  std::string recipient;
  std::vector<std::uint8_t> code;  ///< keyed hash
  std::string reference;
  std::string made;  ///< mark
};

struct Session {
  std::string message;
  std::string recipient;
  std::vector<std::uint8_t> wrapped;
  std::string made;  ///< mark
  std::string used;  ///< mark
  bool has_opened = false;
};

class SessionTable {
 public:
  explicit SessionTable(Index& index) : index_(&index) {}

  // Codes; `session` is the digest of the browser's cookie.
  Result<void> put_challenge(Bytes session, const Challenge& challenge);
  Result<std::optional<Challenge>> find_challenge(Bytes session);
  /// True where it was there: whoever removes it has used it, nobody else can.
  Result<bool> take_challenge(Bytes session);
  Result<void> drop_challenges(const std::string& message, const std::string& recipient);
  /// Marks of codes sent to this recipient, newest first.
  Result<std::vector<std::string>> sends(const std::string& message, const std::string& recipient);
  Result<void> add_send(const std::string& message, const std::string& recipient,
                        const std::string& mark);

  // Sessions.
  Result<void> put_session(Bytes id, const Session& session);
  Result<std::optional<Session>> find_session(Bytes id);
  Result<void> touch_session(Bytes id, const std::string& mark);
  /// True the first time.
  Result<bool> set_opened(Bytes id);
  Result<void> drop_session(Bytes id);
  Result<std::vector<std::vector<std::uint8_t>>> session_ids();

  /// Everything of this recipient; of all recipients where `recipient` is empty.
  Result<void> drop_all(const std::string& message, const std::string& recipient);

  // Which parts a recipient has had whole.
  Result<void> add_read(const std::string& message, const std::string& recipient,
                        std::int64_t part);
  Result<std::int64_t> count_reads(const std::string& message, const std::string& recipient);

 private:
  Index* index_;
};

}  // namespace sm::store
