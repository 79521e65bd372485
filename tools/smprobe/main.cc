#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smprobe",
    .line = "tells how safely a mail destination can be reached, and why",
    .usage = "[options] DOMAIN|ADDRESS... | -",
};
}  // namespace

int main(int argc, char** argv) {
  sm::cli::leave(sm::cli::main_for<sm::smprobe::Options>(argc, argv, kSummary,
                                                         sm::smprobe::describe, sm::smprobe::run));
}
