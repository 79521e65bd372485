#include "dns/ad_resolver.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/file.h"
#include "dns/direct.h"
#include "dns/mx.h"
#include "dns/records.h"

namespace sm::dns {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const ServerAddress& server) {
  SocketAddress result;
  const auto bytes = server.address.bytes();
  if (server.address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(server.port);
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&result.storage, &v4, sizeof v4);
    result.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(server.port);
    std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
    std::memcpy(&result.storage, &v6, sizeof v6);
    result.size = sizeof v6;
  }
  return result;
}

/// A connected non-blocking socket: only what comes from this address and port is received.
Result<UniqueFd> connect_to(const ServerAddress& server, int kind) {
  const auto address = socket_address(server);
  UniqueFd fd(::socket(address.storage.ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno("a socket for DNS", errno);
  const auto* raw = reinterpret_cast<const sockaddr*>(&address.storage);
  if (::connect(fd.get(), raw, address.size) != 0 && errno != EINPROGRESS) {
    return fail_errno("connecting to " + server.text(), errno);
  }
  return fd;
}

/// False when the time is up.
bool wait_for(int fd, short events, SteadyTime until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd watched{fd, events, 0};
    const int ready = ::poll(&watched, 1, static_cast<int>(left.count()) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool send_all(int fd, Bytes bytes, SteadyTime until) {
  while (!bytes.empty()) {
    if (!wait_for(fd, POLLOUT, until)) return false;
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (sent > 0) bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Exactly `size` bytes; nothing on the end of the stream, an error, or when the time is up.
std::optional<std::vector<std::uint8_t>> receive_all(int fd, std::size_t size, SteadyTime until) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t have = 0; have < size;) {
    if (!wait_for(fd, POLLIN, until)) return std::nullopt;
    const auto got = ::recv(fd, bytes.data() + have, size - have, 0);
    if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) return std::nullopt;
    if (got > 0) have += static_cast<std::size_t>(got);
  }
  return bytes;
}

/// RFC 5452 §9.1: a response counts only when it answers this very question.
bool answers(const Message& message, const Question& question, std::uint16_t id) {
  return message.is_response && message.id == id &&
         message.question_type == static_cast<std::uint16_t>(question.type) &&
         message.question_name == question.name.text();
}

struct Exchange {
  std::optional<Message> message{};
  FailureKind failure = FailureKind::timeout;
  std::string why{};
};

Exchange ask_udp(const ServerAddress& server, const Question& question, std::uint16_t id,
                 Bytes query, SteadyTime until) {
  const auto fd = connect_to(server, SOCK_DGRAM);
  if (!fd) return {.failure = FailureKind::local, .why = fd.error().what};
  if (!send_all(fd->get(), query, until)) return {.why = "nothing could be sent"};
  while (wait_for(fd->get(), POLLIN, until)) {
    std::vector<std::uint8_t> bytes(UINT16_MAX);
    const auto got = ::recv(fd->get(), bytes.data(), bytes.size(), 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return {.why = std::strerror(errno)};
    bytes.resize(static_cast<std::size_t>(got));
    auto message = parse_message(bytes);
    if (message && answers(*message, question, id)) return {.message = *std::move(message)};
  }
  return {.why = "no answer in time"};
}

/// RFC 7766: the same over TCP, when the answer did not fit.
Exchange ask_tcp(const ServerAddress& server, const Question& question, std::uint16_t id,
                 Bytes query, SteadyTime until) {
  const auto fd = connect_to(server, SOCK_STREAM);
  if (!fd) return {.failure = FailureKind::local, .why = fd.error().what};
  std::vector<std::uint8_t> framed(query.size() + 2);
  framed[0] = static_cast<std::uint8_t>(query.size() >> 8);
  framed[1] = static_cast<std::uint8_t>(query.size());
  std::copy(query.begin(), query.end(), framed.begin() + 2);
  if (!send_all(fd->get(), framed, until)) return {.why = "nothing could be sent over TCP"};
  const auto length = receive_all(fd->get(), 2, until);
  if (!length) return {.why = "no answer over TCP"};
  const auto bytes = receive_all(fd->get(), std::size_t{(*length)[0]} << 8 | (*length)[1], until);
  if (!bytes) return {.why = "a truncated answer over TCP"};
  auto message = parse_message(*bytes);
  if (!message) return {.failure = FailureKind::malformed, .why = message.error().what};
  if (!answers(*message, question, id)) {
    return {.failure = FailureKind::malformed, .why = "an answer to another question"};
  }
  return {.message = *std::move(message)};
}

enum class Checking { enabled, disabled };

Exchange ask(const ServerAddress& server, const Question& question, Checking checking,
             SteadyTime until) {
  std::uint16_t id = 0;
  if (::getrandom(&id, sizeof id, 0) != sizeof id) {
    return {.failure = FailureKind::local, .why = "no random numbers"};
  }
  const auto query = build_query(
      question,
      {.id = id, .wants_authentic = true, .is_checking_disabled = checking == Checking::disabled});
  if (!query) return {.failure = FailureKind::local, .why = query.error().what};
  auto exchange = ask_udp(server, question, id, *query, until);
  if (!exchange.message || !exchange.message->is_truncated) return exchange;
  return ask_tcp(server, question, id, *query, until);
}

/// Each server in turn, for as long as the deadline allows; a second round with more patience.
Exchange ask_any(const std::vector<ServerAddress>& servers, const Question& question,
                 Checking checking, SteadyTime until) {
  Exchange last{.why = "no answer in time"};
  std::chrono::milliseconds patience{1'000};
  while (std::chrono::steady_clock::now() < until) {
    for (const auto& server : servers) {
      const auto now = std::chrono::steady_clock::now();
      last = ask(server, question, checking, std::min(until, now + patience));
      if (last.message) return last;
      last.why = server.text() + ": " + last.why;
      if (last.failure == FailureKind::local) return last;
    }
    patience *= 2;
    if (!last.message && last.failure != FailureKind::timeout) return last;
    // A refused connection fails at once: do not spin until the deadline.
    if (std::chrono::steady_clock::now() < until) ::poll(nullptr, 0, 50);
  }
  return last;
}

constexpr int kNoError = 0;
constexpr int kServFail = 2;
constexpr int kNxDomain = 3;
constexpr int kRefused = 5;

Answer unknown(const Question& question, Outcome outcome, FailureKind kind, int rcode,
               std::string why) {
  return {.question = question,
          .outcome = outcome,
          .canonical = question.name.text(),
          .rcode = rcode,
          .failure = kind,
          .why = std::move(why)};
}

Answer answer_of(const Question& question, const Message& message) {
  return answer_from(question, message,
                     message.is_authentic ? Security::secure : Security::insecure);
}

}  // namespace

Result<std::unique_ptr<Resolver>> AdResolver::open(const ResolverOptions& options) {
  auto servers = servers_of(options);
  if (!servers) return fail(std::move(servers).error());
  for (const auto& server : *servers) {
    if (server.address.is_loopback()) continue;
    return fail(Errc::configuration,
                "the AD bit of " + server.text() + " cannot be trusted: it is not on loopback",
                "run a validating resolver on 127.0.0.1, or let this program validate itself");
  }
  return std::unique_ptr<Resolver>(new AdResolver(*std::move(servers), options.timeout));
}

Answer AdResolver::lookup(const Question& question) {
  const auto until = std::chrono::steady_clock::now() + timeout_;
  const auto exchange = ask_any(servers_, question, Checking::enabled, until);
  if (!exchange.message) {
    return unknown(question, Outcome::failure, exchange.failure, kServFail, exchange.why);
  }
  const int rcode = exchange.message->rcode;
  if (rcode == kRefused) {
    return unknown(question, Outcome::failure, FailureKind::refused, rcode, "refused");
  }
  if (rcode != kNoError && rcode != kNxDomain) {
    // RFC 6840 §5.9: what only comes with checking disabled did not pass the check.
    const auto unchecked = ask_any(servers_, question, Checking::disabled, until);
    const bool is_bogus = unchecked.message && (unchecked.message->rcode == kNoError ||
                                                unchecked.message->rcode == kNxDomain);
    return unknown(question, is_bogus ? Outcome::bogus : Outcome::failure, FailureKind::servfail,
                   rcode,
                   is_bogus ? "the local resolver found the answer bogus"
                            : "the local resolver answered with code " + std::to_string(rcode));
  }
  auto answer = answer_of(question, *exchange.message);
  // RFC 7672 §2.1.3: an insecure CNAME taints what follows it, nothing before it.
  if (answer.is_unknown() || answer.is_secure()) return answer;
  for (auto& hop : answer.chain) {
    const auto owner = name::DnsName::parse(hop.owner);
    if (!owner) break;
    const auto alias = lookup(Question{*owner, Type::cname});
    if (!alias.has_data() || !alias.is_secure()) break;
    hop.security = Security::secure;
  }
  return answer;
}

Answer ask_server(const ServerAddress& server, const Question& question,
                  std::chrono::milliseconds timeout) {
  const auto until = std::chrono::steady_clock::now() + timeout;
  const auto exchange = ask_any({server}, question, Checking::enabled, until);
  if (!exchange.message) {
    return unknown(question, Outcome::failure, exchange.failure, kServFail, exchange.why);
  }
  const int rcode = exchange.message->rcode;
  if (rcode != kNoError && rcode != kNxDomain) {
    const bool is_refused = rcode == kRefused;
    return unknown(question, Outcome::failure,
                   is_refused ? FailureKind::refused : FailureKind::servfail, rcode,
                   "it answered with code " + std::to_string(rcode));
  }
  auto answer = answer_of(question, *exchange.message);
  answer.security = Security::insecure;
  for (auto& hop : answer.chain)
    hop.security = Security::insecure;
  return answer;
}

}  // namespace sm::dns
