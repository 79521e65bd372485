#include "queue/counter.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace sm::queue {
namespace {

using smtp::Answer;

constexpr std::size_t kMostLine = 2048;  // RFC 5321 §4.5.3.1.4 says 512, extensions add to it
constexpr int kMostErrors = 20;

/// Octets from the client, one after the other.
class Input {
 public:
  explicit Input(message::Source& source) : source_(source) {}

  /// Nothing at the end.
  Result<std::optional<char>> next() {
    if (left_.empty()) {
      if (has_ended_) return std::optional<char>();
      auto block = source_.next();
      if (!block) return fail(std::move(block).error());
      has_ended_ = block->empty();
      if (has_ended_) return std::optional<char>();
      left_ = as_text(*block);
    }
    const char c = left_.front();
    left_.remove_prefix(1);
    return std::optional<char>(c);
  }
  /// More is here already: answers can wait and leave together.
  [[nodiscard]] bool has_more() const { return !left_.empty(); }

 private:
  message::Source& source_;
  std::string_view left_;
  bool has_ended_ = false;
};

/// The content of one message: dots taken off (RFC 5321 §4.5.2), ended by CRLF.CRLF alone.
class Content final : public message::Source {
 public:
  Content(Input& in, std::uint64_t limit) : in_(in), limit_(limit) {}

  Result<Bytes> next() override {
    block_.clear();
    while (!has_ended_ && block_.size() < kBlock) {
      auto c = in_.next();
      if (!c) return fail(std::move(c).error());
      if (!*c) return fail(Errc::io, "the client left in the middle of a message");
      take(**c);
    }
    if (has_bare_ends_) return fail(Errc::malformed, "a bare CR or LF: lines end in CRLF");
    given_ += block_.size();
    if (given_ > limit_) {
      is_too_large_ = true;
      return fail(Errc::malformed, "message-too-large");
    }
    return as_bytes(block_);
  }

  /// Reads to the end of the content. An Error: the client is gone.
  Result<void> discard() {
    while (!has_ended_) {
      auto c = in_.next();
      if (!c) return fail(std::move(c).error());
      if (!*c) return fail(Errc::io, "the client left in the middle of a message");
      take(**c);
      block_.clear();
    }
    return {};
  }
  [[nodiscard]] bool is_too_large() const { return is_too_large_; }

 private:
  // Where in "CRLF . CRLF" we stand; a line begins right after DATA.
  enum class Place { line_start, dot, dot_cr, inside, cr };
  static constexpr std::size_t kBlock = 32768;

  void take(char c) {
    switch (place_) {
      case Place::line_start:
        if (c == '.') {
          place_ = Place::dot;
          return;
        }
        break;
      case Place::dot:
        if (c == '\r') {
          place_ = Place::dot_cr;
          return;
        }
        break;  // a stuffed dot: gone, what follows it stays
      case Place::dot_cr:
        if (c == '\n') {
          has_ended_ = true;
          return;
        }
        has_bare_ends_ = true;  // ".\r" and something: a look-alike
        block_ += '\r';
        break;
      case Place::cr:
        if (c == '\n') {
          block_ += "\r\n";
          place_ = Place::line_start;
          return;
        }
        has_bare_ends_ = true;
        block_ += '\r';
        break;
      case Place::inside:
        break;
    }
    if (c == '\r') {
      place_ = Place::cr;
      return;
    }
    if (c == '\n') has_bare_ends_ = true;
    block_ += c;
    place_ = Place::inside;
  }

  Input& in_;
  std::uint64_t limit_;
  std::string block_;
  std::uint64_t given_ = 0;
  Place place_ = Place::line_start;
  bool has_ended_ = false;
  bool is_too_large_ = false;
  bool has_bare_ends_ = false;
};

Answer refusal_of(const Error& error) {
  const std::string why = printable(error.what);
  if (error.code == Errc::malformed) return {554, "5.6.0 " + why};
  if (error.code == Errc::denied || error.code == Errc::usage) return {550, "5.7.1 " + why};
  return {451, "4.3.0 " + why};
}

}  // namespace

class Counter::Session {
 public:
  Session(Options options, message::Source& in, Say say, Take take)
      : options_(std::move(options)), in_(in), say_(std::move(say)), take_(std::move(take)) {}

  Result<void> serve() {
    answer({220, options_.host + " ESMTP"});
    while (!is_over_) {
      // RFC 2920 §3.1: answers to a group leave together, and nothing waits for what has not come.
      if (!in_.has_more()) {
        if (auto said = flush(); !said) return said;
      }
      auto line = read_line();
      if (!line) {
        answer({421, "4.4.2 " + options_.host + " waited too long"});
        break;
      }
      if (!*line) break;
      if (auto done = obey(**line); !done) return done;
    }
    return flush();
  }

 private:
  void answer(const Answer& answer) { out_ += answer.line(); }
  Result<void> flush() {
    const std::string out = std::exchange(out_, {});
    return out.empty() ? Result<void>() : say_(out);
  }

  /// Nothing at the end of the session.
  Result<std::optional<std::string>> read_line() {
    std::string line;
    bool has_cr = false;
    for (;;) {
      auto c = in_.next();
      if (!c) return fail(std::move(c).error());
      if (!*c) return std::optional<std::string>();
      if (has_cr && **c == '\n') return std::optional<std::string>(std::move(line));
      if (has_cr || **c == '\n' || **c == '\0') {
        end({500, "5.5.2 a bare CR or LF, or a NUL: lines end in CRLF"});
        return std::optional<std::string>();
      }
      has_cr = **c == '\r';
      if (!has_cr) line += **c;
      if (line.size() > kMostLine) {
        end({500, "5.5.2 the line is too long"});
        return std::optional<std::string>();
      }
    }
  }

  void end(const Answer& last) {
    answer(last);
    is_over_ = true;
  }

  Result<void> obey(const std::string& line) {
    const auto command = smtp::parse_command(line);
    if (const auto* refused = std::get_if<Answer>(&command)) {
      refuse(*refused);
      return {};
    }
    return std::visit([&](const auto& one) { return obey(one); }, command);
  }

  void refuse(const Answer& refusal) {
    answer(refusal);
    if (++errors_ >= kMostErrors) end({421, "4.7.0 too many errors"});
  }

  Result<void> obey(const Answer&) { return {}; }
  Result<void> obey(const smtp::command::Hello& hello) {
    envelope_.reset();
    has_greeted_ = true;
    if (!hello.is_extended) {
      answer({250, options_.host});
      return {};
    }
    const std::string lines[] = {
        options_.host, "PIPELINING", "SIZE " + std::to_string(options_.message_limit),
        "8BITMIME",    "SMTPUTF8",   "DSN"};
    for (const auto& line : lines)
      out_ += "250-" + line + "\r\n";
    answer({250, "ENHANCEDSTATUSCODES"});
    return {};
  }
  Result<void> obey(const smtp::command::Mail& mail) {
    if (!has_greeted_) {
      refuse({503, "5.5.1 say EHLO first"});
    } else if (envelope_) {
      refuse({503, "5.5.1 a message is under way: RSET ends it"});
    } else if (mail.size && *mail.size > options_.message_limit) {
      refuse({552, "5.3.4 the message is too large"});
    } else if (mail.sender.needs_smtputf8() && !mail.is_smtputf8) {
      refuse({553, "5.6.7 the address needs SMTPUTF8"});
    } else {
      envelope_.emplace();
      envelope_->sender = mail.sender;
      envelope_->id = mail.id;
      envelope_->returned = mail.returned;
      is_smtputf8_ = mail.is_smtputf8;
      answer({250, "2.1.0 ok"});
    }
    return {};
  }
  Result<void> obey(const smtp::command::Rcpt& rcpt) {
    if (!envelope_) {
      refuse({503, "5.5.1 say MAIL first"});
      return {};
    }
    auto& recipients = envelope_->recipients;
    const auto& mailbox = rcpt.recipient.mailbox;
    const bool is_known = std::any_of(recipients.begin(), recipients.end(),
                                      [&](const auto& one) { return one.mailbox == mailbox; });
    if (mailbox.needs_smtputf8() && !is_smtputf8_) {
      refuse({553, "5.6.7 the address needs SMTPUTF8"});
    } else if (!is_known && recipients.size() >= options_.most_recipients) {
      answer({452, "4.5.3 too many recipients"});
    } else {
      if (!is_known) recipients.push_back(rcpt.recipient);
      answer({250, "2.1.5 ok"});
    }
    return {};
  }
  Result<void> obey(const smtp::command::Data&) {
    if (!envelope_ || envelope_->recipients.empty()) {
      refuse({503, "5.5.1 say MAIL and RCPT first"});
      return {};
    }
    answer({354, "end with a dot on a line of its own"});
    if (auto said = flush(); !said) return said;
    Content content(in_, options_.message_limit);
    const auto taken = take_(*envelope_, content);
    envelope_.reset();
    if (auto discarded = content.discard(); !discarded) {
      // A message whose end never came is none, whatever was made of it.
      end({421, "4.4.2 the message did not end"});
      return {};
    }
    if (content.is_too_large()) {
      answer({552, "5.3.4 the message is too large"});
    } else if (taken) {
      answer({250, "2.0.0 queued" + (taken->empty() ? "" : " as " + *taken)});
    } else {
      answer(refusal_of(taken.error()));
    }
    return {};
  }
  Result<void> obey(const smtp::command::Reset&) {
    envelope_.reset();
    answer({250, "2.0.0 ok"});
    return {};
  }
  Result<void> obey(const smtp::command::Noop&) {
    answer({250, "2.0.0 ok"});
    return {};
  }
  Result<void> obey(const smtp::command::Verify&) {
    // RFC 5321 §3.5.3: 252 promises nothing.
    answer({252, "2.5.0 send, and see"});
    return {};
  }
  Result<void> obey(const smtp::command::Help&) {
    answer({214, "2.0.0 EHLO MAIL RCPT DATA RSET NOOP QUIT"});
    return {};
  }
  Result<void> obey(const smtp::command::Quit&) {
    end({221, "2.0.0 " + options_.host});
    return {};
  }

  Options options_;
  Input in_;
  Say say_;
  Take take_;
  std::string out_;
  std::optional<smtp::Envelope> envelope_;
  bool is_smtputf8_ = false;
  bool has_greeted_ = false;
  bool is_over_ = false;
  int errors_ = 0;
};

Counter::Counter(Options options, message::Source& in, Say say, Take take)
    : session_(std::make_unique<Session>(std::move(options), in, std::move(say), std::move(take))) {
}
Counter::~Counter() = default;

Result<void> Counter::serve() {
  return session_->serve();
}

}  // namespace sm::queue
