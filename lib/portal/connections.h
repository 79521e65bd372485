#pragma once
// Who is connected, and for how long they may be. A connection that waits for its client (no
// request yet, half a request, between two) is worth little, and the one that has waited longest
// makes room when there are too many, altogether or from one address: so slow clients keep nobody
// else out, however many there are. A request that is being answered is never cut off for others;
// it has a time of its own.

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"

struct sockaddr;

namespace sm::portal {

class Connections {
 public:
  struct Limits {
    std::size_t all = 1000;
    std::size_t per_address = 64;       ///< 0: addresses say nothing (a proxy's, a Unix socket's)
    std::chrono::seconds patience{30};  ///< for a request's header and small body
  };
  using Key = const void*;

  Connections(Limits limits, const Clock& clock) : limits_(limits), clock_(clock) {}

  /// Before one is accepted: makes room where there is none. False: there is no room to make.
  bool admit(const sockaddr* address);
  /// `fd` stays open until remove().
  void add(Key key, int fd, const sockaddr* address);
  void remove(Key key);
  /// A request of this connection is at work for at most so long.
  void begin_work(Key key, std::chrono::seconds most);
  /// Its client is still sending what nobody wants any more. It may take so long, and makes room
  /// for others all the same.
  void wait_longer(Key key, std::chrono::seconds most);
  /// It has been answered: the connection waits for its client again.
  void end_work(Key key);
  /// Ends those whose time is over. To be called every second or so.
  void close_overdue();
  /// Ends those that wait for their client; the others finish.
  void close_waiting();
  [[nodiscard]] std::size_t count() const;
  /// How many have a request at work.
  [[nodiscard]] std::size_t working() const;

 private:
  struct Connection {
    int fd = -1;
    std::string address;  ///< IPv4, or the first 64 bits of IPv6: what one client has
    bool is_working = false;
    bool is_closing = false;
    Monotonic since{};
    Monotonic until{};
  };
  static void end(Connection& connection);
  bool make_room(const std::string* address);
  [[nodiscard]] std::size_t count_of(const std::string& address) const;
  const Limits limits_;
  const Clock& clock_;
  mutable std::mutex mutex_;
  std::map<Key, Connection> connections_;
};

}  // namespace sm::portal
