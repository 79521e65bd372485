#include "options.h"

#include "cli/options.h"

namespace sm::smseal {

void describe(CLI::App& app, Options& options) {
  cli::add_list(app, "--password-file", options.password_files, "FILE",
                "who knows the password in this file can open it; repeatable, up to 8 "
                "(without any key given: a password is asked for)");
  auto org = cli::add_text(app, "--org", options.org, "NAME",
                           "the organisation can open it; its key is in the state's keyring");
  auto public_key = cli::add_text(app, "--public-key", options.public_key, "FILE",
                                  "the organisation can open it whose public key this is (smkey "
                                  "export-public prints it); nobody else, nor this user");
  org->excludes(public_key);
  cli::add_text(app, "--name", options.name, "N",
                "name of the one part (default: the file's; none for stdin)");
  cli::add_text(app, "--type", options.type, "T",
                "media type of the one part (default: by the file's ending)");
  cli::add_text(app, "-o,--output", options.output, "OUT",
                "the envelope's file, which appears when it is whole (default: stdout)");
  cli::add_arguments(app, "FILE", options.files,
                     "becomes a part of the envelope, in this order; - or none: stdin. Only the "
                     "last can be a pipe");
}

}  // namespace sm::smseal
