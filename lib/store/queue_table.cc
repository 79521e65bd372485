#include "store/queue_table.h"

#include "store/query.h"

namespace sm::store {
namespace {

constexpr std::string_view kQueueColumns =
    "SELECT number, id, file, kind, org, domain, sender, message_id, account, uid, size, log_seq,"
    " created, made, attempts, reason, detail, warned, lease, leased, due FROM queued ";

Queued queued_of(const Statement& row) {
  Queued queued;
  queued.number = row.number(0);
  queued.id = row.text(1);
  queued.file = row.text(2);
  queued.kind = static_cast<QueuedKind>(row.number(3));
  queued.org = row.text(4);
  queued.domain = row.text(5);
  queued.sender = row.text(6);
  queued.message_id = row.text(7);
  queued.account = row.text(8);
  queued.uid = row.number(9);
  queued.size = static_cast<std::uint64_t>(row.number(10));
  queued.log_seq = static_cast<std::uint64_t>(row.number(11));
  queued.created = WallTime(WallTime::duration(row.number(12)));
  queued.made = row.text(13);
  queued.attempts = row.number(14);
  queued.reason = row.text(15);
  queued.detail = row.text(16);
  queued.is_warned = row.number(17) != 0;
  queued.lease = row.text(18);
  queued.leased = row.text(19);
  queued.due = row.number(20);
  return queued;
}

QueuedRecipient queued_recipient_of(const Statement& row) {
  return {row.text(0), row.text(1)};
}

constexpr std::string_view kBootNote = "queue.boot";

std::int64_t uptime_of(const Clock& clock) {
  return std::chrono::floor<std::chrono::microseconds>(clock.monotonic().time_since_epoch())
      .count();
}

}  // namespace

Result<void> QueueTable::rebase(const Clock& clock) {
  auto boot = note(kBootNote);
  if (!boot) return fail(std::move(boot).error());
  if (*boot == clock.boot_id()) return {};
  return index_->transaction([&]() -> Result<void> {
    auto again = note(kBootNote);
    if (!again) return fail(std::move(again).error());
    if (*again == clock.boot_id()) return {};
    const auto now = clock.now().time_since_epoch().count();
    // What the wall clock says counts where it is kept in step; else the pause begins anew.
    const std::int64_t believed = clock.is_synchronised() ? 1 : 0;
    for (const char* table : {"queued", "queue_hold"}) {
      auto moved = change(*index_,
                          "UPDATE " + std::string(table) +
                              " SET due = ?1 + CASE WHEN ?3 THEN max(0, min(pause, due_wall - ?2))"
                              " ELSE pause END",
                          uptime_of(clock), now, believed);
      if (!moved) return fail(std::move(moved).error());
    }
    return set_note(kBootNote, clock.boot_id());
  });
}

Result<void> QueueTable::add(const Queued& row, const Due& due) {
  auto added = change(
      *index_,
      "INSERT INTO queued(id, file, kind, org, domain, sender, message_id, account, uid, size,"
      " log_seq, created, made, due, due_wall, pause) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      row.id, row.file, row.kind, row.org, row.domain, row.sender, row.message_id, row.account,
      row.uid, row.size, row.log_seq, row.created.time_since_epoch().count(), row.made, due.uptime,
      due.wall, due.pause);
  if (!added) return fail(std::move(added).error());
  for (std::size_t i = 0; i < row.recipients.size(); ++i) {
    auto put =
        change(*index_, "INSERT INTO queued_recipient(message, place, id, address) VALUES(?,?,?,?)",
               row.id, i, row.recipients[i].id, row.recipients[i].address);
    if (!put) return fail(std::move(put).error());
  }
  return {};
}

Result<std::vector<std::string>> QueueTable::due_domains(std::int64_t uptime) {
  return rows(
      *index_, [](const Statement& row) { return row.text(0); },
      "SELECT domain FROM (SELECT domain, min(due) AS first FROM queued"
      " WHERE lease = '' AND due <= ?1 GROUP BY domain) AS waiting"
      " WHERE NOT EXISTS (SELECT 1 FROM queue_hold"
      "   WHERE queue_hold.domain = waiting.domain AND queue_hold.due > ?1)"
      " ORDER BY first",
      uptime);
}

Result<void> QueueTable::add_recipients(Queued& row) {
  auto recipients =
      rows(*index_, queued_recipient_of,
           "SELECT id, address FROM queued_recipient WHERE message = ? ORDER BY place", row.id);
  if (!recipients) return fail(std::move(recipients).error());
  row.recipients = std::move(*recipients);
  return {};
}

Result<std::vector<Queued>> QueueTable::take(const std::string& domain, std::int64_t uptime,
                                             const std::string& lease, const std::string& mark,
                                             std::size_t most) {
  std::vector<Queued> taken;
  auto done = index_->transaction([&]() -> Result<void> {
    auto found = rows(*index_, queued_of,
                      std::string(kQueueColumns) +
                          "WHERE domain = ? AND due <= ? AND lease = '' ORDER BY due LIMIT ?",
                      domain, uptime, most);
    if (!found) return fail(std::move(found).error());
    for (auto& row : *found) {
      auto leased = change(*index_,
                           "UPDATE queued SET lease = ?2, leased = ?3, attempts = attempts + 1"
                           " WHERE number = ?1",
                           row.number, lease, mark);
      if (!leased) return fail(std::move(leased).error());
      row.lease = lease;
      row.leased = mark;
      row.attempts += 1;
      if (auto added = add_recipients(row); !added) return added;
    }
    taken = std::move(*found);
    return {};
  });
  if (!done) return fail(std::move(done).error());
  return taken;
}

Result<void> QueueTable::postpone(const Queued& row, const Due& due, std::string_view reason,
                                  std::string_view detail) {
  return only_done(change(*index_,
                          "UPDATE queued SET lease = '', leased = '', due = ?3, due_wall = ?4,"
                          " pause = ?5, reason = ?6, detail = ?7 WHERE id = ?1 AND lease = ?2",
                          row.id, row.lease, due.uptime, due.wall, due.pause, reason, detail));
}

Result<void> QueueTable::give_back(const Queued& row) {
  return only_done(change(*index_,
                          "UPDATE queued SET lease = '', leased = '', attempts = attempts - 1"
                          " WHERE number = ?1 AND lease = ?2",
                          row.number, row.lease));
}

Result<bool> QueueTable::remove(const std::string& id, const std::vector<std::string>& recipients) {
  for (const auto& recipient : recipients) {
    auto gone =
        change(*index_, "DELETE FROM queued_recipient WHERE message = ? AND id = ?", id, recipient);
    if (!gone) return fail(std::move(gone).error());
  }
  return any(change(*index_,
                    "DELETE FROM queued WHERE id = ?1"
                    " AND NOT EXISTS (SELECT 1 FROM queued_recipient WHERE message = ?1)",
                    id));
}

Result<std::int64_t> QueueTable::uses_of(const std::string& file) {
  return number(*index_, "SELECT count(*) FROM queued WHERE file = ?", file);
}

Result<void> QueueTable::set_warned(const std::string& id) {
  return only_done(change(*index_, "UPDATE queued SET warned = 1 WHERE id = ?", id));
}

Result<std::optional<Queued>> QueueTable::find(const std::string& message_id,
                                               const std::string& sender,
                                               const std::string& address,
                                               const std::optional<std::int64_t>& uid) {
  auto found = first(*index_, queued_of,
                     std::string(kQueueColumns) +
                         "WHERE message_id = ?1 AND sender = ?2 AND (NOT ?4 OR uid = ?5)"
                         " AND EXISTS (SELECT 1 FROM"
                         " queued_recipient WHERE message = queued.id AND address = ?3)",
                     message_id, sender, address, uid.has_value() ? 1 : 0, uid.value_or(-1));
  if (!found || !*found) return found;
  if (auto added = add_recipients(**found); !added) return fail(std::move(added).error());
  return found;
}

Result<std::optional<Queued>> QueueTable::find(const std::string& id) {
  auto found = first(*index_, queued_of, std::string(kQueueColumns) + "WHERE id = ?", id);
  if (!found || !*found) return found;
  if (auto added = add_recipients(**found); !added) return fail(std::move(added).error());
  return found;
}

Result<void> QueueTable::hurry(const std::string& id) {
  auto freed =
      change(*index_,
             "DELETE FROM queue_hold WHERE domain = (SELECT domain FROM queued WHERE id = ?)", id);
  if (!freed) return fail(std::move(freed).error());
  return only_done(
      change(*index_, "UPDATE queued SET due = 0, due_wall = 0, pause = 0 WHERE id = ?", id));
}

Result<void> QueueTable::hurry_all() {
  if (auto freed = only_done(change(*index_, "DELETE FROM queue_hold")); !freed) return freed;
  return only_done(change(
      *index_, "UPDATE queued SET due = 0, due_wall = 0, pause = 0 WHERE lease = '' AND due > 0"));
}

Result<std::vector<std::string>> QueueTable::lease_holders() {
  return rows(
      *index_, [](const Statement& row) { return row.text(0); },
      "SELECT DISTINCT lease FROM queued WHERE lease <> ''");
}

Result<std::vector<Queued>> QueueTable::leased_to(const std::string& lease) {
  auto found =
      rows(*index_, queued_of,
           std::string(kQueueColumns) + "WHERE lease = ? AND lease <> '' ORDER BY number", lease);
  if (!found) return found;
  for (auto& row : *found) {
    if (auto added = add_recipients(row); !added) return fail(std::move(added).error());
  }
  return found;
}

Result<QueueTable::Usage> QueueTable::usage_of(std::int64_t uid) {
  auto found = first(
      *index_,
      [](const Statement& row) {
        return Usage{row.number(0), row.number(1)};
      },
      "SELECT count(*), coalesce(sum(size), 0) FROM queued WHERE uid = ?", uid);
  if (!found) return fail(std::move(found).error());
  return found->value_or(Usage{});
}

Result<std::int64_t> QueueTable::count() {
  return number(*index_, "SELECT count(*) FROM queued");
}

Result<void> QueueTable::each(const std::function<Result<void>(const Queued&)>& visit) {
  auto statement = index_->prepare(std::string(kQueueColumns) + "ORDER BY number");
  if (!statement) return fail(std::move(statement).error());
  for (;;) {
    auto more = statement->row();
    if (!more) return fail(std::move(more).error());
    if (!*more) return {};
    auto row = queued_of(*statement);
    if (auto added = add_recipients(row); !added) return added;
    if (auto visited = visit(row); !visited) return visited;
  }
}

Result<std::optional<Hold>> QueueTable::find_hold(const std::string& domain) {
  return first(
      *index_,
      [](const Statement& row) {
        return Hold{{row.number(0), row.number(1), row.number(2)}, row.number(3), row.text(4)};
      },
      "SELECT due, due_wall, pause, failures, reason FROM queue_hold WHERE domain = ?", domain);
}

Result<void> QueueTable::hold(const std::string& domain, const Hold& hold) {
  return only_done(change(*index_,
                          "INSERT INTO queue_hold(domain, due, due_wall, pause, failures, reason)"
                          " VALUES(?1,?2,?3,?4,?5,?6) ON CONFLICT(domain) DO UPDATE SET"
                          " due = ?2, due_wall = ?3, pause = ?4, failures = ?5, reason = ?6",
                          domain, hold.due.uptime, hold.due.wall, hold.due.pause, hold.failures,
                          hold.reason));
}

Result<void> QueueTable::free(const std::string& domain) {
  return only_done(change(*index_, "DELETE FROM queue_hold WHERE domain = ?", domain));
}

Result<std::string> QueueTable::note(std::string_view name) {
  auto found = first(
      *index_, [](const Statement& row) { return row.text(0); },
      "SELECT value FROM note WHERE name = ?", name);
  if (!found) return fail(std::move(found).error());
  return found->value_or(std::string());
}

Result<void> QueueTable::set_note(std::string_view name, std::string_view value) {
  return only_done(change(*index_,
                          "INSERT INTO note(name, value) VALUES(?1, ?2)"
                          " ON CONFLICT(name) DO UPDATE SET value = ?2",
                          name, value));
}

Result<void> QueueTable::drop_note(std::string_view name) {
  return only_done(change(*index_, "DELETE FROM note WHERE name = ?", name));
}

}  // namespace sm::store
