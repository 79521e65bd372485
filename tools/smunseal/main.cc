#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smunseal",
    .line = "opens sealed envelopes",
    .usage =
        "[--password-file F | --org NAME | --link-file F] [-o OUT | -C DIR] [--part N]\n"
        "[--range A-B] [ENVELOPE]\n"
        "[--password-file F | --org NAME | --link-file F] --list|--verify [ENVELOPE]",
};
}  // namespace

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smunseal::Options>(argc, argv, kSummary, sm::smunseal::describe,
                                                  sm::smunseal::run);
}
