#include "cli/main.h"

#include <string_view>

#include "mta.h"
#include "options.h"
#include "personality.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smsend",
    .line = "delivers a message from stdin, only over verified encrypted connections",
    .usage =
        "[options] [--] RECIPIENT... < message\n[options] -t < message\n"
        "[options] --batch FILE --template FILE --send|--dry-run\n-q | -bp | -bs",
    .owns_h = true,
    .owns_q = true,
};
}  // namespace

int main(int argc, char** argv) {
  sm::smsend::CommandLine line(argc, argv);
  const sm::smsend::MtaMode mta(line.count(), line.words());
  const int status = sm::cli::main_for<sm::smsend::Options>(line.count(), line.words(), kSummary,
                                                            sm::smsend::describe, sm::smsend::run);
  sm::cli::leave(mta.status(status));
}
