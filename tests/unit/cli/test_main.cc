#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <stdexcept>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/version.h"
#include "fake_tool.h"
#include "support/temp_dir.h"

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using sm::Errc;
using sm::fail;
using sm::Result;
using sm::cli::Verdict;
using sm::test::FakeOptions;
using sm::test::run_fake;

namespace {

using Answer = Result<Verdict>;

std::string shown(const FakeOptions& options) {
  std::string text = options.is_loud ? "loud" : "quiet";
  if (options.minimum) text += " minimum=" + *options.minimum;
  for (const auto& resolver : options.network.resolvers)
    text += " resolver=" + resolver;
  if (options.network.port) text += " port=" + std::to_string(*options.network.port);
  for (const auto& name : options.names)
    text += " <" + name + '>';
  return text;
}

/// What the tool understood of its arguments.
std::string understood(const std::vector<std::string>& arguments) {
  const auto ended = run_fake(arguments, [](const FakeOptions& options) -> Answer {
    options.common.out().line(shown(options));
    return Verdict::yes;
  });
  INFO(ended.err);
  CHECK(ended.status == 0);
  CHECK(ended.err.empty());
  return ended.out;
}

}  // namespace

TEST_CASE("the version is one line with the tool, the suite and the number", "[cli]") {
  const auto ended = run_fake({"--version"});
  CHECK(ended.status == 0);
  CHECK(ended.out == "smfake (smtools) " + std::string(sm::kVersion) + "\n");
  CHECK(ended.err.empty());
}

TEST_CASE("help is data: stdout, exit 0, every flag once", "[cli]") {
  const auto ended = run_fake({"--help"});
  CHECK(ended.status == 0);
  CHECK(ended.err.empty());
  CHECK_THAT(ended.out, StartsWith("smfake - does what a test says\n\n"
                                   "Usage: smfake [options] [--] NAME... | -\n"));
  for (const char* flag :
       {"--loud", "--minimum trusted|verified", "--resolver ADDR[@PORT]", "--trust-anchor FILE",
        "--ca-file FILE", "--port N", "--deadline SECONDS", "--dns-file FILE", "--config FILE",
        "--state DIR", "--json", "-q, --quiet", "-v", "--no-color", "-h, --help", "--version"}) {
    INFO(flag);
    const auto at = ended.out.find("  " + std::string(flag));
    REQUIRE(at != std::string::npos);
  }
  CHECK(run_fake({"-h"}).out == ended.out);
}

TEST_CASE("yes is 0, no is 1, and neither says a word", "[cli]") {
  for (const auto verdict : {Verdict::yes, Verdict::no, Verdict::temporary}) {
    const auto ended = run_fake({}, [=](const FakeOptions&) -> Answer { return verdict; });
    CHECK(ended.status == static_cast<int>(verdict));
    CHECK(ended.out.empty());
    CHECK(ended.err.empty());
  }
}

TEST_CASE("an error is said with the tool's name and its hint, and ends with its status", "[cli]") {
  const auto ended = run_fake({}, [](const FakeOptions& options) -> Answer {
    options.common.out().line("half of the output");
    return fail(Errc::denied, "the door is closed", "knock");
  });
  CHECK(ended.status == 77);
  CHECK(ended.out.empty());
  CHECK(ended.err == "smfake: error: the door is closed\nsmfake: hint: knock\n");
}

TEST_CASE("words from outside cannot drive the terminal", "[cli][A48]") {
  const auto ended = run_fake({}, [](const FakeOptions&) -> Answer {
    return fail(Errc::protocol, "it said: \x1b[2J\nsmfake: error: forged \\x1b stays");
  });
  CHECK(ended.err == "smfake: error: it said: \\x1b[2J\\x0asmfake: error: forged \\x1b stays\n");
}

TEST_CASE("an exception that nobody caught is a bug, exit 70", "[cli]") {
  const auto thrown =
      run_fake({}, [](const FakeOptions&) -> Answer { throw std::logic_error("impossible"); });
  CHECK(thrown.status == 70);
  CHECK_THAT(thrown.err, StartsWith("smfake: error: this is a bug: impossible\n"));
  const auto memory = run_fake({}, [](const FakeOptions&) -> Answer { throw std::bad_alloc(); });
  CHECK(memory.status == 75);
}

TEST_CASE("a wrong command line is 64 with a hint", "[cli]") {
  const std::vector<std::vector<std::string>> wrong = {
      {"--nosuch"},
      {"--minimum"},
      {"--minimum", "none"},
      {"--port", "0"},
      {"--port", "010"},
      {"--port", "65536"},
      {"--port", "0x19"},
      {"--port", "+25"},
      {"--deadline", "0"},
      {"--deadline", "-1"},
      {"--json=false"},
      {"--loud=1"},
      {"--config="},

      {"--minimum", "trusted", "--minimum", "verified"},
      {"-x"},
      {"--minimum=TRUSTED"},
      {"--config=", "x"}};
  for (const auto& arguments : wrong) {
    INFO(arguments[0]);
    const auto ended = run_fake(arguments);
    CHECK(ended.status == 64);
    CHECK(ended.out.empty());
    CHECK_THAT(ended.err, StartsWith("smfake: error: "));
  }
  CHECK_THAT(run_fake({"--resolve", "x"}).err, Contains("smfake: hint: did you mean --resolver?"));
  CHECK_THAT(run_fake({"--frobnicate"}).err, Contains("smfake: hint: see 'smfake --help'"));
}

TEST_CASE("a list takes one value each time and leaves the arguments alone", "[cli]") {
  CHECK(understood({"--resolver", "192.0.2.1", "a.example", "--resolver=192.0.2.2", "b.example"}) ==
        "quiet resolver=192.0.2.1 resolver=192.0.2.2 <a.example> <b.example>\n");
}

TEST_CASE("arguments arrive as they were typed", "[cli][A51]") {
  CHECK(understood({"-", "{}", "[a,b]", "", "010"}) == "quiet <-> <{}> <[a,b]> <> <010>\n");
  CHECK(understood({"--loud", "--", "--loud", "-x@example", "--"}) ==
        "loud <--loud> <-x@example> <-->\n");
  CHECK(understood({"{}"}) == "quiet <{}>\n");
}

TEST_CASE("--quiet silences warnings and leaves errors", "[cli]") {
  const auto talk = [](const FakeOptions& options) -> Answer {
    options.common.diagnostics().warning("careful");
    options.common.diagnostics().detail("chatter");
    return fail(Errc::io, "broken");
  };
  CHECK(run_fake({}, talk).err == "smfake: warning: careful\nsmfake: error: broken\n");
  CHECK(run_fake({"-v"}, talk).err ==
        "smfake: warning: careful\nsmfake: detail: chatter\nsmfake: error: broken\n");
  CHECK(run_fake({"--quiet"}, talk).err == "smfake: error: broken\n");
}

TEST_CASE("a full disk is told, not hidden: exit 74", "[cli][F19]") {
  const auto ended = run_fake({},
                              [](const FakeOptions& options) -> Answer {
                                options.common.out().line("data");
                                return Verdict::yes;
                              },
                              {.out_path = "/dev/full"});
  CHECK(ended.status == 74);
  CHECK(ended.err == "smfake: error: writing to standard output: No space left on device\n");
  CHECK(run_fake({"--version"}, {}, {.out_path = "/dev/full"}).status == 74);
  CHECK(run_fake({"--help"}, {}, {.out_path = "/dev/full"}).status == 74);
}

TEST_CASE("a verdict to be acted on survives a report that could not be written", "[cli][F19]") {
  const auto ended = run_fake({},
                              [](const FakeOptions& options) -> Answer {
                                options.common.out().line("deferred");
                                return Verdict::temporary;
                              },
                              {.out_path = "/dev/full"});
  CHECK(ended.status == 75);
  CHECK_THAT(ended.err, Contains("No space left"));
}

TEST_CASE("a reader that went away ends the tool with 74 and no words", "[cli][F19]") {
  const auto close_reader = [] {
    int ends[2] = {};
    if (::pipe(ends) != 0) ::_exit(99);
    ::close(ends[0]);
    ::dup2(ends[1], 1);
  };
  const auto ended = run_fake({},
                              [](const FakeOptions& options) -> Answer {
                                options.common.out().line("row");
                                if (auto flushed = options.common.out().flush(); !flushed)
                                  return fail(flushed.error());
                                return Verdict::yes;
                              },
                              {.out_path = {}, .prepare = close_reader});
  CHECK(ended.status == 74);
  CHECK(ended.err.empty());
}

TEST_CASE("files opened later never become stdin, stdout or stderr", "[cli][F19]") {
  const auto ended = run_fake({},
                              [](const FakeOptions& options) -> Answer {
                                const auto file = sm::open_file("/dev/null", O_RDONLY);
                                if (!file || file->get() <= 2)
                                  return fail(Errc::bug, "a file took a standard descriptor");
                                char octet = 0;
                                if (::read(0, &octet, 1) >= 0)
                                  return fail(Errc::bug, "a closed stdin gives an empty input");
                                options.common.out().line("data");
                                return Verdict::yes;
                              },
                              {.out_path = {}, .prepare = [] {
                                 for (const int fd : {0, 1, 2})
                                   ::close(fd);
                               }});
  CHECK(ended.status == 74);  // the data had nowhere to go
}

TEST_CASE("the master key leaves the environment before any work", "[cli]") {
  const auto ended = run_fake(
      {},
      [](const FakeOptions& options) -> Answer {
        const auto& key = options.common.environment.master_key;
        if (!key || sm::as_text(key->reveal()) != "c2VjcmV0LWluLXRoZS1lbnY=") return Verdict::no;
        if (std::getenv("SECURE_MAIL_MASTER_KEY") != nullptr) return Verdict::no;
        return Verdict::yes;
      },
      {.out_path = {},
       .prepare = [] { ::setenv("SECURE_MAIL_MASTER_KEY", "c2VjcmV0LWluLXRoZS1lbnY=", 1); }});
  CHECK(ended.status == 0);
  CHECK(ended.out.find("c2Vj") == std::string::npos);
  CHECK(ended.err.find("c2Vj") == std::string::npos);
}

TEST_CASE("SECURE_MAIL_ENABLED is true or false, all else is 78", "[cli]") {
  const auto with = [](const char* value) {
    return run_fake(
        {},
        [](const FakeOptions& options) -> Answer {
          return options.common.environment.is_sealing_enabled == true ? Verdict::yes : Verdict::no;
        },
        {.out_path = {}, .prepare = [=] { ::setenv("SECURE_MAIL_ENABLED", value, 1); }});
  };
  CHECK(with("true").status == 0);
  CHECK(with("false").status == 1);
  CHECK(with("yes").status == 78);
}

TEST_CASE("a signal removes what was not published, then ends the tool", "[cli][F19]") {
  const sm::test::TempDir folder;
  const auto ended = run_fake({}, [&](const FakeOptions&) -> Answer {
    const auto file = sm::AtomicFile::create(folder / "out");
    if (!file) return fail(file.error());
    (void)::raise(SIGTERM);
    return Verdict::yes;
  });
  CHECK(ended.status == 128 + SIGTERM);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("a tool can answer signals with a status and one line", "[cli][F19]") {
  static constexpr sm::cli::SignalAnswer kAnswer{75, "4.3.2 stopped by a signal\n"};
  const auto ended = run_fake({}, [](const FakeOptions& options) -> Answer {
    sm::cli::answer_signals_with(&kAnswer);
    options.common.out().line("something gathered that was not whole yet");
    (void)::raise(SIGINT);
    return Verdict::yes;
  });
  CHECK(ended.status == 75);
  CHECK(ended.out == "4.3.2 stopped by a signal\n");
}

TEST_CASE("a signal that was ignored at the start stays ignored", "[cli][F19]") {
  const auto ended = run_fake({},
                              [](const FakeOptions&) -> Answer {
                                (void)::raise(SIGHUP);
                                return Verdict::yes;
                              },
                              {.out_path = {}, .prepare = [] { ::signal(SIGHUP, SIG_IGN); }});
  CHECK(ended.status == 0);
}

TEST_CASE("new files are the owner's alone under any umask", "[cli][F25]") {
  const sm::test::TempDir folder;
  const auto ended = run_fake({},
                              [&](const FakeOptions&) -> Answer {
                                if (auto made = sm::make_folders(folder / "a/b"); !made)
                                  return fail(made.error());
                                return Verdict::yes;
                              },
                              {.out_path = {}, .prepare = [] { ::umask(0777); }});
  CHECK(ended.status == 0);
  struct stat status {};
  REQUIRE(::stat((folder / "a/b").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
}

#if !defined(SM_SANITIZED)
TEST_CASE("no core dump, and no other process reads the memory", "[cli]") {
  const auto ended = run_fake({}, [](const FakeOptions&) -> Answer {
    rlimit limit{};
    (void)::getrlimit(RLIMIT_CORE, &limit);
    const bool is_safe = limit.rlim_cur == 0 && ::prctl(PR_GET_DUMPABLE) == 0;
    return is_safe ? Verdict::yes : Verdict::no;
  });
  CHECK(ended.status == 0);
}
#endif
