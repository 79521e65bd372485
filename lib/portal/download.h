#pragma once
// What a reader takes along: one part (in ranges), the whole message as .eml, everything as .zip.
// All of it is decrypted while it is sent, in constant memory, and stops when the session's right
// ends: revoked, expired, destroyed, logged out.

#include "portal/exchange.h"
#include "portal/fields.h"
#include "portal/staff.h"

namespace sm::portal {

/// Part `n` of what is being read; nothing where there is no such file. `for_head`: no bytes
/// follow.
Result<std::optional<Answer>> part_download(sealing::Reading reading, std::size_t n,
                                            const Request& request);
Result<Answer> mail_download(sealing::Reading reading);
Result<Answer> zip_download(sealing::Reading reading, const Clock& clock);

}  // namespace sm::portal
