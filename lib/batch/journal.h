#pragma once
// The journal of keys: what became of each row that was ever begun, so that none goes out twice.
//
// A key belongs to one organisation. It is claimed by a run before anything of its row is sent, in
// one transaction with others, and ended when its row has an end. Between the two nobody else may
// have it. What a claim answers:
//
//   taken         it is ours. The Message-ID is that of the first attempt with this content.
//   done          sent before, with the same content: not again
//   changed       sent before, or in doubt, with other content: refused
//   busy          another living run has it, or a row before in this one
//   abandoned     a run had it that may be dead: salvage (recovery.h), then claim again
//
// A row that was deferred, refused or failed may come again, also with other content: it is then a
// new message. One that is uncertain may come again only as it was: it goes out with the same
// Message-ID, so that a recipient who has it already can tell.

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "crypto/digest.h"
#include "delivery/result.h"
#include "store/index.h"

namespace sm::batch {

struct Claim {
  std::string org;
  std::string key;
  crypto::Sha256 content{};
  std::string message_id;  ///< in force where this content was never tried
  std::string message;     ///< audit ids of this attempt
  std::string recipient;
  std::string address;
  std::uint32_t slot = 0;  ///< of the run's Flight
};

struct Answer {
  enum class Kind { taken, done, changed, busy, abandoned };
  Kind kind = Kind::taken;
  std::string message_id{};
  WallTime first{};  ///< of the first attempt with this content
  // Of an earlier attempt:
  delivery::Status status = delivery::Status::deferred;
  std::string message{};
  std::string recipient{};
  std::string run{};
};

/// How an attempt ended.
struct KeyEnd {
  std::string org;
  std::string key;
  delivery::Status status = delivery::Status::deferred;
};

/// A key that a run had when it died.
struct Abandoned {
  std::string org;
  std::string key;
  std::string message;
  std::string recipient;
  std::string address;
  std::string message_id;
  std::uint32_t slot = 0;
};

/// Serves one thread.
class Journal {
 public:
  static Result<Journal> open(const std::string& state, const Clock& clock);

  /// For the run, in one transaction: durable on return.
  Result<std::vector<Answer>> claim(std::span<const Claim> claims, const std::string& run);
  /// In one transaction; only what the run has.
  Result<void> end(std::span<const KeyEnd> ends, const std::string& run);
  /// How a row stands, without claiming it. `kind` is taken where nothing hinders it.
  Result<Answer> look(const Claim& claim);
  /// A key that was `pending` is found sealed.
  Result<void> advance(const KeyEnd& end);

  Result<std::vector<std::string>> runs();
  Result<std::vector<Abandoned>> claimed_by(const std::string& run);

  store::Index& index() { return index_; }

 private:
  Journal(store::Index index, const Clock& clock) : index_(std::move(index)), clock_(&clock) {}
  Result<Answer> judge(const Claim& claim, const std::string& run);
  Result<void> write(const Claim& claim, const Answer& answer, const std::string& run);
  store::Index index_;
  const Clock* clock_;
};

}  // namespace sm::batch
