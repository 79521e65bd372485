#pragma once
// An SMTP server on loopback that says what a test's script says, with TLS where the script wants
// it. One thread; connections one after the other.

#include <cstdint>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "support/test_pki.h"

namespace sm::test {

/// The server's end of one connection.
class ServedConnection {
 public:
  ServedConnection(int socket, SSL_CTX* context) : socket_(socket), context_(context) {
    const int on = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  ServedConnection(const ServedConnection&) = delete;
  ServedConnection& operator=(const ServedConnection&) = delete;
  ~ServedConnection() { hang_up(); }

  void say(std::string_view octets) {
    if (ssl_) {
      SSL_write(ssl_.get(), octets.data(), static_cast<int>(octets.size()));
    } else {
      raw(octets);
    }
  }
  /// Beneath TLS.
  void raw(std::string_view octets) {
    while (!octets.empty()) {
      const auto sent = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;
      octets.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  /// What one read brings; empty at the end.
  std::string read_some() {
    std::string block(65536, '\0');
    const auto got = ssl_ ? SSL_read(ssl_.get(), block.data(), static_cast<int>(block.size()))
                          : static_cast<int>(::recv(socket_, block.data(), block.size(), 0));
    block.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return block;
  }
  /// Up to and with `end`; what there was where the client went before.
  std::string read_until(std::string_view end) {
    while (true) {
      const auto at = buffer_.find(end);
      if (at != std::string::npos) {
        std::string taken = buffer_.substr(0, at + end.size());
        buffer_.erase(0, at + end.size());
        return taken;
      }
      const std::string more = read_some();
      if (more.empty()) return std::exchange(buffer_, {});
      buffer_ += more;
    }
  }
  std::string read_line() { return read_until("\r\n"); }
  std::string read_exactly(std::size_t size) {
    while (buffer_.size() < size) {
      const std::string more = read_some();
      if (more.empty()) break;
      buffer_ += more;
    }
    std::string taken = buffer_.substr(0, size);
    buffer_.erase(0, taken.size());
    return taken;
  }
  bool start_tls() {
    ssl_.reset(SSL_new(context_));
    SSL_set_fd(ssl_.get(), socket_);
    return SSL_accept(ssl_.get()) == 1;
  }
  /// The same, but says `early` with the server's own flight, before the client has finished.
  bool start_tls_speaking(std::string_view early) {
    ssl_.reset(SSL_new(context_));
    SSL_set_fd(ssl_.get(), socket_);
    SSL_set_accept_state(ssl_.get());
    // One segment for both, so that they arrive together.
    const int on = 1;
    const int off = 0;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &on, sizeof on);
    char none[1];
    std::size_t read = 0;
    std::size_t written = 0;
    if (SSL_read_early_data(ssl_.get(), none, sizeof none, &read) != SSL_READ_EARLY_DATA_FINISH) {
      return false;
    }
    const bool has_spoken =
        SSL_write_early_data(ssl_.get(), early.data(), early.size(), &written) == 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &off, sizeof off);
    SSL_accept(ssl_.get());
    return has_spoken;
  }
  /// Greeting, EHLO, STARTTLS, handshake, EHLO with these keywords ("PIPELINING\nDSN").
  bool begin(const std::string& keywords = "PIPELINING") {
    say("220 mx.example ESMTP\r\n");
    read_line();
    say("250-mx.example\r\n250 STARTTLS\r\n");
    read_line();
    say("220 2.0.0 go\r\n");
    if (!start_tls()) return false;
    read_line();
    std::string reply = "250-mx.example";
    for (std::size_t from = 0, to = 0; to != std::string::npos; from = to + 1) {
      to = keywords.find('\n', from);
      reply += "\r\n250" + std::string(to == std::string::npos ? " " : "-") +
               keywords.substr(from, to == std::string::npos ? to : to - from);
    }
    say(reply + "\r\n");
    return true;
  }
  /// close_notify.
  void close_tls() { SSL_shutdown(ssl_.get()); }
  /// The end, with FIN.
  void hang_up() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  /// The end, with RST.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    hang_up();
  }
  /// Until the client goes away.
  void wait_for_end() {
    while (!read_some().empty()) {
    }
  }
  SSL* native() { return ssl_.get(); }

 private:
  int socket_;
  SSL_CTX* context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  std::string buffer_;
};

class ScriptedServer {
 public:
  using Script = std::function<void(ServedConnection&)>;

  ScriptedServer(const ServerRecipe& recipe, Script script,
                 const std::string& address = "127.0.0.1")
      : context_(make_server_context(recipe)),
        address_(IpAddress::parse(address).value()),
        script_(std::move(script)) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (address_.is_v4()) {
      auto* v4 = reinterpret_cast<sockaddr_in*>(&storage);
      v4->sin_family = AF_INET;
      v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      size = sizeof *v4;
    } else {
      auto* v6 = reinterpret_cast<sockaddr_in6*>(&storage);
      v6->sin6_family = AF_INET6;
      v6->sin6_addr = in6addr_loopback;
      size = sizeof *v6;
    }
    listener_ = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto* any = reinterpret_cast<sockaddr*>(&storage);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 16) != 0) {
      throw std::runtime_error("no listening on " + address);
    }
    ::getsockname(listener_, any, &size);
    port_ = ntohs(address_.is_v4() ? reinterpret_cast<sockaddr_in*>(&storage)->sin_port
                                   : reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
    thread_ = std::thread([this] { serve(); });
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer() {
    finish();
    ::close(listener_);
  }
  /// Takes no more connections, and waits for the one under way: what the script has written can be
  /// read then. The client's end must be closed already.
  void finish() {
    ::shutdown(listener_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] ServerAddress address() const { return {address_, port_}; }

 private:
  void serve() {
    // The server may write to a client that is gone; the client under test gets no such help.
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    while (true) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      ServedConnection connection(socket, context_.get());
      script_(connection);
    }
  }

  std::shared_ptr<SSL_CTX> context_;
  IpAddress address_;
  std::uint16_t port_ = 0;
  Script script_;
  int listener_ = -1;
  std::thread thread_;
};

}  // namespace sm::test
