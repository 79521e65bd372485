#include "smtp/client.h"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "smtp/channel.h"
#include "smtp/dialogue.h"
#include "smtp/mailing.h"

namespace sm::smtp {
namespace {

constexpr std::size_t kMaxRecipients = 100;  // a transaction (RFC 5321 §4.5.3.1.8)

Obstacle obstacle_of_beginning(Interruption interruption) {
  switch (interruption) {
    case Interruption::timed_out:
      return Obstacle::timed_out;
    case Interruption::deadline_passed:
      return Obstacle::deadline_passed;
    case Interruption::protocol_error:
      return Obstacle::protocol_error;
    default:
      return Obstacle::lost;
  }
}

void obstruct(SessionFacts& facts, Obstacle obstacle, std::string detail) {
  facts.obstacle = obstacle;
  facts.detail = std::move(detail);
}

// A session from connecting to its first word under TLS.
class Beginning {
 public:
  Beginning(const tls::Context& context, const Manner& manner, const Target& target,
            const Deadline& deadline, SessionFacts& facts)
      : context_(context), manner_(manner), target_(target), deadline_(deadline), facts_(facts) {}

  /// A channel after its handshake; nothing where facts.obstacle says why.
  std::optional<Channel> secure_channel();
  /// EHLO after the handshake.
  void greet(Channel& channel, SecureDialogue& dialogue);

 private:
  bool open(Channel& channel);
  bool shake_hands(Channel& channel);

  const tls::Context& context_;
  const Manner& manner_;
  const Target& target_;
  const Deadline& deadline_;
  SessionFacts& facts_;
};

std::optional<Channel> Beginning::secure_channel() {
  auto connected =
      Channel::connect(target_.server, manner_.source, manner_.timeouts.connect, deadline_);
  if (auto* failure = std::get_if<Channel::Failure>(&connected)) {
    obstruct(facts_, failure->obstacle, std::move(failure->detail));
    return std::nullopt;
  }
  auto& channel = std::get<Channel>(connected);
  facts_.local = channel.local();
  if (!open(channel) || !shake_hands(channel)) return std::nullopt;
  return std::move(channel);
}

bool Beginning::open(Channel& channel) {
  Opening opening(manner_.helo, &facts_.transcript);
  channel.run(opening, manner_.timeouts, deadline_, [&] { return opening.is_ready_for_tls(); });
  facts_.greeting = opening.greeting();
  facts_.ehlo = opening.ehlo();
  facts_.starttls = opening.starttls();
  if (opening.is_ready_for_tls() && !opening.obstacle()) return true;
  obstruct(facts_, opening.obstacle().value_or(Obstacle::protocol_error), opening.detail());
  channel.close(opening.output());
  return false;
}

bool Beginning::shake_hands(Channel& channel) {
  auto session = tls::Session::start(context_, target_.peer);
  if (!session) {
    obstruct(facts_, Obstacle::local_failure, session.error().what);
    return false;
  }
  auto done = channel.handshake(std::move(session).value(), manner_.timeouts.handshake, deadline_);
  if (auto* handshake = std::get_if<tls::Handshake>(&done)) {
    facts_.transcript.add(Transcript::Speaker::note,
                          "(" + handshake->version + ", " + handshake->cipher + ")");
    facts_.tls = std::move(*handshake);
    return true;
  }
  facts_.tls_failure = std::get<tls::HandshakeFailure>(std::move(done));
  const auto& failure = *facts_.tls_failure;
  facts_.transcript.add(Transcript::Speaker::note, "(TLS failed: " + failure.words + ")");
  const auto obstacle = failure.is_definite() ? Obstacle::tls_failed
                        : failure.kind == tls::HandshakeFailure::Kind::local
                            ? Obstacle::local_failure
                            : obstacle_of_beginning(channel.interruption());
  obstruct(facts_, obstacle, failure.words);
  return false;
}

void Beginning::greet(Channel& channel, SecureDialogue& dialogue) {
  channel.run(dialogue, manner_.timeouts, deadline_, [&] { return dialogue.is_greeted(); });
  facts_.secure_ehlo = dialogue.ehlo();
  facts_.capabilities = dialogue.capabilities();
  if (dialogue.is_greeted() && !dialogue.is_over()) return;
  obstruct(facts_, dialogue.obstacle().value_or(Obstacle::protocol_error), dialogue.detail());
}

std::string unverified_words(const tls::Handshake& handshake) {
  const tls::ChainVerdict& verdict =
      handshake.demand == tls::Demand::dane ? handshake.dane : handshake.pkix;
  if (handshake.demand == tls::Demand::none) return "nothing was demanded of the server";
  return verdict.words.empty() ? "the server's certificate proves nothing" : verdict.words;
}

}  // namespace

struct Connection::State {
  SessionFacts facts;
  Timeouts timeouts;
  Channel channel;
  Mailing mailing;

  State(SessionFacts known, const Manner& manner, Channel open, tls::VerifiedPeer peer)
      : facts(std::move(known)),
        timeouts(manner.timeouts),
        channel(std::move(open)),
        mailing(std::move(peer), manner.helo, &facts.transcript) {
    mailing.use_framing(manner.framing);
  }

  Transaction transact(const Envelope& envelope, std::span<const Recipient> recipients,
                       Content& content, const Deadline& deadline);
  void feed(Content& content);
};

void Connection::State::feed(Content& content) {
  while (mailing.wants_content()) {
    const auto block = content.next();
    if (!block) {
      mailing.content_failed(block.error().what);
    } else if (block->empty()) {
      mailing.content_end();
    } else {
      mailing.content(*block);
    }
  }
}

Transaction Connection::State::transact(const Envelope& envelope,
                                        std::span<const Recipient> recipients, Content& content,
                                        const Deadline& deadline) {
  channel.allow_more();
  mailing.begin(envelope, recipients, content.size());
  if (!mailing.is_done()) {
    if (const auto rewound = content.rewind(); !rewound) {
      mailing.content_failed(rewound.error().what);
    }
  }
  channel.run(
      mailing, timeouts, deadline, [&] { return mailing.is_done(); }, [&] { feed(content); });
  return mailing.take();
}

Connection::Connection(std::unique_ptr<State> state) : state_(std::move(state)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept {
  if (this != &other) {
    quit();
    state_ = std::move(other.state_);
  }
  return *this;
}
Connection::~Connection() {
  quit();
}

bool Connection::is_usable() const {
  return state_->mailing.is_greeted() && state_->mailing.is_idle() && !state_->mailing.is_over();
}

const SessionFacts& Connection::facts() const {
  return state_->facts;
}

void Connection::quit() {
  if (!state_) return;
  if (is_usable()) state_->mailing.quit();
  state_->channel.close(state_->mailing.output());
}

namespace {

// Which recipients go into the next transaction, in order.
std::vector<Recipient> some_of(const Envelope& envelope, std::span<const std::size_t> indices) {
  std::vector<Recipient> recipients;
  recipients.reserve(indices.size());
  for (const std::size_t index : indices)
    recipients.push_back(envelope.recipients[index]);
  return recipients;
}

bool was_one_too_many(const RecipientEnd& end) {
  return end.stage == Stage::rcpt && end.reply && is_too_many_recipients(*end.reply);
}

// The outcome of one transaction into that of all.
void merge(Transaction& all, Transaction one, std::span<const std::size_t> indices) {
  for (std::size_t i = 0; i < indices.size(); ++i)
    all.ends[indices[i]] = std::move(one.ends[i]);
  if (!one.is_content_sent) return;
  all.octets = one.octets;
  all.sha256 = one.sha256;
  all.is_content_sent = true;
  all.is_dsn_passed_on = one.is_dsn_passed_on;
  if (all.queue_id.empty()) all.queue_id = std::move(one.queue_id);
}

}  // namespace

Delivery Connection::deliver(const Envelope& envelope, Content& content, const Deadline& deadline) {
  State& state = *state_;
  if (is_usable()) {
    if (const auto why = state.mailing.unsuited(envelope, content.size())) return *why;
  }
  Transaction all;
  all.ends.resize(envelope.recipients.size());
  std::vector<std::size_t> left(envelope.recipients.size());
  std::iota(left.begin(), left.end(), std::size_t{0});
  while (!left.empty()) {
    const auto group = std::span(left).first(std::min(left.size(), kMaxRecipients));
    const auto recipients = some_of(envelope, group);
    auto one = state.transact(envelope, recipients, content, deadline);
    if (state.mailing.stumbled_over_bdat() && is_usable()) {
      state.mailing.use_framing(Framing::dots);
      one = state.transact(envelope, recipients, content, deadline);
    }
    const bool has_progressed =
        std::any_of(one.ends.begin(), one.ends.end(),
                    [](const RecipientEnd& end) { return end.outcome == Outcome::accepted; });
    std::vector<std::size_t> next;
    for (std::size_t i = 0; i < group.size(); ++i) {
      if (has_progressed && is_usable() && was_one_too_many(one.ends[i])) next.push_back(group[i]);
    }
    merge(all, std::move(one), group);
    next.insert(next.end(), left.begin() + static_cast<std::ptrdiff_t>(group.size()), left.end());
    left = std::move(next);
  }
  return all;
}

Client::Client(const tls::Context& context, Manner manner)
    : context_(&context), manner_(std::move(manner)) {}

Attempt Client::connect(const Target& target, const Deadline& deadline) const {
  const auto began = deadline.clock().monotonic();
  const auto took = [&] {
    return std::chrono::ceil<std::chrono::milliseconds>(deadline.clock().monotonic() - began);
  };
  SessionFacts facts{.remote = target.server};
  Beginning beginning(*context_, manner_, target, deadline, facts);
  auto channel = beginning.secure_channel();
  if (!channel) {
    facts.took = took();
    return facts;
  }
  auto peer = channel->session()->take_verified_peer();
  if (!peer) {
    // Nothing is said to whom nobody knows, but that it is over.
    channel->close({});
    obstruct(facts, Obstacle::peer_not_verified, unverified_words(*facts.tls));
    facts.took = took();
    return facts;
  }
  auto state = std::make_unique<Connection::State>(std::move(facts), manner_, std::move(*channel),
                                                   std::move(*peer));
  Beginning(*context_, manner_, target, deadline, state->facts)
      .greet(state->channel, state->mailing);
  state->facts.took = took();
  if (!state->facts.obstacle) return Connection(std::move(state));
  state->channel.close(state->mailing.output());
  return std::move(state->facts);
}

SessionFacts Client::probe(const Target& target, const Deadline& deadline) const {
  const auto began = deadline.clock().monotonic();
  SessionFacts facts{.remote = target.server};
  Beginning beginning(*context_, manner_, target, deadline, facts);
  if (auto channel = beginning.secure_channel()) {
    SecureDialogue dialogue(manner_.helo, &facts.transcript);
    beginning.greet(*channel, dialogue);
    dialogue.quit();
    channel->close(dialogue.output());
  }
  facts.took = std::chrono::ceil<std::chrono::milliseconds>(deadline.clock().monotonic() - began);
  return facts;
}

}  // namespace sm::smtp
