#pragma once
// The counter: SMTP on two streams (RFC 5321), for programs that hand their mail to sendmail -bs.
// One transaction after the other, commands in groups (RFC 2920), each message taken or refused
// before the next begins.
//
// A line ends in CRLF and nothing else does. A bare CR or LF in a command ends the session, since
// nobody can tell what follows; in a message it refuses the message, and only CRLF.CRLF ends that.
// So no look-alike of the end mark makes commands of what was content.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "message/source.h"
#include "smtp/command.h"
#include "smtp/envelope.h"

namespace sm::queue {

class Counter {
 public:
  struct Options {
    std::string host;                          ///< our name
    std::uint64_t message_limit = 50'000'000;  ///< octets
    std::size_t most_recipients = 1000;        ///< of one message
  };
  /// Takes a message: what the client is told it is queued as. The source need not be read to its
  /// end where the message is refused. Errc::malformed and denied are for good, all else is for
  /// now.
  using Take = std::function<Result<std::string>(const smtp::Envelope&, message::Source&)>;
  /// Sends octets to the client.
  using Say = std::function<Result<void>(std::string_view)>;

  /// All must outlive it. An Error of `in` is a client that is away or too slow.
  Counter(Options options, message::Source& in, Say say, Take take);
  ~Counter();

  /// Until QUIT, the end of input, or a breach. An Error where the client could not be answered.
  Result<void> serve();

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace sm::queue
