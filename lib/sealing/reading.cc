#include "sealing/access.h"
#include "sealing/ending.h"
#include "sealing/mark.h"
#include "sealing/visit.h"
#include "store/session_table.h"

namespace sm::sealing {
namespace {

constexpr std::chrono::seconds kTouchAfter{60};

/// The session's link, where it may still be read.
struct Live {
  store::Session session;
  store::SealedLink link;
};
Result<std::optional<Live>> find_live(Office& office, Bytes id) {
  using Answer = std::optional<Live>;
  auto session = store::SessionTable(*office.index).find_session(id);
  if (!session) return fail(std::move(session).error());
  if (!*session || is_over((*session)->made, kSessionLife, *office.clock) ||
      is_over((*session)->used, kSessionIdle, *office.clock)) {
    return Answer();
  }
  auto link =
      store::SealedTable(*office.index).find_recipient((*session)->message, (*session)->recipient);
  if (!link) return fail(std::move(link).error());
  const bool may_read = *link && (*link)->is_live() &&
                        (*link)->message.expires > office.clock->now() &&
                        ((*link)->recipient.retrieved.empty() ||
                         !is_over((*link)->recipient.retrieved, kRetrievalGrace, *office.clock));
  if (!may_read) return Answer();
  return Answer(Live{std::move(**session), std::move(**link)});
}

/// A message that ends with its first reading has been read when it was shown and every file of
/// it fetched.
Result<void> note_if_retrieved(Office& office, const Reading& reading) {
  store::SealedTable table(*office.index);
  auto link = table.find_recipient(reading.message, reading.recipient);
  if (!link) return fail(std::move(link).error());
  if (!*link) return {};
  const auto organisation = office.organisation((*link)->message.org);
  const bool ends = (*link)->message.is_once ||
                    organisation.policy.after_retrieval == config::AfterRetrieval::destroy;
  const bool has_seen = (*link)->recipient.progress >= store::Progress::opened;
  if (!ends || !has_seen) return {};
  auto reads = store::SessionTable(*office.index).count_reads(reading.message, reading.recipient);
  if (!reads) return fail(std::move(reads).error());
  if (*reads < (*link)->message.parts) return {};
  return table.set_retrieved(reading.message, reading.recipient, Mark::now(*office.clock).text());
}

}  // namespace

bool is_over(std::string_view mark_text, std::chrono::microseconds period, const Clock& clock) {
  const auto mark = Mark::parse(mark_text);
  return !mark || elapsed_since(*mark, clock) >= period;
}

std::string sender_shown(const config::Organisation& organisation,
                         const store::SealedMessage& message) {
  if (!organisation.sealing.names_sender) return organisation.name;
  return message.sender_name.empty() ? message.sender : message.sender_name;
}

std::string wrap_context(const std::string& message, const std::string& recipient) {
  return message + " " + recipient;
}

audit::Record record_for(audit::Event event, const std::string& message,
                         const std::string& recipient) {
  const auto id = audit::MessageId::parse(message);
  const auto who = audit::RecipientId::parse(recipient);
  if (!id || !who) return audit::Record(event);
  return {event, *id, *who};
}

Result<std::optional<Reading>> Access::resume(const CookieSecret& cookie) {
  using Answer = std::optional<Reading>;
  const auto id = cookie.id();
  auto live = find_live(office_, id);
  if (!live) return fail(std::move(live).error());
  if (!*live) return Answer();
  const auto& message = (*live)->link.message;
  const auto& recipient = (*live)->link.recipient;
  auto mk = cookie.unwrap((*live)->session.wrapped, wrap_context(message.id, recipient.id));
  const auto envelope_id = envelope::EnvelopeId::parse(message.envelope);
  if (!mk || !envelope_id) return Answer();
  auto envelope = office_.envelopes().open(*envelope_id);
  if (!envelope) {
    if (envelope.error().code == Errc::no_input) return Answer();
    return fail(std::move(envelope).error());
  }
  if (auto unlocked = envelope->unlock(std::move(*mk)); !unlocked) {
    return fail(std::move(unlocked).error());
  }
  if (is_over((*live)->session.used, kTouchAfter, *office_.clock)) {
    auto touched =
        store::SessionTable(*office_.index).touch_session(id, Mark::now(*office_.clock).text());
    if (!touched) return fail(std::move(touched).error());
  }
  const auto organisation = office_.organisation(message.org);
  Reading reading{.session = id};
  reading.message = message.id;
  reading.recipient = recipient.id;
  reading.org = message.org;
  reading.address = recipient.address;
  reading.language = recipient.language;
  reading.sender_name = sender_shown(organisation, message);
  if (organisation.sealing.names_sender) reading.sender_address = message.sender;
  reading.expires = message.expires;
  reading.is_once =
      message.is_once || organisation.policy.after_retrieval == config::AfterRetrieval::destroy;
  reading.is_files = message.kind == store::SealedKind::files;
  reading.may_reply = organisation.sealing.replies != config::Replies::off;
  reading.has_replied = recipient.progress >= store::Progress::replied;
  reading.envelope = std::make_unique<envelope::Envelope>(std::move(*envelope));
  return Answer(std::move(reading));
}

Result<bool> Access::is_live(const crypto::Sha256& session) {
  auto live = find_live(office_, session);
  if (!live) return fail(std::move(live).error());
  if (!*live) return false;
  if (is_over((*live)->session.used, kTouchAfter, *office_.clock)) {
    auto touched = store::SessionTable(*office_.index)
                       .touch_session(session, Mark::now(*office_.clock).text());
    if (!touched) return fail(std::move(touched).error());
  }
  return true;
}

Result<void> Access::opened(const Reading& reading) {
  store::SessionTable sessions(*office_.index);
  auto session = sessions.find_session(reading.session);
  if (!session) return fail(std::move(session).error());
  if (!*session) return fail(Errc::denied, "the session has ended");
  if (!(*session)->has_opened) {
    // No IP address: who reads is not watched.
    audit::Record record = record_for(audit::Event::opened, reading.message, reading.recipient);
    record.outcome(audit::Outcome::success);
    if (auto told = office_.logs->append(reading.org, record); !told) return told;
    auto done = office_.index->transaction([&]() -> Result<void> {
      auto set = sessions.set_opened(reading.session);
      if (!set) return fail(std::move(set).error());
      return store::SealedTable(*office_.index)
          .advance(reading.message, reading.recipient, store::Progress::opened);
    });
    if (!done) return done;
  }
  return note_if_retrieved(office_, reading);
}

Result<void> Access::downloaded(const Reading& reading, std::size_t part, bool is_whole) {
  if (!is_whole) return {};
  audit::Record record = record_for(audit::Event::downloaded, reading.message, reading.recipient);
  record.outcome(audit::Outcome::success).fact("part", part);
  if (auto told = office_.logs->append(reading.org, record); !told) return told;
  const auto& parts = reading.envelope->manifest().parts;
  const bool is_file =
      part >= 1 && part <= parts.size() && parts[part - 1].info.role == envelope::Role::file;
  if (is_file) {
    auto added = store::SessionTable(*office_.index)
                     .add_read(reading.message, reading.recipient, static_cast<std::int64_t>(part));
    if (!added) return added;
  }
  return note_if_retrieved(office_, reading);
}

Result<void> Access::saved(const Reading& reading) {
  auto link = store::SealedTable(*office_.index).find_recipient(reading.message, reading.recipient);
  if (!link) return fail(std::move(link).error());
  if (!*link || !(*link)->is_live()) return {};
  return end_recipient(office_, **link, Ending::retrieved, "saved");
}

Result<void> Access::leave(const CookieSecret& cookie) {
  return store::SessionTable(*office_.index).drop_session(cookie.id());
}

}  // namespace sm::sealing
