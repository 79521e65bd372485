#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/fetch.h"
#include "support/temp_dir.h"
#include "support/tests_folder.h"

using namespace std::chrono_literals;
using sm::Errc;
using sm::IpAddress;
using sm::http::Failed;
using sm::http::Failure;
using sm::http::fetch;
using sm::http::Request;
using sm::http::Response;

namespace {

/// server.py for as long as the tests run.
class Server {
 public:
  Server() {
    int in[2] = {};
    int out[2] = {};
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
      throw std::runtime_error("pipe");
    const std::string script = sm::test::tests_folder() + "/unit/http/server.py";
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(in[0], 0);
      ::dup2(out[1], 1);
      ::execl("/usr/bin/python3", "python3", script.c_str(), folder_.path().c_str(), nullptr);
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = in[1];
    std::string line;
    for (char c = 0; ::read(out[0], &c, 1) == 1 && c != '\n';)
      line += c;
    ::close(out[0]);
    ports_ = nlohmann::json::parse(line);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() {
    ::close(in_);
    ::waitpid(child_, nullptr, 0);
  }
  [[nodiscard]] int port(const char* label) const { return ports_.at(label).get<int>(); }
  [[nodiscard]] std::string ca_file() const { return folder_ / "ca.pem"; }

 private:
  sm::test::TempDir folder_;
  pid_t child_ = -1;
  int in_ = -1;
  nlohmann::json ports_;
};

const Server& server() {
  static const Server one;
  return one;
}

Request request_to(const char* label, const std::string& path) {
  Request request;
  request.url = "https://web.example:" + std::to_string(server().port(label)) + path;
  request.addresses = {*IpAddress::parse("127.0.0.1")};
  request.ca_file = server().ca_file();
  request.time_limit = 10s;
  return request;
}

Response response_to(const Request& request) {
  auto outcome = fetch(request);
  if (!outcome) FAIL(outcome.error().what);
  if (const auto* failed = std::get_if<Failed>(&*outcome)) FAIL(failed->detail);
  return std::get<Response>(std::move(*outcome));
}

std::string failure_of(const Request& request) {
  const auto outcome = fetch(request);
  if (!outcome) FAIL(outcome.error().what);
  const auto* failed = std::get_if<Failed>(&*outcome);
  return failed == nullptr ? "(none)" : std::string(text(failed->failure));
}

}  // namespace

TEST_CASE("a page is fetched with its status and type", "[http]") {
  const auto response = response_to(request_to("good", "/ok"));
  CHECK(response.status == 200);
  CHECK(response.content_type == "text/plain; charset=x");
  CHECK(response.body == "hello\n");
}

TEST_CASE("any status is an answer, and a redirect is not followed", "[http][A31]") {
  CHECK(response_to(request_to("good", "/missing")).status == 404);
  CHECK(response_to(request_to("good", "/redirect")).status == 301);
}

TEST_CASE("each fault of the certificate has its own name", "[http][A31]") {
  CHECK(failure_of(request_to("expired", "/ok")) == text(Failure::tls_expired));
  CHECK(failure_of(request_to("early", "/ok")) == text(Failure::tls_expired));
  CHECK(failure_of(request_to("other", "/ok")) == text(Failure::tls_name));
  CHECK(failure_of(request_to("selfsigned", "/ok")) == text(Failure::tls_untrusted));
  CHECK(failure_of(request_to("old", "/ok")) == text(Failure::tls));
  CHECK(failure_of(request_to("plain", "/ok")) == text(Failure::tls));
  CHECK(failure_of(request_to("closed", "/ok")) == text(Failure::connect));
}

TEST_CASE("a CA file is trusted alone, and none other is read in its place", "[http]") {
  auto request = request_to("good", "/ok");
  request.ca_file.reset();
  CHECK(failure_of(request) == text(Failure::tls_untrusted));
  request.ca_file = "/nowhere/ca.pem";
  const auto outcome = fetch(request);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == Errc::configuration);
}

TEST_CASE("the size is counted as the octets arrive", "[http]") {
  auto request = request_to("good", "/size/1000");
  request.size_limit = 1000;
  CHECK(response_to(request).body.size() == 1000);
  request.size_limit = 999;
  CHECK(failure_of(request) == text(Failure::too_large));
  request = request_to("good", "/chunked");
  CHECK(failure_of(request) == text(Failure::too_large));
  CHECK(failure_of(request_to("good", "/head")) == text(Failure::too_large));
}

TEST_CASE("the time limit holds against a drip", "[http][A41]") {
  auto request = request_to("good", "/slow");
  request.time_limit = 300ms;
  CHECK(failure_of(request) == text(Failure::timed_out));
}

TEST_CASE("a broken answer is no answer", "[http]") {
  CHECK(failure_of(request_to("good", "/cut")) == text(Failure::protocol));
  CHECK(failure_of(request_to("good", "/nonsense")) == text(Failure::protocol));
  CHECK(failure_of(request_to("good", "/nothing")) == text(Failure::protocol));
}

TEST_CASE("a body is posted as it is, with the headers given", "[http]") {
  auto request = request_to("good", "/echo");
  request.body = std::string("a\0b", 3);
  request.headers = {{"Content-Type", "application/timestamp-query"}};
  const auto seen = response_to(request).body;
  CHECK_THAT(seen, Catch::Matchers::StartsWith("POST /echo HTTP/1.1\r\n"));
  CHECK(seen.find("Content-Type: application/timestamp-query\r\n") != seen.npos);
  CHECK(seen.ends_with(std::string("\n\na\0b", 5)));
}

TEST_CASE("the environment and the home folder lead nowhere", "[http]") {
  const sm::test::TempDir home;
  std::ofstream(home / ".netrc") << "machine web.example login x password y\n";
  ::setenv("HOME", home.path().c_str(), 1);
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
    ::setenv(name, "http://127.0.0.1:1", 1);
  const auto seen = response_to(request_to("good", "/echo")).body;
  CHECK(seen.find("Authorization") == seen.npos);
  CHECK(seen.find("Accept-Encoding") == seen.npos);
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
    ::unsetenv(name);
}

TEST_CASE("http is for callers who ask for it", "[http]") {
  auto request = request_to("plain", "/ok");
  request.url = "http://web.example:" + std::to_string(server().port("plain")) + "/ok";
  const auto refused = fetch(request);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Errc::usage);
  request.allows_http = true;
  CHECK(response_to(request).body == "hello\n");
}

TEST_CASE("a URL that is none, or leads elsewhere, sends nothing", "[http]") {
  auto request = request_to("good", "/ok");
  for (const char* url :
       {"", "web.example/", "ftp://web.example/", "file:///etc/passwd", "https://",
        "https://u:p@web.example/", "https://web.example/a b", "https://web.example/\r\nX: y",
        "https://web.example:0/", "https://127.0.0.2/", "https://[::1]/", "https://0x7f.1/x y"}) {
    INFO(url);
    request.url = url;
    const auto outcome = fetch(request);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == Errc::usage);
  }
  request = request_to("good", "/ok");
  request.headers = {{"X", "a\r\nY: b"}};
  CHECK_FALSE(fetch(request));
  request.headers = {{"X: y", "a"}};
  CHECK_FALSE(fetch(request));
}

TEST_CASE("no name is looked up: without an address there is no connection", "[http]") {
  auto request = request_to("good", "/ok");
  request.addresses.clear();
  CHECK(failure_of(request) == text(Failure::connect));
  request = request_to("good", "/ok");
  request.url = "https://127.0.0.1:" + std::to_string(server().port("good")) + "/ok";
  CHECK(response_to(request).status == 200);
}
