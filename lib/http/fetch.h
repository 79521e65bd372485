#pragma once
// One HTTP request over a connection that cannot be led astray: https only (http where the caller
// says so), to addresses that the caller's resolver gave and the caller's guard allowed, with the
// certificate verified for the URL's host. No redirects, proxies, cookies, netrc, caches or
// compressed bodies; time and size are capped as the bytes arrive. What comes back is a value: a
// response of any status, or one closed kind of failure.
//
// libcurl is loaded at the first fetch, not at start-up (it brings some thirty libraries along).

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace sm::http {

struct Request {
  std::string url;
  /// Where the URL's host is. Never empty: no name is looked up here. A host that is an address
  /// itself must be among them.
  std::vector<IpAddress> addresses;
  std::optional<std::string> body;  ///< set: POST, with its own Content-Type header; else GET
  std::vector<std::pair<std::string, std::string>> headers;
  std::optional<std::string> ca_file;              ///< PEM; unset: the system's trusted roots
  std::chrono::milliseconds time_limit{60'000};    ///< for everything, connecting included
  std::size_t size_limit = std::size_t{64} << 10;  ///< octets of body
  bool allows_http = false;  ///< for gateways on this machine and time stamp authorities
};

struct Response {
  int status;                ///< any, redirects included: they are not followed
  std::string content_type;  ///< as sent, empty where missing
  std::string body;
};

enum class Failure {
  connect,        ///< no address answered
  tls_untrusted,  ///< the certificate's chain ends in no trusted root
  tls_name,       ///< the certificate is for another name
  tls_expired,    ///< the certificate is expired or not yet valid
  tls,            ///< the handshake failed in another way
  timed_out,      ///< time_limit passed
  too_large,      ///< the body is larger than size_limit
  protocol,       ///< the other side speaks no proper HTTP, or stopped in the middle
};
std::string_view text(Failure failure);

struct Failed {
  Failure failure;
  std::string detail;  ///< for people
};

using Outcome = std::variant<Response, Failed>;

/// Errc::usage for a URL or header that is none, Errc::unavailable where libcurl or the CA file
/// cannot be loaded; all that the network can do is in the Outcome.
Result<Outcome> fetch(const Request& request);

}  // namespace sm::http
