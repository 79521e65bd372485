#include "fake_tool.h"

#include "cli/options.h"

namespace sm::test {
namespace {

constexpr cli::Summary kSummary{
    .name = "smfake", .line = "does what a test says", .usage = "[options] [--] NAME... | -"};

FakeRun current_run;

void describe(CLI::App& app, FakeOptions& options) {
  cli::add_flag(app, "--loud", options.is_loud, "make noise");
  cli::add_choice(app, "--minimum", options.minimum, {"trusted", "verified"}, "least that counts");
  cli::add_arguments(app, "NAME", options.names, "what to work on");
  cli::add_network_options(app, options.network);
}

Result<cli::Verdict> run_current(const FakeOptions& options) {
  return current_run(options);
}

}  // namespace

Ended run_fake(const std::vector<std::string>& arguments, const FakeRun& run,
               const Streams& streams) {
  current_run = run;
  return run_forked(
      [&] {
        std::vector<std::string> words = {"smfake"};
        words.insert(words.end(), arguments.begin(), arguments.end());
        std::vector<char*> argv;
        for (auto& word : words)
          argv.push_back(word.data());
        argv.push_back(nullptr);
        return cli::main_for<FakeOptions>(static_cast<int>(words.size()), argv.data(), kSummary,
                                          describe, run_current);
      },
      streams);
}

Ended run_fake(const std::vector<std::string>& arguments) {
  return run_fake(arguments,
                  [](const FakeOptions&) -> Result<cli::Verdict> { return cli::Verdict::yes; });
}

}  // namespace sm::test
