#include "sealing/outbox.h"

#include <algorithm>
#include <future>

#include "audit/evidence.h"
#include "base/encoding.h"
#include "crypto/random.h"
#include "delivery/courier.h"
#include "delivery/send.h"
#include "sealing/assemble.h"
#include "sealing/ending.h"
#include "sealing/errand.h"
#include "sealing/letter.h"
#include "sealing/link.h"
#include "sealing/mark.h"
#include "sealing/pause.h"
#include "sealing/pouch.h"
#include "sealing/words.h"
#include "smtp/notice.h"
#include "store/outbox_table.h"
#include "store/sealed_table.h"

namespace sm::sealing {
namespace {

using std::chrono::seconds;

constexpr std::chrono::minutes kLeaseTime{10};
constexpr std::chrono::hours kGiveUpAfter{48};
constexpr seconds kPatience{120};  // for one attempt
constexpr std::size_t kSideBySide = 8;

std::optional<Errand> errand_of(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Errand::reply); ++i) {
    if (text(static_cast<Errand>(i)) == name) return static_cast<Errand>(i);
  }
  return std::nullopt;
}

bool is_notification(Errand kind) {
  return kind == Errand::notification;
}

bool is_due(const store::Errand& errand, const Clock& clock) {
  if (!errand.lease.empty()) {
    const auto leased = Mark::parse(errand.leased);
    if (leased && elapsed_since(*leased, clock) < kLeaseTime) return false;
  }
  const auto tried = Mark::parse(errand.tried);
  return !tried || elapsed_since(*tried, clock) >= seconds(errand.pause);
}

/// The message of an errand in memory: small, or a reply that is delivered whole.
class PreparedContent final : public smtp::Content {
 public:
  explicit PreparedContent(const message::PreparedMessage& message) : message_(message) {}
  [[nodiscard]] std::uint64_t size() const override { return message_.size(); }
  Result<void> rewind() override {
    source_ = message_.open();
    return {};
  }
  Result<std::string_view> next() override {
    auto block = source_->next();
    if (!block) return fail(std::move(block).error());
    return as_text(*block);
  }

 private:
  const message::PreparedMessage& message_;
  std::unique_ptr<message::Source> source_;
};

/// One attempt, ready to be made by any thread: nothing in it touches the store.
struct Trip {
  store::Errand errand;
  Errand kind = Errand::notification;
  store::SealedLink link;
  config::Organisation organisation;
  std::optional<Composed> composed;
  std::optional<smtp::NoticeContent> notice;  ///< for a destination that proves nothing
  name::Mailbox to;
  // What came of it.
  delivery::DeliveryReport delivery{};
  delivery::RecipientReport report{};
};

/// RFC 5321 §4.2.3, RFC 3463 §3.2: what a 5xx means.
delivery::Reason rejection(const smtp::RecipientEnd& end) {
  if (!end.reply || end.stage != smtp::Stage::rcpt) return delivery::Reason::message_rejected;
  const auto& enhanced = end.reply->enhanced;
  const bool is_unknown =
      enhanced ? enhanced->subject == 1 && (enhanced->detail == 1 || enhanced->detail == 10)
               : end.reply->code == 550;
  return is_unknown ? delivery::Reason::mailbox_unknown : delivery::Reason::recipient_rejected;
}

/// A destination that stays below the minimum and promises nothing: opportunistic TLS, host by host
/// in the order of preference.
void carry_notice(Trip& trip, const delivery::Equipment& equipment, const smtp::Envelope& envelope,
                  const Deadline& deadline) {
  const auto facts = trip.delivery.facts;
  const smtp::NoticeClient client(equipment.tls_context(), {.helo = equipment.host_name()});
  for (std::size_t i = 0; i < facts->hosts.size(); ++i) {
    const auto& host = facts->hosts[i];
    // RULES: a published policy that fails is obeyed by everything we send.
    if (delivery::has_promise(*facts, host) || delivery::judge_before_connecting(host)) continue;
    for (const auto& address : host.addresses.addresses) {
      if (deadline.has_passed()) return;
      const smtp::Target target{{address, equipment.finder().port()},
                                delivery::expectations(*facts, host)};
      const auto share = std::max(deadline.remaining() / 2, std::chrono::milliseconds(5000));
      auto attempt = client.connect(target, deadline.capped(share));
      auto* connection = std::get_if<smtp::NoticeConnection>(&attempt);
      if (connection == nullptr) {
        trip.report.detail = std::get<smtp::SessionFacts>(attempt).detail;
        continue;
      }
      const auto delivered = connection->deliver(envelope, *trip.notice, deadline);
      trip.report.host = i;
      trip.report.session = std::make_shared<const smtp::SessionFacts>(connection->facts());
      const auto* transaction = std::get_if<smtp::Transaction>(&delivered);
      if (transaction == nullptr) continue;
      trip.report.transaction = std::make_shared<const smtp::Transaction>(*transaction);
      trip.report.reply = transaction->ends.front();
      switch (trip.report.reply->outcome) {
        case smtp::Outcome::accepted:
          trip.report.end = delivery::End::accepted;
          return;
        case smtp::Outcome::failed:
          trip.report.end = delivery::End::failed;
          trip.report.reason = rejection(*trip.report.reply);
          return;
        case smtp::Outcome::uncertain:
          trip.report.end = delivery::End::uncertain;
          trip.report.reason = delivery::Reason::reply_lost;
          return;
        case smtp::Outcome::deferred:
          trip.report.reason = delivery::Reason::rejected_now;
          break;
      }
    }
  }
  trip.report.end = delivery::End::deferred;
}

void carry(Trip& trip, const delivery::Equipment& equipment, delivery::Courier& courier,
           const Deadline& deadline) {
  smtp::Envelope envelope;
  envelope.sender = trip.composed->from;
  envelope.recipients = {{trip.to}};
  envelope.needs_8bitmime = trip.composed->message.is_8bit();
  envelope.needs_smtputf8 = trip.composed->message.needs_smtputf8();
  PreparedContent content(trip.composed->message);
  trip.delivery = courier.deliver(trip.to.domain(), envelope, content, deadline);
  trip.report = trip.delivery.recipients.front();
  const bool may_go_open = trip.report.end == delivery::End::fall_back && trip.notice &&
                           trip.delivery.facts && !trip.delivery.verdict.is_promised;
  if (may_go_open) carry_notice(trip, equipment, envelope, deadline);
}

}  // namespace

/// What one trip after the other is made with.
struct Postman::Bag {
  std::optional<delivery::Courier> courier{};
  config::Minimum minimum = config::Minimum::trusted;

  delivery::Courier& courier_for(config::Minimum wanted, const delivery::Equipment& equipment) {
    if (courier && minimum != wanted) courier.reset();
    if (!courier) courier.emplace(equipment.finder(), equipment.client(), wanted);
    minimum = wanted;
    return *courier;
  }
};

Postman::Postman(Office& office, const delivery::Equipment& equipment)
    : office_(office), equipment_(equipment) {
  for (std::size_t i = 0; i < kSideBySide; ++i)
    bags_.push_back(std::make_unique<Bag>());
}
Postman::~Postman() = default;

/// One call of run().
class Postman::Round {
 public:
  Round(Postman& postman, seconds deadline)
      : bags_(postman.bags_),
        office_(postman.office_),
        equipment_(postman.equipment_),
        clock_(*office_.clock),
        deadline_(clock_, deadline),
        outbox_(*office_.index),
        lease_(to_base64url(crypto::random_bytes<12>())) {}

  Result<std::vector<ErrandEnd>> run(std::size_t most, const std::string& message) {
    auto waiting = outbox_.waiting(message);
    if (!waiting) return fail(std::move(waiting).error());
    std::erase_if(*waiting, [&](const store::Errand& errand) { return !is_due(errand, clock_); });
    if (waiting->size() > most) waiting->resize(most);
    for (std::size_t at = 0; at < waiting->size() && !deadline_.has_passed();) {
      std::vector<Trip> trips;
      for (; at < waiting->size() && trips.size() < kSideBySide; ++at) {
        if (auto packed = pack((*waiting)[at], trips); !packed) {
          return fail(std::move(packed).error());
        }
      }
      carry_all(trips);
      for (auto& trip : trips) {
        if (auto settled = settle(trip); !settled) return fail(std::move(settled).error());
      }
    }
    return std::move(ends_);
  }

 private:
  void carry_all(std::vector<Trip>& trips) {
    const Deadline each = deadline_.capped(kPatience);
    const auto go = [&](std::size_t i) {
      auto& courier = bags_[i]->courier_for(trips[i].organisation.policy.minimum, equipment_);
      carry(trips[i], equipment_, courier, each);
    };
    std::vector<std::future<void>> others;
    for (std::size_t i = 1; i < trips.size(); ++i)
      others.push_back(std::async(std::launch::async, go, i));
    if (!trips.empty()) go(0);
    for (auto& other : others)
      other.get();
  }

  /// Leases an errand and makes its mail; an errand that has lost its purpose is removed.
  Result<void> pack(const store::Errand& errand, std::vector<Trip>& trips) {
    auto taken = outbox_.take(errand, lease_, Mark::now(clock_).text());
    if (!taken) return fail(std::move(taken).error());
    if (!*taken) return {};
    const auto kind = errand_of(errand.kind);
    store::SealedTable table(*office_.index);
    auto link = table.find_recipient(errand.message, errand.recipient);
    if (!link) return fail(std::move(link).error());
    if (!kind || !*link || !is_of_use(*kind, **link)) return remove(errand.id);
    const auto organisation = office_.organisation(errand.org);
    const auto& address =
        is_notification(*kind) ? (*link)->recipient.address : recipient_of_notice(*kind, **link);
    auto to = name::Mailbox::parse(address);
    if (!to) return remove(errand.id);
    Trip trip{.errand = errand,
              .kind = *kind,
              .link = std::move(**link),
              .organisation = organisation,
              .to = std::move(*to)};
    trip.errand.attempts += 1;
    if (auto written = write(trip); !written) {
      // What cannot be written now (a key that is not there, a token that is away) waits.
      ends_.push_back(end_of(trip, ErrandEnd::State::later, delivery::Reason::internal_error,
                             written.error().what));
      return outbox_.postpone(errand.id, lease_, Mark::now(clock_).text(),
                              pause_after(trip.errand.attempts).count());
    }
    trips.push_back(std::move(trip));
    return {};
  }

  [[nodiscard]] bool is_of_use(Errand kind, const store::SealedLink& link) const {
    switch (kind) {
      case Errand::number_request:
        return link.is_live() && link.recipient.phone.empty() &&
               link.message.expires > clock_.now();
      case Errand::notification:
        return link.is_live() && link.message.expires > clock_.now();
      case Errand::unread_notice:
        return link.is_live() && link.message.expires > clock_.now() &&
               link.recipient.progress < store::Progress::opened;
      case Errand::failure_notice:
      case Errand::ended_notice:
        return true;
      case Errand::reply:
        return link.is_live();
    }
    return false;
  }

  /// Words to a sender go to the sender; of a reply, the recipient of the reply is the sender.
  static const std::string& recipient_of_notice(Errand kind, const store::SealedLink& link) {
    return kind == Errand::reply ? link.recipient.address : link.message.sender;
  }

  Result<void> write(Trip& trip) {
    if (is_notification(trip.kind)) return write_notification(trip);
    const NoticeWriter writer(trip.organisation, clock_);
    auto composed = trip.kind == Errand::reply ? compose_reply(trip) : compose_word(trip, writer);
    if (!composed) return fail(std::move(composed).error());
    trip.composed.emplace(std::move(*composed));
    return {};
  }

  Result<Secret> url_of(const Trip& trip, std::string_view path) {
    auto token_text = open_pouch(*office_.keys, trip.errand.sealed);
    if (!token_text) return token_text;
    auto token = envelope::LinkToken::parse(token_text->reveal());
    if (!token) return fail(Errc::malformed, "a sealed errand holds no link");
    return link_url(trip.organisation.sealing.portal, path, *token);
  }

  Result<void> write_notification(Trip& trip) {
    auto url = url_of(trip, kLinkPath);
    if (!url) return fail(std::move(url).error());
    const auto& message = trip.link.message;
    const auto& recipient = trip.link.recipient;
    Notification notification{
        .to = trip.to,
        .language = language_of(recipient.language, trip.organisation.sealing.language),
        .sender_name = {},
        .link = &*url,
        .expires = message.expires,
        .method = recipient.method == "sms"     ? config::Method::sms
                  : recipient.method == "email" ? config::Method::email
                                                : config::Method::password,
        .mail_id = trip.errand.mail_id,
        .date = trip.errand.created};
    if (trip.organisation.sealing.names_sender) {
      notification.sender_name = message.sender_name.empty() ? message.sender : message.sender_name;
    }
    const NoticeWriter writer(trip.organisation, clock_);
    auto composed = writer.compose(notification);
    if (!composed) return fail(std::move(composed).error());
    auto notice = writer.as_notice(notification);
    if (!notice) return fail(std::move(notice).error());
    trip.composed.emplace(std::move(*composed));
    trip.notice.emplace(std::move(*notice));
    return {};
  }

  Result<Composed> compose_word(const Trip& trip, const NoticeWriter& writer) {
    const auto& organisation = trip.organisation;
    const LetterTo to{trip.to, organisation.sealing.language, trip.errand.mail_id,
                      trip.errand.created};
    const auto& whom = trip.link.recipient.address;
    const auto expires = trip.link.message.expires;
    switch (trip.kind) {
      case Errand::number_request: {
        auto url = url_of(trip, kNumberPath);
        if (!url) return fail(std::move(url).error());
        return writer.compose(
            number_letter(organisation, to, whom, as_text(url->reveal()), expires));
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

  /// The reply itself, for a sender whose domain verifies; for all others, and where the
  /// organisation wants no more, word of it.
  Result<Composed> compose_reply(Trip& trip) {
    const NoticeWriter writer(trip.organisation, clock_);
    const auto& message = trip.link.message;
    const ReplyWord word{trip.to,
                         trip.organisation.sealing.language,
                         message.sender,
                         message.id,
                         trip.errand.mail_id,
                         trip.errand.created};
    auto notice = writer.as_notice(word);
    if (!notice) return fail(std::move(notice).error());
    trip.notice.emplace(std::move(*notice));
    if (trip.organisation.sealing.replies != config::Replies::deliver) return writer.compose(word);
    const auto id = envelope::EnvelopeId::parse(message.envelope);
    if (!id) return fail(Errc::bug, "a reply has no envelope id");
    auto envelope = office_.envelopes().open(*id);
    if (!envelope) return fail(std::move(envelope).error());
    envelope::OpeningKeys keys;
    keys.keyring = office_.keys;
    keys.org = message.org;
    if (auto unlocked = envelope->unlock(keys); !unlocked) {
      return fail(std::move(unlocked).error());
    }
    auto source = assemble(*envelope);
    if (!source) return fail(std::move(source).error());
    return writer.forward(**source);
  }

  Result<void> remove(std::int64_t id) {
    auto removed = outbox_.remove(id, lease_);
    if (!removed) return fail(std::move(removed).error());
    return {};
  }

  ErrandEnd end_of(const Trip& trip, ErrandEnd::State state, delivery::Reason reason,
                   std::string detail) const {
    return {trip.errand.message, trip.errand.recipient, trip.kind, state, reason,
            std::move(detail)};
  }

  [[nodiscard]] bool is_too_late(const Trip& trip) const {
    const auto age = clock_.now() - trip.errand.created;
    return age >= kGiveUpAfter || trip.link.message.expires <= clock_.now();
  }

  Result<void> settle(Trip& trip) {
    const auto& report = trip.report;
    if (report.end == delivery::End::accepted) return accepted(trip);
    const bool is_final = report.end == delivery::End::failed || is_too_late(trip);
    const std::string reason(text(report.reason));
    if (auto told = tell(trip, audit::Outcome::failure, reason); !told) return told;
    ends_.push_back(end_of(trip, is_final ? ErrandEnd::State::given_up : ErrandEnd::State::later,
                           report.reason, report.detail));
    if (is_final) return give_up(trip, reason);
    return outbox_.postpone(trip.errand.id, lease_, Mark::now(clock_).text(),
                            pause_after(trip.errand.attempts).count());
  }

  Result<void> accepted(Trip& trip) {
    if (auto told = tell(trip, audit::Outcome::success, {}); !told) return told;
    ends_.push_back(end_of(trip, ErrandEnd::State::accepted, delivery::Reason::none, {}));
    return office_.index->transaction([&]() -> Result<void> {
      if (auto removed = remove(trip.errand.id); !removed) return removed;
      if (!is_notification(trip.kind) && trip.kind != Errand::reply) return {};
      return store::SealedTable(*office_.index)
          .advance(trip.errand.message, trip.errand.recipient, store::Progress::delivered);
    });
  }

  /// A notification that nobody will get: its link ends, with it goes the errand, and the sender is
  /// told.
  Result<void> give_up(Trip& trip, const std::string& reason) {
    if (!is_notification(trip.kind)) return remove(trip.errand.id);
    return end_recipient(office_, trip.link, Ending::revoked,
                         "notification-failed" + (reason.empty() ? "" : ": " + reason), Told::no,
                         Errand::failure_notice);
  }

  /// `notified` for the recipient's mail; for words to a sender the event that they are about.
  Result<void> tell(const Trip& trip, audit::Outcome outcome, const std::string& reason) {
    const auto message = audit::MessageId::parse(trip.errand.message);
    const auto recipient = audit::RecipientId::parse(trip.errand.recipient);
    if (!message || !recipient) return fail(Errc::bug, "an errand has no audit id");
    delivery::Mailing mailing{&trip.composed->message, {}};
    mailing.dkim = trip.composed->dkim;
    auto attempt = delivery::evidence_of(trip.delivery, trip.report, *message,
                                         {*recipient, trip.to.text()}, mailing);
    attempt.reason.clear();
    const auto event = trip.kind == Errand::number_request   ? audit::Event::number_requested
                       : trip.kind == Errand::failure_notice ? audit::Event::returned
                                                             : audit::Event::notified;
    audit::Record record = audit::ending(event, attempt, clock_);
    record.outcome(outcome, reason)
        .fact("errand", trip.errand.kind)
        .fact("attempt", trip.errand.attempts);
    return office_.logs->append(trip.errand.org, record);
  }

  std::vector<std::unique_ptr<Bag>>& bags_;
  Office& office_;
  const delivery::Equipment& equipment_;
  const Clock& clock_;
  Deadline deadline_;
  store::OutboxTable outbox_;
  std::string lease_;
  std::vector<ErrandEnd> ends_;
};

Result<std::vector<ErrandEnd>> Postman::run(std::size_t most, seconds deadline,
                                            const std::string& message) {
  return Round(*this, deadline).run(most, message);
}

}  // namespace sm::sealing
