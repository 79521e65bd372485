#pragma once
// A whole mail again: the message part and the attachments of an unlocked envelope as one
// multipart/mixed message, streamed. For `.eml` downloads, `smretain get` and replies on their way
// to the sender. It reads like the original and is not the original's bytes: signatures over those
// do not hold any more.

#include <functional>

#include "base/result.h"
#include "envelope/envelope.h"
#include "message/source.h"

namespace sm::sealing {

/// The assembled message, CRLF lines. `envelope` is unlocked and outlives the Source. An envelope
/// without a message part (files alone) becomes a message with an empty text.
Result<std::unique_ptr<message::Source>> assemble(envelope::Envelope& envelope);

}  // namespace sm::sealing
