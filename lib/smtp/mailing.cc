#include "smtp/mailing.h"

#include <algorithm>
#include <utility>

namespace sm::smtp {
namespace {

// Output enough for a whole TLS record: more content is asked for below this.
constexpr std::size_t kEnoughOutput = 16384;

std::string mail_line(const Envelope& envelope, const Capabilities& offered, std::uint64_t size) {
  std::string line = "MAIL FROM:<" + envelope.sender.text() + '>';
  if (offered.size) line += " SIZE=" + std::to_string(size);  // RFC 1870 §6.1
  const bool is_international = envelope.is_internationalized();
  // RFC 6531 §3.1: who offers SMTPUTF8 offers 8BITMIME too.
  if (envelope.needs_8bitmime || (is_international && offered.eight_bit_mime)) {
    line += " BODY=8BITMIME";
  }
  if (is_international) line += " SMTPUTF8";
  if (envelope.requires_tls) line += " REQUIRETLS";  // RFC 8689 §3
  if (offered.dsn && envelope.returned) {
    line += *envelope.returned == Returned::full ? " RET=FULL" : " RET=HDRS";
  }
  if (offered.dsn && envelope.id) line += " ENVID=" + xtext(envelope.id->text());
  return line;
}

std::string rcpt_line(const Recipient& recipient, const Capabilities& offered) {
  std::string line = "RCPT TO:<" + recipient.mailbox.text() + '>';
  if (!offered.dsn) return line;
  if (recipient.notify) line += " NOTIFY=" + recipient.notify->text();
  // RFC 3461 §4.2; an address beyond ASCII would be of type utf-8 (RFC 6533) and is left out.
  if (recipient.original && !recipient.original->needs_smtputf8()) {
    line += " ORCPT=rfc822;" + xtext(recipient.original->text());
  }
  return line;
}

bool asks_for_reports(const Envelope& envelope, std::span<const Recipient> recipients) {
  return envelope.id || envelope.returned ||
         std::any_of(recipients.begin(), recipients.end(),
                     [](const Recipient& to) { return to.notify || to.original; });
}

}  // namespace

bool is_too_many_recipients(const Reply& reply) {
  if (reply.code != 452 && reply.code != 552) return false;
  return !reply.enhanced || (reply.enhanced->subject == 5 && reply.enhanced->detail == 3);
}

Mailing::Mailing(tls::VerifiedPeer peer, const name::Domain& helo, Transcript* transcript)
    : SecureDialogue(helo, transcript), peer_(std::move(peer)) {}

Mailing::Mailing(const NoticePermit&, const name::Domain& helo, Transcript* transcript)
    : SecureDialogue(helo, transcript) {}

std::optional<Unsuited> Mailing::unsuited(const Envelope& envelope, std::uint64_t size) const {
  const Capabilities& offered = capabilities();
  if (envelope.requires_tls && !offered.requiretls) return Unsuited::needs_requiretls;
  if (envelope.is_internationalized() && !offered.smtputf8) return Unsuited::needs_smtputf8;
  if (offered.size && offered.size_limit > 0 && size > offered.size_limit) {
    return Unsuited::too_large;
  }
  if (envelope.needs_8bitmime && !offered.eight_bit_mime) return Unsuited::needs_8bitmime;
  return std::nullopt;
}

void Mailing::begin(const Envelope& envelope, std::span<const Recipient> recipients,
                    std::uint64_t size) {
  allow_more();
  transaction_ = {};
  transaction_.ends.resize(recipients.size());
  is_accepted_.assign(recipients.size(), false);
  is_settled_.assign(recipients.size(), false);
  next_rcpt_ = 0;
  size_ = size;
  end_mark_ = 0;
  is_dismissed_ = false;
  stumbled_over_bdat_ = false;
  is_counted_ = capabilities().chunking && framing_ == Framing::counted;
  writer_ = ContentWriter(is_counted_ ? Framing::counted : Framing::dots);
  digest_ = {};
  phase_ = Phase::commands;
  if (is_over() || !is_greeted()) {
    settle(Outcome::deferred, Stage::connection, std::nullopt, Interruption::lost,
           "the connection had ended");
    return finish();
  }
  if (unsuited(envelope, size)) {
    settle(Outcome::deferred, Stage::connection, std::nullopt, Interruption::protocol_error,
           "the server does not offer what this message needs");
    return finish();
  }
  transaction_.is_dsn_passed_on = capabilities().dsn && asks_for_reports(envelope, recipients);
  plan(envelope, recipients);
  advance();
}

void Mailing::plan(const Envelope& envelope, std::span<const Recipient> recipients) {
  plan_.clear();
  if (std::exchange(needs_rset_, false)) plan_.push_back({Command::rset, "RSET"});
  plan_.push_back({Command::mail, mail_line(envelope, capabilities(), size_)});
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    plan_.push_back({Command::rcpt, rcpt_line(recipients[i], capabilities()), i});
  }
  if (!is_counted_) plan_.push_back({Command::data, "DATA"});
}

// RFC 2920 §3.1: RSET, MAIL and RCPT in one group, DATA as its last; without PIPELINING one by one.
void Mailing::advance() {
  while (phase_ == Phase::commands && !plan_.empty() && !is_over()) {
    if (!capabilities().pipelining && awaited() > 0) return;
    // DATA, said in its turn, is not said in vain.
    const bool is_in_vain = plan_.front().command == Command::data && !capabilities().pipelining &&
                            accepted_count() == 0;
    if (!is_in_vain) say(plan_.front().command, plan_.front().line);
    if (!plan_.empty()) plan_.pop_front();
  }
  if (phase_ == Phase::commands && plan_.empty() && awaited() == 0) after_commands();
}

// All replies to the commands are in, and no 354 is among them.
void Mailing::after_commands() {
  needs_rset_ = true;
  if (!is_counted_ || accepted_count() == 0) return finish();
  note("(message content by BDAT: " + std::to_string(size_) + " octets)");
  // RFC 3030 §2: the size, SP, LAST; content follows at once.
  put("BDAT " + std::to_string(size_) + " LAST\r\n");
  phase_ = Phase::content;
}

bool Mailing::wants_content() const {
  return phase_ == Phase::content && !is_over() && output().size() < kEnoughOutput;
}

void Mailing::content(std::string_view block) {
  if (phase_ != Phase::content || is_over()) return;
  if (writer_.octets() + block.size() > size_) {
    return content_failed("the message is longer than was announced");
  }
  block_.clear();
  if (!writer_.write(block, block_)) {
    return content_failed("the message has a bare CR or LF, or a NUL");
  }
  digest_.update({reinterpret_cast<const std::uint8_t*>(block.data()), block.size()});
  put(block_);
}

void Mailing::content_end() {
  if (phase_ != Phase::content || is_over()) return;
  if (writer_.octets() != size_ || !writer_.is_at_line_start()) {
    return content_failed("the message ended before its announced size, or inside a line");
  }
  if (!is_counted_) put(".\r\n");
  await(Command::end_of_data);
  end_mark_ = total();
  transaction_.octets = size_;
  transaction_.sha256 = digest_.finish();
  phase_ = Phase::ending;
}

void Mailing::content_failed(std::string detail) {
  if (phase_ != Phase::content && phase_ != Phase::commands) return;
  end();
  note(detail);
  on_interruption(Interruption::content_unreadable, std::move(detail));
}

Wait Mailing::waits_for() const {
  switch (phase_) {
    case Phase::commands: {
      const bool is_only_data_left = plan_.empty() && awaited() == 1 && !is_counted_;
      return is_only_data_left ? Wait::data : Wait::command;
    }
    case Phase::content:
      return Wait::block;
    case Phase::ending:
      return has_end_mark_left() ? Wait::end_of_data : Wait::block;
    case Phase::idle:
    case Phase::done:
      return Wait::command;
  }
  return Wait::command;
}

void Mailing::on_reply(Command command, Reply reply) {
  switch (command) {
    case Command::rset:
      if (reply.is_done()) break;
      // A server that cannot forget the last message gets no other; that says nothing about this
      // one.
      end();
      settle(Outcome::deferred, Stage::mail, reply, Interruption::protocol_error,
             "the server refused RSET");
      return finish();
    case Command::mail:
      on_mail(reply);
      break;
    case Command::rcpt:
      on_rcpt(reply);
      break;
    case Command::data:
      return on_data(reply);
    case Command::end_of_data:
      return on_end_of_data(reply);
    default:
      return SecureDialogue::on_reply(command, std::move(reply));
  }
  // RFC 5321 §3.8: after 421 the connection is closed.
  if (reply.code == 421 && phase_ == Phase::commands) {
    settle_by(reply, command == Command::mail ? Stage::mail : Stage::rcpt);
    end();
    finish();
  }
  advance();
}

void Mailing::on_mail(const Reply& reply) {
  if (reply.is_done()) return;
  if (!reply.is_temporary() && !reply.is_permanent()) return violate(reply, Stage::mail);
  settle_by(reply, Stage::mail);
  plan_.clear();
}

void Mailing::on_rcpt(const Reply& reply) {
  const std::size_t index = next_rcpt_++;
  if (is_settled_[index]) return;  // by MAIL: 503 and the like add nothing
  if (reply.is_done()) {
    is_accepted_[index] = true;
    return;
  }
  if (!reply.is_temporary() && !reply.is_permanent()) return violate(reply, Stage::rcpt);
  is_settled_[index] = true;
  const bool is_final = reply.is_permanent() && !is_too_many_recipients(reply);
  transaction_.ends[index] = {is_final ? Outcome::failed : Outcome::deferred, Stage::rcpt, reply};
}

void Mailing::on_data(const Reply& reply) {
  needs_rset_ = true;
  if (reply.code != 354) {
    if (!reply.is_temporary() && !reply.is_permanent()) return violate(reply, Stage::data);
    settle_by(reply, Stage::data);
    if (reply.code == 421) end();
    return finish();
  }
  phase_ = Phase::content;
  if (accepted_count() > 0) {
    note("(message content by DATA: " + std::to_string(size_) + " octets)");
    return;
  }
  // RFC 2920 §3.1: 354 though no recipient was accepted: a lone dot, and no octet of the message.
  is_dismissed_ = true;
  put(".\r\n");
  await(Command::end_of_data);
  end_mark_ = total();
  phase_ = Phase::ending;
}

void Mailing::on_end_of_data(const Reply& reply) {
  needs_rset_ = false;
  if (is_dismissed_) {
    if (reply.code == 421) end();
    needs_rset_ = true;
    return finish();
  }
  transaction_.is_content_sent = true;
  if (reply.is_done()) {
    transaction_.queue_id = queue_id(reply);
    settle(Outcome::accepted, Stage::end_of_data, reply, Interruption::none, {});
  } else if (reply.is_temporary() || reply.is_permanent()) {
    // 500, 502, 504: a server that offers BDAT and does not know it (RFC 5321 §4.2.4).
    stumbled_over_bdat_ =
        is_counted_ && (reply.code == 500 || reply.code == 502 || reply.code == 504);
    settle_by(reply, Stage::end_of_data);
    // RFC 3030 §2: a refused BDAT leaves a transaction that only RSET ends.
    needs_rset_ = is_counted_;
    if (reply.code == 421) end();
  } else {
    return violate(reply, Stage::end_of_data);
  }
  finish();
}

// A reply of a kind that its command cannot have: what the server means is unknown.
void Mailing::violate(const Reply& reply, Stage stage) {
  const bool is_too_late = has_end_mark_left();
  end();
  settle(is_too_late ? Outcome::uncertain : Outcome::deferred, stage, reply,
         Interruption::protocol_error, "the server's reply is of an impossible kind");
  finish();
}

void Mailing::on_unasked(Reply reply) {
  end();
  const bool decides = reply.is_temporary() || reply.is_permanent();
  if (phase_ == Phase::content || phase_ == Phase::ending) {
    // Before the end mark has left nothing can have been accepted; a refusal in mid-body is the
    // server's last word on this message, any other reply is nobody's.
    if (decides && !is_dismissed_) {
      settle_by(reply, Stage::content);
    } else {
      settle(Outcome::deferred, Stage::content, reply, Interruption::protocol_error,
             "a reply came before the end of the message");
    }
    return finish();
  }
  if (phase_ == Phase::commands) {
    if (reply.code == 421) {
      settle_by(reply, Stage::rcpt);
    } else {
      settle(Outcome::deferred, Stage::rcpt, reply, Interruption::protocol_error,
             "a reply came that nothing had asked for");
    }
    return finish();
  }
  if (phase_ == Phase::idle) SecureDialogue::on_unasked(std::move(reply));
}

void Mailing::on_interruption(Interruption interruption, std::string detail) {
  switch (phase_) {
    case Phase::commands:
      settle(Outcome::deferred, Stage::rcpt, std::nullopt, interruption, detail);
      return finish();
    case Phase::content:
      settle(Outcome::deferred, Stage::content, std::nullopt, interruption, detail);
      return finish();
    case Phase::ending: {
      // The server may have all of it: whether it took it, only its reply could have told.
      const bool is_too_late = has_end_mark_left();
      transaction_.is_content_sent = is_too_late && !is_dismissed_;
      settle(is_too_late ? Outcome::uncertain : Outcome::deferred,
             is_too_late ? Stage::end_of_data : Stage::content, std::nullopt, interruption, detail);
      return finish();
    }
    case Phase::done:
      return;
    case Phase::idle:
      return SecureDialogue::on_interruption(interruption, std::move(detail));
  }
}

void Mailing::settle_by(const Reply& reply, Stage stage) {
  settle(reply.is_permanent() ? Outcome::failed : Outcome::deferred, stage, reply,
         Interruption::none, {});
}

// Gives their end to all who have none yet.
void Mailing::settle(Outcome outcome, Stage stage, const std::optional<Reply>& reply,
                     Interruption interruption, const std::string& detail) {
  for (std::size_t i = 0; i < is_settled_.size(); ++i) {
    if (is_settled_[i]) continue;
    is_settled_[i] = true;
    transaction_.ends[i] = {outcome, stage, reply, interruption, detail};
  }
}

void Mailing::finish() {
  plan_.clear();
  phase_ = Phase::done;
}

std::size_t Mailing::accepted_count() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < is_accepted_.size(); ++i) {
    if (is_accepted_[i] && !is_settled_[i]) ++count;
  }
  return count;
}

bool Mailing::has_end_mark_left() const {
  return phase_ == Phase::ending && end_mark_ > 0 && has_left(end_mark_);
}

Transaction Mailing::take() {
  phase_ = Phase::idle;
  return std::exchange(transaction_, {});
}

}  // namespace sm::smtp
