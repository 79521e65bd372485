#pragma once
// The erasure certificate: says that a message's keys and content were destroyed, and proves by the
// log's own record, with its place in the signed tree, that this was written down then.

#include <string>

#include "sealing/office.h"

namespace sm::smretain {

/// One JSON object: what was erased, the raw record, its proof (c2sp.org/tlog-proof) and the
/// disclosure of the envelope's id. Signs a checkpoint over the record first.
Result<void> write_certificate(sealing::Office& office, const std::string& id,
                               const std::string& path);

}  // namespace sm::smretain
