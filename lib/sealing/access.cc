#include "sealing/access.h"

#include <algorithm>

#include "base/encoding.h"
#include "envelope/password.h"
#include "sealing/ending.h"
#include "sealing/mark.h"
#include "sealing/number.h"
#include "sealing/visit.h"
#include "store/sealed_table.h"
#include "store/session_table.h"

namespace sm::sealing {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr seconds kBetweenCodes{60};
constexpr std::chrono::hours kCodeWindow{1};
constexpr std::size_t kCodesInWindow = 5;
constexpr std::chrono::hours kLongCodeWindow{24};
constexpr std::size_t kCodesInLongWindow = 15;

seconds up(microseconds time) {
  return std::chrono::ceil<seconds>(time);
}

/// What is left of a recipient's lock. A mark that cannot be read locks for the whole time.
seconds lock_left(const store::SealedRecipient& recipient, const Clock& clock) {
  if (recipient.lock.empty()) return seconds(0);
  const auto mark = Mark::parse(recipient.lock);
  return mark ? up(left_of(kLockTime, *mark, clock))
              : std::chrono::duration_cast<seconds>(kLockTime);
}

/// RULES: sends are throttled per recipient. Zero: now.
seconds wait_for_next_code(const std::vector<std::string>& newest_first, const Clock& clock) {
  seconds wait{0};
  const auto wait_for = [&](std::size_t count, microseconds period) {
    if (newest_first.size() < count) return;
    const auto mark = Mark::parse(newest_first[count - 1]);
    if (mark) wait = std::max(wait, up(left_of(period, *mark, clock)));
  };
  wait_for(1, kBetweenCodes);
  wait_for(kCodesInWindow, kCodeWindow);
  wait_for(kCodesInLongWindow, kLongCodeWindow);
  return wait;
}

std::optional<Method> method_of(std::string_view text) {
  if (text == "sms") return Method::sms;
  if (text == "email") return Method::email;
  if (text == "password") return Method::password;
  return std::nullopt;
}

bool gets_codes(const store::SealedRecipient& recipient) {
  return recipient.method == "sms" || recipient.method == "email";
}

/// Its link is all that is asked for: it came inside a mail over a proven route.
bool is_linked_file(const store::SealedLink& link) {
  return link.message.kind == store::SealedKind::files && link.recipient.method == "none";
}

std::string masked_target(const store::SealedRecipient& recipient) {
  if (recipient.method == "sms") return masked_phone(recipient.phone);
  if (recipient.method == "email") return masked_address(recipient.address);
  return {};
}

/// What a keyed hash of a code is taken over: the code, for this recipient of this message only.
crypto::Sha256 code_hash(const CookieSecret& cookie, const store::SealedLink& link,
                         const Code& code) {
  Secret bytes(as_bytes(link.message.id + " " + link.recipient.id + " "));
  bytes.append(code.reveal());
  return cookie.mac("code", bytes.reveal());
}

std::vector<std::string> factors_of(std::string_view method) {
  // The evidence records the factors; a code by mail adds none beyond the mailbox.
  if (method == "sms") return {"mailbox", "phone"};
  if (method == "password") return {"mailbox", "password"};
  return {"mailbox"};
}

}  // namespace

/// One request for one link.
class Access::Desk {
 public:
  Desk(Access& access) : access_(access), office_(access.office_), clock_(*office_.clock) {}

  /// Live, not expired, notified, not read to its end; nothing otherwise, whatever the reason.
  Result<std::optional<store::SealedLink>> open_link(const envelope::LinkToken& token) {
    auto link = store::SealedTable(*office_.index).find_link(hash_of(token));
    if (!link) return link;
    if (*link && !is_open(**link)) link->reset();
    return link;
  }

  [[nodiscard]] bool is_open(const store::SealedLink& link) const {
    return link.is_live() && link.message.expires > clock_.now() &&
           link.message.kind != store::SealedKind::reply &&
           link.recipient.progress != store::Progress::pending && link.recipient.retrieved.empty();
  }

  struct Judging {
    store::SealedLink link;
    std::vector<std::uint8_t> expected;  ///< keyed hash; empty for a password
  };
  using Begun = std::variant<Judging, NoCode, Locked, Unavailable>;

  /// The counters go up before anything is compared, in one transaction with the look at the lock.
  Result<Begun> begin(const envelope::LinkToken& token, const CookieSecret& cookie,
                      bool needs_code) {
    Begun begun = Unavailable{};
    auto done = office_.index->transaction([&]() -> Result<void> {
      auto link = open_link(token);
      if (!link) return fail(std::move(link).error());
      const bool fits = *link && (needs_code ? gets_codes((*link)->recipient)
                                             : (*link)->recipient.method == "password");
      if (!fits) return {};
      auto looked = admit(**link, cookie, needs_code);
      if (!looked) return fail(std::move(looked).error());
      begun = std::move(*looked);
      return {};
    });
    if (!done) return fail(std::move(done).error());
    return begun;
  }

  /// Right: the session begins.
  Result<JudgeAnswer> accept(const store::SealedLink& link, const CookieSecret& old,
                             const envelope::MessageKey& mk) {
    audit::Record record = record_for(audit::Event::verified, link.message.id, link.recipient.id);
    record.outcome(audit::Outcome::success)
        .fact("method", link.recipient.method)
        .fact("factors", factors_of(link.recipient.method));
    if (auto told = office_.logs->append(link.message.org, record); !told) {
      return fail(std::move(told).error());
    }
    Verified verified{CookieSecret::fresh()};
    const auto mark = Mark::now(clock_).text();
    const store::Session session{
        link.message.id, link.recipient.id,
        verified.cookie.wrap(mk, wrap_context(link.message.id, link.recipient.id)), mark, mark};
    bool is_in = false;
    auto done = office_.index->transaction([&]() -> Result<void> {
      store::SessionTable sessions(*office_.index);
      // Revoked while a password was being computed: nobody is let in.
      auto now =
          store::SealedTable(*office_.index).find_recipient(link.message.id, link.recipient.id);
      if (!now) return fail(std::move(now).error());
      if (!*now || !is_open(**now)) return {};
      is_in = true;
      if (auto dropped = sessions.drop_session(old.id()); !dropped) return dropped;
      return sessions.put_session(verified.cookie.id(), session);
    });
    if (!done) return fail(std::move(done).error());
    if (!is_in) return JudgeAnswer(Unavailable{});
    return JudgeAnswer(std::move(verified));
  }

  /// Wrong, counted already.
  Result<JudgeAnswer> reject(const store::SealedLink& link, std::string_view reason) {
    auto now =
        store::SealedTable(*office_.index).find_recipient(link.message.id, link.recipient.id);
    if (!now) return fail(std::move(now).error());
    if (!*now) return JudgeAnswer(Unavailable{});
    const auto& recipient = (*now)->recipient;
    const bool is_locked = link.recipient.failures + 1 >= kFailuresToLock;
    std::vector<audit::Record> records;
    records.push_back(record_for(audit::Event::verified, link.message.id, link.recipient.id));
    records.back()
        .outcome(audit::Outcome::failure, reason)
        .fact("method", recipient.method)
        .fact("failures", link.recipient.failures + 1);
    if (is_locked) {
      records.push_back(record_for(audit::Event::locked, link.message.id, link.recipient.id));
      records.back()
          .outcome(audit::Outcome::success, "too-many-attempts")
          .fact("seconds", seconds(kLockTime).count())
          .fact("failures_life", recipient.failures_life);
    }
    if (auto told = office_.logs->append(link.message.org, records); !told) {
      return fail(std::move(told).error());
    }
    if (recipient.failures_life >= kFailuresToEnd && (*now)->is_live()) {
      auto ended = end_recipient(office_, **now, Ending::revoked, "too-many-attempts", Told::no,
                                 Errand::ended_notice);
      if (!ended) return fail(std::move(ended).error());
      return JudgeAnswer(Unavailable{});
    }
    if (!is_locked) return JudgeAnswer(Wrong{kFailuresToLock - link.recipient.failures - 1});
    auto dropped =
        store::SessionTable(*office_.index).drop_challenges(link.message.id, link.recipient.id);
    if (!dropped) return fail(std::move(dropped).error());
    return JudgeAnswer(Locked{std::chrono::duration_cast<seconds>(kLockTime)});
  }

 private:
  Result<Begun> admit(const store::SealedLink& link, const CookieSecret& cookie, bool needs_code) {
    store::SealedTable table(*office_.index);
    if (const auto left = lock_left(link.recipient, clock_); left.count() > 0) {
      return Begun(Locked{left});
    }
    Judging judging{link, {}};
    if (!link.recipient.lock.empty()) {
      auto cleared = table.clear_lock(link.message.id, link.recipient.id);
      if (!cleared) return fail(std::move(cleared).error());
      judging.link.recipient.failures = 0;
    }
    if (needs_code) {
      auto challenge = store::SessionTable(*office_.index).find_challenge(cookie.id());
      if (!challenge) return fail(std::move(challenge).error());
      const bool is_of_this = *challenge && (*challenge)->message == link.message.id &&
                              (*challenge)->recipient == link.recipient.id &&
                              !is_over((*challenge)->made, kCodeLife, clock_);
      if (!is_of_this) return Begun(NoCode{});
      judging.expected = (*challenge)->code;
    }
    auto counted = table.count_failure(link.message.id, link.recipient.id, kFailuresToLock,
                                       Mark::now(clock_).text());
    if (!counted) return fail(std::move(counted).error());
    return Begun(std::move(judging));
  }

  Access& access_;
  Office& office_;
  const Clock& clock_;
};

Result<std::optional<Visit>> Access::find(const envelope::LinkToken& token,
                                          const CookieSecret* cookie) {
  auto link = Desk(*this).open_link(token);
  if (!link) return fail(std::move(link).error());
  if (!*link) return std::optional<Visit>();
  const auto method = method_of((*link)->recipient.method);
  const bool asks_nothing = is_linked_file(**link);
  if (!method && !asks_nothing) return std::optional<Visit>();
  const auto& message = (*link)->message;
  const auto& recipient = (*link)->recipient;
  Visit visit;
  visit.message = message.id;
  visit.recipient = recipient.id;
  visit.org = message.org;
  visit.method = method.value_or(Method::email);
  visit.asks_nothing = asks_nothing;
  visit.is_files = message.kind == store::SealedKind::files;
  visit.sender_name = sender_shown(office_.organisation(message.org), message);
  visit.masked_target = masked_target(recipient);
  visit.language = recipient.language;
  visit.expires = message.expires;
  visit.locked = lock_left(recipient, *office_.clock);
  if (cookie != nullptr) {
    auto challenge = store::SessionTable(*office_.index).find_challenge(cookie->id());
    if (!challenge) return fail(std::move(challenge).error());
    visit.has_code = *challenge && (*challenge)->message == message.id &&
                     (*challenge)->recipient == recipient.id &&
                     !is_over((*challenge)->made, kCodeLife, *office_.clock);
    if (visit.has_code) visit.reference = (*challenge)->reference;
  }
  return std::optional<Visit>(std::move(visit));
}

Result<StartAnswer> Access::start(const envelope::LinkToken& token, const CookieSecret& cookie,
                                  std::string_view language) {
  Desk desk(*this);
  store::SessionTable sessions(*office_.index);
  StartAnswer answer = Unavailable{};
  std::optional<store::SealedLink> link;
  const auto code = Code::fresh();
  const auto reference = fresh_reference();
  // No code leaves whose record could not be written. Before the transaction: the log's own lock
  // comes before the database's.
  audit::Log* log = nullptr;
  audit::Reservation space;
  auto seen = desk.open_link(token);
  if (!seen) return fail(std::move(seen).error());
  if (*seen) {
    auto of = office_.logs->of((*seen)->message.org);
    if (!of) return fail(std::move(of).error());
    log = *of;
    auto kept = log->reserve(1);
    if (!kept) return fail(std::move(kept).error());
    space = std::move(*kept);
  }
  auto begun = office_.index->transaction([&]() -> Result<void> {
    auto found = desk.open_link(token);
    if (!found) return fail(std::move(found).error());
    if (log == nullptr || !*found || !gets_codes((*found)->recipient)) return {};
    if (const auto left = lock_left((*found)->recipient, *office_.clock); left.count() > 0) {
      answer = Locked{left};
      return {};
    }
    auto sends = sessions.sends((*found)->message.id, (*found)->recipient.id);
    if (!sends) return fail(std::move(sends).error());
    if (const auto wait = wait_for_next_code(*sends, *office_.clock); wait.count() > 0) {
      answer = TooSoon{wait};
      return {};
    }
    link = std::move(**found);
    const auto mark = Mark::now(*office_.clock).text();
    const auto hash = code_hash(cookie, *link, code);
    const store::Challenge challenge{
        link->message.id, link->recipient.id, {hash.begin(), hash.end()}, reference, mark};
    if (auto put = sessions.put_challenge(cookie.id(), challenge); !put) return put;
    return sessions.add_send(link->message.id, link->recipient.id, mark);
  });
  if (!begun) return fail(std::move(begun).error());
  if (!link) return answer;

  const auto& recipient = link->recipient;
  const CodeMessage message{link->message.org,
                            recipient.address,
                            recipient.method == "sms" ? recipient.phone : std::string(),
                            recipient.language.empty() ? std::string(language) : recipient.language,
                            reference,
                            code.clone()};
  const CodeSent sent = channel_.send(message);
  const bool is_out =
      sent.state == CodeSent::State::sent || sent.state == CodeSent::State::uncertain;
  audit::Record record = record_for(audit::Event::code_sent, link->message.id, recipient.id);
  record.outcome(is_out ? audit::Outcome::success : audit::Outcome::failure, sent.reason)
      .fact("method", recipient.method)
      .fact("reference", reference)
      .fact("certain", sent.state != CodeSent::State::uncertain)
      .disclose("to", recipient.method == "sms" ? recipient.phone : recipient.address)
      .disclose("detail", sent.detail);
  auto told = log->append(record, space);
  if (!is_out || !told) {
    auto taken = sessions.take_challenge(cookie.id());
    if (!taken) return fail(std::move(taken).error());
  }
  if (!told) return fail(std::move(told).error());
  if (!is_out) {
    const bool is_weak = sent.state == CodeSent::State::too_weak;
    return StartAnswer(CodeNotSent{is_weak ? "method-too-weak" : sent.reason});
  }
  return StartAnswer(
      CodeOnItsWay{reference, masked_target(recipient), sent.state != CodeSent::State::uncertain});
}

Result<JudgeAnswer> Access::judge_code(const envelope::LinkToken& token, const CookieSecret& cookie,
                                       std::string_view typed) {
  Desk desk(*this);
  const auto code = Code::parse(typed);
  if (!code) {
    auto link = desk.open_link(token);
    if (!link) return fail(std::move(link).error());
    if (!*link) return JudgeAnswer(Unavailable{});
    const auto left = lock_left((*link)->recipient, *office_.clock);
    if (left.count() > 0) return JudgeAnswer(Locked{left});
    return JudgeAnswer(Wrong{std::max(1, kFailuresToLock - (*link)->recipient.failures)});
  }
  auto begun = desk.begin(token, cookie, true);
  if (!begun) return fail(std::move(begun).error());
  if (std::holds_alternative<NoCode>(*begun)) return JudgeAnswer(NoCode{});
  if (const auto* locked = std::get_if<Locked>(&*begun)) return JudgeAnswer(*locked);
  auto* judging = std::get_if<Desk::Judging>(&*begun);
  if (judging == nullptr) return JudgeAnswer(Unavailable{});

  const auto hash = code_hash(cookie, judging->link, *code);
  if (!equal_constant_time(judging->expected, hash)) {
    return desk.reject(judging->link, "wrong-code");
  }
  bool is_first = false;
  auto done = office_.index->transaction([&]() -> Result<void> {
    // Single use: of two that come at once with the right code, one takes it.
    auto taken = store::SessionTable(*office_.index).take_challenge(cookie.id());
    if (!taken) return fail(std::move(taken).error());
    is_first = *taken;
    return store::SealedTable(*office_.index)
        .forgive(judging->link.message.id, judging->link.recipient.id);
  });
  if (!done) return fail(std::move(done).error());
  if (!is_first) return JudgeAnswer(NoCode{});
  auto mk = unlock(judging->link, token, nullptr);
  if (!mk) return fail(std::move(mk).error());
  if (!*mk) return JudgeAnswer(Unavailable{});
  return desk.accept(judging->link, cookie, **mk);
}

Result<JudgeAnswer> Access::judge_password(const envelope::LinkToken& token,
                                           const CookieSecret& cookie, Secret typed) {
  Desk desk(*this);
  auto password = envelope::Password::from_input(std::move(typed), "the form");
  if (!password) {
    auto link = desk.open_link(token);
    if (!link) return fail(std::move(link).error());
    if (!*link) return JudgeAnswer(Unavailable{});
    const auto left = lock_left((*link)->recipient, *office_.clock);
    if (left.count() > 0) return JudgeAnswer(Locked{left});
    return JudgeAnswer(Wrong{std::max(1, kFailuresToLock - (*link)->recipient.failures)});
  }
  auto begun = desk.begin(token, cookie, false);
  if (!begun) return fail(std::move(begun).error());
  if (const auto* locked = std::get_if<Locked>(&*begun)) return JudgeAnswer(*locked);
  auto* judging = std::get_if<Desk::Judging>(&*begun);
  if (judging == nullptr) return JudgeAnswer(Unavailable{});

  auto mk = [&] {
    gate_.slots().acquire();
    struct Leave {
      PasswordGate& gate;
      ~Leave() { gate.slots().release(); }
    } leave{gate_};
    return unlock(judging->link, token, &*password);
  }();
  if (!mk) return fail(std::move(mk).error());
  if (!*mk) return desk.reject(judging->link, "wrong-password");
  auto forgiven = store::SealedTable(*office_.index)
                      .forgive(judging->link.message.id, judging->link.recipient.id);
  if (!forgiven) return fail(std::move(forgiven).error());
  return desk.accept(judging->link, cookie, **mk);
}

Result<JudgeAnswer> Access::enter(const envelope::LinkToken& token, const CookieSecret& cookie) {
  Desk desk(*this);
  auto link = desk.open_link(token);
  if (!link) return fail(std::move(link).error());
  if (!*link || !is_linked_file(**link)) return JudgeAnswer(Unavailable{});
  auto mk = unlock(**link, token, nullptr);
  if (!mk) return fail(std::move(mk).error());
  if (!*mk) return JudgeAnswer(Unavailable{});
  return desk.accept(**link, cookie, **mk);
}

/// Nothing where it does not open: a wrong password, or it is gone.
Result<std::optional<envelope::MessageKey>> Access::unlock(const store::SealedLink& link,
                                                           const envelope::LinkToken& token,
                                                           const envelope::Password* password) {
  using Answer = std::optional<envelope::MessageKey>;
  const auto id = envelope::EnvelopeId::parse(link.message.envelope);
  if (!id) return fail(Errc::bug, "a sealed message has no envelope id");
  auto opened = office_.envelopes().open(*id);
  if (!opened) {
    if (opened.error().code == Errc::no_input) return Answer();
    return fail(std::move(opened).error());
  }
  const auto is_ours = envelope::belongs_to_link(token.label());
  for (const auto& stanza : opened->header().stanzas) {
    const auto* kind = std::get_if<envelope::LinkStanza>(&stanza.kind);
    // FORMATS: the portal accepts only the Argon2id parameters that it writes.
    const bool is_foreign = kind != nullptr && is_ours(stanza) && kind->password &&
                            kind->password->params != crypto::Argon2Params();
    if (is_foreign) return fail(Errc::malformed, "a stanza has foreign Argon2id parameters");
  }
  envelope::OpeningKeys keys;
  keys.keyring = office_.keys;
  keys.org = link.message.org;
  keys.opens_org_stanzas = false;
  keys.token = token.clone();
  if (password != nullptr) keys.passwords.push_back(password->clone());
  auto unlocked = opened->unlock(keys);
  if (!unlocked) {
    if (unlocked.error().code == Errc::denied) return Answer();
    return fail(std::move(unlocked).error());
  }
  return Answer(opened->message_key().clone());
}

}  // namespace sm::sealing
