#include "store/outbox_table.h"

#include "store/query.h"

namespace sm::store {
namespace {

constexpr std::string_view kOutboxColumns =
    "SELECT id, kind, org, message, recipient, sealed, mail_id, created, tried, pause, attempts,"
    " lease, leased FROM errand ";

Errand errand_of(const Statement& row) {
  Errand errand;
  errand.id = row.number(0);
  errand.kind = row.text(1);
  errand.org = row.text(2);
  errand.message = row.text(3);
  errand.recipient = row.text(4);
  errand.sealed = row.blob(5);
  errand.mail_id = row.text(6);
  errand.created = WallTime(WallTime::duration(row.number(7)));
  errand.tried = row.text(8);
  errand.pause = row.number(9);
  errand.attempts = row.number(10);
  errand.lease = row.text(11);
  errand.leased = row.text(12);
  return errand;
}

}  // namespace

Result<void> OutboxTable::add(const Errand& errand) {
  return only_done(change(*index_,
                          "INSERT INTO errand(kind, org, message, recipient, sealed, mail_id,"
                          " created, tried, pause, attempts, lease, leased)"
                          " VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
                          errand.kind, errand.org, errand.message, errand.recipient, errand.sealed,
                          errand.mail_id, errand.created.time_since_epoch().count(), errand.tried,
                          errand.pause, errand.attempts, errand.lease, errand.leased));
}

Result<std::vector<Errand>> OutboxTable::waiting(const std::string& message) {
  return rows(*index_, errand_of,
              std::string(kOutboxColumns) +
                  "WHERE pause >= 0 AND (?1 = '' OR message = ?1) ORDER BY id LIMIT 100000",
              message);
}

Result<std::vector<Errand>> OutboxTable::of_recipient(const std::string& message,
                                                      const std::string& recipient) {
  return rows(*index_, errand_of,
              std::string(kOutboxColumns) + "WHERE message = ? AND recipient = ? ORDER BY id",
              message, recipient);
}

Result<bool> OutboxTable::take(const Errand& errand, const std::string& lease,
                               const std::string& mark) {
  return any(change(*index_,
                    "UPDATE errand SET lease = ?4, leased = ?5, attempts = attempts + 1"
                    " WHERE id = ?1 AND lease = ?2 AND attempts = ?3",
                    errand.id, errand.lease, errand.attempts, lease, mark));
}

Result<void> OutboxTable::postpone(std::int64_t id, const std::string& lease,
                                   const std::string& mark, std::int64_t pause) {
  return only_done(change(*index_,
                          "UPDATE errand SET lease = '', leased = '', tried = ?3, pause = ?4"
                          " WHERE id = ?1 AND lease = ?2",
                          id, lease, mark, pause));
}

Result<bool> OutboxTable::remove(std::int64_t id, const std::string& lease) {
  return any(change(*index_, "DELETE FROM errand WHERE id = ? AND lease = ?", id, lease));
}

Result<void> OutboxTable::free(const std::string& message, const std::string& recipient) {
  return only_done(change(*index_,
                          "UPDATE errand SET pause = 0"
                          " WHERE message = ? AND recipient = ? AND pause < 0",
                          message, recipient));
}

Result<void> OutboxTable::hurry(std::int64_t id) {
  return only_done(change(*index_, "UPDATE errand SET pause = 0 WHERE id = ? AND pause > 0", id));
}

Result<void> OutboxTable::drop(const std::string& message, const std::string& recipient) {
  return only_done(change(*index_,
                          "DELETE FROM errand WHERE message = ?1 AND (?2 = '' OR recipient = ?2)"
                          " AND length(sealed) > 0",
                          message, recipient));
}

Result<void> NumberLinkTable::add(Bytes link_hash, const NumberLink& link) {
  return only_done(change(*index_,
                          "INSERT INTO number_link(link_hash, message, recipient) VALUES(?,?,?)",
                          link_hash, link.message, link.recipient));
}

Result<std::optional<NumberLink>> NumberLinkTable::find(Bytes link_hash) {
  return first(
      *index_,
      [](const Statement& row) {
        return NumberLink{row.text(0), row.text(1)};
      },
      "SELECT message, recipient FROM number_link WHERE link_hash = ?", link_hash);
}

Result<bool> NumberLinkTable::take(Bytes link_hash) {
  return any(change(*index_, "DELETE FROM number_link WHERE link_hash = ?", link_hash));
}

Result<void> NumberLinkTable::drop(const std::string& message, const std::string& recipient) {
  return only_done(
      change(*index_, "DELETE FROM number_link WHERE message = ?1 AND (?2 = '' OR recipient = ?2)",
             message, recipient));
}

}  // namespace sm::store
