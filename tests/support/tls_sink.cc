// tls-sink: a mail server that takes everything over STARTTLS, quickly, and keeps a line of each
// message. For tests that count what arrived, and for measurements where the receiver must cost as
// little as it can.
//
//   tls-sink --pem FILE [--record FILE] [--wait MS] ADDRESS [ADDRESS…]      (port 25)
//
// A message's line, written before its reply leaves: "<Message-ID> <X-Key>". `--wait` holds each
// reply to the end of a message back for so long: whoever is killed meanwhile never learns it. Says
// "ready" on stdout once it listens, and prints the number of messages when SIGTERM ends it.

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

struct Setting {
  const char* pem = nullptr;
  int record = -1;
  int wait_ms = 0;
  std::vector<std::string> addresses{};
  SSL_CTX* tls = nullptr;
};
Setting setting;
std::atomic<unsigned long> messages{0};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

/// One client, in the clear first, then under TLS.
class Session {
 public:
  explicit Session(int fd) : fd_(fd) {}
  ~Session() {
    SSL_free(ssl_);
    ::close(fd_);
  }

  void serve() {
    if (!say("220 sink.example ESMTP\r\n")) return;
    std::string line;
    while (read_line(line)) {
      if (!answer(line)) return;
      // Replies to a pipelined group leave together.
      if (buffer_.empty() && !flush()) return;
    }
  }

 private:
  bool answer(const std::string& line) {
    const auto is = [&](const char* verb) { return ::strncasecmp(line.c_str(), verb, 4) == 0; };
    if (is("EHLO")) {
      out_ += ssl_ == nullptr ? "250-sink.example\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
                              : "250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n"
                                "250-SMTPUTF8\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 104857600\r\n";
      return true;
    }
    if (is("STAR")) return begin_tls();
    if (is("QUIT")) return say("221 2.0.0 bye\r\n") && false;
    if (ssl_ == nullptr) return say("530 5.7.0 STARTTLS first\r\n");
    if (is("DATA")) return take_message();
    out_ += "250 2.0.0 ok\r\n";
    return true;
  }

  bool begin_tls() {
    buffer_.clear();
    if (!say("220 2.0.0 go on\r\n")) return false;
    ssl_ = SSL_new(setting.tls);
    return SSL_set_fd(ssl_, fd_) == 1 && SSL_accept(ssl_) == 1;
  }

  bool take_message() {
    if (!say("354 go on\r\n")) return false;
    std::string content;
    for (;;) {
      content += buffer_;
      buffer_.clear();
      if (content.size() >= 5 && content.compare(content.size() - 5, 5, "\r\n.\r\n") == 0) break;
      const auto end = content.find("\r\n.\r\n");
      if (end != content.npos) {
        buffer_ = content.substr(end + 5);
        content.resize(end + 5);
        break;
      }
      if (!fill()) return false;
    }
    record(content);
    const auto number = ++messages;
    if (setting.wait_ms > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(setting.wait_ms));
    }
    out_ += "250 2.0.0 Ok: queued as S" + std::to_string(number) + "\r\n";
    return true;
  }

  static std::string field(const std::string& content, const char* name) {
    const auto end = content.find("\r\n\r\n");
    for (std::size_t at = 0; at < end;) {
      const auto next = content.find("\r\n", at);
      if (::strncasecmp(content.c_str() + at, name, std::strlen(name)) == 0) {
        auto value = content.substr(at + std::strlen(name), next - at - std::strlen(name));
        value.erase(0, value.find_first_not_of(' '));
        return value;
      }
      at = next + 2;
    }
    return "-";
  }

  static void record(const std::string& content) {
    if (setting.record < 0) return;
    const auto line = field(content, "Message-ID:") + " " + field(content, "X-Key:") + "\n";
    if (::write(setting.record, line.data(), line.size()) < 0) die("record");
  }

  bool fill() {
    char block[16384];
    if (!flush()) return false;
    const auto got = ssl_ != nullptr ? SSL_read(ssl_, block, sizeof block)
                                     : static_cast<int>(::read(fd_, block, sizeof block));
    if (got <= 0) return false;
    buffer_.append(block, static_cast<std::size_t>(got));
    return true;
  }
  bool read_line(std::string& line) {
    for (;;) {
      const auto end = buffer_.find('\n');
      if (end != buffer_.npos) {
        line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return true;
      }
      if (!fill()) return false;
    }
  }
  bool say(const char* text) {
    out_ += text;
    return flush();
  }
  bool flush() {
    if (out_.empty()) return true;
    const auto size = static_cast<int>(out_.size());
    const auto put = ssl_ != nullptr
                         ? SSL_write(ssl_, out_.data(), size)
                         : static_cast<int>(::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL));
    out_.clear();
    return put == size;
  }

  int fd_;
  SSL* ssl_ = nullptr;
  std::string buffer_, out_;
};

int listen_at(const std::string& address) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(25);
  if (::inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1) die("address");
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0) die("bind");
  if (::listen(fd, 1024) != 0) die("listen");
  return fd;
}

void accept_all(int listener) {
  for (;;) {
    const int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    std::thread([fd] { Session(fd).serve(); }).detach();
  }
}

void read_arguments(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    const bool has_value = i + 1 < argc;
    if (word == "--pem" && has_value) {
      setting.pem = argv[++i];
    } else if (word == "--record" && has_value) {
      setting.record = ::open(argv[++i], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
      if (setting.record < 0) die("record");
    } else if (word == "--wait" && has_value) {
      setting.wait_ms = std::atoi(argv[++i]);
    } else {
      setting.addresses.emplace_back(word);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  read_arguments(argc, argv);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t ending;
  ::sigemptyset(&ending);
  ::sigaddset(&ending, SIGTERM);
  ::sigaddset(&ending, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &ending, nullptr);
  setting.tls = SSL_CTX_new(TLS_server_method());
  if (setting.pem == nullptr || setting.addresses.empty() ||
      SSL_CTX_use_certificate_chain_file(setting.tls, setting.pem) != 1 ||
      SSL_CTX_use_PrivateKey_file(setting.tls, setting.pem, SSL_FILETYPE_PEM) != 1) {
    std::fprintf(stderr, "tls-sink --pem FILE [--record FILE] [--wait MS] ADDRESS...\n");
    return 64;
  }
  for (const auto& address : setting.addresses)
    std::thread(accept_all, listen_at(address)).detach();
  std::puts("ready");
  std::fflush(stdout);
  int signal = 0;
  ::sigwait(&ending, &signal);
  std::printf("%lu\n", messages.load());
  std::fflush(stdout);
  std::_Exit(0);
}
