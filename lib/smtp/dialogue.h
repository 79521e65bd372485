#pragma once
// The SMTP client's side of a dialogue (RFC 5321 §3) as a machine without sockets or clocks: octets
// of the server go in, octets for the server come out, and how it ended can be asked.
//
// A session is two dialogues with a TLS handshake between them. The Opening is in the clear: it
// knows the greeting, EHLO, STARTTLS and QUIT, and has no word with which it could say more. After
// the handshake nothing of it is believed any more (RFC 3207 §4.2), and a SecureDialogue begins
// with EHLO; the one that can say MAIL is the Mailing (mailing.h), which only a VerifiedPeer
// begins.
//
// Each reply answers one command, in order, and only a command that has left: a reply that comes
// before the command it would answer is nobody's, and ends the dialogue.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "name/domain.h"
#include "smtp/outcome.h"
#include "smtp/reply.h"
#include "smtp/transcript.h"

namespace sm::smtp {

/// What the dialogue waits for; each has its own timeout (RFC 5321 §4.5.3.2).
enum class Wait { greeting, command, data, block, end_of_data };

class Dialogue {
 public:
  /// Octets that a dialogue takes from a server before it says anything that asks for more.
  static constexpr std::size_t kMaxReceived = 1U << 20;

  Dialogue(const Dialogue&) = delete;
  Dialogue& operator=(const Dialogue&) = delete;
  virtual ~Dialogue() = default;

  /// Octets from the server.
  void receive(std::string_view octets);
  /// Octets for the server that were not sent yet.
  [[nodiscard]] std::string_view output() const { return std::string_view(out_).substr(out_at_); }
  /// So many octets of output() have left this machine; only then their replies are due.
  void sent(std::size_t octets);
  /// The connection is gone, or waiting has ended. Nothing happens where the dialogue is over.
  void interrupt(Interruption interruption);

  /// Replies that came; a waiting time ends with each.
  [[nodiscard]] std::uint64_t replies() const { return replies_; }
  [[nodiscard]] virtual Wait waits_for() const { return Wait::command; }
  /// Nothing more is to be said on this connection, after the output there is.
  [[nodiscard]] bool is_over() const { return is_over_; }

 protected:
  enum class Command { greeting, hello, starttls, rset, mail, rcpt, data, end_of_data, quit };

  explicit Dialogue(Transcript* transcript) : transcript_(transcript) {}

  /// Puts a command line into the output and its reply among those awaited.
  void say(Command command, const std::string& line);
  void await(Command command) { awaited_.push_back({command, total_}); }
  /// Message octets, into the output only.
  void put(std::string_view octets);
  void note(std::string_view text);
  /// QUIT, without awaiting its answer; the dialogue is over.
  void part();
  /// Over at once: what has not left yet never will.
  void end();
  [[nodiscard]] std::size_t awaited() const { return awaited_.size(); }
  [[nodiscard]] bool has_left(std::uint64_t offset) const { return sent_ >= offset; }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  void allow_more() { received_ = 0; }

  /// False where no octet may come at all.
  [[nodiscard]] virtual bool may_receive() const { return true; }
  /// The reply to a command that had left.
  virtual void on_reply(Command command, Reply reply) = 0;
  /// A reply to nothing: 421 is the server's right at any time (RFC 5321 §3.8); the rest is not.
  virtual void on_unasked(Reply reply) = 0;
  virtual void on_interruption(Interruption interruption, std::string detail) = 0;

 private:
  struct Awaited {
    Command command;
    std::uint64_t offset;  // the output's octets up to and including the command
  };
  void take(Reply reply);
  void break_off(std::string detail);

  Transcript* transcript_;
  ReplyParser parser_;
  std::deque<Awaited> awaited_;
  std::string out_;
  std::size_t out_at_ = 0;
  std::uint64_t total_ = 0;  // octets ever put into the output
  std::uint64_t sent_ = 0;   // of these, sent
  std::uint64_t replies_ = 0;
  std::size_t received_ = 0;
  bool is_over_ = false;
};

/// In the clear: greeting, EHLO, STARTTLS; or QUIT.
class Opening final : public Dialogue {
 public:
  explicit Opening(const name::Domain& helo, Transcript* transcript = nullptr);

  /// The 220 to STARTTLS came and nothing after it: the next octets are TLS.
  [[nodiscard]] bool is_ready_for_tls() const { return is_ready_for_tls_; }
  /// Why there is no TLS; set when over.
  [[nodiscard]] std::optional<Obstacle> obstacle() const { return obstacle_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }
  [[nodiscard]] const std::optional<Reply>& greeting() const { return greeting_; }
  [[nodiscard]] const std::optional<Reply>& ehlo() const { return ehlo_; }
  [[nodiscard]] const std::optional<Reply>& starttls() const { return starttls_; }
  [[nodiscard]] Wait waits_for() const override {
    return greeting_ ? Wait::command : Wait::greeting;
  }

 private:
  // RFC 3207 §6, CVE-2011-0411: octets after the 220 were not sent by who will be at the other end
  // of TLS, and must not be taken for theirs.
  [[nodiscard]] bool may_receive() const override { return !is_ready_for_tls_; }
  void on_reply(Command command, Reply reply) override;
  void on_unasked(Reply reply) override;
  void on_interruption(Interruption interruption, std::string detail) override;
  void on_greeting();
  void on_ehlo();
  void on_starttls();
  void obstruct(Obstacle obstacle, std::string detail);

  name::Domain helo_;
  std::optional<Reply> greeting_;
  std::optional<Reply> ehlo_;
  std::optional<Reply> starttls_;
  std::optional<Obstacle> obstacle_;
  std::string detail_;
  bool is_ready_for_tls_ = false;
};

/// After the handshake: EHLO anew, and QUIT.
class SecureDialogue : public Dialogue {
 public:
  explicit SecureDialogue(const name::Domain& helo, Transcript* transcript = nullptr);

  [[nodiscard]] bool is_greeted() const { return is_greeted_; }
  /// Why EHLO was in vain; set when over without having been greeted.
  [[nodiscard]] std::optional<Obstacle> obstacle() const { return obstacle_; }
  [[nodiscard]] const std::string& detail() const { return detail_; }
  [[nodiscard]] const std::optional<Reply>& ehlo() const { return ehlo_; }
  [[nodiscard]] const Capabilities& capabilities() const { return capabilities_; }
  void quit();

 protected:
  void on_reply(Command command, Reply reply) override;
  void on_unasked(Reply reply) override;
  void on_interruption(Interruption interruption, std::string detail) override;

 private:
  std::optional<Reply> ehlo_;
  Capabilities capabilities_;
  std::optional<Obstacle> obstacle_;
  std::string detail_;
  bool is_greeted_ = false;
};

}  // namespace sm::smtp
