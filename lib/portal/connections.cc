#include "portal/connections.h"

#include <algorithm>

#include <netinet/in.h>
#include <sys/socket.h>

namespace sm::portal {
namespace {

std::string address_key(const sockaddr* address) {
  if (address == nullptr) return {};
  if (address->sa_family == AF_INET) {
    const auto& in = *reinterpret_cast<const sockaddr_in*>(address);
    return {reinterpret_cast<const char*>(&in.sin_addr), sizeof in.sin_addr};
  }
  if (address->sa_family == AF_INET6) {
    const auto& in = *reinterpret_cast<const sockaddr_in6*>(address);
    const auto* bytes = reinterpret_cast<const char*>(&in.sin6_addr);
    if (IN6_IS_ADDR_V4MAPPED(&in.sin6_addr)) return {bytes + 12, 4};
    return {bytes, 8};
  }
  return {};
}

}  // namespace

/// The library sees the end of the stream and closes; it alone closes descriptors.
void Connections::end(Connection& connection) {
  connection.is_closing = true;
  (void)::shutdown(connection.fd, SHUT_RDWR);
}

std::size_t Connections::count_of(const std::string& address) const {
  return static_cast<std::size_t>(std::count_if(
      connections_.begin(), connections_.end(),
      [&](const auto& row) { return !row.second.is_closing && row.second.address == address; }));
}

bool Connections::make_room(const std::string* address) {
  Connection* longest = nullptr;
  for (auto& [key, connection] : connections_) {
    const bool may_go = !connection.is_working && !connection.is_closing &&
                        (address == nullptr || connection.address == *address);
    if (may_go && (longest == nullptr || connection.since < longest->since)) longest = &connection;
  }
  if (longest == nullptr) return false;
  end(*longest);
  return true;
}

bool Connections::admit(const sockaddr* address) {
  const auto from = address_key(address);
  const std::lock_guard lock(mutex_);
  const bool counts = limits_.per_address > 0 && !from.empty();
  if (counts && count_of(from) >= limits_.per_address && !make_room(&from)) return false;
  const auto open = static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [](const auto& row) { return !row.second.is_closing; }));
  return open < limits_.all || make_room(nullptr);
}

void Connections::add(Key key, int fd, const sockaddr* address) {
  const auto now = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  connections_[key] = {fd, address_key(address), false, false, now, now + limits_.patience};
}

void Connections::remove(Key key) {
  const std::lock_guard lock(mutex_);
  connections_.erase(key);
}

void Connections::begin_work(Key key, std::chrono::seconds most) {
  const auto now = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(key);
  if (found == connections_.end()) return;
  found->second.is_working = true;
  found->second.until = now + most;
}

void Connections::wait_longer(Key key, std::chrono::seconds most) {
  const auto now = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(key);
  if (found != connections_.end()) found->second.until = now + most;
}

void Connections::end_work(Key key) {
  const auto now = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  const auto found = connections_.find(key);
  if (found == connections_.end()) return;
  found->second.is_working = false;
  found->second.since = now;
  found->second.until = now + limits_.patience;
}

void Connections::close_overdue() {
  const auto now = clock_.monotonic();
  const std::lock_guard lock(mutex_);
  for (auto& [key, connection] : connections_) {
    if (!connection.is_closing && connection.until < now) end(connection);
  }
}

void Connections::close_waiting() {
  const std::lock_guard lock(mutex_);
  for (auto& [key, connection] : connections_) {
    if (!connection.is_closing && !connection.is_working) end(connection);
  }
}

std::size_t Connections::working() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(connections_.begin(), connections_.end(),
                    [](const auto& row) { return row.second.is_working; }));
}

std::size_t Connections::count() const {
  const std::lock_guard lock(mutex_);
  return connections_.size();
}

}  // namespace sm::portal
