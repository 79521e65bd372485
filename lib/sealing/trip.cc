#include "sealing/trip.h"

#include "audit/evidence.h"
#include "delivery/send.h"
#include "sealing/assemble.h"
#include "sealing/ending.h"
#include "sealing/link.h"
#include "sealing/mark.h"
#include "sealing/pause.h"
#include "sealing/pouch.h"
#include "sealing/words.h"

namespace sm::sealing {
namespace {

constexpr std::chrono::hours kGiveUpAfter{48};

std::optional<Errand> errand_of(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Errand::reply); ++i) {
    if (text(static_cast<Errand>(i)) == name) return static_cast<Errand>(i);
  }
  return std::nullopt;
}

bool is_notification(Errand kind) {
  return kind == Errand::notification;
}

/// Words to a sender go to the sender; of a reply, the recipient of the reply is the sender.
const std::string& address_of(Errand kind, const store::SealedLink& link) {
  const bool is_to_recipient = is_notification(kind) || kind == Errand::reply;
  return is_to_recipient ? link.recipient.address : link.message.sender;
}

config::Method method_of(const std::string& text) {
  return text == "sms"     ? config::Method::sms
         : text == "email" ? config::Method::email
                           : config::Method::password;
}

audit::Event event_of(Errand kind) {
  switch (kind) {
    case Errand::number_request:
      return audit::Event::number_requested;
    case Errand::failure_notice:
      return audit::Event::returned;
    default:
      return audit::Event::notified;
  }
}

/// `notified` for the recipient's mail; for words to a sender the event that they are about.
Result<audit::Record> record_of(const Trip& trip, const Clock& clock) {
  const auto message = audit::MessageId::parse(trip.errand.message);
  const auto recipient = audit::RecipientId::parse(trip.errand.recipient);
  if (!message || !recipient) return fail(Errc::bug, "an errand has no audit id");
  delivery::Mailing mailing{&trip.composed->message, {}};
  mailing.dkim = trip.composed->dkim;
  const auto& report = trip.report();
  auto attempt =
      delivery::evidence_of(trip.delivery, report, *message, {*recipient, trip.to.text()}, mailing);
  attempt.reason.clear();
  audit::Record record = audit::ending(event_of(trip.kind), attempt, clock);
  const bool is_accepted = report.end == delivery::End::accepted;
  record
      .outcome(is_accepted ? audit::Outcome::success : audit::Outcome::failure,
               is_accepted ? "" : text(report.reason))
      .fact("errand", trip.errand.kind)
      .fact("attempt", trip.errand.attempts);
  return record;
}

}  // namespace

smtp::Envelope envelope_of(const Trip& trip) {
  smtp::Envelope envelope;
  envelope.sender = trip.composed->from;
  envelope.recipients = {{trip.to}};
  envelope.needs_8bitmime = trip.composed->message.is_8bit();
  envelope.needs_smtputf8 = trip.composed->message.needs_smtputf8();
  return envelope;
}

// ---- writing

Result<std::optional<Trip>> TripWriter::write(const store::Errand& errand) {
  const auto kind = errand_of(errand.kind);
  auto link = store::SealedTable(*office_.index).find_recipient(errand.message, errand.recipient);
  if (!link) return fail(std::move(link).error());
  if (!kind || !*link || !is_of_use(*kind, **link)) return std::optional<Trip>();
  auto to = name::Mailbox::parse(address_of(*kind, **link));
  if (!to) return std::optional<Trip>();
  Trip trip{.errand = errand,
            .kind = *kind,
            .link = std::move(**link),
            .organisation = organisation(errand.org),
            .to = std::move(*to)};
  // What cannot be written now (a key that is not there, a token that is away) waits.
  if (auto composed = compose(trip); !composed) trip.why = composed.error().what;
  return std::optional(std::move(trip));
}

bool TripWriter::is_of_use(Errand kind, const store::SealedLink& link) const {
  const auto now = office_.clock->now();
  switch (kind) {
    case Errand::number_request:
      return link.is_live() && link.recipient.phone.empty() && link.message.expires > now;
    case Errand::notification:
      return link.is_live() && link.message.expires > now;
    case Errand::unread_notice:
      return link.is_live() && link.message.expires > now &&
             link.recipient.progress < store::Progress::opened;
    case Errand::failure_notice:
    case Errand::ended_notice:
      return true;
    case Errand::reply:
      return link.is_live();
  }
  return false;
}

std::shared_ptr<const config::Organisation> TripWriter::organisation(const std::string& id) {
  auto& known = organisations_[id];
  if (!known) known = std::make_shared<const config::Organisation>(office_.organisation(id));
  return known;
}

Result<void> TripWriter::compose(Trip& trip) {
  const NoticeWriter writer(*trip.organisation, *office_.clock, signing_);
  if (is_notification(trip.kind)) return compose_notification(trip, writer);
  if (trip.kind == Errand::reply) return compose_reply(trip, writer);
  auto composed = compose_word(trip, writer);
  if (!composed) return fail(std::move(composed).error());
  trip.composed.emplace(std::move(*composed));
  return {};
}

Result<Secret> TripWriter::url_of(const Trip& trip, std::string_view path) {
  auto token_text = open_pouch(*office_.keys, trip.errand.sealed);
  if (!token_text) return token_text;
  auto token = envelope::LinkToken::parse(token_text->reveal());
  if (!token) return fail(Errc::malformed, "a sealed errand holds no link");
  return link_url(trip.organisation->sealing.portal, path, *token);
}

Result<void> TripWriter::compose_notification(Trip& trip, const NoticeWriter& writer) {
  auto url = url_of(trip, kLinkPath);
  if (!url) return fail(std::move(url).error());
  const auto& message = trip.link.message;
  const auto& recipient = trip.link.recipient;
  Notification notification{
      .to = trip.to,
      .language = language_of(recipient.language, trip.organisation->sealing.language),
      .sender_name = {},
      .link = &*url,
      .expires = message.expires,
      .method = method_of(recipient.method),
      .mail_id = trip.errand.mail_id,
      .date = trip.errand.created};
  if (trip.organisation->sealing.names_sender) {
    notification.sender_name = message.sender_name.empty() ? message.sender : message.sender_name;
  }
  auto composed = writer.compose(notification);
  if (!composed) return fail(std::move(composed).error());
  trip.composed.emplace(std::move(composed->composed));
  trip.notice.emplace(std::move(composed->notice));
  return {};
}

Result<Composed> TripWriter::compose_word(const Trip& trip, const NoticeWriter& writer) {
  const auto& organisation = *trip.organisation;
  const LetterTo to{trip.to, organisation.sealing.language, trip.errand.mail_id,
                    trip.errand.created};
  const auto& whom = trip.link.recipient.address;
  const auto expires = trip.link.message.expires;
  switch (trip.kind) {
    case Errand::number_request: {
      auto url = url_of(trip, kNumberPath);
      if (!url) return fail(std::move(url).error());
      return writer.compose(number_letter(organisation, to, whom, as_text(url->reveal()), expires));
    }
    case Errand::failure_notice:
      return writer.compose(failure_letter(organisation, to, whom, trip.link.recipient.reason));
    case Errand::unread_notice:
      return writer.compose(unread_letter(organisation, to, whom, expires));
    case Errand::ended_notice:
      return writer.compose(ended_letter(organisation, to, whom));
    case Errand::notification:
    case Errand::reply:
      break;
  }
  return fail(Errc::bug, "an errand without words");
}

/// The reply itself, for a sender whose domain verifies; for all others, and where the organisation
/// wants no more, word of it.
Result<void> TripWriter::compose_reply(Trip& trip, const NoticeWriter& writer) {
  const auto& message = trip.link.message;
  auto word = writer.compose(ReplyWord{trip.to, trip.organisation->sealing.language, message.sender,
                                       message.id, trip.errand.mail_id, trip.errand.created});
  if (!word) return fail(std::move(word).error());
  trip.notice.emplace(std::move(word->notice));
  if (trip.organisation->sealing.replies != config::Replies::deliver) {
    trip.composed.emplace(std::move(word->composed));
    return {};
  }
  const auto id = envelope::EnvelopeId::parse(message.envelope);
  if (!id) return fail(Errc::bug, "a reply has no envelope id");
  auto envelope = office_.envelopes().open(*id);
  if (!envelope) return fail(std::move(envelope).error());
  envelope::OpeningKeys keys;
  keys.keyring = office_.keys;
  keys.org = message.org;
  if (auto unlocked = envelope->unlock(keys); !unlocked) return fail(std::move(unlocked).error());
  auto source = assemble(*envelope);
  if (!source) return fail(std::move(source).error());
  auto composed = writer.forward(**source);
  if (!composed) return fail(std::move(composed).error());
  trip.composed.emplace(std::move(*composed));
  return {};
}

// ---- ends

TripBook::Fate TripBook::fate_of(const Trip& trip) const {
  if (!trip.composed) return Fate::again;
  const auto end = trip.report().end;
  if (end == delivery::End::accepted) return Fate::accepted;
  const auto now = office_.clock->now();
  const bool is_too_late =
      now - trip.errand.created >= kGiveUpAfter || trip.link.message.expires <= now;
  return end == delivery::End::failed || is_too_late ? Fate::given_up : Fate::again;
}

Result<void> TripBook::remove(std::int64_t errand) {
  auto removed = store::OutboxTable(*office_.index).remove(errand, lease_);
  if (!removed) return fail(std::move(removed).error());
  return {};
}

Result<void> TripBook::tell(std::span<const Trip> trips) {
  std::map<std::string, std::vector<audit::Record>> records;
  for (const auto& trip : trips) {
    if (!trip.composed) continue;
    auto record = record_of(trip, *office_.clock);
    if (!record) return fail(std::move(record).error());
    records[trip.errand.org].push_back(std::move(*record));
  }
  for (const auto& [org, of_org] : records) {
    if (auto told = office_.logs->append(org, of_org); !told) return told;
  }
  return {};
}

Result<void> TripBook::keep(const Trip& trip) {
  const auto fate = fate_of(trip);
  if (fate == Fate::again) {
    return store::OutboxTable(*office_.index)
        .postpone(trip.errand.id, lease_, Mark::now(*office_.clock).text(),
                  pause_after(trip.errand.attempts).count());
  }
  // A notification that nobody will get: its link ends, with it goes the errand (settle).
  if (fate == Fate::given_up && is_notification(trip.kind)) return {};
  if (auto removed = remove(trip.errand.id); !removed) return removed;
  const bool is_for_recipient = is_notification(trip.kind) || trip.kind == Errand::reply;
  if (fate == Fate::given_up || !is_for_recipient) return {};
  return store::SealedTable(*office_.index)
      .advance(trip.errand.message, trip.errand.recipient, store::Progress::delivered);
}

Result<void> TripBook::keep(std::span<const Trip> trips) {
  return office_.index->transaction([&]() -> Result<void> {
    for (const auto& trip : trips) {
      if (auto kept = keep(trip); !kept) return kept;
    }
    return {};
  });
}

Result<std::vector<ErrandEnd>> TripBook::settle(std::span<const Trip> trips) {
  if (auto told = tell(trips); !told) return fail(std::move(told).error());
  if (auto kept = keep(trips); !kept) return fail(std::move(kept).error());
  std::vector<ErrandEnd> ends;
  for (const auto& trip : trips) {
    ErrandEnd end{trip.errand.message, trip.errand.recipient, trip.kind};
    const auto fate = fate_of(trip);
    if (!trip.composed) {
      end.reason = delivery::Reason::internal_error;
      end.detail = trip.why;
    } else if (fate != Fate::accepted) {
      end.reason = trip.report().reason;
      end.detail = trip.report().detail;
    }
    end.state = fate == Fate::accepted   ? ErrandEnd::State::accepted
                : fate == Fate::given_up ? ErrandEnd::State::given_up
                                         : ErrandEnd::State::later;
    ends.push_back(std::move(end));
    if (fate != Fate::given_up || !is_notification(trip.kind)) continue;
    const std::string reason(text(trip.report().reason));
    auto done = end_recipient(office_, trip.link, Ending::revoked,
                              "notification-failed" + (reason.empty() ? "" : ": " + reason),
                              Told::no, Errand::failure_notice);
    if (!done) return fail(std::move(done).error());
  }
  return ends;
}

}  // namespace sm::sealing
