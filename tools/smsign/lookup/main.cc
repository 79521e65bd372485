#include "cli/main.h"

#include "options.h"

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smsign::Options>(argc, argv, sm::smsign::kSummary,
                                                sm::smsign::describe, sm::smsign::run);
}
