#pragma once
// A pouch: a small secret, sealed to an organisation's public key, to be kept in the database until
// it is needed (the link in a notification that waits). Whoever only submits can make one; only the
// organisation's private key opens it.

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "envelope/wrap.h"

namespace sm::sealing {

Result<std::vector<std::uint8_t>> seal_pouch(const envelope::PublicKey& recipient, Bytes secret);
/// Errc::denied where no key of the ring opens it, Errc::malformed where it is damaged.
Result<Secret> open_pouch(const envelope::KeySource& keys, Bytes pouch);

}  // namespace sm::sealing
