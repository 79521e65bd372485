#include "options.h"

#include "cli/options.h"

namespace sm::smunseal {

void describe(CLI::App& app, Options& options) {
  cli::add_list(app, "--password-file", options.password_files, "FILE",
                "the password in this file; repeatable: each is tried (without any key given: a "
                "password is asked for)");
  cli::add_text(app, "--org", options.org, "NAME",
                "with the organisation's keys, from the state's keyring");
  cli::add_text(app, "--link-file", options.link_file, "FILE",
                "with the link that a recipient was mailed, in this file, and the organisation's "
                "key; with --password-file where the link has a password as well");
  auto output =
      cli::add_text(app, "-o,--output", options.output, "OUT",
                    "the part's file, which appears when it is verified (default: stdout)");
  auto directory = cli::add_text(app, "-C,--directory", options.directory, "DIR",
                                 "writes all parts, or that of --part, into this folder, under "
                                 "safe forms of their names");
  cli::add_number(app, "--part", options.part, 1, 10000, "N", "this part, from 1 on");
  auto range = cli::add_text(app, "--range", options.range, "A-B",
                             "only the bytes A to B of the part, both included, from 0 on; A-: to "
                             "its end");
  auto list = cli::add_flag(app, "--list", options.is_list,
                            "prints what is in the envelope, a JSON object a part");
  auto verify = cli::add_flag(app, "--verify", options.is_verify,
                              "opens and checks everything, and writes nothing");
  cli::add_flag(app, "--force", options.is_forced, "-C replaces files that are there already");
  cli::add_argument(app, "ENVELOPE", options.envelope,
                    "a .sme file, or a folder of the store; - or none: stdin");
  output->excludes(directory);
  for (auto what : {list, verify})
    what->excludes(output).excludes(directory).excludes(range);
  list->excludes(verify);
  range->excludes(directory);
}

}  // namespace sm::smunseal
