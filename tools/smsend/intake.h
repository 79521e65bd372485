#pragma once
// From the command line and stdin to a message that is ready to be signed, and its envelope.

#include <string>

#include "base/result.h"
#include "config/config.h"
#include "message/prepare.h"
#include "options.h"
#include "smtp/envelope.h"

namespace sm::smsend {

struct Mail {
  message::PreparedMessage message;
  smtp::Envelope envelope;
  std::string account;  ///< login name of who submits
};

/// Checks the envelope before a byte of stdin is read, then reads all of stdin.
Result<Mail> take_in(const Options& options, const config::Config& config);

}  // namespace sm::smsend
