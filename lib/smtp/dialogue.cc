#include "smtp/dialogue.h"

#include <algorithm>

#include "base/text.h"

namespace sm::smtp {
namespace {

Obstacle obstacle_of(Interruption interruption) {
  switch (interruption) {
    case Interruption::lost:
      return Obstacle::lost;
    case Interruption::timed_out:
      return Obstacle::timed_out;
    case Interruption::deadline_passed:
      return Obstacle::deadline_passed;
    case Interruption::protocol_error:
      return Obstacle::protocol_error;
    case Interruption::none:
    case Interruption::content_unreadable:
      return Obstacle::local_failure;
  }
  return Obstacle::local_failure;
}

std::string_view words_of(Interruption interruption) {
  switch (interruption) {
    case Interruption::lost:
      return "the server ended the connection";
    case Interruption::timed_out:
      return "the server did not answer in time";
    case Interruption::deadline_passed:
      return "the time given for this had passed";
    default:
      return "the dialogue was broken off";
  }
}

}  // namespace

void Dialogue::say(Command command, const std::string& line) {
  // A05: types keep control characters out of every argument; a line that has one all the same
  // would say something that nobody meant, so nothing is said.
  const bool has_control = std::any_of(line.begin(), line.end(),
                                       [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
  if (has_control) {
    end();
    on_interruption(Interruption::content_unreadable, "a command had a control character in it");
    return;
  }
  // Half a reply lies there before anything asks for one.
  if (awaited_.empty() && parser_.is_inside_reply()) {
    break_off("a reply came that nothing had asked for");
    return;
  }
  if (transcript_ != nullptr) transcript_->add(Transcript::Speaker::client, line);
  put(line);
  put("\r\n");
  await(command);
}

void Dialogue::put(std::string_view octets) {
  out_.append(octets);
  total_ += octets.size();
}

void Dialogue::note(std::string_view text) {
  if (transcript_ != nullptr) transcript_->add(Transcript::Speaker::note, text);
}

void Dialogue::part() {
  if (is_over_) return;
  say(Command::quit, "QUIT");
  is_over_ = true;
}

// An end mark that left after its message was given up would deliver it all the same.
void Dialogue::end() {
  is_over_ = true;
  out_.clear();
  out_at_ = 0;
}

void Dialogue::sent(std::size_t octets) {
  const std::size_t left = std::min(octets, out_.size() - out_at_);
  out_at_ += left;
  sent_ += left;
  // Content is fed before all of the last block is gone: what has left must not pile up.
  if (out_at_ >= out_.size() - out_at_) {
    out_.erase(0, out_at_);
    out_at_ = 0;
  }
}

void Dialogue::interrupt(Interruption interruption) {
  if (is_over_) return;
  end();
  note(words_of(interruption));
  on_interruption(interruption, std::string(words_of(interruption)));
}

void Dialogue::break_off(std::string detail) {
  note(detail);
  end();
  on_interruption(Interruption::protocol_error, std::move(detail));
}

void Dialogue::receive(std::string_view octets) {
  while (!octets.empty() && !is_over_) {
    if (!may_receive()) return break_off("octets came where none may come");
    const std::size_t before = octets.size();
    auto step = parser_.next(octets);
    received_ += before - octets.size();
    if (auto* reply = std::get_if<Reply>(&step)) {
      take(std::move(*reply));
    } else if (const auto* fault = std::get_if<ReplyFault>(&step)) {
      break_off(std::string(text(*fault)));
    } else if (received_ > kMaxReceived) {
      break_off("the server says too much");
    }
  }
}

void Dialogue::take(Reply reply) {
  ++replies_;
  if (transcript_ != nullptr) {
    const std::string octets = reply.verbatim();
    for (const auto line : split(octets, '\n')) {
      transcript_->add(Transcript::Speaker::server, line);
    }
  }
  if (awaited_.empty() || !has_left(awaited_.front().offset)) {
    on_unasked(std::move(reply));
    return;
  }
  const Command command = awaited_.front().command;
  awaited_.pop_front();
  on_reply(command, std::move(reply));
}

Opening::Opening(const name::Domain& helo, Transcript* transcript)
    : Dialogue(transcript), helo_(helo) {
  await(Command::greeting);
}

void Opening::obstruct(Obstacle obstacle, std::string detail) {
  is_ready_for_tls_ = false;
  obstacle_ = obstacle;
  detail_ = std::move(detail);
}

void Opening::on_reply(Command command, Reply reply) {
  switch (command) {
    case Command::greeting:
      greeting_ = std::move(reply);
      on_greeting();
      break;
    case Command::hello:
      ehlo_ = std::move(reply);
      on_ehlo();
      break;
    case Command::starttls:
      starttls_ = std::move(reply);
      on_starttls();
      break;
    default:
      on_unasked(std::move(reply));
      break;
  }
}

// RFC 5321 §3.1: 220, or 554. A server that turns us away says nothing about its TLS.
void Opening::on_greeting() {
  if (greeting_->code == 220) {
    say(Command::hello, "EHLO " + helo_.text());
    return;
  }
  if (greeting_->is_temporary()) {
    obstruct(Obstacle::rate_limited, "the server turned the connection away for now");
  } else if (greeting_->is_permanent()) {
    obstruct(Obstacle::greeting_refused, "the server does not want this connection");
  } else {
    obstruct(Obstacle::protocol_error, "the server's greeting is none");
  }
  part();
}

void Opening::on_ehlo() {
  const Reply& reply = *ehlo_;
  if (reply.is_done()) {
    if (parse_capabilities(reply).starttls) {
      say(Command::starttls, "STARTTLS");
      return;
    }
    obstruct(Obstacle::starttls_not_offered, "the server does not offer STARTTLS");
  } else if (reply.is_temporary()) {
    obstruct(Obstacle::rate_limited, "the server refused EHLO for now");
  } else if (reply.code == 500 || reply.code == 502 || reply.code == 504) {
    // RFC 5321 §3.2: such a server knows HELO only, and so no STARTTLS. HELO is never tried: there
    // is nothing that could be said after it.
    obstruct(Obstacle::starttls_not_offered, "the server does not know EHLO, so has no STARTTLS");
  } else if (reply.is_permanent()) {
    obstruct(Obstacle::greeting_refused, "the server refused EHLO");
  } else {
    obstruct(Obstacle::protocol_error, "the server's answer to EHLO is none");
  }
  part();
}

void Opening::on_starttls() {
  const Reply& reply = *starttls_;
  if (reply.code == 220) {
    is_ready_for_tls_ = true;
    return;
  }
  if (reply.is_temporary()) {
    obstruct(Obstacle::tls_refused_now, "the server offers STARTTLS and refused it for now");
  } else if (reply.is_permanent()) {
    obstruct(Obstacle::starttls_refused, "the server offers STARTTLS and refused it");
  } else {
    obstruct(Obstacle::protocol_error, "the server's answer to STARTTLS is none");
  }
  part();
}

void Opening::on_unasked(Reply reply) {
  end();
  if (reply.code == 421) {
    obstruct(Obstacle::rate_limited, "the server closes the connection: " + reply.text());
  } else {
    obstruct(Obstacle::protocol_error, "a reply came that nothing had asked for: " + reply.text());
  }
}

void Opening::on_interruption(Interruption interruption, std::string detail) {
  if (is_ready_for_tls_ && interruption == Interruption::protocol_error) {
    obstruct(Obstacle::injected, "more came after the answer to STARTTLS: somebody interferes");
    return;
  }
  obstruct(obstacle_of(interruption), std::move(detail));
}

SecureDialogue::SecureDialogue(const name::Domain& helo, Transcript* transcript)
    : Dialogue(transcript) {
  say(Command::hello, "EHLO " + helo.text());
}

void SecureDialogue::quit() {
  part();
}

void SecureDialogue::on_reply(Command command, Reply reply) {
  if (command != Command::hello) {
    on_unasked(std::move(reply));
    return;
  }
  ehlo_ = std::move(reply);
  if (ehlo_->is_done()) {
    capabilities_ = parse_capabilities(*ehlo_);
    is_greeted_ = true;
    return;
  }
  if (ehlo_->is_temporary()) {
    obstacle_ = Obstacle::rate_limited;
  } else {
    obstacle_ = ehlo_->is_permanent() ? Obstacle::greeting_refused : Obstacle::protocol_error;
  }
  detail_ = "the server refused EHLO after STARTTLS";
  part();
}

void SecureDialogue::on_unasked(Reply reply) {
  end();
  obstacle_ = reply.code == 421 ? Obstacle::rate_limited : Obstacle::protocol_error;
  detail_ = (reply.code == 421 ? "the server closes the connection: "
                               : "a reply came that nothing had asked for: ") +
            reply.text();
}

void SecureDialogue::on_interruption(Interruption interruption, std::string detail) {
  obstacle_ = obstacle_of(interruption);
  detail_ = std::move(detail);
}

}  // namespace sm::smtp
