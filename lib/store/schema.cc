#include "store/schema.h"

#include <array>

namespace sm::store {
namespace {

constexpr std::array kSteps = {
    // MTA-STS policies (RFC 8461) and the fetches that failed; the size and root of each log's
    // newest checkpoint.
    "CREATE TABLE sts_policy("
    "  domain TEXT PRIMARY KEY, id TEXT NOT NULL, policy TEXT NOT NULL, fetched INTEGER NOT NULL"
    ") WITHOUT ROWID;"
    "CREATE TABLE sts_failure("
    "  domain TEXT PRIMARY KEY, id TEXT NOT NULL, at INTEGER NOT NULL, kind INTEGER NOT NULL,"
    "  detail TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE audit_signed("
    "  org TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL) WITHOUT ROWID;",
    // The sealed channel: messages and recipients, codes and sessions, errands, contacts.
    "CREATE TABLE sealed_message("
    "  id TEXT PRIMARY KEY, envelope TEXT NOT NULL, org TEXT NOT NULL, kind INTEGER NOT NULL,"
    "  reply_to TEXT NOT NULL, reference TEXT NOT NULL, message_id TEXT NOT NULL,"
    "  sender TEXT NOT NULL, sender_name TEXT NOT NULL, created INTEGER NOT NULL,"
    "  expires INTEGER NOT NULL, is_once INTEGER NOT NULL, has_escrow INTEGER NOT NULL,"
    "  parts INTEGER NOT NULL, ending INTEGER NOT NULL DEFAULT 0,"
    "  phase INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', ended INTEGER"
    ") WITHOUT ROWID;"
    "CREATE INDEX sealed_message_expiry ON sealed_message(expires) WHERE phase = 0;"
    "CREATE INDEX sealed_message_unfinished ON sealed_message(phase) WHERE phase IN (1, 2);"
    "CREATE INDEX sealed_message_envelope ON sealed_message(envelope);"
    "CREATE INDEX sealed_message_header ON sealed_message(message_id);"
    "CREATE INDEX sealed_message_answers ON sealed_message(reply_to) WHERE reply_to <> '';"
    "CREATE TABLE sealed_recipient("
    "  message TEXT NOT NULL REFERENCES sealed_message(id), id TEXT NOT NULL,"
    "  address TEXT NOT NULL, language TEXT NOT NULL, method TEXT NOT NULL, phone TEXT NOT NULL,"
    "  link_hash BLOB, label TEXT NOT NULL, progress INTEGER NOT NULL,"
    "  ending INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '', ended INTEGER,"
    "  failures INTEGER NOT NULL DEFAULT 0, failures_life INTEGER NOT NULL DEFAULT 0,"
    "  lock TEXT NOT NULL DEFAULT '', retrieved TEXT NOT NULL DEFAULT '',"
    "  reply_octets INTEGER NOT NULL DEFAULT 0, unread_told INTEGER NOT NULL DEFAULT 0,"
    "  PRIMARY KEY(message, id)) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX sealed_recipient_link ON sealed_recipient(link_hash)"
    "  WHERE link_hash IS NOT NULL;"
    "CREATE INDEX sealed_recipient_address ON sealed_recipient(address);"
    "CREATE INDEX sealed_recipient_unfinished ON sealed_recipient(message)"
    "  WHERE ending <> 0 AND label <> '';"
    "CREATE INDEX sealed_recipient_retrieved ON sealed_recipient(message)"
    "  WHERE retrieved <> '' AND ending = 0;"
    "CREATE TABLE challenge("
    "  session BLOB PRIMARY KEY, message TEXT NOT NULL, recipient TEXT NOT NULL,"
    "  code BLOB NOT NULL, reference TEXT NOT NULL, made TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX challenge_recipient ON challenge(message, recipient);"
    "CREATE TABLE code_send("
    "  id INTEGER PRIMARY KEY, message TEXT NOT NULL, recipient TEXT NOT NULL,"
    "  mark TEXT NOT NULL);"
    "CREATE INDEX code_send_recipient ON code_send(message, recipient);"
    "CREATE TABLE session("
    "  id BLOB PRIMARY KEY, message TEXT NOT NULL, recipient TEXT NOT NULL,"
    "  wrapped BLOB NOT NULL, made TEXT NOT NULL, used TEXT NOT NULL,"
    "  has_opened INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
    "CREATE INDEX session_recipient ON session(message, recipient);"
    "CREATE TABLE part_read("
    "  message TEXT NOT NULL, recipient TEXT NOT NULL, part INTEGER NOT NULL,"
    "  PRIMARY KEY(message, recipient, part)) WITHOUT ROWID;"
    "CREATE TABLE errand("
    "  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, org TEXT NOT NULL,"
    "  message TEXT NOT NULL, recipient TEXT NOT NULL, sealed BLOB NOT NULL,"
    "  mail_id TEXT NOT NULL, created INTEGER NOT NULL, tried TEXT NOT NULL,"
    "  pause INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
    "  lease TEXT NOT NULL DEFAULT '', leased TEXT NOT NULL DEFAULT '');"
    "CREATE INDEX errand_recipient ON errand(message, recipient);"
    "CREATE TABLE number_link("
    "  link_hash BLOB PRIMARY KEY, message TEXT NOT NULL, recipient TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE INDEX number_link_recipient ON number_link(message, recipient);"
    "CREATE TABLE contact("
    "  org TEXT NOT NULL, address TEXT NOT NULL, phone TEXT NOT NULL, language TEXT NOT NULL,"
    "  name TEXT NOT NULL, is_sender INTEGER NOT NULL, PRIMARY KEY(org, address)) WITHOUT ROWID;"
    "CREATE TABLE note(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;",
    // The queue: messages that wait, one row for each destination of a submission; and destinations
    // that are left alone for a while. `due` counts the machine's uptime in the life that the note
    // 'queue.boot' names; `due_wall` is the same on the wall, for when that life has ended.
    "CREATE TABLE queued("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, file TEXT NOT NULL,"
    "  kind INTEGER NOT NULL, org TEXT NOT NULL, domain TEXT NOT NULL, sender TEXT NOT NULL,"
    "  message_id TEXT NOT NULL, account TEXT NOT NULL, uid INTEGER NOT NULL,"
    "  size INTEGER NOT NULL, log_seq INTEGER NOT NULL, created INTEGER NOT NULL,"
    "  made TEXT NOT NULL, due INTEGER NOT NULL, due_wall INTEGER NOT NULL,"
    "  pause INTEGER NOT NULL, attempts INTEGER NOT NULL DEFAULT 0,"
    "  reason TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',"
    "  warned INTEGER NOT NULL DEFAULT 0, lease TEXT NOT NULL DEFAULT '',"
    "  leased TEXT NOT NULL DEFAULT '');"
    "CREATE INDEX queued_due ON queued(due, domain) WHERE lease = '';"
    "CREATE INDEX queued_domain ON queued(domain, due) WHERE lease = '';"
    "CREATE INDEX queued_lease ON queued(lease) WHERE lease <> '';"
    "CREATE INDEX queued_file ON queued(file);"
    "CREATE INDEX queued_header ON queued(message_id);"
    "CREATE INDEX queued_uid ON queued(uid);"
    "CREATE TABLE queued_recipient("
    "  message TEXT NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL, address TEXT NOT NULL,"
    "  PRIMARY KEY(message, place)) WITHOUT ROWID;"
    "CREATE TABLE queue_hold("
    "  domain TEXT PRIMARY KEY, due INTEGER NOT NULL, due_wall INTEGER NOT NULL,"
    "  pause INTEGER NOT NULL, failures INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;",
    // The keys of batches: what became of each row that was ever begun. `run`: whose it is now.
    "CREATE TABLE batch_key("
    "  org TEXT NOT NULL, key TEXT NOT NULL, content BLOB NOT NULL, message_id TEXT NOT NULL,"
    "  first INTEGER NOT NULL, message TEXT NOT NULL, recipient TEXT NOT NULL,"
    "  address TEXT NOT NULL, run TEXT NOT NULL, slot INTEGER NOT NULL, status TEXT NOT NULL,"
    "  changed INTEGER NOT NULL, attempts INTEGER NOT NULL, PRIMARY KEY(org, key)) WITHOUT ROWID;"
    "CREATE INDEX batch_key_run ON batch_key(run) WHERE run <> '';",
};

Result<std::int64_t> steps_taken(Index& index) {
  auto statement = index.prepare("PRAGMA user_version");
  if (!statement) return fail(std::move(statement).error());
  auto row = statement->row();
  if (!row) return fail(std::move(row).error());
  return statement->number(0);
}

}  // namespace

Result<void> migrate(Index& index) {
  const auto known = static_cast<std::int64_t>(kSteps.size());
  auto taken = steps_taken(index);
  if (!taken) return fail(std::move(taken).error());
  if (*taken == known) return {};
  return index.transaction([&]() -> Result<void> {
    // Another process may have taken them while this one waited for its turn.
    auto now = steps_taken(index);
    if (!now) return fail(std::move(now).error());
    if (*now > known) {
      return fail(Errc::configuration, "the database is of a newer version of smtools",
                  "use the tools that made it, or newer ones");
    }
    for (auto step = *now; step < known; ++step) {
      if (auto made = index.execute(kSteps[static_cast<std::size_t>(step)]); !made) return made;
    }
    return index.execute(("PRAGMA user_version=" + std::to_string(known)).c_str());
  });
}

}  // namespace sm::store
