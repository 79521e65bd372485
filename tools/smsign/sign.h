#pragma once
// smsign sign.

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/main.h"
#include "message/header.h"
#include "name/domain.h"
#include "options.h"

namespace sm::smsign {

/// What names a key: its selector and where it is.
struct NamedKey {
  std::string selector;
  std::string key;
};

/// Who signs, and with what.
struct Identity {
  name::Domain domain;
  std::vector<NamedKey> keys;
};

/// Finds the identity for a message where the flags name none.
using FindIdentity =
    std::function<Result<Identity>(const Options& options, const message::HeaderIndex& header)>;

Result<cli::Verdict> sign(const Options& options, const FindIdentity& by_configuration);

}  // namespace sm::smsign
