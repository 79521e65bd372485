#pragma once
// One request and its answer, as the pages see them: parsed values, no HTTP library. The server
// (portal/server.h) makes Requests out of connections and sends Answers.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace sm::portal {

struct Staff;

enum class Verb { get, head, post };

/// A request whose header was read and found fit. Texts are as the client sent them: untrusted.
struct Request {
  Verb verb = Verb::get;
  std::string path;       ///< without the query, percent signs as they are
  std::string lang{};     ///< of the query `lang=…`
  std::string note{};     ///< of the query `note=…`: which remark the page shows
  std::string host{};     ///< lower case, checked against the configuration
  std::string cookies{};  ///< the Cookie field
  std::string accept_language{};
  std::string content_type{};
  std::string range{};
  std::string if_range{};
  std::string fetch_site{};  ///< Sec-Fetch-Site
  std::string origin{};
  std::uint64_t content_length = 0;
  Secret form{};  ///< body of a small form, urlencoded

  [[nodiscard]] bool reads_only() const { return verb != Verb::post; }
};

/// Bytes of an answer that are made while they are sent. Used by one thread at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Fills `into`; 0 only at the end. An Error breaks the connection, so that the client sees that
  /// something is missing: Errc::denied where the reader's right has ended meanwhile.
  virtual Result<std::size_t> read(Staff& staff, std::span<std::uint8_t> into) = 0;
  /// Called once before the last bytes leave; where it fails they do not.
  virtual Result<void> finish(Staff& staff) = 0;
};

struct Answer {
  unsigned status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::unique_ptr<Stream> stream{};            ///< in place of the body
  std::optional<std::uint64_t> stream_size{};  ///< unset: told by its end
  std::string follow_up{};  ///< a message whose errands are to go out now, after the answer

  Answer& header(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

/// Which threads an act is done by: one that takes long holds up only its own kind.
enum class Lane {
  pages,      ///< milliseconds
  passwords,  ///< argon2id: at most two at once
  errands,    ///< mail and text messages go out: up to a minute
};

}  // namespace sm::portal
