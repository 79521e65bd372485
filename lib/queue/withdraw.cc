#include "queue/withdraw.h"

#include <set>

#include "audit/record.h"
#include "base/text.h"
#include "queue/spool.h"
#include "store/queue_table.h"

namespace sm::queue {
namespace {

bool matches(const WithdrawQuery& query, const store::Queued& row) {
  return row.kind == store::QueuedKind::mail && (!query.message || row.id == *query.message) &&
         (!query.message_id || row.message_id == *query.message_id) &&
         (!query.since || row.created >= *query.since);
}

}  // namespace

Result<std::vector<Withdrawn>> withdraw(sealing::Office& office, const WithdrawQuery& query) {
  store::QueueTable table(*office.index);
  std::vector<Withdrawn> withdrawn;
  std::set<std::string> files;
  auto done = office.index->transaction([&]() -> Result<void> {
    std::vector<store::Queued> rows;
    auto listed = table.each([&](const store::Queued& row) {
      if (matches(query, row)) rows.push_back(row);
      return Result<void>();
    });
    if (!listed) return listed;
    for (const auto& row : rows) {
      std::vector<std::string> gone;
      std::vector<audit::Record> records;
      for (const auto& recipient : row.recipients) {
        if (query.recipient && !equal_ignoring_case(recipient.address, *query.recipient)) continue;
        const auto message = audit::MessageId::parse(row.id);
        const auto id = audit::RecipientId::parse(recipient.id);
        if (!message || !id) return fail(Errc::bug, "a queued message has no audit id");
        records.emplace_back(audit::Event::revoked, *message, *id);
        records.back().outcome(audit::Outcome::success).disclose("recipient", recipient.address);
        gone.push_back(recipient.id);
        withdrawn.push_back({row.id, recipient.address});
      }
      if (gone.empty()) continue;
      if (!row.lease.empty()) {
        return fail(Errc::temporary, "the message " + row.id + " is being sent at this moment",
                    "look again: smaudit trace " + row.id);
      }
      if (auto told = office.logs->append(row.org, records); !told) return told;
      auto removed = table.remove(row.id, gone);
      if (!removed) return fail(std::move(removed).error());
      if (*removed) files.insert(row.file);
    }
    return {};
  });
  if (!done) return fail(std::move(done).error());
  for (const auto& file : files) {
    if (auto forgotten = forget_unused(office, file); !forgotten) {
      return fail(std::move(forgotten).error());
    }
  }
  return withdrawn;
}

}  // namespace sm::queue
