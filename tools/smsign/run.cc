#include "keys.h"
#include "options.h"
#include "sign.h"

namespace sm::smsign {
namespace {

/// Whoever gives no key at all came to smsign-lookup; here `--key ''` is what is left.
Result<Identity> named_by_nobody(const Options&, const message::HeaderIndex&) {
  return fail(Errc::usage, "--key is empty");
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  switch (options.command) {
    case Command::sign:
      return sign(options, named_by_nobody);
    case Command::keygen:
      return make_key(options);
    case Command::dns:
      return print_record(options);
    case Command::verify:
    case Command::check:
    case Command::rotate:
    case Command::none:
      break;  // another program's (lookup.h)
  }
  return fail(Errc::bug, "a command came to the wrong program");
}

}  // namespace sm::smsign
