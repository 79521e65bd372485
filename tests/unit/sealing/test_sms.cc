#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/schema.h"
#include "dns/file_resolver.h"
#include "office_fixture.h"
#include "sealing/sms.h"
#include "support/tests_folder.h"

using namespace sm;
using namespace sm::sealing;
using namespace std::chrono_literals;
using nlohmann::json;
using sm::test::must;

namespace {

constexpr const char* kPhone = "+31612345678";
/// Everything that a place could take for more than text.
constexpr std::string_view kText =
    "De \"Linde\" & Zn: 100% {key} {text}\\ 123456 = code; \xc3\xa9?";

/// gateway.py for as long as it lives.
class Gateway {
 public:
  Gateway() {
    int in[2] = {};
    int out[2] = {};
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
      throw std::runtime_error("pipe");
    const std::string script = sm::test::tests_folder() + "/unit/sealing/gateway.py";
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execl("/usr/bin/python3", "python3", script.c_str(), taken_file().c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = in[1];
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';)
      line += c;
    ::close(out[0]);
    port_ = line;
  }
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway() {
    ::close(in_);
    ::waitpid(child_, nullptr, 0);
  }
  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + port_ + path;
  }
  /// The requests that it took.
  [[nodiscard]] std::vector<json> taken() const {
    std::vector<json> all;
    std::ifstream in(taken_file());
    for (std::string line; std::getline(in, line);)
      all.push_back(json::parse(line));
    return all;
  }

 private:
  [[nodiscard]] std::string taken_file() const { return folder_ / "taken"; }
  sm::test::TempDir folder_;
  pid_t child_ = -1;
  int in_ = -1;
  std::string port_;
};

/// What a section `sms:` means.
config::SmsGateway configured(const std::string& section) {
  auto file = must(config::parse_file("sms:\n" + section, "f"));
  return *file.sms;
}

CodeSent send(const config::SmsGateway& gateway) {
  dns::FileResolver nobody(must(dns::parse_dns_file("")));
  return send_sms(gateway, kPhone, as_bytes(kText), nobody, std::nullopt);
}

}  // namespace

TEST_CASE("the presets send the requests that CM.com and Spryng take", "[sms]") {
  const Gateway gateway;
  const sm::test::TempDir folder;
  must(publish_file(folder / "key", as_bytes("token-1\n"), 0600));
  const auto section = [&](const std::string& preset, const std::string& path) {
    return "  preset: " + preset + "\n  url: \"" + gateway.url(path) +
           "\"\n  from: \"DeLinde\"\n  key_file: \"" + (folder / "key") + "\"\n";
  };
  SECTION("CM.com") {
    CHECK(configured("  preset: cmcom\n").url == "https://gw.cmtelecom.com/v1.0/message");
    CHECK(send(configured(section("cmcom", "/v1.0/message"))).state == CodeSent::State::sent);
    const auto request = gateway.taken().at(0);
    CHECK(request["method"] == "POST");
    CHECK(request["path"] == "/v1.0/message");
    CHECK(request["headers"]["x-cm-producttoken"] == "token-1");
    CHECK(request["headers"]["content-type"] == "application/json");
    const auto message = json::parse(request["body"].get<std::string>())["messages"]["msg"][0];
    CHECK(message["from"] == "DeLinde");
    CHECK(message["to"] == json::parse(R"([{"number":"0031612345678"}])"));
    CHECK(message["body"]["type"] == "auto");
    CHECK(message["body"]["content"] == std::string(kText));
    CHECK(message["allowedChannels"] == json::parse(R"(["SMS"])"));
  }
  SECTION("Spryng") {
    CHECK(configured("  preset: spryng\n").url == "https://rest.spryngsms.com/v1/messages");
    CHECK(send(configured(section("spryng", "/v1/messages"))).state == CodeSent::State::sent);
    const auto request = gateway.taken().at(0);
    CHECK(request["method"] == "POST");
    CHECK(request["path"] == "/v1/messages");
    CHECK(request["headers"]["authorization"] == "Bearer token-1");
    CHECK(request["headers"]["content-type"] == "application/json");
    const auto message = json::parse(request["body"].get<std::string>());
    CHECK(message == json{{"body", std::string(kText)},
                          {"encoding", "auto"},
                          {"originator", "DeLinde"},
                          {"recipients", {"31612345678"}},
                          {"route", "business"}});
  }
  SECTION("a key that others may read is not used") {
    ::chmod((folder / "key").c_str(), 0644);
    const auto answer = send(configured(section("spryng", "/v1/messages")));
    CHECK(answer.state == CodeSent::State::failed);
    CHECK(answer.reason == "gateway-key");
    CHECK(gateway.taken().empty());
  }
}

TEST_CASE("a template escapes each value for the place where it stands", "[sms]") {
  const Gateway gateway;
  SECTION("in the URL of a GET") {
    CHECK(send(configured("  url: \"" + gateway.url("/send?to={digits}&text={text}&x={other}") +
                          "\"\n"))
              .state == CodeSent::State::sent);
    const auto request = gateway.taken().at(0);
    CHECK(request["method"] == "GET");
    CHECK(request["path"] ==
          "/send?to=31612345678&text=De%20%22Linde%22%20%26%20Zn%3A%20100%25%20%7Bkey%7D%20%7Btext"
          "%7D%5C%20123456%20%3D%20code%3B%20%C3%A9%3F&x={other}");
  }
  SECTION("in a form") {
    CHECK(send(configured("  url: \"" + gateway.url("/form") +
                          "\"\n  content_type: application/x-www-form-urlencoded\n"
                          "  body: \"number={to}&message={text}\"\n"))
              .state == CodeSent::State::sent);
    const auto request = gateway.taken().at(0);
    CHECK(request["method"] == "POST");
    CHECK(request["headers"]["content-type"] == "application/x-www-form-urlencoded");
    CHECK(request["body"] ==
          "number=%2B31612345678&message=De%20%22Linde%22%20%26%20Zn%3A%20100%25%20%7Bkey%7D%20%7B"
          "text%7D%5C%20123456%20%3D%20code%3B%20%C3%A9%3F");
  }
}

TEST_CASE("a gateway that times out after accepting is uncertain, not sent twice (F22)", "[sms]") {
  const Gateway gateway;
  for (const std::string path : {"/late", "/hangup"}) {
    CAPTURE(path);
    const auto before = gateway.taken().size();
    auto slow = configured("  url: \"" + gateway.url(path + "?t={text}") + "\"\n");
    slow.timeout = 1s;
    const auto answer = send(slow);
    CHECK(answer.state == CodeSent::State::uncertain);
    CHECK(answer.reason == "gateway-silent");
    CHECK(answer.detail.find("123456") == std::string::npos);
    CHECK(gateway.taken().size() == before + 1);
  }
}

TEST_CASE("a gateway that refuses, or is not there, has sent nothing", "[sms]") {
  const Gateway gateway;
  const auto refused = send(configured("  url: \"" + gateway.url("/refuse") + "\"\n"));
  CHECK(refused.state == CodeSent::State::failed);
  CHECK(refused.reason == "gateway-refused");
  const auto absent = send(configured("  url: \"http://127.0.0.1:1/\"\n"));
  CHECK(absent.state == CodeSent::State::failed);
  CHECK(absent.reason == "gateway-unreachable");
  const auto unknown = send(configured("  url: \"https://gateway.invalid/\"\n"));
  CHECK(unknown.state == CodeSent::State::failed);
  CHECK(unknown.reason == "gateway-unreachable");
}

TEST_CASE("a command gets the number and the text, and nothing else", "[sms]") {
  const sm::test::TempDir folder;
  const auto script = [&](const std::string& name, const std::string& text) {
    must(publish_file(folder / name, as_bytes("#!/bin/sh\n" + text), 0700));
    return folder / name;
  };
  const auto command = [&](const std::string& path, const std::string& argument) {
    auto gateway = configured("  command: [\"" + path + "\", \"" + argument + "\"]\n");
    gateway.timeout = 20s;
    return gateway;
  };
  SECTION("which it takes") {
    const auto path =
        script("take", "cat > \"$1.text\"\nprintf '%s|' \"$@\" > \"$1.words\"\nenv > \"$1.env\"\n");
    ::setenv("SMTOOLS_TEST_SECRET", "canary", 1);
    CHECK(send(command(path, folder / "out")).state == CodeSent::State::sent);
    ::unsetenv("SMTOOLS_TEST_SECRET");
    CHECK(must(read_file(folder / "out.text", 4096)) == kText);
    CHECK(must(read_file(folder / "out.words", 4096)) == (folder / "out") + "|" + kPhone + "|");
    const auto environment = must(read_file(folder / "out.env", 4096));
    CHECK(environment.find("canary") == std::string::npos);
    CHECK(environment.find("PATH=") != std::string::npos);
  }
  SECTION("which it refuses") {
    const auto answer = send(command(script("refuse", "exit 3\n"), "x"));
    CHECK(answer.state == CodeSent::State::failed);
    CHECK(answer.detail == "the command ended with status 3");
  }
  SECTION("after which it never ends: uncertain, and it is killed (F22)") {
    auto gateway = command(script("hang", "echo $$ > \"$1\"\nexec sleep 600\n"), folder / "pid");
    gateway.timeout = 2s;
    CHECK(send(gateway).state == CodeSent::State::uncertain);
    const auto pid = std::stoi(must(read_file(folder / "pid", 64)));
    CHECK(::kill(pid, 0) != 0);
  }
  SECTION("which is not there") {
    CHECK(send(command(folder / "none", "x")).state == CodeSent::State::failed);
  }
}

TEST_CASE("a text message has the organisation, the code and its reference, in one segment",
          "[sms]") {
  const auto config = sm::test::delinde_config("");
  CodeMessage message{"delinde", "anna@plain.example", kPhone, "en", "K7P4", Code::fresh()};
  const std::string code(as_text(message.code.reveal()));
  const Secret english = sms_text(config.organisations.front(), message);
  CHECK(as_text(english.reveal()) ==
        "De Linde: your code is " + code + ", reference K7P4. Never share this code.");
  message.language = "nl";
  const Secret dutch = sms_text(config.organisations.front(), message);
  CHECK(as_text(dutch.reveal()) ==
        "De Linde: uw code is " + code + ", kenmerk K7P4. Deel deze code met niemand.");
  CHECK(dutch.size() <= 160);
}
