#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smsetup",
    .line = "sets an installation up, and says what it still lacks",
    .usage =
        "init --domain DOMAIN [options]\n"
        "check [options]",
};
}  // namespace

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smsetup::Options>(argc, argv, kSummary, sm::smsetup::describe,
                                                 sm::smsetup::run);
}
