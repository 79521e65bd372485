#pragma once
// The portal's HTTP server, over libmicrohttpd: HTTP/1.1, in the clear (behind a proxy, on a Unix
// socket) or with TLS of its own.
//
// Two threads move bytes with epoll and never wait: neither for a client, however slow, nor for
// the work of a request, which is done by lanes (portal/lanes.h) while its connection is suspended.
// So a client that sends or reads slowly costs a descriptor and nothing else, and when descriptors
// run short those that have waited longest go (portal/connections.h).
//
// What two servers could read in two ways is refused before anything is done with it: a
// Content-Length twice or beside Transfer-Encoding, chunked bodies altogether (no browser sends a
// form that way), several Host fields, a Host that is not configured, a field name that is none.

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "portal/exchange.h"
#include "portal/inflow.h"
#include "portal/staff.h"

namespace sm::portal {

/// The pages behind the server. Its functions are called by many threads at once, each with a Staff
/// of its own.
class Site {
 public:
  virtual ~Site() = default;
  /// Whether this Host field (canonical) is one of ours.
  [[nodiscard]] virtual bool serves(const std::string& host) const = 0;
  [[nodiscard]] virtual Lane lane_of(const Request& request) const = 0;
  /// Octets that the body of this POST may have: beyond what a form has only where it is an upload.
  [[nodiscard]] virtual bool is_upload(const Request& request) const = 0;
  virtual Answer answer(Staff& staff, const Request& request) = 0;
  /// Before the body of an upload is read: an Answer where it is not wanted.
  virtual std::optional<Answer> refuse_upload(Staff& staff, const Request& request) = 0;
  virtual Answer take_upload(Staff& staff, const Request& request, ByteStream& body) = 0;
  /// What goes wrong before a page can be asked; `status` 400 to 503.
  [[nodiscard]] virtual Answer refusal(unsigned status, const Request& request) const = 0;
};

class Server {
 public:
  struct Options {
    std::vector<UniqueFd> listeners;  ///< listening sockets
    std::string certificates{};       ///< PEM; empty: without TLS
    Secret key{};                     ///< PEM
    bool knows_addresses = false;     ///< clients come directly: their number from one address is
                                      ///< limited
    std::size_t most_connections = 1000;
  };

  /// Serves from here on. `site` and `house` outlive it.
  static Result<std::unique_ptr<Server>> start(Site& site, const House& house, Options options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// To be called every second or so: ends connections whose time is over.
  void tick();
  /// Takes no new connections, and waits for what is under way. False: after `most` something still
  /// is. Then the process is to end as it stands: a Server is not taken apart under work.
  [[nodiscard]] bool drain(std::chrono::seconds most);

  struct Parts;  ///< the server's own

 private:
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace sm::portal
