#pragma once
// Asking one server itself, past every resolver and cache: whether a zone's name servers already
// have what was published. What comes back is hearsay and never secure; nothing about where mail
// may go is decided by it.

#include <chrono>

#include "dns/answer.h"

namespace sm::dns {

/// One question to one server, over UDP and where that does not fit over TCP. Never secure; what
/// could not be told is Outcome::failure.
Answer ask_server(const ServerAddress& server, const Question& question,
                  std::chrono::milliseconds timeout);

}  // namespace sm::dns
