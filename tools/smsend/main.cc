#include "cli/main.h"

#include <string_view>

#include "mta.h"
#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smsend",
    .line = "delivers a message from stdin, only over verified encrypted connections",
    .usage = "[options] [--] RECIPIENT... < message\n[options] -t < message",
    .owns_h = true,
    .owns_q = true,
};
}  // namespace

int main(int argc, char** argv) {
  const sm::smsend::MtaMode mta(argc, argv);
  return mta.status(sm::cli::main_for<sm::smsend::Options>(argc, argv, kSummary,
                                                           sm::smsend::describe, sm::smsend::run));
}
