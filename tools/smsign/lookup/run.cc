#include "commands.h"
#include "keys.h"

namespace sm::smsign {

Result<cli::Verdict> run(const Options& options) {
  switch (options.command) {
    case Command::sign:
      return sign(options, named_by_configuration);
    case Command::verify:
      return verify(options);
    case Command::keygen:
      return make_key(options);
    case Command::dns:
      return print_record(options);
    case Command::check:
      return check_record(options);
    case Command::rotate:
      return rotate(options);
    case Command::none:
      break;
  }
  return fail(Errc::usage, "no command");
}

}  // namespace sm::smsign
