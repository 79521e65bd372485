// The client against tests/support/hostile_server.py, scenario by scenario: how each ends, that it
// ends soon, and that the server never saw an octet of a message that it must not see.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include <fcntl.h>
#include <sys/wait.h>

#include "smtp/client.h"
#include "support/tests_folder.h"
#include "support/tls_peer.h"

using namespace sm;
using namespace sm::smtp;
using namespace sm::test;
using namespace std::chrono_literals;

namespace {

struct Pki {
  TempDir folder;
  Issued root = issue({.common_name = "Test Root", .is_ca = true});
  Issued leaf =
      issue({.common_name = "mx.hostile.example", .dns_names = {"mx.hostile.example"}}, &root);
  tls::Context context = trusting(root);
  std::string certificate = folder / "cert.pem";
  std::string key = folder / "key.pem";

  Pki() {
    must(bool(publish_file(certificate, as_bytes(leaf.pem()))));
    must(bool(publish_file(key, as_bytes(leaf.key_pem()))));
  }
};

const Pki& pki() {
  static const Pki made;
  return made;
}

// The server program, for as long as this lives.
class HostileServer {
 public:
  explicit HostileServer(const std::vector<std::string>& arguments) {
    const auto program = sm::test::tests_folder() + "/support/hostile_server.py";
    std::vector<std::string> words{program,   "--cert", pki().certificate, "--key",
                                   pki().key, "--log",  log_path()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words)
      argv.push_back(word.data());
    argv.push_back(nullptr);
    int pipe[2];
    must(::pipe2(pipe, O_CLOEXEC) == 0);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(pipe[1], 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(pipe[1]);
    std::string ready;
    char octet = 0;
    while (::read(pipe[0], &octet, 1) == 1 && octet != '\n')
      ready += octet;
    ::close(pipe[0]);
    must(ready.substr(0, 6) == "ready ");
    port_ = static_cast<std::uint16_t>(std::stoi(ready.substr(6)));
  }
  HostileServer(const HostileServer&) = delete;
  HostileServer& operator=(const HostileServer&) = delete;
  ~HostileServer() { stop(); }

  void stop() {
    if (child_ <= 0) return;
    ::kill(child_, SIGTERM);
    ::waitpid(child_, nullptr, 0);
    child_ = 0;
  }
  [[nodiscard]] ServerAddress address() const {
    return {IpAddress::parse("127.0.0.1").value(), port_};
  }
  [[nodiscard]] std::string log() const {
    std::ifstream file(log_path());
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }

 private:
  [[nodiscard]] std::string log_path() const { return folder_ / "log"; }
  TempDir folder_;
  pid_t child_ = 0;
  std::uint16_t port_ = 0;
};

// Long enough for a machine that is busy with all other tests.
const Timeouts kPatient{20s, 20s, 20s, 20s, 20s, 20s, 20s};

// The same, but for one kind of waiting.
Timeouts hasty(std::chrono::milliseconds Timeouts::*kind, std::chrono::milliseconds time = 400ms) {
  Timeouts timeouts = kPatient;
  timeouts.*kind = time;
  return timeouts;
}

const std::string kLetter = "Subject: hi\r\n\r\nsecret words\r\n";

std::string body_of(std::size_t size) {
  std::string message = "Subject: hi\r\n\r\n";
  while (message.size() < size)
    message += "secret words, and again secret words\r\n";
  return message;
}

struct End {
  std::string words;  ///< "starttls-not-offered", or "accepted@end-of-data 250; …"
  std::string log;
  std::chrono::milliseconds took{};
};

// One message to this scenario, DANE demanded.
End send_to(const std::vector<std::string>& arguments, std::string_view message,
            const Timeouts& patience = kPatient, std::size_t recipients = 1,
            Framing framing = Framing::dots) {
  HostileServer server(arguments);
  const Target target{server.address(),
                      {.server_name = domain("mx.hostile.example"),
                       .dane_records = {tlsa_3_1_1(pki().leaf)},
                       .demand = tls::Demand::dane}};
  const Client client(pki().context, {.helo = domain("client.example"),
                                      .timeouts = patience,
                                      .source = std::nullopt,
                                      .framing = framing});
  const auto before = system_clock().monotonic();
  const Deadline deadline(system_clock(), 20s);
  End end;
  {
    auto attempt = client.connect(target, deadline);
    if (const auto* facts = std::get_if<SessionFacts>(&attempt)) {
      end.words = text(facts->obstacle.value());
    } else {
      Envelope envelope;
      envelope.sender = name::ReversePath::parse("s@client.example").value();
      for (std::size_t i = 0; i < recipients; ++i) {
        envelope.recipients.push_back(
            {name::Mailbox::parse("r" + std::to_string(i) + "@b.example").value()});
      }
      TextContent content(message);
      const auto delivery = std::get<Connection>(attempt).deliver(envelope, content, deadline);
      for (const auto& one : std::get<Transaction>(delivery).ends) {
        end.words += std::string(text(one.outcome)) + "@" + std::string(text(one.stage));
        if (one.reply) end.words += " " + std::to_string(one.reply->code);
        if (one.interruption != Interruption::none) {
          end.words += " " + std::string(text(one.interruption));
        }
        end.words += ";";
        if (one.reply) CHECK(one.reply->text().find_first_of("\r\n\x1b") == std::string::npos);
      }
    }
  }
  end.took = std::chrono::floor<std::chrono::milliseconds>(system_clock().monotonic() - before);
  for (int i = 0; i < 300 && server.log().find("\"end\"") == std::string::npos; ++i) {
    ::usleep(10000);
  }
  server.stop();
  end.log = server.log();
  CHECK(end.log.find("\"secure\": false, \"text\": \"MAIL") == std::string::npos);
  CHECK(end.log.find("HELO") == std::string::npos);
  return end;
}

void expect(const std::string& scenario, const std::string& words,
            const std::vector<std::string>& more = {}, const Timeouts& patience = kPatient,
            Framing framing = Framing::dots) {
  auto arguments = more;
  arguments.push_back(scenario);
  CAPTURE(scenario, more);
  const auto end = send_to(arguments, kLetter, patience, 1, framing);
  CHECK(end.words == words);
  CHECK(end.took < 15s);
  // Only a message whose end mark left may have been seen whole.
  const bool may_be_there = words.find("@end-of-data") != std::string::npos;
  CHECK((end.log.find("\"message\"") != std::string::npos) <= may_be_there);
  if (words.find('@') == std::string::npos) {
    CHECK(end.log.find("\"content_octets\": 0}") != std::string::npos);
  }
}

}  // namespace

TEST_CASE("A01 a hostile server's good side", "[hostile][A01]") {
  expect("accept", "accepted@end-of-data 250;");
  expect("accept", "accepted@end-of-data 250;", {"--keywords", "PIPELINING"});
  expect("accept", "accepted@end-of-data 250;", {"--keywords", ""});
  expect("accept", "accepted@end-of-data 250;", {}, kPatient, Framing::counted);
  expect("bdat-unknown", "accepted@end-of-data 250;", {}, kPatient, Framing::counted);
  expect("idle-421", "accepted@end-of-data 250;");
}

TEST_CASE("A10 replies injected around the 220", "[hostile][A10]") {
  expect("inject-with-220", "injected");
  expect("inject-after-220", "tls-failed");
}

TEST_CASE("A13 STARTTLS absent or refused", "[hostile][A13]") {
  expect("starttls-absent", "starttls-not-offered");
  expect("starttls-454", "tls-refused-now");
  expect("starttls-421", "tls-refused-now");
  expect("starttls-502", "starttls-refused");
  expect("starttls-554", "starttls-refused");
  expect("starttls-354", "protocol-error");
  expect("starttls-221", "protocol-error");
  expect("starttls-250", "protocol-error");
}

TEST_CASE("A14 EHLO refused", "[hostile][A14]") {
  expect("ehlo-refused", "starttls-not-offered");
  expect("ehlo-forbidden", "greeting-refused");
}

TEST_CASE("A15 other capabilities under TLS", "[hostile][A15]") {
  expect("fewer-capabilities", "accepted@end-of-data 250;");
  expect("more-capabilities", "accepted@end-of-data 250;");
  expect("ehlo-refused-under-tls", "greeting-refused");
}

TEST_CASE("A16 handshakes that must not be", "[hostile][A16]") {
  for (const auto* scenario :
       {"tls-1-0", "tls-1-1", "null-suites", "anonymous-suites", "no-tls-after-220"}) {
    expect(scenario, "tls-failed");
  }
  expect("reset-in-handshake", "connection-lost");
  expect("silent-handshake", "timed-out", {}, hasty(&Timeouts::handshake));
}

TEST_CASE("A19 A47 the last reply, cut", "[hostile][A19][A47]") {
  expect("truncated-last-reply", "uncertain@end-of-data connection-lost;");
  expect("truncated-multiline-reply", "uncertain@end-of-data connection-lost;");
  expect("reset-after-dot", "uncertain@end-of-data connection-lost;");
  expect("close-after-dot", "uncertain@end-of-data connection-lost;");
  expect("accept-then-reset", "accepted@end-of-data 250;");
  expect("reply-221-to-dot", "uncertain@end-of-data 221 protocol-error;");
}

TEST_CASE("A40 servers without end", "[hostile][A40]") {
  expect("endless-banner", "protocol-error");
  expect("million-lines", "protocol-error");
  expect("million-lines-under-tls", "protocol-error");
  expect("long-line", "protocol-error");
  expect("long-last-reply", "uncertain@end-of-data protocol-error;");
}

TEST_CASE("A41 drips and silence", "[hostile][A41]") {
  const auto greeting = hasty(&Timeouts::greeting);
  const auto command = hasty(&Timeouts::command, 1s);
  const auto end = hasty(&Timeouts::end_of_data);
  const std::vector<std::string> slowly{"--seconds", "0.01", "--stage"};
  const auto at = [&](const char* stage) {
    auto arguments = slowly;
    arguments.emplace_back(stage);
    return arguments;
  };
  for (const auto* scenario : {"drip-stage", "silent-stage"}) {
    expect(scenario, "timed-out", at("greeting"), greeting);
    for (const auto* stage : {"ehlo", "starttls", "secure-ehlo"}) {
      expect(scenario, "timed-out", at(stage), command);
    }
    expect(scenario, "deferred@rcpt timed-out;", at("mail"), command);
    expect(scenario, "uncertain@end-of-data timed-out;", at("end"), end);
  }
}

TEST_CASE("A41 a reader that does not read", "[hostile][A41]") {
  const auto end = send_to({"slow-reader"}, body_of(16U << 20), hasty(&Timeouts::block));
  CHECK(end.words == "deferred@content timed-out;");
  CHECK(end.log.find("\"message\"") == std::string::npos);
}

TEST_CASE("A43 malformed replies at every stage", "[hostile][A43]") {
  for (const auto* scenario :
       {"code-25", "code-2500", "code-199", "code-mixed", "code-none", "bare-lf", "nul"}) {
    for (const auto* stage : {"greeting", "ehlo", "starttls", "secure-ehlo"}) {
      expect(scenario, "protocol-error", {"--stage", stage});
    }
    for (const auto* stage : {"mail", "rcpt"}) {
      expect(scenario, "deferred@rcpt protocol-error;", {"--stage", stage});
    }
    expect(scenario, "deferred@rcpt protocol-error;", {"--stage", "data"});
    expect(scenario, "uncertain@end-of-data protocol-error;", {"--stage", "end"});
  }
}

TEST_CASE("A45 recipients with different ends", "[hostile][A45]") {
  for (const auto* keywords : {"PIPELINING", "PIPELINING,CHUNKING", ""}) {
    for (const auto framing : {Framing::dots, Framing::counted}) {
      auto end = send_to({"--keywords", keywords, "rcpt-mixed"}, kLetter, kPatient, 4, framing);
      CHECK(end.words ==
            "accepted@end-of-data 250;deferred@rcpt 450;failed@rcpt 550;accepted@end-of-data 250;");
      end = send_to({"--keywords", keywords, "rcpt-two-at-a-time"}, kLetter, kPatient, 3, framing);
      CHECK(end.words ==
            "accepted@end-of-data 250;accepted@end-of-data 250;accepted@end-of-data 250;");
      end = send_to({"--keywords", keywords, "rcpt-none-but-354"}, kLetter, kPatient, 2, framing);
      CHECK(end.words == "failed@rcpt 550;failed@rcpt 550;");
      CHECK(end.log.find("c2VjcmV0") == std::string::npos);
    }
  }
}

TEST_CASE("A46 answers while the message is coming", "[hostile][A46]") {
  expect("accept-before-dot", "deferred@content 250 protocol-error;");
  for (const auto framing : {Framing::dots, Framing::counted}) {
    auto end = send_to({"accept-mid-body"}, body_of(32U << 20), kPatient, 1, framing);
    CHECK(end.words == "deferred@content 250 protocol-error;");
    end = send_to({"reject-mid-body"}, body_of(32U << 20), kPatient, 1, framing);
    CHECK(end.words == "failed@content 550;");
    CHECK(end.log.find("\"message\"") == std::string::npos);
  }
}

TEST_CASE("F10 reset while the message is coming", "[hostile][F10]") {
  const auto end = send_to({"reset-in-body"}, body_of(8U << 20));
  CHECK(end.words == "deferred@content connection-lost;");
}

TEST_CASE("A48 replies that look like audit lines", "[hostile][A48]") {
  const auto end = send_to({"audit-like-reply"}, kLetter, kPatient, 2);
  CHECK(end.words == "accepted@end-of-data 250;failed@rcpt 550;");
}

TEST_CASE("F11 turned away, at the door and at each stage", "[hostile][F11]") {
  for (const auto* code : {"421", "450", "451"}) {
    expect("greeting-" + std::string(code), "rate-limited");
  }
  expect("greeting-554", "greeting-refused");
  expect("greeting-250", "protocol-error");
  expect("greylist", "deferred@rcpt 450;");
  const std::map<std::string, std::string> ends{
      {"greeting", "rate-limited"},        {"ehlo", "rate-limited"},
      {"starttls", "tls-refused-now"},     {"secure-ehlo", "rate-limited"},
      {"mail", "deferred@mail 421;"},      {"rcpt", "deferred@rcpt 421;"},
      {"end", "deferred@end-of-data 421;"}};
  for (const auto& [stage, words] : ends)
    expect("reply-421", words, {"--stage", stage});
}

TEST_CASE("a reply too many is nobody's", "[hostile]") {
  expect("one-reply-too-many", "deferred@data 250 protocol-error;");
  expect("one-reply-too-many", "deferred@rcpt 250 protocol-error;", {"--keywords", ""});
}
