#include "retention/lifecycle.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/encoding.h"
#include "sealing/access.h"
#include "sealing/errand.h"
#include "sealing/mark.h"
#include "store/outbox_table.h"
#include "store/sealed_table.h"

namespace sm::retention {
namespace {

using store::Phase;
using store::Progress;
using store::SealedLink;

std::string status_of(const SealedLink& link, const config::Organisation& organisation) {
  const auto ending =
      link.recipient.ending != Ending::none ? link.recipient.ending : link.message.ending;
  if (ending == Ending::expired || ending == Ending::revoked || ending == Ending::deleted) {
    return std::string(sealing::text(ending));
  }
  auto progress = link.recipient.progress;
  // Whether senders see `opened` is the organisation's policy; it is always in the log.
  if (!organisation.sealing.shows_opened && progress == Progress::opened) {
    progress = Progress::delivered;
  }
  switch (progress) {
    case Progress::pending:
      return "pending";
    case Progress::sent:
      return "sent";
    case Progress::delivered:
      return "delivered";
    case Progress::opened:
      return "opened";
    case Progress::replied:
      return "replied";
  }
  return "sent";
}

std::string reason_of(const SealedLink& link) {
  if (!link.recipient.reason.empty()) return link.recipient.reason;
  if (!link.message.reason.empty()) return link.message.reason;
  const bool is_retrieved = link.recipient.ending == Ending::retrieved;
  return is_retrieved ? "retrieved" : std::string();
}

audit::Record record_for(audit::Event event, const std::string& message,
                         const std::string& recipient) {
  const auto id = audit::MessageId::parse(message);
  const auto who = audit::RecipientId::parse(recipient);
  if (id && who) return {event, *id, *who};
  return id ? audit::Record(event, *id) : audit::Record(event);
}

/// A message that had ended can still be deleted: the record says so, and what is left, if
/// anything, goes.
Result<bool> delete_ended(Office& office, const store::SealedMessage& message,
                          const std::string& reason) {
  if (message.ending == Ending::deleted) return false;
  if (auto ended = sealing::end_message(office, message, Ending::deleted, reason); !ended) {
    return fail(std::move(ended).error());
  }
  return true;
}

/// A fresh link in place of the old one, by the organisation's own key.
Result<void> replace_link(Office& office, const SealedLink& link,
                          const config::Organisation& organisation) {
  const auto id = envelope::EnvelopeId::parse(link.message.envelope);
  if (!id) return fail(Errc::bug, "a sealed message has no envelope id");
  auto kek = office.keys->active_kek(organisation.id);
  if (!kek) return fail(std::move(kek).error());
  const auto token = envelope::LinkToken::fresh();
  envelope::OpeningKeys keys;
  keys.keyring = office.keys;
  keys.org = organisation.id;
  auto envelopes = office.envelopes();
  auto added = envelopes.add_link(*id, keys, *kek, token);
  if (!added) return fail(std::move(added).error());
  if (*added == envelope::HeadChange::gone) return fail(Errc::no_input, "the message is gone");

  audit::Record record = record_for(audit::Event::link_issued, link.message.id, link.recipient.id);
  record.outcome(audit::Outcome::success).fact("method", link.recipient.method).fact("again", true);
  if (auto told = office.logs->append(organisation.id, record); !told) return told;
  const Secret secret = token.text();
  auto done = office.index->transaction([&]() -> Result<void> {
    store::OutboxTable outbox(*office.index);
    if (auto dropped = outbox.drop(link.message.id, link.recipient.id); !dropped) return dropped;
    auto set = store::SealedTable(*office.index)
                   .set_link(link.message.id, link.recipient.id, sealing::hash_of(token),
                             to_base64url(token.label()));
    if (!set) return set;
    return sealing::add_errand(office, {.kind = sealing::Errand::notification,
                                        .organisation = &organisation,
                                        .message = link.message.id,
                                        .recipient = link.recipient.id,
                                        .secret = &secret});
  });
  if (!done) return done;
  const auto old = from_base64url(link.recipient.label);
  if (!old || old->size() != std::tuple_size_v<envelope::LinkLabel>) return {};
  envelope::LinkLabel label{};
  std::copy(old->begin(), old->end(), label.begin());
  auto removed = envelopes.remove_stanzas(*id, envelope::belongs_to_link(label));
  if (!removed) return fail(std::move(removed).error());
  return {};
}

/// What was asked for and denied is in the log, too.
Unexpected no_new_link(Office& office, const SealedLink& link, std::string_view reason,
                       Unexpected denial) {
  audit::Record record = record_for(audit::Event::link_issued, link.message.id, link.recipient.id);
  record.outcome(audit::Outcome::denied, reason).fact("again", true);
  if (auto told = office.logs->append(link.message.org, record); !told) {
    return fail(std::move(told).error());
  }
  return denial;
}

/// Each reply below the message that it answers, where that one is shown too; oldest reply first.
std::vector<Row> with_follow_ups_below(std::vector<Row> rows) {
  std::map<std::string, std::vector<std::size_t>> replies;
  std::set<std::string> shown;
  for (const auto& row : rows)
    shown.insert(row.id);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (shown.contains(rows[i].reply_to)) replies[rows[i].reply_to].push_back(i);
  }
  if (replies.empty()) return rows;
  std::vector<Row> ordered;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (shown.contains(rows[i].reply_to)) continue;
    const std::string id = rows[i].id;
    ordered.push_back(std::move(rows[i]));
    const bool is_last_of_it = i + 1 == rows.size() || rows[i + 1].id != id;
    const auto answers = replies.find(id);
    if (!is_last_of_it || answers == replies.end()) continue;
    for (auto at = answers->second.rbegin(); at != answers->second.rend(); ++at)
      ordered.push_back(std::move(rows[*at]));
  }
  return ordered;
}

}  // namespace

Result<std::vector<Row>> list(Office& office, const Filter& filter) {
  store::SealedTable table(*office.index);
  auto links = table.list({filter.id, filter.org, filter.sender, filter.reference,
                           filter.message_id, filter.recipient, filter.since});
  if (!links) return fail(std::move(links).error());
  std::vector<Row> rows;
  std::string counted_for;
  store::SealedCounts counts;
  for (const auto& link : *links) {
    const auto organisation = office.organisation(link.message.org);
    Row row;
    row.status = status_of(link, organisation);
    if (filter.status && row.status != *filter.status) continue;
    if (counted_for != link.message.id) {
      auto counted = table.counts(link.message.id);
      if (!counted) return fail(std::move(counted).error());
      counts = *counted;
      counted_for = link.message.id;
    }
    row.id = link.message.id;
    row.reply_to = link.message.reply_to;
    row.reference =
        link.message.reference.empty() ? link.message.message_id : link.message.reference;
    row.message_id = link.message.message_id;
    row.org = link.message.org;
    row.sender = link.message.sender;
    row.recipient = link.recipient.address;
    row.recipient_id = link.recipient.id;
    row.reason = reason_of(link);
    row.method = link.recipient.method;
    row.opened = organisation.sealing.shows_opened ? counts.opened : 0;
    row.recipients = counts.recipients;
    row.created = link.message.created;
    row.expires = link.message.expires;
    rows.push_back(std::move(row));
  }
  return with_follow_ups_below(std::move(rows));
}

Result<std::optional<bool>> end(Office& office, const std::string& id, Ending ending,
                                std::string_view reason,
                                const std::optional<std::string>& recipient) {
  using Answer = std::optional<bool>;
  store::SealedTable table(*office.index);
  const std::string why(reason);
  if (recipient) {
    auto link = table.find_recipient(id, *recipient);
    if (!link) return fail(std::move(link).error());
    if (!*link) return Answer();
    if (!(*link)->is_live()) return Answer(false);
    if (auto ended = sealing::end_recipient(office, **link, ending, why); !ended) {
      return fail(std::move(ended).error());
    }
    return Answer(true);
  }
  auto message = table.find(id);
  if (!message) return fail(std::move(message).error());
  if (!*message) return Answer();
  if ((*message)->phase == Phase::live) {
    if (auto ended = sealing::end_message(office, **message, ending, why); !ended) {
      return fail(std::move(ended).error());
    }
    return Answer(true);
  }
  if ((*message)->phase != Phase::done) {
    // Interrupted: the rest of it now.
    if (auto done = sealing::finish_message(office, **message); !done) {
      return fail(std::move(done).error());
    }
  }
  if (ending != Ending::deleted) return Answer(false);
  auto deleted = delete_ended(office, **message, why);
  if (!deleted) return fail(std::move(deleted).error());
  return Answer(*deleted);
}

Result<std::optional<bool>> unlock(Office& office, const std::string& id) {
  using Answer = std::optional<bool>;
  store::SealedTable table(*office.index);
  auto message = table.find(id);
  if (!message) return fail(std::move(message).error());
  if (!*message) return Answer();
  auto recipients = table.recipients_of(id);
  if (!recipients) return fail(std::move(recipients).error());
  bool was_locked = false;
  for (const auto& recipient : *recipients) {
    if (recipient.lock.empty() && recipient.failures == 0) continue;
    audit::Record record = record_for(audit::Event::locked, id, recipient.id);
    record.outcome(audit::Outcome::success, "unlocked");
    if (auto told = office.logs->append((*message)->org, record); !told) {
      return fail(std::move(told).error());
    }
    if (auto cleared = table.clear_lock(id, recipient.id); !cleared) {
      return fail(std::move(cleared).error());
    }
    was_locked = was_locked || !recipient.lock.empty();
  }
  return Answer(was_locked);
}

Result<std::size_t> renotify(Office& office, const std::string& id) {
  store::SealedTable table(*office.index);
  auto message = table.find(id);
  if (!message) return fail(std::move(message).error());
  if (!*message || (*message)->phase != Phase::live ||
      (*message)->kind != store::SealedKind::message ||
      (*message)->expires <= office.clock->now()) {
    return fail(Errc::no_input, "no such message, or it has ended");
  }
  const auto organisation = office.organisation((*message)->org);
  auto recipients = table.recipients_of(id);
  if (!recipients) return fail(std::move(recipients).error());
  store::OutboxTable outbox(*office.index);
  std::size_t renewed = 0;
  for (const auto& recipient : *recipients) {
    if (recipient.ending != Ending::none || recipient.progress == Progress::pending) continue;
    auto waiting = outbox.of_recipient(id, recipient.id);
    if (!waiting) return fail(std::move(waiting).error());
    const auto notification =
        std::find_if(waiting->begin(), waiting->end(),
                     [](const store::Errand& errand) { return errand.kind == "notification"; });
    if (notification != waiting->end()) {
      if (auto hurried = outbox.hurry(notification->id); !hurried) {
        return fail(std::move(hurried).error());
      }
    } else if (!(*message)->has_escrow) {
      return no_new_link(
          office, {**message, recipient}, "no-key",
          fail(Errc::denied, "no new link can be made: the organisation holds no key to it",
               "send the message again, or set policy.escrow for those to come"));
    } else if (recipient.method == "password") {
      return no_new_link(office, {**message, recipient}, "password-unknown",
                         fail(Errc::denied, "no new link can be made for a message with a password",
                              "send the message again"));
    } else if (auto done = replace_link(office, {**message, recipient}, organisation); !done) {
      return fail(std::move(done).error());
    }
    ++renewed;
  }
  return renewed;
}

}  // namespace sm::retention
