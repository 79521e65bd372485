#include "cli/main.h"

#include "lookup.h"
#include "options.h"

int main(int argc, char** argv) {
  auto arguments = sm::smsign::with_default_command(argc, argv);
  if (sm::smsign::is_for_lookup(arguments)) return sm::smsign::become_lookup(arguments);
  return sm::cli::main_for<sm::smsign::Options>(static_cast<int>(arguments.size()),
                                                arguments.data(), sm::smsign::kSummary,
                                                sm::smsign::describe, sm::smsign::run);
}
