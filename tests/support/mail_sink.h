#pragma once
// An SMTP server on a loopback address of its own that takes mail over STARTTLS on many connections
// at a time, answers as a test says, and counts.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "support/scripted_server.h"

namespace sm::test {

class MailSink {
 public:
  /// What is answered; `nth` counts from 0. Called on the connection's thread.
  struct Manners {
    std::function<std::string(int nth)> greeting = [](int) { return "220 mx.example ESMTP"; };
    std::function<std::string(int nth)> end_of_data = [](int) { return "250 2.0.0 Ok"; };
  };
  /// At 127.0.0.`host`; `port` 0: any.
  MailSink(const ServerRecipe& recipe, int host, std::uint16_t port, Manners manners)
      : context_(make_server_context(recipe)), manners_(std::move(manners)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(0x7f000000U + static_cast<std::uint32_t>(host));
    socklen_t size = sizeof at;
    auto* any = reinterpret_cast<sockaddr*>(&at);
    if (::bind(listener_, any, size) != 0 || ::listen(listener_, 64) != 0) {
      throw std::runtime_error("no listening at 127.0.0." + std::to_string(host));
    }
    ::getsockname(listener_, any, &size);
    port_ = ntohs(at.sin_port);
    acceptor_ = std::jthread([this] { accept_all(); });
  }
  MailSink(const MailSink&) = delete;
  MailSink& operator=(const MailSink&) = delete;
  ~MailSink() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    hang_up();
    sessions_.clear();
    ::close(listener_);
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] int connections() const { return connections_; }
  [[nodiscard]] int most_at_once() const { return most_; }
  /// The recipients of what was taken, in order.
  [[nodiscard]] std::vector<std::string> taken() const {
    const std::lock_guard lock(mutex_);
    return taken_;
  }
  /// Ends every connection now, as a server does that has waited long enough.
  void hang_up() {
    const std::lock_guard lock(mutex_);
    for (const int socket : open_)
      ::shutdown(socket, SHUT_RDWR);
  }
  /// Until no connection is left.
  void wait_until_alone() {
    std::unique_lock lock(mutex_);
    alone_.wait(lock, [&] { return open_.empty(); });
  }

 private:
  void accept_all() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (;;) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      {
        const std::lock_guard lock(mutex_);
        open_.insert(socket);
        most_ = std::max(most_.load(), static_cast<int>(open_.size()));
      }
      sessions_.emplace_back([this, socket, nth = connections_++] { serve(socket, nth); });
    }
  }

  void serve(int socket, int nth) {
    {
      // The socket is closed below, once nobody can shut another one down in its place.
      ServedConnection client(::dup(socket), context_.get());
      client.say(manners_.greeting(nth) + "\r\n");
      converse(client);
    }
    const std::lock_guard lock(mutex_);
    open_.erase(socket);
    ::close(socket);
    alone_.notify_all();
  }

  void converse(ServedConnection& client) {
    std::string recipient;
    for (;;) {
      const auto line = client.read_line();
      if (line.empty()) return;
      const auto verb = line.substr(0, 4);
      if (verb == "STAR") {
        client.say("220 2.0.0 go\r\n");
        if (!client.start_tls()) return;
      } else if (verb == "EHLO") {
        client.say(client.native() == nullptr
                       ? "250-mx.example\r\n250 STARTTLS\r\n"
                       : "250-mx.example\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES\r\n");
      } else if (verb == "DATA") {
        client.say("354 go\r\n");
        client.read_until("\r\n.\r\n");
        if (!end_data(client, recipient)) return;
      } else if (verb == "QUIT") {
        client.say("221 2.0.0 bye\r\n");
        return;
      } else {
        if (verb == "RCPT") recipient = line.substr(9, line.find('>') - 9);
        client.say("250 2.0.0 ok\r\n");
      }
    }
  }

  bool end_data(ServedConnection& client, const std::string& recipient) {
    const auto reply = manners_.end_of_data(ended_++);
    if (reply.empty()) return false;
    if (reply.starts_with('2')) {
      const std::lock_guard lock(mutex_);
      taken_.push_back(recipient);
    }
    client.say(reply + "\r\n");
    return !reply.starts_with("421");
  }

  std::shared_ptr<SSL_CTX> context_;
  Manners manners_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable alone_;
  std::set<int> open_;
  std::vector<std::string> taken_;
  std::atomic<int> connections_{0}, most_{0}, ended_{0};
  std::vector<std::jthread> sessions_;
  std::jthread acceptor_;
};

}  // namespace sm::test
