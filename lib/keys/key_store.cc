#include "keys/key_store.h"

#include <cstdio>

#include <sys/stat.h>
#include <unistd.h>

#include "audit/log.h"
#include "base/encoding.h"
#include "crypto/digest.h"

namespace sm::keys {
namespace {

using envelope::Keyring;
using envelope::MasterKey;

constexpr std::size_t kMaxMasterKey = 4096;
constexpr std::size_t kMaxKeyring = std::size_t{16} << 20;
constexpr int kAttempts = 5;

std::string folder(const KeyPlaces& places) {
  return places.state + "/keys";
}
std::string master_file(const KeyPlaces& places) {
  return folder(places) + "/master.key";
}
std::string keyring_file(const KeyPlaces& places) {
  return folder(places) + "/keyring";
}
std::string next(const std::string& path) {
  return path + ".next";
}
std::string credential_file(const KeyPlaces& places) {
  return places.credentials_directory.value_or("") + "/master.key";
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Result<void> rename_in_folder(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return fail_errno("making " + to, errno);
  return sync_folder(folder_of(to));
}

Result<void> remove_if_there(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno("removing " + path, errno);
  return {};
}

/// The text, or nothing where there is no such file.
Result<std::optional<std::string>> read_if_there(const std::string& path) {
  if (!exists(path) && errno == ENOENT) return std::optional<std::string>();
  auto text = read_file(path, kMaxKeyring);
  if (!text) return fail(std::move(text).error());
  return std::optional(std::move(*text));
}

Result<MasterKey> read_master(const std::string& path, bool is_credential) {
  const auto text = read_secret_file(path, kMaxMasterKey, is_credential);
  if (!text) return fail(text.error());
  return MasterKey::parse(text->reveal(), path);
}

struct Candidate {
  MasterKey key;
  bool is_next = false;  ///< from master.key.next: a change of the master key is half done
};

/// The master keys that may be the one; more than one only while it changes.
Result<std::vector<Candidate>> master_candidates(const KeyPlaces& places) {
  std::vector<Candidate> candidates;
  const auto add = [&](Result<MasterKey> key, bool is_next) -> Result<void> {
    if (!key) return fail(std::move(key).error());
    candidates.push_back({std::move(*key), is_next});
    return {};
  };
  Result<void> added;
  const std::string file = master_file(places);
  switch (master_source(places)) {
    case MasterSource::environment:
      added =
          add(MasterKey::parse(places.environment_key->reveal(), "SECURE_MAIL_MASTER_KEY"), false);
      break;
    case MasterSource::credential:
      added = add(read_master(credential_file(places), true), false);
      break;
    case MasterSource::file:
      if (exists(file)) added = add(read_master(file, false), false);
      if (added && exists(next(file))) added = add(read_master(next(file), false), true);
      break;
  }
  if (!added) return fail(std::move(added).error());
  return candidates;
}

struct Loaded {
  Keyring keyring;
  MasterKey master;
  bool is_next = false;         ///< it is keyring.next that the log records
  bool master_is_next = false;  ///< it opens with master.key.next
};

Result<Loaded> open_keyring(const std::string& text, std::vector<Candidate>& masters) {
  for (Candidate& candidate : masters) {
    auto keyring = Keyring::parse(text, candidate.key);
    if (keyring) {
      return Loaded{std::move(*keyring), std::move(candidate.key), false, candidate.is_next};
    }
    if (keyring.error().code != Errc::denied || &candidate == &masters.back()) {
      return fail(std::move(keyring).error());
    }
  }
  return fail(Errc::configuration, "there is a keyring and no master key",
              "put the master key back: nothing was sealed under another");
}

std::string sha256_of(const std::string& text) {
  return to_hex(crypto::sha256(as_bytes(text)));
}

/// Where the progress of searching the log is kept. To be without it costs time only, so neither
/// reading nor writing it can fail.
std::string progress_file(const KeyPlaces& places) {
  return folder(places) + "/log-searched";
}

Result<std::optional<Mark>> find_newest_mark(const KeyPlaces& places,
                                             const std::vector<Candidate>& masters) {
  constexpr std::uint64_t kWorthKeeping = 8 << 20;
  SearchProgress before;
  if (!masters.empty()) {
    const auto text = read_file(progress_file(places), kMaxKeyring);
    const auto kept = text ? parse_progress(*text, masters.front().key.mac_key()) : std::nullopt;
    if (kept) before = *kept;
  }
  auto witness = find_witness(places.state, before);
  if (!witness) return fail(std::move(witness).error());
  if (witness->bytes > kWorthKeeping && !masters.empty()) {
    const std::string text = progress_text(witness->progress, masters.front().key.mac_key());
    (void)publish_file(progress_file(places), as_bytes(text));
  }
  return std::move(witness->newest);
}

/// One look at keyring, keyring.next and the log. Nothing: there is no keyring and never was.
Result<std::optional<Loaded>> look(const KeyPlaces& places) {
  auto masters = master_candidates(places);
  if (!masters) return fail(std::move(masters).error());
  const std::string path = keyring_file(places);
  const auto text = read_if_there(path);
  const auto next_text = read_if_there(next(path));
  if (!text) return fail(text.error());
  if (!next_text) return fail(next_text.error());
  const auto mark = find_newest_mark(places, *masters);
  if (!mark) return fail(mark.error());
  if (!*mark && !*text) return std::optional<Loaded>();

  const auto is_recorded = [&](const std::optional<std::string>& candidate) {
    return candidate && *mark && sha256_of(*candidate) == (*mark)->sha256;
  };
  const bool is_next = !is_recorded(*text) && is_recorded(*next_text);
  if (!is_next && !*text) {
    return fail(Errc::configuration,
                path + " is missing, and the audit log knows that there was one",
                "put the newest copy of it back");
  }
  auto loaded = open_keyring(is_next ? **next_text : **text, *masters);
  if (!loaded) return fail(std::move(loaded).error());
  loaded->is_next = is_next;
  if (is_next || is_recorded(*text) || !*mark) return std::optional(std::move(*loaded));
  if (loaded->keyring.counter() > (*mark)->counter) return std::optional(std::move(*loaded));
  return fail(Errc::configuration,
              path + " is older than the audit log's newest record of it (change " +
                  std::to_string(loaded->keyring.counter()) + " of " +
                  std::to_string((*mark)->counter) + "): an old copy was put back",
              "put the newest copy of it back; keys that were destroyed since stay destroyed");
}

/// Looks again where a change may have happened between reading the keyring and the log.
Result<std::optional<Loaded>> look_again(const KeyPlaces& places) {
  auto found = look(places);
  for (int i = 1; i < kAttempts && !found && found.error().code == Errc::configuration; ++i)
    found = look(places);
  return found;
}

std::chrono::sys_seconds now(const Recorder& recorder) {
  return std::chrono::floor<std::chrono::seconds>(recorder.clock->now());
}

std::string origin_of(const Recorder& recorder, const std::string& org) {
  return recorder.origin ? recorder.origin(org) : std::string();
}

}  // namespace

MasterSource master_source(const KeyPlaces& places) {
  if (places.environment_key != nullptr) return MasterSource::environment;
  if (places.credentials_directory && exists(credential_file(places))) {
    return MasterSource::credential;
  }
  return MasterSource::file;
}

Result<Keyring> load_keyring(const KeyPlaces& places) {
  auto loaded = look_again(places);
  if (!loaded) return fail(std::move(loaded).error());
  if (!*loaded) {
    return fail(Errc::configuration, "there is no keyring in " + folder(places),
                "smkey init makes one; --state DIR says where it is");
  }
  return std::move((*loaded)->keyring);
}

/// What is to be made durable: a keyring, and the record that tells of it.
struct KeyStore::Change {
  Keyring keyring;
  audit::Event event;
  std::vector<std::string> orgs;                             ///< in whose logs
  std::vector<std::pair<std::string, std::string>> facts{};  ///< of the record
  const MasterKey* master = nullptr;                         ///< null: the one that there is
};

Result<KeyStore> KeyStore::open(KeyPlaces places, Recorder recorder) {
  if (auto made = make_folders(folder(places)); !made) return fail(std::move(made).error());
  auto lock = FileLock::acquire(folder(places) + "/lock");
  if (!lock) return fail(std::move(lock).error());
  KeyStore store(std::move(places), std::move(recorder), std::move(*lock));
  if (auto recovered = store.recover(); !recovered) return fail(std::move(recovered).error());
  return store;
}

Result<void> KeyStore::recover() {
  auto loaded = look(places_);
  if (!loaded) return fail(std::move(loaded).error());
  if (!*loaded) {
    is_new_ = true;
    auto masters = master_candidates(places_);
    if (!masters) return fail(std::move(masters).error());
    if (!masters->empty()) master_ = std::move(masters->front().key);
    return {};
  }
  const std::string path = keyring_file(places_);
  const std::string master = master_file(places_);
  auto done = (*loaded)->is_next ? rename_in_folder(next(path), path) : remove_if_there(next(path));
  if (!done) return done;
  done = (*loaded)->master_is_next ? rename_in_folder(next(master), master)
                                   : remove_if_there(next(master));
  master_ = std::move((*loaded)->master);
  keyring_ = std::move((*loaded)->keyring);
  return done;
}

Result<void> KeyStore::record(const Change& change, const std::string& org,
                              const std::string& sha256) {
  audit::LogOptions options;
  options.tool = recorder_.tool;
  options.origin = origin_of(recorder_, org);
  options.signed_state = recorder_.signed_state;
  auto log = audit::Log::open(places_.state, org, *recorder_.clock, std::move(options));
  if (!log) return fail(std::move(log).error());
  audit::Record record(change.event);
  record.fact(kCounterFact, change.keyring.counter()).fact(kSha256Fact, sha256);
  for (const auto& [name, value] : change.facts)
    record.fact(name, value);
  auto appended = log->append(record);
  if (!appended) return fail(std::move(appended).error());
  return {};
}

Result<void> KeyStore::commit(const Change& change) {
  const std::string path = keyring_file(places_);
  const std::string text = change.keyring.text(change.master ? *change.master : *master_);
  if (auto written = publish_file(next(path), as_bytes(text)); !written) return written;
  // The record decides: with it the change has happened, whatever comes after.
  for (const std::string& org : change.orgs) {
    if (auto told = record(change, org, sha256_of(text)); !told) return told;
  }
  return rename_in_folder(next(path), path);
}

Result<void> KeyStore::make_master() {
  if (master_) return {};
  const Secret line = MasterKey::fresh_line();
  const std::string path = master_file(places_);
  auto written = publish_file(path, line.reveal(), 0600, AtomicFile::Existing::keep);
  if (!written) return written;
  auto master = MasterKey::parse(line.reveal(), path);
  if (!master) return fail(std::move(master).error());
  master_ = std::move(*master);
  return {};
}

Result<bool> KeyStore::init(const std::string& org) {
  if (keyring_.active_kek(org)) return false;
  if (auto made = make_master(); !made) return fail(std::move(made).error());
  const std::string kid = keyring_.renew(org, now(recorder_));
  Change change{std::move(keyring_), audit::Event::kek_created, {org}, {{"kid", kid}}};
  auto done = commit(change);
  keyring_ = std::move(change.keyring);
  if (!done) return fail(std::move(done).error());
  return true;
}

Result<void> KeyStore::rotate(const std::string& org) {
  const auto old = keyring_.active_kek(org);
  if (!old) return fail(old.error());
  const std::string kid = keyring_.renew(org, now(recorder_));
  Change change{std::move(keyring_),
                audit::Event::kek_rotated,
                {org},
                {{"kid", kid}, {"previous_kid", old->kid}}};
  auto done = commit(change);
  keyring_ = std::move(change.keyring);
  return done;
}

Result<bool> KeyStore::destroy(const std::string& org, const std::string& kid) {
  const auto changed = keyring_.destroy(org, kid);
  if (!changed || !*changed) return changed;
  Change change{std::move(keyring_), audit::Event::kek_destroyed, {org}, {{"kid", kid}}};
  auto done = commit(change);
  keyring_ = std::move(change.keyring);
  if (!done) return fail(std::move(done).error());
  return true;
}

Result<void> KeyStore::rotate_master(const Secret* replacement) {
  if (is_new_) {
    return fail(Errc::configuration, "there is no keyring in " + folder(places_), "smkey init");
  }
  const bool is_file = master_source(places_) == MasterSource::file;
  if (is_file == (replacement != nullptr)) return fail(Errc::bug, "whose master key is it?");
  const Secret line = is_file ? MasterKey::fresh_line() : replacement->clone();
  auto master = MasterKey::parse(line.reveal(), "the new master key");
  if (!master) return fail(std::move(master).error());
  const std::string path = master_file(places_);
  if (is_file) {
    if (auto written = publish_file(next(path), line.reveal()); !written) return written;
  }
  keyring_.raise_counter();
  const auto orgs = keyring_.orgs();
  Change change{
      std::move(keyring_), audit::Event::kek_rotated, orgs, {{"rotated", "master"}}, &*master};
  auto done = commit(change);
  keyring_ = std::move(change.keyring);
  if (!done) return done;
  master_ = std::move(*master);
  return is_file ? rename_in_folder(next(path), path) : Result<void>();
}

}  // namespace sm::keys
