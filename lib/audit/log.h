#pragma once
// The audit log of one organisation: a hash chain of NDJSON lines, appended by many processes at
// once and without a daemon.
//
// append() is durable when it returns: the disclosures are on disk, then the records are, in the
// order given and without others between them. Whoever holds the log's lock writes for all that
// wait, with one sync for the disclosures and one for the records. It fails closed: no record, no
// act. A torn tail is cut and told of (`recovered`) by the next appender; nothing below the newest
// checkpoint is ever cut, and a log that is shorter than what was signed takes no more records
// (Errc::configuration).
//
// A message may go out only when the record of its end can be written whatever happens:
// reserve() keeps the space on disk first.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "audit/record.h"
#include "audit/signed_state.h"
#include "base/clock.h"
#include "base/result.h"

namespace sm::audit {

struct LogOptions {
  std::string tool;    ///< "smsend/0.1.0"; required
  std::string host;    ///< empty: the system's host name
  std::string origin;  ///< empty: "<host>/smtools/<org>"; used when the log's first key is made
  SignedState* signed_state = nullptr;  ///< not owned; must outlive the Log
  /// Sign a checkpoint on the way when the newest is 10 s old or 1,000 records behind, where this
  /// process may read the key.
  bool signs_on_append = true;
};

struct Appended {
  std::uint64_t first_seq = 0;
  std::size_t count = 0;
  /// The records are durable, but a checkpoint that was due could not be signed: worth a warning.
  std::optional<Error> not_signed;
};

struct Checkpoint;    // audit/note.h
struct EraseRequest;  // audit/erase.h
struct Erased;

/// Whether `text` names an organisation: [a-z0-9][a-z0-9.-]{0,62}.
bool is_org(std::string_view text);

/// `<state>/audit/<org>`.
std::string log_folder(const std::string& state, const std::string& org);

/// Space on disk for ending records, kept until they are written or this dies (with its process,
/// however that ends).
class Reservation {
 public:
  Reservation() = default;
  Reservation(Reservation&& other) noexcept;
  Reservation& operator=(Reservation&& other) noexcept;
  ~Reservation();
  /// Ending records for which there is space still.
  [[nodiscard]] std::size_t records() const { return records_; }
  /// Hands at most that many on.
  Reservation split(std::size_t records);
  /// Takes another one in, of the same log.
  void add(Reservation other);

 private:
  friend class Log;
  struct Ledger;
  Reservation(std::shared_ptr<Ledger> ledger, std::size_t records)
      : ledger_(std::move(ledger)), records_(records) {}
  std::shared_ptr<Ledger> ledger_;
  std::size_t records_ = 0;
};

/// Safe for many threads of one process and many processes.
class Log {
 public:
  /// Opens `<state>/audit/<org>`, making folder, key and log.vkey at first use. `clock` must
  /// outlive the Log. Errc::configuration where what is there contradicts what was signed.
  static Result<Log> open(const std::string& state, const std::string& org, const Clock& clock,
                          LogOptions options);
  Log(Log&&) noexcept;
  Log& operator=(Log&&) noexcept;
  ~Log();

  /// All of them or an Error, in which case the caller must act as if none had been written (one
  /// that was written nevertheless does no harm). Errc::malformed: a record is invalid or longer
  /// than 65,535 bytes. Errc::temporary: no space. Errc::io: a sync failed.
  Result<Appended> append(std::span<const Record> records);
  Result<Appended> append(const Record& record) { return append(std::span(&record, 1)); }

  /// Space for that many ending records (audit/evidence.h: a record of at most kReservedLine bytes
  /// with disclosures of at most kReservedDisclosures). Errc::temporary: no space; then nothing
  /// may go out.
  Result<Reservation> reserve(std::size_t records);
  /// The same as append, out of what was reserved.
  Result<Appended> append(std::span<const Record> records, Reservation& reservation);
  Result<Appended> append(const Record& record, Reservation& reservation) {
    return append(std::span(&record, 1), reservation);
  }

  /// Records ready to be appended to this log, as bytes: what is known already can be kept
  /// elsewhere until it is durable here, and be appended later, by another process too. They are as
  /// confidential as the log's disclosures. Errors as of append.
  [[nodiscard]] Result<std::string> prepare(std::span<const Record> records) const;
  /// The same as append. Errc::malformed also where the bytes are damaged.
  Result<Appended> append_prepared(std::string_view prepared, Reservation& reservation);

  /// The event of the first of them; nothing where the bytes are damaged.
  static std::optional<Event> event_of(std::string_view prepared);

  /// Signs the log as it stands now and publishes the checkpoint: at the end of a batch, by every
  /// sweep. The newest one again where nothing was appended since. Errc::configuration: the log
  /// contradicts what was signed before; Errc::denied: this process may not read the key.
  Result<Checkpoint> sign_checkpoint();

  /// Ends the key's epoch: a new key, `epoch_ended`, the last checkpoint by the old key, which is
  /// then destroyed.
  Result<Checkpoint> end_epoch();

  /// Destroys disclosures and appends the `erased` records that say so. A crash on the way is made
  /// good by the next appender. Nothing to erase: Erased{} with no disclosures.
  Result<Erased> erase(const EraseRequest& request);

  [[nodiscard]] const std::string& folder() const;

  static constexpr std::size_t kReservedLine = 4096;
  static constexpr std::size_t kReservedDisclosures = 12288;

 private:
  class Impl;
  explicit Log(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace sm::audit
