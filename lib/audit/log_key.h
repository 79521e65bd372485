#pragma once
// The keys of a log: one private key at a time, `<state>/keys/log-<org>-<epoch>.key` (a note signer
// key, 0600), and log.vkey with the verifier keys of all epochs, oldest first. A key that was
// followed by another is overwritten and removed: it cannot sign again.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/layout.h"
#include "audit/note.h"
#include "base/result.h"

namespace sm::audit {

/// One key a line. Errc::malformed for a line that is none; Errc::no_input: no such file.
Result<std::vector<VerifierKey>> read_verifier_keys(const std::string& path);
/// The same of a log's folder.
Result<std::vector<VerifierKey>> read_listed_keys(const Layout& layout);

/// The private key of an epoch. Errc::no_input where there is none or it may not be read.
Result<SignerKey> read_log_key(const std::string& path);
/// Makes a key and puts it on disk, durably. What is there already stays and is returned.
Result<SignerKey> make_log_key(const std::string& path, const std::string& origin);
/// Overwrites with zeros, then removes. Nothing there is no failure.
Result<void> destroy_log_key(const std::string& path);

}  // namespace sm::audit
