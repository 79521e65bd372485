#pragma once
// Mail of our own: notifications, codes, words to a sender. Each is multipart, text and HTML, in
// plain words without the subject or the content of anybody's message, 7-bit throughout, signed
// with the organisation's DKIM key, and marked as sent by a machine (RFC 3834).

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/evidence.h"
#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "delivery/signing.h"
#include "message/prepare.h"
#include "name/mailbox.h"
#include "smtp/notice.h"

namespace sm::sealing {

/// A piece of a letter, set apart from the others.
struct Paragraph {
  enum class Kind { text, link, code };
  Kind kind = Kind::text;
  std::string text;  ///< UTF-8; of a link the URL, on a line of its own
};

struct Letter {
  name::Mailbox to;
  std::string language = "en";
  std::string from_name;  ///< shown beside the organisation's address
  std::string subject;
  std::vector<Paragraph> paragraphs;
  std::string mail_id;  ///< "<…@…>"
  WallTime date{};
};

/// A letter that is ready to be sent.
struct Composed {
  message::PreparedMessage message;
  std::vector<audit::DkimEvidence> dkim;
  name::Mailbox from;
};

/// UTF-8 as ASCII for people: letters without their accents, a question mark for all that has no
/// likeness. For the text part, which must stay 7-bit with its link unbroken.
std::string to_ascii(std::string_view text);

/// What a notification says, and all that it can say.
struct Notification {
  name::Mailbox to;
  std::string language;
  std::string sender_name;  ///< empty: the organisation alone
  const Secret* link;       ///< URL
  WallTime expires{};
  config::Method method = config::Method::sms;
  std::string mail_id;
  WallTime date{};
};

/// Word of a reply, for its sender; the reply itself is elsewhere.
struct ReplyWord {
  name::Mailbox to;
  std::string language;
  std::string replier;  ///< address of who replied
  std::string id;       ///< the reply's
  std::string mail_id;
  WallTime date{};
};

/// The same octets in two forms: the second is for a destination that proves nothing, and only what
/// says that something waits has it.
struct ComposedNotice {
  Composed composed;
  smtp::NoticeContent notice;
};

class NoticeWriter {
 public:
  /// All outlive it.
  NoticeWriter(const config::Organisation& organisation, const Clock& clock,
               delivery::SigningDesk& signing)
      : organisation_(organisation), clock_(clock), signing_(signing) {}

  Result<Composed> compose(const Letter& letter) const;
  /// A message that is whole already (a reply on its way to the sender), signed.
  Result<Composed> forward(message::Source& message) const;
  Result<ComposedNotice> compose(const Notification& notification) const;
  Result<ComposedNotice> compose(const ReplyWord& word) const;

 private:
  static Result<ComposedNotice> in_both_forms(Result<Composed> composed);
  const config::Organisation& organisation_;
  const Clock& clock_;
  delivery::SigningDesk& signing_;
};

}  // namespace sm::sealing
