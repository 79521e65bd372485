#include "retention/delivered.h"

#include <set>

#include <sys/stat.h>

#include "audit/reader.h"
#include "base/text.h"

namespace sm::retention {
namespace {

bool is_delivery(std::string_view line) {
  return line.find("\"event\":\"delivered\"") != line.npos;
}

std::string without_brackets(std::string_view id) {
  if (id.size() > 1 && id.front() == '<' && id.back() == '>') id = id.substr(1, id.size() - 2);
  return std::string(id);
}

bool matches(const DeliveredQuery& query, const audit::EntryView& entry,
             const std::vector<audit::Disclosure>& disclosed, const std::string& recipient) {
  if (query.message && entry.record->message != *query.message) return false;
  if (query.recipient && !equal_ignoring_case(recipient, *query.recipient)) return false;
  if (query.message_id && without_brackets(audit::disclosed(disclosed, "message_id")) !=
                              without_brackets(*query.message_id)) {
    return false;
  }
  if (!query.since) return true;
  const auto at = parse_utc(entry.record->ts);
  return at && *at >= *query.since;
}

}  // namespace

Result<std::vector<Delivered>> find_delivered(sealing::Office& office,
                                              const DeliveredQuery& query) {
  std::set<std::string> orgs;
  for (const auto& organisation : office.config->organisations)
    orgs.insert(organisation.id);
  if (orgs.empty()) orgs.insert(std::string(config::kDefaultOrganisation));
  std::vector<Delivered> found;
  for (const auto& org : orgs) {
    const auto folder = audit::log_folder(office.config->state, org);
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) continue;
    auto reader = audit::LogReader::open(folder);
    if (!reader) return fail(std::move(reader).error());
    for (;;) {
      auto entry = reader->next(is_delivery);
      if (!entry) return fail(std::move(entry).error());
      if (*entry == nullptr) break;
      const auto disclosed = audit::parse_disclosures((*entry)->disclosures);
      const auto recipient = audit::disclosed(disclosed, "recipient");
      if (matches(query, **entry, disclosed, recipient)) {
        found.push_back({org, std::string((*entry)->record->message),
                         std::string((*entry)->record->recipient), recipient,
                         parse_utc((*entry)->record->ts).value_or(WallTime())});
      }
    }
  }
  return found;
}

Result<void> tell_not_revoked(sealing::Office& office, const Delivered& delivered) {
  const auto message = audit::MessageId::parse(delivered.message);
  const auto recipient = audit::RecipientId::parse(delivered.recipient_id);
  if (!message || !recipient) return fail(Errc::bug, "a delivered message has no audit id");
  audit::Record record(audit::Event::revoked, *message, *recipient);
  record.outcome(audit::Outcome::denied, "delivered");
  return office.logs->append(delivered.org, record);
}

}  // namespace sm::retention
