#include "sealing/ending.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "sealing/errand.h"
#include "sealing/reply.h"
#include "store/contact_table.h"
#include "store/outbox_table.h"
#include "store/session_table.h"

namespace sm::sealing {
namespace {

constexpr std::array kEndingNames = {std::string_view("none"), std::string_view("expired"),
                                     std::string_view("revoked"), std::string_view("deleted"),
                                     std::string_view("retrieved")};

audit::Event event_of(Ending ending) {
  switch (ending) {
    case Ending::expired:
      return audit::Event::expired;
    case Ending::revoked:
      return audit::Event::revoked;
    case Ending::none:
    case Ending::deleted:
    case Ending::retrieved:
      return audit::Event::deleted;
  }
  return audit::Event::deleted;
}

Result<void> tell(Office& office, const store::SealedMessage& message, const std::string& recipient,
                  Ending ending, const std::string& reason) {
  const auto id = audit::MessageId::parse(message.id);
  if (!id) return fail(Errc::bug, "a sealed message has no audit id");
  const auto who = audit::RecipientId::parse(recipient);
  audit::Record record =
      who ? audit::Record(event_of(ending), *id, *who) : audit::Record(event_of(ending), *id);
  record.outcome(audit::Outcome::success,
                 reason.empty() && ending == Ending::retrieved ? "retrieved" : reason);
  if (ending == Ending::retrieved) record.fact("ending", "retrieved");
  record.disclose("envelope", message.envelope);
  return office.logs->append(message.org, record);
}

/// Everything that could let somebody in, or would still go out.
Result<void> drop_ways_in(Office& office, const std::string& message,
                          const std::string& recipient) {
  if (auto done = store::SessionTable(*office.index).drop_all(message, recipient); !done) {
    return done;
  }
  const auto notes =
      std::string(kReplyNotes) + message + "/" + recipient + (recipient.empty() ? "" : "/");
  if (auto done = store::NoteTable(*office.index).drop_folder(notes); !done) return done;
  if (auto done = store::NumberLinkTable(*office.index).drop(message, recipient); !done) {
    return done;
  }
  return store::OutboxTable(*office.index).drop(message, recipient);
}

}  // namespace

std::string_view text(Ending ending) {
  return kEndingNames.at(static_cast<std::size_t>(ending));
}

Result<void> forget_journal(Office& office) {
  // Readers elsewhere may keep it from shrinking now; every sweep asks again.
  return office.index->execute("PRAGMA wal_checkpoint(TRUNCATE)");
}

Result<void> finish_message(Office& office, const store::SealedMessage& message) {
  return finish_messages(office, std::span(&message, 1));
}

Result<void> finish_messages(Office& office, std::span<const store::SealedMessage> messages) {
  std::vector<envelope::EnvelopeId> envelopes;
  for (const auto& message : messages) {
    const auto envelope = envelope::EnvelopeId::parse(message.envelope);
    if (!envelope) return fail(Errc::bug, "a sealed message has no envelope id");
    envelopes.push_back(*envelope);
  }
  if (auto gone = office.envelopes().destroy_all(envelopes); !gone) return gone;
  return office.index->transaction([&]() -> Result<void> {
    for (const auto& message : messages) {
      if (auto dropped = drop_ways_in(office, message.id, {}); !dropped) return dropped;
      auto finished = store::SealedTable(*office.index).finish(message.id, office.clock->now());
      if (!finished) return finished;
    }
    return {};
  });
}

Result<void> end_message(Office& office, const store::SealedMessage& message, Ending ending,
                         const std::string& reason, Told told) {
  if (told == Told::no) {
    if (auto done = tell(office, message, {}, ending, reason); !done) return done;
  }
  store::SealedTable table(*office.index);
  auto marked = table.mark(message.id, ending, reason);
  if (!marked) return fail(std::move(marked).error());
  auto done = finish_message(office, message);
  // It had ended otherwise, before or in this moment: that it was deleted afterwards counts.
  const bool is_afterwards = done && !*marked && ending == Ending::deleted;
  return is_afterwards ? table.set_deleted(message.id) : done;
}

Result<void> finish_recipient(Office& office, const store::SealedLink& link) {
  const auto envelope = envelope::EnvelopeId::parse(link.message.envelope);
  const auto label = from_base64url(link.recipient.label);
  if (envelope && label && label->size() == std::tuple_size_v<envelope::LinkLabel>) {
    envelope::LinkLabel bytes{};
    std::copy(label->begin(), label->end(), bytes.begin());
    auto removed = office.envelopes().remove_stanzas(*envelope, envelope::belongs_to_link(bytes));
    if (!removed) return fail(std::move(removed).error());
  }
  store::SealedTable table(*office.index);
  if (auto cleared = table.clear_label(link.message.id, link.recipient.id); !cleared) {
    return cleared;
  }
  auto live = table.live_recipients(link.message.id);
  if (!live) return fail(std::move(live).error());
  // The organisation's own key can still open it: then it waits for its expiry, unless everybody
  // has had it and it is to end with that.
  const bool is_kept = link.message.has_escrow && link.recipient.ending != Ending::retrieved;
  if (*live > 0 || is_kept || link.message.phase != store::Phase::live) return {};
  auto ended = link.message;
  auto marked = table.mark(ended.id, link.recipient.ending, link.recipient.reason);
  if (!marked) return fail(std::move(marked).error());
  return finish_message(office, ended);
}

Result<void> end_recipient(Office& office, const store::SealedLink& link, Ending ending,
                           const std::string& reason, Told told, std::optional<Errand> word) {
  if (told == Told::no) {
    auto done = tell(office, link.message, link.recipient.id, ending, reason);
    if (!done) return done;
  }
  auto done = office.index->transaction([&]() -> Result<void> {
    auto ended =
        store::SealedTable(*office.index)
            .end_recipient(link.message.id, link.recipient.id, ending, reason, office.clock->now());
    if (!ended) return fail(std::move(ended).error());
    if (auto dropped = drop_ways_in(office, link.message.id, link.recipient.id); !dropped) {
      return dropped;
    }
    // Side by side, two may end the same link: one of them tells the sender.
    if (!word || !*ended) return {};
    const auto organisation = office.organisation(link.message.org);
    return add_errand(office, {.kind = *word,
                               .organisation = &organisation,
                               .message = link.message.id,
                               .recipient = link.recipient.id});
  });
  if (!done) return done;
  store::SealedLink ended = link;
  ended.recipient.ending = ending;
  ended.recipient.reason = reason;
  return finish_recipient(office, ended);
}

}  // namespace sm::sealing
