#include "smtp/channel.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "smtp/client.h"

namespace sm::smtp {
namespace {

constexpr std::size_t kRecord = 16384;  // plaintext of one TLS record

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

SocketAddress socket_address(const IpAddress& address, std::uint16_t port) {
  SocketAddress made;
  if (address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&made.storage);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    std::memcpy(&v4->sin_addr, address.bytes().data(), 4);
    made.size = sizeof *v4;
  } else {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&made.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    std::memcpy(&v6->sin6_addr, address.bytes().data(), 16);
    made.size = sizeof *v6;
  }
  return made;
}

std::string words_of(int error_number) {
  return std::generic_category().message(error_number);
}

Channel::Failure connect_failure(int error_number) {
  switch (error_number) {
    case ETIMEDOUT:
      return {Obstacle::connect_timed_out, words_of(error_number)};
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
      return {Obstacle::local_failure, words_of(error_number)};
    default:
      return {Obstacle::connect_failed, words_of(error_number)};
  }
}

std::chrono::milliseconds timeout_of(Wait wait, const Timeouts& timeouts) {
  switch (wait) {
    case Wait::greeting:
      return timeouts.greeting;
    case Wait::command:
      return timeouts.command;
    case Wait::data:
      return timeouts.data;
    case Wait::block:
      return timeouts.block;
    case Wait::end_of_data:
      return timeouts.end_of_data;
  }
  return timeouts.command;
}

/// A server that keeps Nagle's delay holds the reply to EHLO back until its session tickets are
/// acknowledged, which our kernel puts off by 40 ms. Linux forgets this after some segments, so it
/// is said before each wait; where it cannot be had, mail is slower and nothing else.
void acknowledge_at_once(int socket) {
  const int on = 1;
  static_cast<void>(::setsockopt(socket, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on));
}

}  // namespace

bool Channel::poll_until(short events, const Deadline& until, const Deadline& deadline,
                         short& seen) {
  if ((events & POLLIN) != 0) acknowledge_at_once(socket_.get());
  while (true) {
    const auto left = std::min(until.remaining(), deadline.remaining());
    if (left.count() <= 0) return false;
    pollfd watched{socket_.get(), events, 0};
    // In slices: a clock may be told that the time is up for all (delivery/dispatch.h).
    constexpr std::int64_t kSlice = 500;
    const int ready = ::poll(&watched, 1, static_cast<int>(std::min(left.count(), kSlice)));
    if (ready > 0) {
      seen = watched.revents;
      return true;
    }
    if (ready < 0 && errno != EINTR) return false;
  }
}

std::variant<Channel, Channel::Failure> Channel::connect(const ServerAddress& server,
                                                         const std::optional<IpAddress>& source,
                                                         std::chrono::milliseconds timeout,
                                                         const Deadline& deadline) {
  const auto to = socket_address(server.address, server.port);
  UniqueFd socket(
      ::socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  if (!socket) return connect_failure(errno);
  // Commands are written whole, a group at a time: Nagle's delay would only hold the last one back.
  const int on = 1;
  if (::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
    return connect_failure(errno);
  }
  if (source) {
    const auto from = socket_address(*source, 0);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&from.storage), from.size) != 0) {
      return Failure{Obstacle::local_failure, words_of(errno)};
    }
  }
  const bool is_under_way =
      ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to.storage), to.size) == 0 ||
      errno == EINPROGRESS || errno == EINTR;
  if (!is_under_way) return connect_failure(errno);
  Channel channel(std::move(socket));
  short seen = 0;
  if (!channel.poll_until(POLLOUT, deadline.capped(timeout), deadline, seen)) {
    if (deadline.has_passed()) return Failure{Obstacle::deadline_passed, "no time was left"};
    return Failure{Obstacle::connect_timed_out, "no answer to connecting"};
  }
  int error_number = 0;
  socklen_t size = sizeof error_number;
  if (::getsockopt(channel.socket_.get(), SOL_SOCKET, SO_ERROR, &error_number, &size) != 0) {
    error_number = errno;
  }
  if (error_number != 0) return connect_failure(error_number);
  return channel;
}

std::optional<ServerAddress> Channel::local() const {
  SocketAddress own;
  own.size = sizeof own.storage;
  if (::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.size) != 0) {
    return std::nullopt;
  }
  const auto made = [](const void* bytes, std::size_t length,
                       in_port_t port) -> std::optional<ServerAddress> {
    const auto address = IpAddress::from_bytes({static_cast<const std::uint8_t*>(bytes), length});
    if (!address) return std::nullopt;
    return ServerAddress{*address, ntohs(port)};
  };
  if (own.storage.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&own.storage);
    return made(&v4->sin_addr, 4, v4->sin_port);
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&own.storage);
  return made(&v6->sin6_addr, 16, v6->sin6_port);
}

Channel::Io Channel::flush() {
  while (pending_at_ < pending_.size()) {
    const auto written = ::send(socket_.get(), pending_.data() + pending_at_,
                                pending_.size() - pending_at_, MSG_NOSIGNAL);
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? Io::again : Io::lost;
    }
    pending_at_ += static_cast<std::size_t>(written);
  }
  pending_.clear();
  pending_at_ = 0;
  return Io::ok;
}

Channel::Io Channel::fill(std::string& octets) {
  std::array<char, 32768> block;
  while (true) {
    const auto got = ::recv(socket_.get(), block.data(), block.size(), 0);
    if (got > 0) {
      octets.append(block.data(), static_cast<std::size_t>(got));
      received_ += static_cast<std::size_t>(got);
      return Io::ok;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Io::again;
    return Io::lost;
  }
}

// What came goes to the dialogue before the end of the connection does: a reply that is whole
// counts even if a reset follows it.
void Channel::take_in(Dialogue& dialogue) {
  if (!early_.empty()) dialogue.receive(std::exchange(early_, {}));
  std::string octets;
  const Io state = fill(octets);
  if (state == Io::again) return;
  if (!session_) {
    dialogue.receive(octets);
  } else {
    if (state == Io::lost) session_->receive_end();
    session_->receive(octets);
    std::string plaintext;
    const auto read = session_->read(plaintext);
    dialogue.receive(plaintext);
    // RFC 8446 §6.1: closed or cut off, nothing comes any more.
    if (read == tls::Session::ReadState::broken) dialogue.interrupt(Interruption::protocol_error);
    if (read != tls::Session::ReadState::open) dialogue.interrupt(Interruption::lost);
  }
  if (state == Io::lost) dialogue.interrupt(Interruption::lost);
  if (received_ > kMaxReceived) dialogue.interrupt(Interruption::protocol_error);
}

// Moves a record's worth of the dialogue's output to the kernel. False where the kernel is full.
bool Channel::write_some(Dialogue& dialogue) {
  if (pending_.empty()) {
    // What the server said already, it said before it could have read this (A46).
    take_in(dialogue);
    if (dialogue.is_over()) return true;
    const auto output = dialogue.output().substr(0, kRecord);
    pending_plaintext_ = output.size();
    if (!session_) {
      pending_ = output;
    } else {
      if (!output.empty() && !session_->write(output)) {
        dialogue.interrupt(Interruption::lost);
        return true;
      }
      pending_ = session_->take_output();
    }
  }
  switch (flush()) {
    case Io::ok:
      dialogue.sent(std::exchange(pending_plaintext_, 0));
      return true;
    case Io::again:
      return false;
    case Io::lost:
      break;
  }
  // The server may have said why before it went.
  take_in(dialogue);
  dialogue.interrupt(Interruption::lost);
  return true;
}

bool Channel::wait_for(Dialogue& dialogue, bool wants_write, const Deadline& until,
                       const Deadline& deadline) {
  short seen = 0;
  const auto events = static_cast<short>(wants_write ? POLLIN | POLLOUT : POLLIN);
  if (!poll_until(events, until, deadline, seen)) {
    dialogue.interrupt(deadline.has_passed() ? Interruption::deadline_passed
                                             : Interruption::timed_out);
    return false;
  }
  if ((seen & ~POLLOUT) != 0) take_in(dialogue);
  return true;
}

void Channel::run(Dialogue& dialogue, const Timeouts& timeouts, const Deadline& deadline,
                  const std::function<bool()>& until, const std::function<void()>& feed) {
  while (!dialogue.is_over() && !until()) {
    if (feed) feed();
    // RFC 5321 §4.5.3.2: one waiting time for all of a reply, or for a block to leave. It begins
    // anew with each reply, not with each octet, so a drip gains nothing.
    const auto wait = dialogue.waits_for();
    const auto replies = dialogue.replies();
    const auto patience = deadline.capped(timeout_of(wait, timeouts));
    bool is_full = false;
    while (!is_full && !dialogue.is_over() && (!dialogue.output().empty() || !pending_.empty())) {
      is_full = !write_some(dialogue);
      if (feed && !is_full) feed();
    }
    while (!dialogue.is_over() && !until() && dialogue.replies() == replies) {
      if (is_full) {
        if (!wait_for(dialogue, true, patience, deadline)) return;
        if (dialogue.is_over() || write_some(dialogue)) break;
      } else if (dialogue.waits_for() != wait) {
        break;
      } else if (!wait_for(dialogue, false, patience, deadline)) {
        return;
      }
    }
  }
}

std::variant<tls::Handshake, tls::HandshakeFailure> Channel::handshake(
    tls::Session session, std::chrono::milliseconds timeout, const Deadline& deadline) {
  using Kind = tls::HandshakeFailure::Kind;
  const Deadline patience = deadline.capped(timeout);
  const auto give_up = [&](Interruption why, const char* words) {
    interruption_ = why;
    return tls::HandshakeFailure{Kind::lost, words};
  };
  bool has_ended = false;
  while (true) {
    auto step = session.handshake();
    if (auto* done = std::get_if<tls::Handshake>(&step)) {
      // The last flight of TLS 1.3 goes out with the first command.
      session_ = std::move(session);
      const auto read = session_->read(early_);
      if (read != tls::Session::ReadState::open) {
        return give_up(Interruption::lost, "the server ended the connection after the handshake");
      }
      return std::move(*done);
    }
    pending_ += session.take_output();
    const Io flushed = flush();
    if (auto* failed = std::get_if<tls::HandshakeFailure>(&step)) {
      if (failed->kind == Kind::lost) interruption_ = Interruption::lost;
      return std::move(*failed);
    }
    if (has_ended) return give_up(Interruption::lost, "the connection ended during the handshake");
    short seen = 0;
    const auto events = static_cast<short>(flushed == Io::again ? POLLIN | POLLOUT : POLLIN);
    if (!poll_until(events, patience, deadline, seen)) {
      return give_up(
          deadline.has_passed() ? Interruption::deadline_passed : Interruption::timed_out,
          "the server did not finish the handshake in time");
    }
    if ((seen & ~POLLOUT) == 0) continue;
    std::string octets;
    has_ended = fill(octets) == Io::lost;
    session.receive(octets);
    if (has_ended) session.receive_end();
    if (received_ > kMaxReceived) {
      return give_up(Interruption::protocol_error, "the server says too much in the handshake");
    }
  }
}

void Channel::close(std::string_view last_words) {
  if (!socket_) return;
  // What a record began is finished or nothing is: a half-sent record cannot be followed.
  if (pending_.empty()) {
    if (session_) {
      if (session_->write(last_words)) session_->close();
      pending_ = session_->take_output();
    } else {
      pending_ = last_words;
    }
    flush();
  }
  socket_.reset();
}

}  // namespace sm::smtp
