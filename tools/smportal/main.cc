#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smportal",
    .line = "the pages on which recipients read, save and answer sealed messages",
    .usage =
        "--listen ADDR:PORT [--tls-cert FILE --tls-key FILE]\n"
        "--socket PATH",
};
}  // namespace

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smportal::Options>(argc, argv, kSummary, sm::smportal::describe,
                                                  sm::smportal::run);
}
