#pragma once
// Where the portal listens: a TCP address, a Unix socket, or the sockets that the service manager
// opened for it (sd_listen_fds(3)); and telling the manager how it goes (sd_notify(3)).

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace sm::smportal {

/// "127.0.0.1:8080", "[::1]:8080": an address, never a name. Errc::usage; Errc::unavailable where
/// it is taken.
Result<UniqueFd> listen_tcp(const std::string& where);
/// What a dead server left under this path is replaced, a live one's is not (Errc::unavailable).
/// Owner and group may connect.
Result<UniqueFd> listen_unix(const std::string& path);
/// Those that were passed on (LISTEN_FDS), taken out of the environment.
Result<std::vector<UniqueFd>> take_passed_sockets();
/// "READY=1", "STOPPING=1": to whoever supervises, if somebody does.
void tell_supervisor(const std::string& state);

}  // namespace sm::smportal
