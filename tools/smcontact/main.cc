#include "cli/main.h"

#include "options.h"

namespace {
constexpr sm::cli::Summary kSummary{
    .name = "smcontact",
    .line = "addresses, phone numbers for codes, and who is registered to send",
    .usage =
        "add ADDRESS [--phone NUMBER] [--name NAME] [--language en|nl] [--sender]\n"
        "set ADDRESS [--phone NUMBER] [--name NAME] [--language en|nl] [--sender | --no-sender]\n"
        "remove ADDRESS\n"
        "show ADDRESS\n"
        "list [--senders]\n"
        "import FILE\n"
        "export [FILE]",
};
}  // namespace

int main(int argc, char** argv) {
  return sm::cli::main_for<sm::smcontact::Options>(argc, argv, kSummary, sm::smcontact::describe,
                                                   sm::smcontact::run);
}
