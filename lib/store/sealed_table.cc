#include "store/sealed_table.h"

#include "store/query.h"

namespace sm::store {
namespace {

constexpr std::string_view kMessageColumns =
    "m.id, m.envelope, m.org, m.kind, m.reply_to, m.reference, m.message_id, m.sender,"
    " m.sender_name, m.created, m.expires, m.is_once, m.has_escrow, m.parts, m.ending, m.phase,"
    " m.reason, m.ended";
constexpr int kMessageColumnCount = 18;
constexpr std::string_view kRecipientColumns =
    "r.message, r.id, r.address, r.language, r.method, r.phone, r.link_hash, r.label, r.progress,"
    " r.ending, r.reason, r.failures, r.failures_life, r.lock, r.retrieved, r.reply_octets";

std::int64_t number_of(WallTime time) {
  return time.time_since_epoch().count();
}
WallTime time_of(std::int64_t number) {
  return WallTime(WallTime::duration(number));
}

SealedMessage message_of(const Statement& row) {
  SealedMessage message;
  message.id = row.text(0);
  message.envelope = row.text(1);
  message.org = row.text(2);
  message.kind = static_cast<SealedKind>(row.number(3));
  message.reply_to = row.text(4);
  message.reference = row.text(5);
  message.message_id = row.text(6);
  message.sender = row.text(7);
  message.sender_name = row.text(8);
  message.created = time_of(row.number(9));
  message.expires = time_of(row.number(10));
  message.is_once = row.number(11) != 0;
  message.has_escrow = row.number(12) != 0;
  message.parts = row.number(13);
  message.ending = static_cast<Ending>(row.number(14));
  message.phase = static_cast<Phase>(row.number(15));
  message.reason = row.text(16);
  if (!row.is_null(17)) message.ended = time_of(row.number(17));
  return message;
}

SealedRecipient recipient_at(const Statement& row, int at) {
  SealedRecipient recipient;
  recipient.message = row.text(at);
  recipient.id = row.text(at + 1);
  recipient.address = row.text(at + 2);
  recipient.language = row.text(at + 3);
  recipient.method = row.text(at + 4);
  recipient.phone = row.text(at + 5);
  recipient.link_hash = row.blob(at + 6);
  recipient.label = row.text(at + 7);
  recipient.progress = static_cast<Progress>(row.number(at + 8));
  recipient.ending = static_cast<Ending>(row.number(at + 9));
  recipient.reason = row.text(at + 10);
  recipient.failures = static_cast<int>(row.number(at + 11));
  recipient.failures_life = static_cast<int>(row.number(at + 12));
  recipient.lock = row.text(at + 13);
  recipient.retrieved = row.text(at + 14);
  recipient.reply_octets = row.number(at + 15);
  return recipient;
}

SealedRecipient recipient_of(const Statement& row) {
  return recipient_at(row, 0);
}

SealedLink link_of(const Statement& row) {
  return {message_of(row), recipient_at(row, kMessageColumnCount)};
}

std::string select_messages(std::string_view rest) {
  return "SELECT " + std::string(kMessageColumns) + " FROM sealed_message m " + std::string(rest);
}
std::string select_links(std::string_view rest) {
  return "SELECT " + std::string(kMessageColumns) + ", " + std::string(kRecipientColumns) +
         " FROM sealed_message m JOIN sealed_recipient r ON r.message = m.id " + std::string(rest);
}

}  // namespace

Result<void> SealedTable::add(const SealedMessage& message,
                              const std::vector<SealedRecipient>& recipients) {
  auto added = change(
      *index_,
      "INSERT INTO sealed_message(id, envelope, org, kind, reply_to, reference, message_id, sender,"
      " sender_name, created, expires, is_once, has_escrow, parts)"
      " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      message.id, message.envelope, message.org, message.kind, message.reply_to, message.reference,
      message.message_id, message.sender, message.sender_name, number_of(message.created),
      number_of(message.expires), message.is_once, message.has_escrow, message.parts);
  if (!added) return fail(std::move(added).error());
  for (const auto& recipient : recipients) {
    added =
        change(*index_,
               "INSERT INTO sealed_recipient(message, id, address, language, method, phone,"
               " link_hash, label, progress) VALUES(?,?,?,?,?,?,nullif(?,x''),?,?)",
               message.id, recipient.id, recipient.address, recipient.language, recipient.method,
               recipient.phone, recipient.link_hash, recipient.label, recipient.progress);
    if (!added) return fail(std::move(added).error());
  }
  return {};
}

Result<std::optional<SealedMessage>> SealedTable::find(const std::string& id) {
  return first(*index_, message_of, select_messages("WHERE m.id = ?"), id);
}

Result<std::vector<SealedRecipient>> SealedTable::recipients_of(const std::string& id) {
  return rows(
      *index_, recipient_of,
      "SELECT " + std::string(kRecipientColumns) + " FROM sealed_recipient r WHERE r.message = ?",
      id);
}

Result<std::optional<SealedLink>> SealedTable::find_link(Bytes link_hash) {
  return first(*index_, link_of, select_links("WHERE r.link_hash = ?"), link_hash);
}

Result<std::optional<SealedLink>> SealedTable::find_recipient(const std::string& message,
                                                              const std::string& recipient) {
  return first(*index_, link_of, select_links("WHERE r.message = ? AND r.id = ?"), message,
               recipient);
}

Result<std::vector<SealedLink>> SealedTable::list(const SealedFilter& filter) {
  std::string where = "WHERE 1";
  std::vector<std::string> values;
  const auto add = [&](const char* column, const std::optional<std::string>& value) {
    if (!value) return;
    where += std::string(" AND ") + column + " = ?";
    values.push_back(*value);
  };
  add("m.id", filter.id);
  add("m.org", filter.org);
  add("m.sender", filter.sender);
  add("m.reference", filter.reference);
  add("m.message_id", filter.message_id);
  add("r.address", filter.recipient);
  if (filter.since) where += " AND m.created >= ?";
  where += " ORDER BY m.created DESC, m.id, r.id";
  auto statement = query(*index_, select_links(where));
  if (!statement) return fail(std::move(statement).error());
  for (const auto& value : values)
    bind_one(*statement, value);
  if (filter.since) bind_one(*statement, number_of(*filter.since));
  std::vector<SealedLink> links;
  for (;;) {
    auto more = statement->row();
    if (!more) return fail(std::move(more).error());
    if (!*more) return links;
    links.push_back(link_of(*statement));
  }
}

Result<SealedCounts> SealedTable::counts(const std::string& id) {
  auto found = first(
      *index_,
      [](const Statement& row) {
        return SealedCounts{static_cast<int>(row.number(0)), static_cast<int>(row.number(1))};
      },
      "SELECT count(*), coalesce(sum(progress >= 3), 0) FROM sealed_recipient WHERE message = ?",
      id);
  if (!found) return fail(std::move(found).error());
  return found->value_or(SealedCounts{});
}

Result<std::vector<std::string>> SealedTable::replies_to(const std::string& id) {
  return rows(
      *index_, [](const Statement& row) { return row.text(0); },
      "SELECT id FROM sealed_message WHERE reply_to = ? AND reply_to <> '' ORDER BY created", id);
}

Result<std::int64_t> SealedTable::count_replies(const std::string& id, const std::string& sender,
                                                WallTime since) {
  auto found = first(
      *index_, [](const Statement& row) { return row.number(0); },
      "SELECT count(*) FROM sealed_message"
      " WHERE reply_to = ? AND reply_to <> '' AND sender = ? AND created > ?",
      id, sender, number_of(since));
  if (!found) return fail(std::move(found).error());
  return found->value_or(0);
}

Result<std::optional<WallTime>> SealedTable::newest() {
  return first(
      *index_, [](const Statement& row) { return time_of(row.number(0)); },
      "SELECT created FROM sealed_message ORDER BY created DESC LIMIT 1");
}

Result<std::vector<std::string>> SealedTable::known_envelopes() {
  return rows(
      *index_, [](const Statement& row) { return row.text(0); },
      "SELECT envelope FROM sealed_message WHERE phase < 3");
}

Result<void> SealedTable::advance(const std::string& message, const std::string& recipient,
                                  Progress to) {
  return only_done(change(*index_,
                          "UPDATE sealed_recipient SET progress = ?3"
                          " WHERE message = ?1 AND id = ?2 AND progress < ?3",
                          message, recipient, to));
}

Result<bool> SealedTable::set_phone(const std::string& message, const std::string& recipient,
                                    const std::string& phone) {
  return any(change(*index_,
                    "UPDATE sealed_recipient SET phone = ?3, progress = max(progress, 1)"
                    " WHERE message = ?1 AND id = ?2 AND ending = 0 AND phone = ''",
                    message, recipient, phone));
}

Result<void> SealedTable::set_link(const std::string& message, const std::string& recipient,
                                   Bytes link_hash, const std::string& label) {
  return only_done(change(*index_,
                          "UPDATE sealed_recipient SET link_hash = ?3, label = ?4"
                          " WHERE message = ?1 AND id = ?2 AND ending = 0",
                          message, recipient, link_hash, label));
}

Result<void> SealedTable::count_failure(const std::string& message, const std::string& recipient,
                                        int to_lock, const std::string& mark) {
  return only_done(change(
      *index_,
      "UPDATE sealed_recipient SET failures = failures + 1, failures_life = failures_life + 1,"
      " lock = CASE WHEN failures + 1 >= ?3 THEN ?4 ELSE lock END WHERE message = ?1 AND id = ?2",
      message, recipient, to_lock, mark));
}

Result<void> SealedTable::clear_lock(const std::string& message, const std::string& recipient) {
  return only_done(change(
      *index_, "UPDATE sealed_recipient SET failures = 0, lock = '' WHERE message = ? AND id = ?",
      message, recipient));
}

Result<void> SealedTable::forgive(const std::string& message, const std::string& recipient) {
  return only_done(change(*index_,
                          "UPDATE sealed_recipient SET failures = 0, lock = '',"
                          " failures_life = max(failures_life - 1, 0) WHERE message = ? AND id = ?",
                          message, recipient));
}

Result<void> SealedTable::set_retrieved(const std::string& message, const std::string& recipient,
                                        const std::string& mark) {
  return only_done(change(*index_,
                          "UPDATE sealed_recipient SET retrieved = ?3"
                          " WHERE message = ?1 AND id = ?2 AND retrieved = ''",
                          message, recipient, mark));
}

Result<bool> SealedTable::add_reply_octets(const std::string& message, const std::string& recipient,
                                           std::int64_t octets, std::int64_t most) {
  return any(change(*index_,
                    "UPDATE sealed_recipient SET reply_octets = reply_octets + ?3"
                    " WHERE message = ?1 AND id = ?2 AND reply_octets + ?3 <= ?4",
                    message, recipient, octets, most));
}

Result<bool> SealedTable::mark(const std::string& id, Ending ending, const std::string& reason) {
  return any(change(*index_,
                    "UPDATE sealed_message SET phase = 1, ending = ?2, reason = ?3"
                    " WHERE id = ?1 AND phase = 0",
                    id, ending, reason));
}

Result<void> SealedTable::set_phase(const std::string& id, Phase phase) {
  return only_done(
      change(*index_, "UPDATE sealed_message SET phase = ?2 WHERE id = ?1", id, phase));
}

Result<bool> SealedTable::end_recipient(const std::string& message, const std::string& recipient,
                                        Ending ending, const std::string& reason, WallTime at) {
  return any(change(*index_,
                    "UPDATE sealed_recipient SET ending = ?3, reason = ?4, ended = ?5,"
                    " link_hash = NULL, phone = ''"
                    " WHERE message = ?1 AND id = ?2 AND ending = 0",
                    message, recipient, ending, reason, number_of(at)));
}

Result<void> SealedTable::set_deleted(const std::string& id) {
  auto done =
      change(*index_, "UPDATE sealed_message SET ending = 3 WHERE id = ? AND phase = 3", id);
  if (!done) return fail(std::move(done).error());
  return only_done(change(*index_, "UPDATE sealed_recipient SET ending = 3 WHERE message = ?", id));
}

Result<void> SealedTable::clear_label(const std::string& message, const std::string& recipient) {
  return only_done(change(*index_,
                          "UPDATE sealed_recipient SET label = '' WHERE message = ? AND id = ?",
                          message, recipient));
}

Result<std::vector<SealedLink>> SealedTable::unfinished_recipients() {
  return rows(*index_, link_of,
              select_links("WHERE r.ending <> 0 AND r.label <> '' AND m.phase = 0"));
}

Result<void> SealedTable::finish(const std::string& id, WallTime at) {
  auto done = change(*index_,
                     "UPDATE sealed_recipient SET ending = m.ending, reason = m.reason, ended = ?2,"
                     " link_hash = NULL, phone = '' FROM sealed_message m"
                     " WHERE m.id = ?1 AND message = ?1 AND sealed_recipient.ending = 0",
                     id, number_of(at));
  if (done) {
    done = change(*index_, "UPDATE sealed_recipient SET label = '' WHERE message = ?", id);
  }
  if (!done) return fail(std::move(done).error());
  return only_done(change(
      *index_, "UPDATE sealed_message SET phase = ?3, ended = coalesce(ended, ?2) WHERE id = ?1",
      id, number_of(at), Phase::done));
}

Result<void> SealedTable::mark_expired(const std::vector<std::string>& ids) {
  for (const auto& id : ids) {
    auto marked = mark(id, Ending::expired, {});
    if (!marked) return fail(std::move(marked).error());
  }
  return {};
}

Result<std::vector<SealedMessage>> SealedTable::expired_by(WallTime now, std::size_t most) {
  return rows(*index_, message_of,
              select_messages("WHERE m.phase = 0 AND m.expires <= ? ORDER BY m.expires LIMIT ?"),
              number_of(now), most);
}

Result<std::vector<SealedMessage>> SealedTable::unfinished() {
  return rows(*index_, message_of, select_messages("WHERE m.phase IN (1, 2)"));
}

Result<std::vector<SealedLink>> SealedTable::unread_between(WallTime from, WallTime to) {
  return rows(*index_, link_of,
              select_links("WHERE m.phase = 0 AND m.expires > ? AND m.expires <= ? AND m.kind = 0"
                           " AND r.ending = 0 AND r.progress < 3 AND r.unread_told = 0"),
              number_of(from), number_of(to));
}

Result<void> SealedTable::set_unread_told(const std::string& message,
                                          const std::string& recipient) {
  return only_done(
      change(*index_, "UPDATE sealed_recipient SET unread_told = 1 WHERE message = ? AND id = ?",
             message, recipient));
}

Result<std::vector<SealedLink>> SealedTable::retrieved() {
  return rows(*index_, link_of,
              select_links("WHERE r.retrieved <> '' AND r.ending = 0 AND m.phase = 0"));
}

Result<std::vector<SealedLink>> SealedTable::waiting_for_number() {
  return rows(*index_, link_of,
              select_links("WHERE r.progress = 0 AND r.ending = 0 AND r.method = 'sms'"
                           " AND r.phone = '' AND m.phase = 0"));
}

Result<std::int64_t> SealedTable::live_recipients(const std::string& id) {
  return number(*index_, "SELECT count(*) FROM sealed_recipient WHERE message = ? AND ending = 0",
                id);
}

}  // namespace sm::store
