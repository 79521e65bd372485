#pragma once
// One-time codes: six random digits, single use, good for ten minutes, bound to the browser session
// that asked for them, with a short reference that stands on the page and in the message, so that a
// recipient sees which code belongs to which request.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"

namespace sm::sealing {

inline constexpr std::chrono::minutes kCodeLife{10};

/// Six ASCII digits.
class Code {
 public:
  static Code fresh();
  /// What a person typed or pasted: six ASCII digits, blanks and hyphens between or around them
  /// passed over; nothing for all else, full-width digits included.
  static std::optional<Code> parse(std::string_view typed);
  [[nodiscard]] Bytes reveal() const { return digits_.reveal(); }
  [[nodiscard]] Code clone() const { return Code(digits_.clone()); }

 private:
  explicit Code(Secret digits) : digits_(std::move(digits)) {}
  Secret digits_;
};

/// "K7P4": four letters and digits that are not mistaken for one another. No secret.
std::string fresh_reference();

/// What is to be sent, and to where.
struct CodeMessage {
  std::string org;
  std::string recipient_address;
  std::string phone;     ///< E.164; empty for a mail
  std::string language;  ///< "nl", "en"
  std::string reference;
  Code code;
};

/// How the sending of a code ended.
struct CodeSent {
  enum class State {
    sent,
    uncertain,  ///< the gateway or server did not answer; it may arrive (F22): not sent again
    failed,     ///< not sent
    too_weak,   ///< by mail, over a route that is not at least trusted: not sent
  };
  State state = State::sent;
  std::string reason{};  ///< stable code where not sent
  std::string detail{};  ///< for the log: no number, no address
};

/// The ways out. Implementations: sealing/code_sender.h; a fake in tests.
class CodeChannel {
 public:
  virtual ~CodeChannel() = default;
  virtual CodeSent send(const CodeMessage& message) = 0;
};

}  // namespace sm::sealing
