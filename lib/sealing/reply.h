#pragma once
// Replies travel back through the same channel: sealed to the organisation, kept beside the message
// that they answer, and told to its sender.
//
//   auto draft = ReplyDraft::begin(office, reading, text);
//   draft->attach(name, type, source);      // streaming; any number within the quota
//   draft->send(nonce);                     // from here on it exists
//
// Without send() nothing of it stays.

#include <memory>
#include <string>

#include "base/result.h"
#include "envelope/stream.h"
#include "sealing/access.h"

namespace sm::sealing {

/// Notes of what was sent last: "reply/<message>/<recipient>/last".
inline constexpr std::string_view kReplyNotes = "reply/";

/// Records `replied` as denied: "quota", "message-too-large".
Result<void> tell_refused_reply(Office& office, const Reading& reading, std::string_view reason);

class ReplyDraft {
 public:
  /// `text` is the reply's plain text, UTF-8. Errc::denied: replies are off, or this recipient's
  /// quota is used up (A82): so many a day, so many octets altogether ("quota").
  static Result<ReplyDraft> begin(Office& office, const Reading& reading, std::string_view text);
  ReplyDraft(ReplyDraft&&) noexcept;
  ~ReplyDraft();

  /// Errc::malformed: above the limit for one attachment; Errc::denied: the quota.
  Result<void> attach(const std::string& name, const std::string& type, envelope::Source& source);
  /// Publishes, records `replied`, marks the recipient, and puts what the sender gets into the
  /// outbox. Returns the reply's own id; nothing where the same was sent last by the same `form`: a
  /// button that was pressed twice, a page that was loaded again.
  Result<std::optional<std::string>> send(std::string_view form);

 private:
  struct State;
  explicit ReplyDraft(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sm::sealing
