#pragma once
// Notices: mail that tells a recipient that a sealed message waits, to a destination that promises
// nothing about itself and proves nothing. It goes encrypted where the server can (RFC 7435,
// opportunistic), and in the clear where it cannot.
//
// No message content can take this way. A NoticeConnection takes nothing but a NoticeContent, and a
// NoticeContent is made by one class of lib/sealing alone, out of a link and words of its own. To
// whom a notice may go at all is decided before: a destination whose published DANE or MTA-STS
// policy fails gets none (delivery/route.h).

#include <memory>
#include <string>
#include <variant>

#include "smtp/client.h"

namespace sm::sealing {
class NoticeWriter;
}

namespace sm::smtp {

/// The octets of one notice, signed already. Made by sealing::NoticeWriter and nobody else.
class NoticeContent final : public Content {
 public:
  [[nodiscard]] std::uint64_t size() const override { return text_.size(); }
  Result<void> rewind() override {
    is_read_ = false;
    return {};
  }
  Result<std::string_view> next() override {
    const bool was_read = is_read_;
    is_read_ = true;
    return was_read ? std::string_view() : std::string_view(text_);
  }

 private:
  friend class sealing::NoticeWriter;
  explicit NoticeContent(std::string text) : text_(std::move(text)) {}
  std::string text_;
  bool is_read_ = false;
};

/// In place of a VerifiedPeer, for a Mailing that will carry nothing but notices. Only NoticeClient
/// makes one.
class NoticePermit {
 private:
  friend class NoticeClient;
  NoticePermit() = default;
};

/// A connection to whoever answered.
class NoticeConnection {
 public:
  NoticeConnection(NoticeConnection&&) noexcept;
  NoticeConnection& operator=(NoticeConnection&&) = delete;
  ~NoticeConnection();

  Delivery deliver(const Envelope& envelope, NoticeContent& content, const Deadline& deadline);
  [[nodiscard]] const SessionFacts& facts() const;
  /// It can take another notice.
  [[nodiscard]] bool is_usable() const;
  /// What protects it on its way: TLS with whoever is there, or nothing.
  [[nodiscard]] bool is_encrypted() const;

 private:
  friend class NoticeClient;
  struct State;
  explicit NoticeConnection(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

using NoticeAttempt = std::variant<NoticeConnection, SessionFacts>;

class NoticeClient {
 public:
  /// The context must outlive the client and its connections.
  NoticeClient(const tls::Context& context, Manner manner)
      : context_(&context), manner_(std::move(manner)) {}

  /// TLS where the server offers it and the handshake succeeds; in the clear, over a fresh
  /// connection, where it definitely does not (is_definite). What is only an obstacle for now
  /// (a 454 to STARTTLS, a lost connection) yields the facts: nothing is downgraded for trouble.
  [[nodiscard]] NoticeAttempt connect(const Target& target, const Deadline& deadline) const;

 private:
  NoticeAttempt connect_encrypted(const Target& target, const Deadline& deadline) const;
  NoticeAttempt connect_clear(const Target& target, const Deadline& deadline) const;
  const tls::Context* context_;
  Manner manner_;
};

}  // namespace sm::smtp
