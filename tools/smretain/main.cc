#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smretain",
    .line = "sealed messages: what became of them, and their end",
    .usage =
        "sweep [--accept-clock]\n"
        "list [--status STATUS] [--sender ADDRESS] [--reference TEXT]\n"
        "show ID\n"
        "get ID -o FILE\n"
        "renotify ID\n"
        "unlock ID\n"
        "revoke [ID] [--recipient ADDRESS] [--last] [--message-id ID] [--to ADDRESS --since TIME]\n"
        "delete ID [--certificate FILE]",
};
}  // namespace

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smretain::Options>(argc, argv, kSummary, sm::smretain::describe,
                                                  sm::smretain::run);
}
