#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smaudit",
    .line = "verifies, shows, proves and keeps the audit log",
    .usage = "[options] COMMAND",
};
}  // namespace

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smaudit::Options>(argc, argv, kSummary, sm::smaudit::describe,
                                                 sm::smaudit::run);
}
