#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smseal",
    .line = "seals files or stdin into an envelope that only the intended keys open",
    .usage = "[--password-file F]... [--org NAME | --public-key FILE] [options] [FILE...]",
};
}  // namespace

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smseal::Options>(argc, argv, kSummary, sm::smseal::describe,
                                                sm::smseal::run);
}
