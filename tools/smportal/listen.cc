#include "listen.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/address.h"
#include "base/text.h"

namespace sm::smportal {
namespace {

constexpr int kBacklog = 512;
constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START
constexpr std::uint64_t kMostPassed = 16;

struct Endpoint {
  IpAddress address;
  std::uint16_t port;
};

std::optional<Endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const auto port = parse_decimal(text.substr(colon + 1), 65535);
  auto host = text.substr(0, colon);
  const bool is_bracketed = host.starts_with('[') && host.ends_with(']');
  if (is_bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  // An IPv6 address stands in brackets: its last group is no port.
  if (!port || !address || address->is_v4() == is_bracketed) return std::nullopt;
  return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

socklen_t fill(const Endpoint& endpoint, sockaddr_storage& out) {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    std::memcpy(&in.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
  }
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(endpoint.port);
  std::memcpy(&in.sin6_addr, bytes.data(), bytes.size());
  std::memcpy(&out, &in, sizeof in);
  return sizeof in;
}

Result<UniqueFd> open_socket(int family) {
  UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(Errc::unavailable, "opening a socket", errno);
  return fd;
}

std::optional<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool is_answered(const sockaddr_un& address) {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return fd &&
         ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Result<UniqueFd> listen_tcp(const std::string& where) {
  const auto endpoint = parse_endpoint(where);
  if (!endpoint) {
    return fail(Errc::usage, "--listen: '" + where + "' is no address with a port",
                "as 127.0.0.1:8080 or [::1]:8080");
  }
  auto fd = open_socket(endpoint->address.is_v4() ? AF_INET : AF_INET6);
  if (!fd) return fd;
  const int on = 1;
  (void)::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage address{};
  const auto size = fill(*endpoint, address);
  const bool is_bound = ::bind(fd->get(), reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                        ::listen(fd->get(), kBacklog) == 0;
  if (!is_bound) return fail_errno(Errc::unavailable, "listening on " + where, errno);
  return fd;
}

Result<UniqueFd> listen_unix(const std::string& path) {
  const auto address = unix_address(path);
  if (!address) return fail(Errc::usage, "--socket: the path is empty or too long: " + path);
  struct stat found {};
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) return fail(Errc::usage, path + " is there and is no socket");
    if (is_answered(*address)) return fail(Errc::unavailable, "another server listens on " + path);
    (void)::unlink(path.c_str());
  }
  auto fd = open_socket(AF_UNIX);
  if (!fd) return fd;
  const auto before = ::umask(0117);
  const bool is_bound =
      ::bind(fd->get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0;
  const int error = errno;
  (void)::umask(before);
  if (!is_bound) return fail_errno(Errc::unavailable, "listening on " + path, error);
  if (::listen(fd->get(), kBacklog) != 0) {
    return fail_errno(Errc::unavailable, "listening on " + path, errno);
  }
  return fd;
}

Result<std::vector<UniqueFd>> take_passed_sockets() {
  std::vector<UniqueFd> sockets;
  const char* pid = ::secure_getenv("LISTEN_PID");
  const char* count = ::secure_getenv("LISTEN_FDS");
  const bool is_for_us = pid != nullptr && count != nullptr && std::to_string(::getpid()) == pid;
  const auto passed = is_for_us ? parse_decimal(count, kMostPassed) : std::nullopt;
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
    (void)::unsetenv(name);
  for (int i = 0; i < static_cast<int>(passed.value_or(0)); ++i) {
    UniqueFd fd(kFirstPassed + i);
    int listens = 0;
    socklen_t size = sizeof listens;
    const bool is_listener =
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
    if (!is_listener) return fail(Errc::usage, "a passed descriptor is no listening socket");
    (void)::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
    (void)::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    sockets.push_back(std::move(fd));
  }
  return sockets;
}

void tell_supervisor(const std::string& state) {
  const char* where = ::secure_getenv("NOTIFY_SOCKET");
  if (where == nullptr) return;
  auto address = unix_address(where);
  if (!address) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(where));
  if (address->sun_path[0] == '@') address->sun_path[0] = '\0';
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return;
  (void)::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&*address), size);
}

}  // namespace sm::smportal
