#pragma once
// Word to a sender about a message that was accepted and waits, or did not arrive: a report as
// machines read it (RFC 3464, in a multipart/report of RFC 6522) with a text for people before it,
// in the organisation's language. It goes out under the null return path, so nothing ever answers
// it, and carries the header of the message alone: no report holds content.

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/config.h"
#include "message/prepare.h"
#include "name/mailbox.h"

namespace sm::queue {

/// RFC 3464 §2.3.3.
enum class Action { failed, delayed };

struct Subject {
  std::string recipient;
  std::string enhanced;           ///< RFC 3463: "5.1.1"
  std::string reason;             ///< our stable code
  std::string detail;             ///< a sentence; may be empty
  std::string reply;              ///< the server's last; may be empty
  std::string mx;                 ///< the host that said so; may be empty
  bool may_have_arrived = false;  ///< the connection was lost after the end of the message
};

struct Report {
  Action action = Action::failed;
  name::Mailbox to;
  std::string envelope_id;  ///< ENVID of the submission; may be empty
  std::string message_id;   ///< the audit id
  std::string header;       ///< of the message; lines that end in CRLF; may be empty
  WallTime arrived{};
  WallTime until{};  ///< of a delay: how long it is tried
  std::vector<Subject> subjects;
};

/// A message that is ready to be queued. `reporting`: the name of this host in mail.
Result<message::PreparedMessage> compose(const Report& report,
                                         const config::Organisation& organisation,
                                         const std::string& reporting, const Clock& clock);

}  // namespace sm::queue
