#include "store/session_table.h"

#include "store/query.h"

namespace sm::store {
Result<void> SessionTable::put_challenge(Bytes session, const Challenge& challenge) {
  return only_done(change(*index_,
                          "INSERT OR REPLACE INTO challenge(session, message, recipient, code,"
                          " reference, made) VALUES(?,?,?,?,?,?)",
                          session, challenge.message, challenge.recipient, challenge.code,
                          challenge.reference, challenge.made));
}

Result<std::optional<Challenge>> SessionTable::find_challenge(Bytes session) {
  return first(
      *index_,
      [](const Statement& row) {
        return Challenge{row.text(0), row.text(1), row.blob(2), row.text(3), row.text(4)};
      },
      "SELECT message, recipient, code, reference, made FROM challenge WHERE session = ?", session);
}

Result<bool> SessionTable::take_challenge(Bytes session) {
  return any(change(*index_, "DELETE FROM challenge WHERE session = ?", session));
}

Result<void> SessionTable::drop_challenges(const std::string& message,
                                           const std::string& recipient) {
  return only_done(change(*index_, "DELETE FROM challenge WHERE message = ? AND recipient = ?",
                          message, recipient));
}

Result<std::vector<std::string>> SessionTable::sends(const std::string& message,
                                                     const std::string& recipient) {
  return rows(
      *index_, [](const Statement& row) { return row.text(0); },
      "SELECT mark FROM code_send WHERE message = ? AND recipient = ? ORDER BY id DESC LIMIT 100",
      message, recipient);
}

Result<void> SessionTable::add_send(const std::string& message, const std::string& recipient,
                                    const std::string& mark) {
  return only_done(change(*index_, "INSERT INTO code_send(message, recipient, mark) VALUES(?,?,?)",
                          message, recipient, mark));
}

Result<void> SessionTable::put_session(Bytes id, const Session& session) {
  return only_done(change(*index_,
                          "INSERT OR REPLACE INTO session(id, message, recipient, wrapped, made,"
                          " used, has_opened) VALUES(?,?,?,?,?,?,?)",
                          id, session.message, session.recipient, session.wrapped, session.made,
                          session.used, session.has_opened));
}

Result<std::optional<Session>> SessionTable::find_session(Bytes id) {
  return first(
      *index_,
      [](const Statement& row) {
        return Session{row.text(0), row.text(1), row.blob(2),
                       row.text(3), row.text(4), row.number(5) != 0};
      },
      "SELECT message, recipient, wrapped, made, used, has_opened FROM session WHERE id = ?", id);
}

Result<void> SessionTable::touch_session(Bytes id, const std::string& mark) {
  return only_done(change(*index_, "UPDATE session SET used = ?2 WHERE id = ?1", id, mark));
}

Result<bool> SessionTable::set_opened(Bytes id) {
  return any(
      change(*index_, "UPDATE session SET has_opened = 1 WHERE id = ? AND has_opened = 0", id));
}

Result<void> SessionTable::drop_session(Bytes id) {
  return only_done(change(*index_, "DELETE FROM session WHERE id = ?", id));
}

Result<std::vector<std::vector<std::uint8_t>>> SessionTable::session_ids() {
  return rows(
      *index_, [](const Statement& row) { return row.blob(0); }, "SELECT id FROM session");
}

Result<void> SessionTable::drop_all(const std::string& message, const std::string& recipient) {
  for (const char* table : {"challenge", "code_send", "session", "part_read"}) {
    const std::string sql =
        std::string("DELETE FROM ") + table + " WHERE message = ?1 AND (?2 = '' OR recipient = ?2)";
    auto done = change(*index_, sql, message, recipient);
    if (!done) return fail(std::move(done).error());
  }
  return {};
}

Result<void> SessionTable::add_read(const std::string& message, const std::string& recipient,
                                    std::int64_t part) {
  return only_done(change(*index_,
                          "INSERT OR IGNORE INTO part_read(message, recipient, part) VALUES(?,?,?)",
                          message, recipient, part));
}

Result<std::int64_t> SessionTable::count_reads(const std::string& message,
                                               const std::string& recipient) {
  return number(*index_, "SELECT count(*) FROM part_read WHERE message = ? AND recipient = ?",
                message, recipient);
}

}  // namespace sm::store
