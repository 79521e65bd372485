#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smkey",
    .line = "makes, lists, rotates and destroys the keys that envelopes are sealed with",
    .usage =
        "init [ORG]\n"
        "list\n"
        "rotate-master [--new-key FILE]\n"
        "rotate-org ORG\n"
        "destroy [--force] ORG KID\n"
        "export-public ORG",
};
}  // namespace

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smkey::Options>(argc, argv, kSummary, sm::smkey::describe,
                                               sm::smkey::run);
}
