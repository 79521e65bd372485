#include "smtp/notice.h"

#include <span>
#include <utility>

#include "smtp/channel.h"
#include "smtp/dialogue.h"
#include "smtp/mailing.h"

namespace sm::smtp {
namespace {

void obstruct_session(SessionFacts& facts, Obstacle obstacle, std::string detail) {
  facts.obstacle = obstacle;
  facts.detail = std::move(detail);
}

/// A server's greeting and nothing more (RFC 5321 §3.1); what follows is the Mailing's.
class Greeting final : public Dialogue {
 public:
  explicit Greeting(Transcript* transcript) : Dialogue(transcript) { await(Command::greeting); }
  [[nodiscard]] bool is_welcome() const { return greeting_ && greeting_->code == 220; }
  [[nodiscard]] const std::optional<Reply>& greeting() const { return greeting_; }
  [[nodiscard]] Obstacle obstacle() const { return obstacle_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }
  [[nodiscard]] Wait waits_for() const override { return Wait::greeting; }

 private:
  void on_reply(Command, Reply reply) override {
    greeting_ = std::move(reply);
    if (is_welcome()) return;
    obstacle_ = greeting_->is_permanent() ? Obstacle::greeting_refused : Obstacle::rate_limited;
    detail_ = "the server does not want this connection";
    part();
  }
  void on_unasked(Reply reply) override {
    end();
    obstacle_ = reply.code == 421 ? Obstacle::rate_limited : Obstacle::protocol_error;
    detail_ = reply.text();
  }
  void on_interruption(Interruption interruption, std::string detail) override {
    obstacle_ = interruption == Interruption::timed_out         ? Obstacle::timed_out
                : interruption == Interruption::deadline_passed ? Obstacle::deadline_passed
                : interruption == Interruption::protocol_error  ? Obstacle::protocol_error
                                                                : Obstacle::lost;
    detail_ = std::move(detail);
  }
  std::optional<Reply> greeting_;
  Obstacle obstacle_ = Obstacle::lost;
  std::string detail_;
};

}  // namespace

struct NoticeConnection::State {
  SessionFacts facts;
  Timeouts timeouts;
  Channel channel;
  Mailing mailing;

  State(SessionFacts known, const Manner& manner, Channel open, NoticePermit permit)
      : facts(std::move(known)),
        timeouts(manner.timeouts),
        channel(std::move(open)),
        mailing(permit, manner.helo, &facts.transcript) {}

  bool greet(const Deadline& deadline) {
    channel.run(mailing, timeouts, deadline, [&] { return mailing.is_greeted(); });
    facts.secure_ehlo = mailing.ehlo();
    facts.capabilities = mailing.capabilities();
    if (mailing.is_greeted() && !mailing.is_over()) return true;
    obstruct_session(facts, mailing.obstacle().value_or(Obstacle::protocol_error),
                     mailing.detail());
    channel.close(mailing.output());
    return false;
  }

  Transaction transact(const Envelope& envelope, NoticeContent& content, const Deadline& deadline) {
    channel.allow_more();
    mailing.begin(envelope, envelope.recipients, content.size());
    (void)content.rewind();  // in memory: cannot fail
    channel.run(
        mailing, timeouts, deadline, [&] { return mailing.is_done(); },
        [&] {
          while (mailing.wants_content()) {
            const auto block = content.next();
            if (!block || block->empty()) {
              mailing.content_end();
            } else {
              mailing.content(*block);
            }
          }
        });
    return mailing.take();
  }
};

NoticeConnection::NoticeConnection(std::unique_ptr<State> state) : state_(std::move(state)) {}
NoticeConnection::NoticeConnection(NoticeConnection&&) noexcept = default;
NoticeConnection::~NoticeConnection() {
  if (!state_) return;
  if (is_usable()) state_->mailing.quit();
  state_->channel.close(state_->mailing.output());
}

bool NoticeConnection::is_usable() const {
  const auto& mailing = state_->mailing;
  return mailing.is_greeted() && mailing.is_idle() && !mailing.is_over();
}

const SessionFacts& NoticeConnection::facts() const {
  return state_->facts;
}

bool NoticeConnection::is_encrypted() const {
  return state_->facts.tls.has_value();
}

Delivery NoticeConnection::deliver(const Envelope& envelope, NoticeContent& content,
                                   const Deadline& deadline) {
  if (const auto why = state_->mailing.unsuited(envelope, content.size())) return *why;
  auto transaction = state_->transact(envelope, content, deadline);
  const bool may_go_on = state_->mailing.is_idle() && !state_->mailing.is_over();
  if (!state_->mailing.stumbled_over_bdat() || !may_go_on) return transaction;
  state_->mailing.use_framing(Framing::dots);
  return state_->transact(envelope, content, deadline);
}

NoticeAttempt NoticeClient::connect_encrypted(const Target& target,
                                              const Deadline& deadline) const {
  SessionFacts facts{.remote = target.server};
  auto connected =
      Channel::connect(target.server, manner_.source, manner_.timeouts.connect, deadline);
  if (auto* failure = std::get_if<Channel::Failure>(&connected)) {
    obstruct_session(facts, failure->obstacle, std::move(failure->detail));
    return facts;
  }
  auto& channel = std::get<Channel>(connected);
  facts.local = channel.local();
  Opening opening(manner_.helo, &facts.transcript);
  channel.run(opening, manner_.timeouts, deadline, [&] { return opening.is_ready_for_tls(); });
  facts.greeting = opening.greeting();
  facts.ehlo = opening.ehlo();
  facts.starttls = opening.starttls();
  if (!opening.is_ready_for_tls() || opening.obstacle()) {
    obstruct_session(facts, opening.obstacle().value_or(Obstacle::protocol_error),
                     opening.detail());
    channel.close(opening.output());
    return facts;
  }
  // RFC 7435 §3: nothing is demanded of the certificate, since nothing was promised about it.
  tls::Expectations anybody = target.peer;
  anybody.demand = tls::Demand::none;
  auto session = tls::Session::start(*context_, anybody);
  if (!session) {
    obstruct_session(facts, Obstacle::local_failure, session.error().what);
    return facts;
  }
  auto done = channel.handshake(std::move(*session), manner_.timeouts.handshake, deadline);
  if (auto* failure = std::get_if<tls::HandshakeFailure>(&done)) {
    facts.tls_failure = std::move(*failure);
    obstruct_session(facts,
                     facts.tls_failure->is_definite() ? Obstacle::tls_failed : Obstacle::lost,
                     facts.tls_failure->words);
    return facts;
  }
  facts.tls = std::move(std::get<tls::Handshake>(done));
  auto state = std::make_unique<NoticeConnection::State>(std::move(facts), manner_,
                                                         std::move(channel), NoticePermit());
  if (!state->greet(deadline)) return std::move(state->facts);
  return NoticeConnection(std::move(state));
}

NoticeAttempt NoticeClient::connect_clear(const Target& target, const Deadline& deadline) const {
  SessionFacts facts{.remote = target.server};
  auto connected =
      Channel::connect(target.server, manner_.source, manner_.timeouts.connect, deadline);
  if (auto* failure = std::get_if<Channel::Failure>(&connected)) {
    obstruct_session(facts, failure->obstacle, std::move(failure->detail));
    return facts;
  }
  auto& channel = std::get<Channel>(connected);
  facts.local = channel.local();
  Greeting greeting(&facts.transcript);
  channel.run(greeting, manner_.timeouts, deadline, [&] { return greeting.is_welcome(); });
  facts.greeting = greeting.greeting();
  if (!greeting.is_welcome() || greeting.is_over()) {
    obstruct_session(facts, greeting.obstacle(), greeting.detail());
    channel.close(greeting.output());
    return facts;
  }
  auto state = std::make_unique<NoticeConnection::State>(std::move(facts), manner_,
                                                         std::move(channel), NoticePermit());
  if (!state->greet(deadline)) return std::move(state->facts);
  return NoticeConnection(std::move(state));
}

NoticeAttempt NoticeClient::connect(const Target& target, const Deadline& deadline) const {
  auto attempt = connect_encrypted(target, deadline);
  const auto* facts = std::get_if<SessionFacts>(&attempt);
  const bool has_no_tls = facts != nullptr && facts->obstacle && is_definite(*facts->obstacle);
  if (!has_no_tls) return attempt;
  return connect_clear(target, deadline);
}

}  // namespace sm::smtp
