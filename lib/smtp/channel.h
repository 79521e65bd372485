#pragma once
// A TCP connection that becomes a TLS connection, with time limits on everything, and the loop that
// carries a Dialogue over it. Octets of the dialogue count as sent only when the whole TLS record
// that holds them has gone to the kernel, so "has left" never means "lies in a buffer of ours".

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/address.h"
#include "base/clock.h"
#include "base/file.h"
#include "smtp/dialogue.h"
#include "smtp/outcome.h"
#include "tls/session.h"

namespace sm::smtp {

struct Timeouts;

class Channel {
 public:
  /// Ciphertext and plaintext that a connection takes from a server, and as much again for each
  /// message.
  static constexpr std::size_t kMaxReceived = 4U << 20;

  struct Failure {
    Obstacle obstacle;
    std::string detail;
  };
  /// Connects to exactly this address, without Nagle's delay.
  static std::variant<Channel, Failure> connect(const ServerAddress& server,
                                                const std::optional<IpAddress>& source,
                                                std::chrono::milliseconds timeout,
                                                const Deadline& deadline);

  [[nodiscard]] std::optional<ServerAddress> local() const;

  /// Carries the dialogue until `until` holds, or the dialogue is over and its last words are out.
  /// `feed` is asked for more output before each write.
  void run(Dialogue& dialogue, const Timeouts& timeouts, const Deadline& deadline,
           const std::function<bool()>& until, const std::function<void()>& feed = {});

  /// Performs the handshake; all that comes and goes after it is encrypted.
  std::variant<tls::Handshake, tls::HandshakeFailure> handshake(tls::Session session,
                                                                std::chrono::milliseconds timeout,
                                                                const Deadline& deadline);
  /// How the handshake was interrupted, where it failed without an answer.
  [[nodiscard]] Interruption interruption() const { return interruption_; }
  [[nodiscard]] tls::Session* session() { return session_ ? &*session_ : nullptr; }

  /// Another message: another allowance.
  void allow_more() { received_ = 0; }
  /// A dialogue's last words and close_notify, as far as they go without waiting.
  void close(std::string_view last_words);

 private:
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  enum class Io { ok, again, lost };
  Io flush();
  Io fill(std::string& ciphertext);
  /// Waits for the socket; what came is given to the dialogue.
  bool wait_for(Dialogue& dialogue, bool wants_write, const Deadline& until,
                const Deadline& deadline);
  void take_in(Dialogue& dialogue);
  bool write_some(Dialogue& dialogue);
  /// False when the time is up; `events` of poll(2).
  bool poll_until(short events, const Deadline& until, const Deadline& deadline, short& seen);

  UniqueFd socket_;
  std::optional<tls::Session> session_;
  std::string pending_;  // for the kernel
  std::size_t pending_at_ = 0;
  std::size_t pending_plaintext_ = 0;  // octets of the dialogue that pending_ holds
  std::string early_;                  // came encrypted before anything was said
  std::size_t received_ = 0;
  Interruption interruption_ = Interruption::none;
};

}  // namespace sm::smtp
