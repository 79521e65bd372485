#pragma once
// Whose message it is: the one address in its one From field (RFC 5322 §3.6.2).
//
// Readers disagree about messages with two From fields, several authors, group syntax ("Friends:
// a@x, b@y;") or "From :", and a signature over one of the readings says nothing about the one that
// is shown. Such a message is not signed, and no signature on it counts for its author.

#include "base/result.h"
#include "message/header.h"
#include "name/domain.h"

namespace sm::dkim {

/// The domain of the author; Errc::malformed says in a phrase why there is none to rely on.
Result<name::Domain> author_domain(const message::HeaderIndex& header);

}  // namespace sm::dkim
