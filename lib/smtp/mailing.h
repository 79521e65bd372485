#pragma once
// Mail transactions over a verified connection (RFC 5321 §3.3, RFC 2920, RFC 3030): MAIL, RCPT,
// DATA or BDAT, one message after the other, an end for every recipient.
//
// Nothing but a VerifiedPeer begins a Mailing: a dialogue with anybody else has no MAIL in it; or a
// NoticePermit, for a connection that takes nothing but notices (notice.h). A
// recipient is accepted only by a 2xx to the recipient and a 2xx to the end of data, both in their
// turn; once the end mark has left, the only ends are the server's own word or `uncertain`.
//
// Message octets leave only after a recipient was accepted. They go by DATA: its 354 is like no
// other reply, so a server that says one reply too many is found out before the message, where with
// BDAT the answer to RCPT could pass for the answer to the end of data. BDAT is there for who asks
// for it.

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "smtp/dialogue.h"
#include "smtp/dots.h"
#include "smtp/envelope.h"
#include "smtp/outcome.h"
#include "tls/trust.h"

namespace sm::smtp {

class NoticePermit;

/// RFC 5321 §4.5.3.1.10: 452, or 552 from old servers, to RCPT: the others go in a transaction of
/// their own.
bool is_too_many_recipients(const Reply& reply);

class Mailing final : public SecureDialogue {
 public:
  Mailing(tls::VerifiedPeer peer, const name::Domain& helo, Transcript* transcript = nullptr);
  Mailing(const NoticePermit& permit, const name::Domain& helo, Transcript* transcript);

  /// Why this message cannot be given to this server as it is; nothing where it can. For after
  /// is_greeted().
  [[nodiscard]] std::optional<Unsuited> unsuited(const Envelope& envelope,
                                                 std::uint64_t size) const;

  /// Begins a transaction for some of the envelope's recipients, none under way. `size` octets of
  /// content will come, exactly.
  void begin(const Envelope& envelope, std::span<const Recipient> recipients, std::uint64_t size);
  /// The server waits for content, and the output has room for more.
  [[nodiscard]] bool wants_content() const;
  void content(std::string_view block);
  void content_end();
  /// The source failed: the connection is given up without an end mark.
  void content_failed(std::string detail);

  [[nodiscard]] bool is_idle() const { return phase_ == Phase::idle; }
  /// Every recipient has an end; take() it.
  [[nodiscard]] bool is_done() const { return phase_ == Phase::done; }
  Transaction take();

  /// From now on BDAT where it is offered (RFC 3030), or DATA (the default).
  void use_framing(Framing framing) { framing_ = framing; }
  /// The last transaction failed at BDAT in a way that DATA may not.
  [[nodiscard]] bool stumbled_over_bdat() const { return stumbled_over_bdat_; }
  /// none where it carries notices.
  [[nodiscard]] tls::Demand proved_by() const {
    return peer_ ? peer_->proved_by() : tls::Demand::none;
  }
  [[nodiscard]] Wait waits_for() const override;

 private:
  enum class Phase { idle, commands, content, ending, done };
  struct Pending {
    Command command;
    std::string line;
    std::size_t recipient = 0;
  };

  void on_reply(Command command, Reply reply) override;
  void on_unasked(Reply reply) override;
  void on_interruption(Interruption interruption, std::string detail) override;

  void plan(const Envelope& envelope, std::span<const Recipient> recipients);
  void advance();
  void after_commands();
  void start_content();
  void on_mail(const Reply& reply);
  void on_rcpt(const Reply& reply);
  void on_data(const Reply& reply);
  void on_end_of_data(const Reply& reply);
  void settle(Outcome outcome, Stage stage, const std::optional<Reply>& reply,
              Interruption interruption, const std::string& detail);
  void settle_by(const Reply& reply, Stage stage);
  void violate(const Reply& reply, Stage stage);
  void finish();
  [[nodiscard]] std::size_t accepted_count() const;
  [[nodiscard]] bool has_end_mark_left() const;

  std::optional<tls::VerifiedPeer> peer_;
  Phase phase_ = Phase::idle;
  std::deque<Pending> plan_;       // commands not said yet
  std::size_t next_rcpt_ = 0;      // whose RCPT reply comes next
  std::vector<bool> is_accepted_;  // 2xx to RCPT
  std::vector<bool> is_settled_;   // has its end
  Transaction transaction_;
  ContentWriter writer_{Framing::dots};
  crypto::Sha256Stream digest_;
  std::string block_;
  std::uint64_t size_ = 0;
  std::uint64_t end_mark_ = 0;  // offset in the output where the end mark ends
  Framing framing_ = Framing::dots;
  bool is_counted_ = false;    // this transaction uses BDAT
  bool is_dismissed_ = false;  // 354 came though nobody was accepted: a lone dot goes
  bool needs_rset_ = false;
  bool stumbled_over_bdat_ = false;
};

}  // namespace sm::smtp
