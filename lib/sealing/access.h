#pragma once
// Who may read a sealed message: from a link to a verified session, and what is done with it.
//
//   find       the link's page. Changes nothing: scanners fetch every link.
//   start      a person asked: a code goes out (sms, email). Throttled for each recipient.
//   enter      for files whose link came inside a verified mail: nothing more is asked.
//   judge_…    the code or password. The counters go up, atomically and durably, before anything is
//              compared; five failures lock the recipient for 15 minutes on all clients, measured
//              so that neither restarts nor set clocks move it (sealing/mark.h); a hundred in its
//              life end the link, and the sender is told.
//   resume     a verified session, by its cookie: the envelope, unlocked.
//   is_live    asked again and again while something is being downloaded: a revoked message stops.
//
// Unknown, expired, revoked, deleted and ended links are one answer, `Unavailable`. Expiry holds
// here, at the moment of access; the sweep only removes. Every act is in the audit log before it is
// answered; where the log cannot be written the act is refused.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <string_view>
#include <variant>

#include "envelope/envelope.h"
#include "sealing/code.h"
#include "sealing/link.h"
#include "sealing/office.h"
#include "sealing/session.h"
#include "store/sealed_table.h"

namespace sm::sealing {

using config::Method;

inline constexpr int kFailuresToLock = 5;
inline constexpr int kFailuresToEnd = 100;
inline constexpr std::chrono::minutes kLockTime{15};
inline constexpr std::chrono::minutes kSessionIdle{30};
inline constexpr std::chrono::hours kSessionLife{4};
/// After the last byte of a message that ends with its first reading: for interrupted downloads.
inline constexpr std::chrono::minutes kRetrievalGrace{15};

/// A link that opens, as its first page shows it. Holds nothing of the message.
struct Visit {
  std::string message;    ///< audit id
  std::string recipient;  ///< audit id
  std::string org;
  Method method = Method::sms;
  /// Files that were linked in a mail which went over a proven route: the link is the proof, and a
  /// press of a button lets in (enter). `method` means nothing then.
  bool asks_nothing = false;
  bool is_files = false;    ///< large files beside a delivered mail, without a text
  std::string sender_name;  ///< as the organisation's policy shows it; may be the organisation's
  std::string masked_target;  ///< "+31 6 •••• ••78", "a•••@b.example"; empty for a password
  std::string language;  ///< the recipient's; "" where not known
  WallTime expires{};
  std::chrono::seconds locked{};  ///< what is left of the lock; 0: not locked
  bool has_code = false;          ///< this session has a code under way (with find's cookie)
  std::string reference{};        ///< of that code
};

/// One page for unknown, expired, revoked, deleted and ended.
struct Unavailable {};

// What start() answers.
struct CodeOnItsWay {
  std::string reference;
  std::string masked_target;
  bool is_certain = true;  ///< false: the gateway did not answer; it may come
};
struct CodeNotSent {
  std::string reason;  ///< "phone-missing", "method-too-weak", "gateway-failed", …
};
struct TooSoon {
  std::chrono::seconds wait;  ///< until the next code may be asked for
};
struct Locked {
  std::chrono::seconds left;
};
using StartAnswer = std::variant<CodeOnItsWay, CodeNotSent, TooSoon, Locked, Unavailable>;

// What judging answers.
struct Verified {
  CookieSecret cookie;  ///< a fresh one: the old cookie is worth nothing any more
};
struct Wrong {
  int left;  ///< attempts before the lock
};
struct NoCode {};  ///< none was asked for, it is too old, or it was used
using JudgeAnswer = std::variant<Verified, Wrong, NoCode, Locked, Unavailable>;

/// At most two passwords are computed at once in a process, the others wait their turn (argon2id
/// takes 64 MiB each).
class PasswordGate {
 public:
  explicit PasswordGate(std::ptrdiff_t at_once = 2) : free_(at_once) {}
  std::counting_semaphore<64>& slots() { return free_; }

 private:
  std::counting_semaphore<64> free_;
};

/// A verified session at work.
struct Reading {
  std::string message;
  std::string recipient;
  std::string org;
  std::string address;  ///< the recipient's
  std::string language;
  std::string sender_name;
  std::string sender_address;  ///< may be empty, by policy
  WallTime expires{};
  bool is_once = false;
  bool is_files = false;  ///< large files beside a delivered mail, without a text
  bool may_reply = true;
  bool has_replied = false;
  crypto::Sha256 session{};                      ///< CookieSecret::id()
  std::unique_ptr<envelope::Envelope> envelope;  ///< unlocked
};

class Access {
 public:
  /// `channel` sends codes, `gate` is shared by all threads of the process. All outlive it.
  Access(Office& office, CodeChannel& channel, PasswordGate& gate)
      : office_(office), channel_(channel), gate_(gate) {}

  /// For GET and HEAD: reads only. With a cookie: whether this session has a code under way.
  Result<std::optional<Visit>> find(const envelope::LinkToken& token,
                                    const CookieSecret* cookie = nullptr);

  /// For a person's POST. Makes a code, sends it and keeps its keyed hash for this session; the
  /// code that the session had before is worth nothing any more.
  Result<StartAnswer> start(const envelope::LinkToken& token, const CookieSecret& cookie,
                            std::string_view language);

  /// `typed` as the browser sent it. What is no six digits is Wrong without being counted: it was
  /// not judged.
  Result<JudgeAnswer> judge_code(const envelope::LinkToken& token, const CookieSecret& cookie,
                                 std::string_view typed);
  Result<JudgeAnswer> judge_password(const envelope::LinkToken& token, const CookieSecret& cookie,
                                     Secret typed);

  /// Where the visit asks nothing: a person's POST is let in.
  Result<JudgeAnswer> enter(const envelope::LinkToken& token, const CookieSecret& cookie);

  /// The verified session of this cookie; nothing where there is none (any more), or its message
  /// is not to be had (any more). Touches the session's idle time.
  Result<std::optional<Reading>> resume(const CookieSecret& cookie);
  /// Whether that session may still have bytes. Cheap; counts as activity: downloads may be long.
  Result<bool> is_live(const crypto::Sha256& session);

  /// The message page was shown: the recipient's status becomes `opened`. Recorded once a session.
  Result<void> opened(const Reading& reading);
  /// A part's bytes went out. `is_whole`: the last byte was among them (of a range, too).
  Result<void> downloaded(const Reading& reading, std::size_t part, bool is_whole);
  /// "I have saved it, destroy it now": the link ends, and with the last recipient the message.
  Result<void> saved(const Reading& reading);
  /// Logs out.
  Result<void> leave(const CookieSecret& cookie);

 private:
  class Desk;
  Result<std::optional<envelope::MessageKey>> unlock(const store::SealedLink& link,
                                                     const envelope::LinkToken& token,
                                                     const envelope::Password* password);
  Office& office_;
  CodeChannel& channel_;
  PasswordGate& gate_;
};

}  // namespace sm::sealing
