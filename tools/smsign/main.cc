#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smsign",
    .line = "signs mail with DKIM, verifies it, and makes, publishes and rotates the keys",
    .usage =
        "[sign] --domain D --selector S --key FILE|URI [options] < in > out\n"
        "verify [options] < in\n"
        "keygen|dns|check|rotate [options]",
};
}  // namespace

int main(int argc, char** argv) {
  auto arguments = sm::smsign::with_default_command(argc, argv);
  return sm::cli::main_for<sm::smsign::Options>(static_cast<int>(arguments.size()),
                                                arguments.data(), kSummary, sm::smsign::describe,
                                                sm::smsign::run);
}
