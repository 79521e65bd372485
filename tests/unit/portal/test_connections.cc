#include <array>
#include <catch2/catch.hpp>
#include <cstring>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "portal/connections.h"
#include "support/fake_clock.h"

using namespace sm;
using namespace sm::portal;
using namespace std::chrono_literals;

namespace {

struct Peer {
  std::array<int, 2> fds{};
  Peer() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()) == 0); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer() {
    ::close(fds[0]);
    ::close(fds[1]);
  }
  /// The server has ended it.
  [[nodiscard]] bool is_ended() const {
    char byte = 0;
    return ::recv(fds[1], &byte, 1, MSG_DONTWAIT) == 0;
  }
};

sockaddr_in v4(const char* text) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  ::inet_pton(AF_INET, text, &in.sin_addr);
  return in;
}
sockaddr_in6 v6(const char* text) {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  ::inet_pton(AF_INET6, text, &in.sin6_addr);
  return in;
}
const sockaddr* general(const auto& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

}  // namespace

TEST_CASE("who has waited longest makes room, who is at work does not", "[portal]") {
  test::FakeClock clock;
  Connections all({.all = 3, .per_address = 0, .patience = 30s}, clock);
  std::array<Peer, 4> peers;
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(all.admit(nullptr));
    all.add(&peers[i], peers[i].fds[0], nullptr);
    clock.advance(1s);
  }
  all.begin_work(&peers[0], 60s);
  CHECK(all.admit(nullptr));
  CHECK_FALSE(peers[0].is_ended());
  CHECK(peers[1].is_ended());
  CHECK_FALSE(peers[2].is_ended());
  all.add(&peers[3], peers[3].fds[0], nullptr);
  all.begin_work(&peers[2], 60s);
  all.begin_work(&peers[3], 60s);
  CHECK_FALSE(all.admit(nullptr));
  all.end_work(&peers[0]);
  CHECK(all.admit(nullptr));
  CHECK(peers[0].is_ended());
}

TEST_CASE("who still sends what is not wanted has time, and makes room all the same", "[portal]") {
  test::FakeClock clock;
  Connections all({.all = 2, .per_address = 0, .patience = 30s}, clock);
  std::array<Peer, 2> peers;
  for (auto& peer : peers)
    all.add(&peer, peer.fds[0], nullptr);
  all.wait_longer(&peers[0], 100s);
  all.begin_work(&peers[1], 200s);
  clock.advance(99s);
  all.close_overdue();
  CHECK_FALSE(peers[0].is_ended());
  CHECK(all.working() == 1);
  CHECK(all.admit(nullptr));
  CHECK(peers[0].is_ended());
}

TEST_CASE("one address has its share, and one IPv6 network counts as one", "[portal]") {
  test::FakeClock clock;
  Connections all({.all = 100, .per_address = 2, .patience = 30s}, clock);
  std::array<Peer, 4> peers;
  const auto here = v6("2001:db8:1:2::1");
  const auto beside = v6("2001:db8:1:2:ffff::9");
  const auto far = v4("192.0.2.1");
  all.add(&peers[0], peers[0].fds[0], general(here));
  clock.advance(1s);
  all.add(&peers[1], peers[1].fds[0], general(beside));
  CHECK(all.admit(general(far)));
  CHECK_FALSE(peers[0].is_ended());
  CHECK(all.admit(general(beside)));
  CHECK(peers[0].is_ended());
  const auto mapped = v6("::ffff:192.0.2.1");
  all.add(&peers[2], peers[2].fds[0], general(far));
  all.add(&peers[3], peers[3].fds[0], general(mapped));
  all.begin_work(&peers[2], 60s);
  all.begin_work(&peers[3], 60s);
  CHECK_FALSE(all.admit(general(far)));
}

TEST_CASE("a request has its time, waiting and working", "[portal]") {
  test::FakeClock clock;
  Connections all({.all = 100, .per_address = 0, .patience = 30s}, clock);
  std::array<Peer, 2> peers;
  all.add(&peers[0], peers[0].fds[0], nullptr);
  all.add(&peers[1], peers[1].fds[0], nullptr);
  all.begin_work(&peers[1], 100s);
  clock.advance(31s);
  all.close_overdue();
  CHECK(peers[0].is_ended());
  CHECK_FALSE(peers[1].is_ended());
  clock.advance(70s);
  all.close_overdue();
  CHECK(peers[1].is_ended());
  CHECK(all.count() == 2);
  CHECK(all.working() == 1);
  all.remove(&peers[0]);
  all.remove(&peers[1]);
  CHECK(all.count() == 0);
}
