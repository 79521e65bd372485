#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smunseal",
    .line = "opens sealed envelopes",
    .usage =
        "[keys] [-o OUT | -C DIR] [--part N] [--range A-B] [ENVELOPE]\n"
        "[keys] --list|--verify [ENVELOPE]",
};
}  // namespace

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smunseal::Options>(argc, argv, kSummary, sm::smunseal::describe,
                                                  sm::smunseal::run);
}
