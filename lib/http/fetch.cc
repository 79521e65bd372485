#include "http/fetch.h"

#include <algorithm>
#include <array>
#include <memory>

#include "base/text.h"
#include "http/libcurl.h"
#include "name/domain.h"

namespace sm::http {
namespace {

/// All header lines of a response together; libcurl 7.88 has no bound of its own.
constexpr std::size_t kMostHeaderOctets = std::size_t{64} << 10;

// What CURLINFO_SSL_VERIFYRESULT gives: X509_V_ERR_… of the chain. A name that does not match is
// libcurl's own finding, made before it notes the chain's result: then it is still the first value,
// "unspecified".
constexpr long kVerified = 0;
constexpr long kUnspecified = 1;
constexpr long kNotYetValid = 9;
constexpr long kExpired = 10;

struct Url {
  std::string host;  ///< a domain, or an address without brackets
  std::uint16_t port;
};

struct Received {
  const Request* request;
  std::string body{};
  std::size_t header_octets = 0;
  bool is_too_large = false;
};

std::size_t on_body(const char* octets, std::size_t, std::size_t size, void* context) {
  auto& received = *static_cast<Received*>(context);
  if (size > received.request->size_limit - received.body.size()) {
    received.is_too_large = true;
    return 0;  // libcurl stops here, whatever length was announced
  }
  received.body.append(octets, size);
  return size;
}

std::size_t on_header(const char*, std::size_t, std::size_t size, void* context) {
  auto& received = *static_cast<Received*>(context);
  received.header_octets += size;
  if (received.header_octets > kMostHeaderOctets) {
    received.is_too_large = true;
    return 0;
  }
  return size;
}

bool is_one_line(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// libcurl's own parser decides what the URL means, since libcurl will act on it.
class ParsedUrl {
 public:
  ParsedUrl(const Libcurl& curl, const std::string& text) : curl_(curl), url_(curl.url()) {
    constexpr unsigned kFlags = CURLU_DISALLOW_USER | CURLU_PATH_AS_IS;
    is_good_ = url_ != nullptr && is_one_line(text) &&
               curl_.url_set(url_, CURLUPART_URL, text.c_str(), kFlags) == CURLUE_OK;
  }
  ParsedUrl(const ParsedUrl&) = delete;
  ParsedUrl& operator=(const ParsedUrl&) = delete;
  ~ParsedUrl() { curl_.url_cleanup(url_); }

  [[nodiscard]] bool is_good() const { return is_good_; }
  [[nodiscard]] std::string part(CURLUPart part) const {
    char* text = nullptr;
    if (curl_.url_get(url_, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
    std::string copy(text);
    curl_.free(text);
    return copy;
  }

 private:
  const Libcurl& curl_;
  CURLU* url_;
  bool is_good_ = false;
};

Result<Url> parse_url(const Libcurl& curl, const Request& request) {
  const auto refused = [&](const std::string& why) {
    return fail(Errc::usage, "the URL " + printable(request.url) + " " + why);
  };
  const ParsedUrl url(curl, request.url);
  if (!url.is_good()) return refused("is none, or carries a password");
  const auto scheme = url.part(CURLUPART_SCHEME);
  if (scheme != "https" && !(scheme == "http" && request.allows_http)) {
    return refused("is not https");
  }
  std::string host = url.part(CURLUPART_HOST);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto port = parse_decimal(url.part(CURLUPART_PORT), 65535);
  if (!port || *port == 0) return refused("has no proper port");
  const auto is_given = [&](const IpAddress& address) {
    return std::find(request.addresses.begin(), request.addresses.end(), address) !=
           request.addresses.end();
  };
  if (const auto address = IpAddress::parse(host)) {
    if (!is_given(*address)) return refused("names an address that was not allowed");
  } else if (!name::Domain::parse(host)) {
    return refused("has no proper host");
  }
  return Url{host, static_cast<std::uint16_t>(*port)};
}

/// "host:port:addr,addr": libcurl asks no resolver for this host.
std::string resolve_entry(const Url& url, const std::vector<IpAddress>& addresses) {
  std::string list;
  for (const auto& address : addresses) {
    list += list.empty() ? "" : ",";
    list += address.is_v4() ? address.text() : '[' + address.text() + ']';
  }
  return url.host + ':' + std::to_string(url.port) + ':' + list;
}

Failure failure_of(CURLcode code, long verified) {
  switch (code) {
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
      return Failure::connect;
    case CURLE_OPERATION_TIMEDOUT:
      return Failure::timed_out;
    case CURLE_FILESIZE_EXCEEDED:
      return Failure::too_large;
    case CURLE_PEER_FAILED_VERIFICATION:
      if (verified == kVerified || verified == kUnspecified) return Failure::tls_name;
      if (verified == kExpired || verified == kNotYetValid) return Failure::tls_expired;
      return Failure::tls_untrusted;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
      return Failure::tls;
    default:
      return Failure::protocol;
  }
}

/// One easy handle and the lists that it refers to.
class Transfer {
 public:
  explicit Transfer(const Libcurl& curl) : curl_(curl), handle_(curl.easy_init()) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    if (handle_ != nullptr) curl_.easy_cleanup(handle_);
    for (auto* list : lists_)
      curl_.slist_free_all(list);
  }

  /// False once any option was refused: then nothing is sent.
  [[nodiscard]] bool is_good() const { return handle_ != nullptr && is_good_; }

  template <class Value>
  void set(CURLoption option, Value value) {
    if (handle_ != nullptr && curl_.easy_setopt(handle_, option, value) != CURLE_OK) {
      is_good_ = false;
    }
  }
  void set_list(CURLoption option, const std::vector<std::string>& lines) {
    curl_slist* list = nullptr;
    for (const auto& line : lines) {
      auto* longer = curl_.slist_append(list, line.c_str());
      if (longer == nullptr) is_good_ = false;
      if (longer != nullptr) list = longer;
    }
    lists_.push_back(list);
    set(option, list);
  }

  CURLcode perform() { return curl_.easy_perform(handle_); }
  [[nodiscard]] long number(CURLINFO info) const {
    long value = 0;
    (void)curl_.easy_getinfo(handle_, info, &value);
    return value;
  }
  [[nodiscard]] std::string text(CURLINFO info) const {
    const char* value = nullptr;
    (void)curl_.easy_getinfo(handle_, info, &value);
    return value == nullptr ? std::string() : std::string(value);
  }

 private:
  const Libcurl& curl_;
  CURL* handle_;
  std::vector<curl_slist*> lists_;
  bool is_good_ = true;
};

/// What is fetched, and to where.
void aim(Transfer& transfer, const Request& request, const Url& url) {
  transfer.set(CURLOPT_URL, request.url.c_str());
  transfer.set(CURLOPT_PATH_AS_IS, 1L);
  transfer.set(CURLOPT_PROTOCOLS_STR, request.allows_http ? "http,https" : "https");
  transfer.set_list(CURLOPT_RESOLVE, {resolve_entry(url, request.addresses)});
  // No detours: http_proxy and its kind are not read, ~/.netrc neither, and a redirect is an
  // answer.
  transfer.set(CURLOPT_PROXY, "");
  transfer.set(CURLOPT_NOPROXY, "*");
  transfer.set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  transfer.set(CURLOPT_FOLLOWLOCATION, 0L);
  transfer.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  std::vector<std::string> headers = {"Expect:"};
  for (const auto& [name, value] : request.headers)
    headers.push_back(value.empty() ? name + ';' : name + ": " + value);
  transfer.set_list(CURLOPT_HTTPHEADER, headers);
  if (!request.body) return;
  transfer.set(CURLOPT_POST, 1L);
  transfer.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
  transfer.set(CURLOPT_POSTFIELDS, request.body->data());
}

void secure(Transfer& transfer, const Request& request) {
  transfer.set(CURLOPT_SSL_VERIFYPEER, 1L);
  transfer.set(CURLOPT_SSL_VERIFYHOST, 2L);
  transfer.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!request.ca_file) return;
  transfer.set(CURLOPT_CAINFO, request.ca_file->c_str());
  // Debian's default, /etc/ssl/certs, would be trusted beside the file.
  transfer.set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
}

void bound(Transfer& transfer, Received& received, char* error) {
  const auto limit = std::max<long>(1, static_cast<long>(received.request->time_limit.count()));
  transfer.set(CURLOPT_TIMEOUT_MS, limit);
  transfer.set(CURLOPT_CONNECTTIMEOUT_MS, limit);
  transfer.set(CURLOPT_NOSIGNAL, 1L);
  transfer.set(CURLOPT_WRITEFUNCTION, &on_body);
  transfer.set(CURLOPT_WRITEDATA, &received);
  transfer.set(CURLOPT_HEADERFUNCTION, &on_header);
  transfer.set(CURLOPT_HEADERDATA, &received);
  transfer.set(CURLOPT_ERRORBUFFER, error);
}

Result<void> check_headers(const Request& request) {
  for (const auto& [name, value] : request.headers) {
    const bool is_token = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
      return c > ' ' && c <= '~' && c != ':' && c != ';';
    });
    if (!is_token || !is_one_line(value)) {
      return fail(Errc::usage, "the header " + printable(name) + " is none");
    }
  }
  return {};
}

}  // namespace

std::string_view text(Failure failure) {
  switch (failure) {
    case Failure::connect:
      return "no connection";
    case Failure::tls_untrusted:
      return "certificate not trusted";
    case Failure::tls_name:
      return "certificate of another name";
    case Failure::tls_expired:
      return "certificate expired or not yet valid";
    case Failure::tls:
      return "no TLS";
    case Failure::timed_out:
      return "timed out";
    case Failure::too_large:
      return "too large";
    case Failure::protocol:
      return "no proper HTTP";
  }
  return "failed";
}

Result<Outcome> fetch(const Request& request) {
  const auto& curl = libcurl();
  if (!curl) return fail(curl.error());
  if (request.addresses.empty()) return Outcome(Failed{Failure::connect, "no address"});
  if (auto checked = check_headers(request); !checked) return fail(checked.error());
  const auto url = parse_url(*curl, request);
  if (!url) return fail(url.error());

  Received received{&request};
  std::array<char, CURL_ERROR_SIZE> error{};
  Transfer transfer(*curl);
  aim(transfer, request, *url);
  secure(transfer, request);
  bound(transfer, received, error.data());
  if (!transfer.is_good()) return fail(Errc::unavailable, "libcurl refuses the request's options");

  const CURLcode code = transfer.perform();
  if (code == CURLE_OK) {
    return Outcome(Response{static_cast<int>(transfer.number(CURLINFO_RESPONSE_CODE)),
                            transfer.text(CURLINFO_CONTENT_TYPE), std::move(received.body)});
  }
  const std::string detail = printable(error[0] == '\0' ? curl->easy_strerror(code) : error.data());
  if (code == CURLE_OUT_OF_MEMORY) return fail(Errc::temporary, "there is not enough memory");
  if (code == CURLE_SSL_CACERT_BADFILE) {
    return fail(Errc::configuration, "the CA file cannot be used: " + detail);
  }
  if (received.is_too_large) {
    return Outcome(Failed{Failure::too_large, "the answer is larger than allowed"});
  }
  return Outcome(Failed{failure_of(code, transfer.number(CURLINFO_SSL_VERIFYRESULT)), detail});
}

}  // namespace sm::http
