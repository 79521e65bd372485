#include "audit/signer.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/scan.h"
#include "audit/segment_lines.h"
#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"

namespace sm::audit {
namespace {

constexpr std::size_t kMostNote = std::size_t{1} << 20;
constexpr std::uint64_t kMostBehind = 1000;
constexpr std::chrono::seconds kMostAge{10};

Unexpected contradiction(const std::string& what) {
  return fail(Errc::configuration, what, "nothing was signed; run smaudit verify");
}

Unexpected foreign_key(const VerifierKey& next) {
  return contradiction("the log names a next key, " + next.text() + ", that is not ours");
}

std::string hex(const Hash& hash) {
  return to_hex(hash);
}

/// A root that must come out when the tree has that size.
bool contradicts(const Frontier& frontier, std::uint64_t size, const Hash& root) {
  return frontier.size() == size && frontier.root() != root;
}

timespec timespec_of(WallTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time);
  return {static_cast<time_t>(whole.time_since_epoch().count()),
          static_cast<long>((time - whole).count() * 1000)};
}

/// A file of that name with that content, durable, and not yet anybody's.
Result<void> write_fresh(const std::string& path, std::string_view text, WallTime time) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return fail_errno("removing " + path, errno);
  auto fd = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!fd) return fail(std::move(fd).error());
  (void)::fchmod(fd->get(), read_only_mode_in(folder_of(path)));
  auto done = write_all(fd->get(), as_bytes(text), path);
  if (!done) return done;
  const std::array<timespec, 2> times = {timespec_of(time), timespec_of(time)};
  (void)::futimens(fd->get(), times.data());
  return sync_file(fd->get(), path);
}

}  // namespace

Result<std::string> line_at(const Layout& layout, std::uint64_t seq) {
  auto lines = SegmentLines::open(layout.segment(segment_of(seq)));
  if (!lines) return fail(std::move(lines).error());
  for (std::uint64_t at = seq - seq % kSegmentRecords;; ++at) {
    auto line = lines->next();
    if (!line) return fail(std::move(line).error());
    if (!*line) return fail(Errc::malformed, "there is no record " + std::to_string(seq));
    if (at == seq) return std::string(**line);
  }
}

std::string Signer::key_file(std::uint64_t epoch) const {
  return log_key_file(setting_.state, setting_.org, epoch);
}

Result<std::vector<VerifierKey>> Signer::keys() const {
  return read_verifier_keys(layout_.vkeys());
}

Result<void> Signer::make_first_key() {
  const auto is_there = exists(layout_.vkeys());
  if (!is_there) return fail(is_there.error());
  if (*is_there) return {};
  if (!is_key_name(setting_.origin)) {
    return fail(Errc::configuration, "'" + printable(setting_.origin) + "' cannot name a log",
                "set audit.origin to a name without spaces and plus signs");
  }
  const auto key = make_log_key(key_file(1), setting_.origin);
  if (!key) {
    // Who may only append leaves the key to those who hold keys.
    const bool may_not = key.error().code == Errc::no_input || key.error().code == Errc::io;
    return may_not ? Result<void>() : fail(key.error());
  }
  return publish_file(layout_.vkeys(), as_bytes(key->verifier().text() + "\n"), 0644);
}

Result<VerifierKey> Signer::make_next_key() {
  const auto known = keys();
  if (!known) return fail(known.error());
  const auto key = make_log_key(key_file(known->size() + 1), known->back().name);
  if (!key) return fail(key.error());
  return key->verifier();
}

Result<std::optional<Checkpoint>> Signer::newest() {
  const auto is_there = exists(layout_.checkpoint());
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return std::optional<Checkpoint>();
  const auto note = read_file(layout_.checkpoint(), kMostNote);
  if (!note) return fail(note.error());
  auto checkpoint = Checkpoint::parse(*note);
  if (!checkpoint) return contradiction(layout_.checkpoint() + " is not a checkpoint");
  return checkpoint;
}

Result<std::uint64_t> Signer::signed_size() {
  const auto checkpoint = newest();
  if (!checkpoint) return fail(checkpoint.error());
  std::uint64_t size = *checkpoint ? (*checkpoint)->size : 0;
  if (setting_.signed_state == nullptr) return size;
  const auto remembered = setting_.signed_state->newest(setting_.org);
  if (!remembered) return fail(remembered.error());
  return *remembered ? std::max(size, (*remembered)->size) : size;
}

Result<bool> Signer::is_due(std::uint64_t size) {
  const auto known = keys();
  if (!known) {
    return known.error().code == Errc::no_input ? Result<bool>(false) : fail(known.error());
  }
  if (::access(key_file(known->size()).c_str(), R_OK) != 0 && errno == EACCES) return false;
  struct stat status {};
  if (::stat(layout_.checkpoint().c_str(), &status) != 0) {
    return errno == ENOENT ? Result<bool>(true) : fail_errno("looking for the checkpoint", errno);
  }
  const WallTime made{std::chrono::seconds(status.st_mtim.tv_sec) +
                      std::chrono::microseconds(status.st_mtim.tv_nsec / 1000)};
  const auto age = setting_.clock->now() - made;
  if (age >= kMostAge || age < std::chrono::seconds(0)) return true;  // or the clock was set back
  const auto checkpoint = newest();
  if (!checkpoint) return fail(checkpoint.error());
  return *checkpoint && size >= (*checkpoint)->size + kMostBehind;
}

Result<Signer::Known> Signer::known(const std::vector<VerifierKey>& keys, const Tail& tail) {
  auto checkpoint = newest();
  if (!checkpoint) return fail(std::move(checkpoint).error());
  Known known{std::move(*checkpoint), {}};
  if (known.newest && known.newest->verify(keys) != NoteVerdict::good) {
    return contradiction(layout_.checkpoint() + " is not signed by a key of log.vkey");
  }
  if (setting_.signed_state != nullptr) {
    auto remembered = setting_.signed_state->newest(setting_.org);
    if (!remembered) return fail(std::move(remembered).error());
    known.remembered = *remembered;
  }
  const std::uint64_t least = std::max(known.newest ? known.newest->size : 0,
                                       known.remembered ? known.remembered->size : 0);
  if (tail.next < least) {
    return contradiction("the log has " + std::to_string(tail.next) + " records, but " +
                         std::to_string(least) + " were signed");
  }
  return known;
}

void Signer::save_position() const {
  std::string text = std::to_string(position_.frontier.size()) + ' ' +
                     std::to_string(position_.offset) + ' ' + hex(position_.last) + '\n';
  for (const Hash& hash : position_.frontier.subtrees()) {
    text += hex(hash) + '\n';
  }
  // For speed only: neither synced nor trusted, the roots that were signed must come out of it.
  const std::string path = layout_.cache_folder() + "/frontier";
  const std::string temporary = path + ".new";
  if (!make_shared_folder(layout_.cache_folder())) return;
  (void)::unlink(temporary.c_str());
  auto fd = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (fd && write_all(fd->get(), as_bytes(text), temporary)) {
    (void)::rename(temporary.c_str(), path.c_str());
  }
}

std::optional<Signer::Position> Signer::saved_position() const {
  const auto text = read_file(layout_.cache_folder() + "/frontier", 8192);
  if (!text) return std::nullopt;
  const auto lines = split(*text, '\n');
  const auto words = split(lines[0], ' ');
  if (words.size() != 3) return std::nullopt;
  const auto hash_of = [](std::string_view hex_text) {
    const auto bytes = from_hex(hex_text);
    std::optional<Hash> hash;
    if (bytes && bytes->size() == 32) std::copy_n(bytes->begin(), 32, hash.emplace().begin());
    return hash;
  };
  const auto size = parse_decimal(words[0]), offset = parse_decimal(words[1]);
  const auto last = hash_of(words[2]);
  std::vector<Hash> subtrees;
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    const auto hash = hash_of(lines[i]);
    if (!hash) return std::nullopt;
    subtrees.push_back(*hash);
  }
  if (!size || !offset || !last) return std::nullopt;
  auto frontier = Frontier::from(*size, std::move(subtrees));
  if (!frontier) return std::nullopt;
  return Position{std::move(*frontier), *offset, *last};
}

/// Whether the line before the position is the one whose hash it carries.
bool Signer::stands_there(const Position& position) const {
  if (position.frontier.size() == 0) return false;
  const std::string path = layout_.segment(segment_of(position.frontier.size() - 1));
  const auto file = open_regular(path);
  if (!file) return false;
  const auto last = last_line(file->get(), position.offset, path);
  return last && last->end == position.offset && leaf_hash(as_bytes(last->text)) == position.last;
}

void Signer::choose_start(const Known& known) {
  const std::uint64_t most =
      std::min(known.newest ? known.newest->size : 0,
               known.remembered ? known.remembered->size : std::uint64_t(-1));
  // A position counts only where a signed checkpoint vouches for it.
  const auto is_vouched = [&](const Position& position) {
    if (position.frontier.size() == 0 || position.frontier.size() > most) return false;
    return position.frontier.size() == known.newest->size &&
           position.frontier.root() == known.newest->root;
  };
  if (is_vouched(position_)) return;
  if (auto saved = saved_position(); saved && is_vouched(*saved) && stands_there(*saved)) {
    position_ = std::move(*saved);
    return;
  }
  position_ = {};
}

Result<std::optional<VerifierKey>> Signer::advance(std::uint64_t to, const Known& known) {
  std::optional<SegmentLines> lines;
  LineScanner scanner;
  while (position_.frontier.size() < to) {
    const std::uint64_t seq = position_.frontier.size();
    if (seq % kSegmentRecords == 0 || !lines) {
      if (seq % kSegmentRecords == 0) position_.offset = 0;
      auto opened = SegmentLines::open(layout_.segment(segment_of(seq)), position_.offset);
      if (!opened) return fail(std::move(opened).error());
      lines = std::move(*opened);
    }
    const auto line = lines->next();
    if (!line) return fail(line.error());
    const RecordView* const record = *line ? scanner.scan(**line) : nullptr;
    if (record == nullptr || record->seq != seq || record->prev != hex(position_.last)) {
      return contradiction("the log's chain is broken at record " + std::to_string(seq));
    }
    position_.last = leaf_hash(as_bytes(**line));
    position_.frontier.add(position_.last);
    position_.offset = lines->offset();
    if ((known.newest && contradicts(position_.frontier, known.newest->size, known.newest->root)) ||
        (known.remembered &&
         contradicts(position_.frontier, known.remembered->size, known.remembered->root))) {
      return contradiction("the first " + std::to_string(seq + 1) +
                           " records are not those that were signed");
    }
    const bool is_signed = known.newest && seq < known.newest->size;
    if (record->event == Event::epoch_ended && !is_signed) {
      const auto next = VerifierKey::parse(record->next);
      if (!next) {
        return contradiction("record " + std::to_string(seq) + " ends the epoch and names no key");
      }
      return std::optional(*next);
    }
  }
  return std::optional<VerifierKey>();
}

Result<SignerKey> Signer::signing_key(const std::vector<VerifierKey>& keys) const {
  const std::string path = key_file(keys.size());
  auto key = read_log_key(path);
  if (!key) {
    const auto is_there = exists(path);
    const bool is_missing = is_there && !*is_there;
    return fail(is_missing ? Errc::configuration : Errc::denied, key.error().what,
                is_missing ? "put the log's private key back, or begin a new log"
                           : "checkpoints are signed by those who hold the log's key");
  }
  if (key->verifier() != keys.back()) {
    return contradiction(path + " is not the key that log.vkey names last");
  }
  return key;
}

Result<Checkpoint> Signer::publish(const SignerKey& key) {
  const Frontier& frontier = position_.frontier;
  const SignedTree tree{frontier.size(), frontier.root()};
  const Checkpoint checkpoint = Checkpoint::sign(tree.size, tree.root, key);
  if (setting_.signed_state != nullptr) {
    auto remembered = setting_.signed_state->remember(setting_.org, tree);
    if (!remembered) return fail(std::move(remembered).error());
  }
  auto folder = make_shared_folder(layout_.checkpoints_folder());
  if (!folder) return fail(std::move(folder).error());
  const std::string temporary = layout_.folder + "/.checkpoint";
  auto done = write_fresh(temporary, checkpoint.note, setting_.clock->now());
  if (!done) return fail(std::move(done).error());
  const std::string archived = layout_.archived(tree.size);
  if (::link(temporary.c_str(), archived.c_str()) != 0) {
    if (errno != EEXIST) return fail_errno("making " + archived, errno);
    // A crash came between this checkpoint's archive and its publication: it is the same one.
    const auto before = read_file(archived, kMostNote);
    if (!before) return fail(before.error());
    const auto parsed = Checkpoint::parse(*before);
    if (!parsed || parsed->root != tree.root) {
      return contradiction(archived + " says something else about the same records");
    }
  }
  done = sync_folder(layout_.checkpoints_folder());
  if (!done) return fail(std::move(done).error());
  if (::rename(temporary.c_str(), layout_.checkpoint().c_str()) != 0) {
    return fail_errno("publishing " + layout_.checkpoint(), errno);
  }
  done = sync_folder(layout_.folder);
  if (!done) return fail(std::move(done).error());
  save_position();
  return checkpoint;
}

/// Whether the next key that the log names is listed already, or the one that we made.
bool Signer::is_our_next(const std::vector<VerifierKey>& keys, const VerifierKey& next) const {
  if (keys.back() == next) return true;
  const auto ours = read_log_key(key_file(keys.size() + 1));
  return ours && ours->verifier() == next;
}

Result<void> Signer::finish_epoch(std::vector<VerifierKey>& keys, const VerifierKey& next) {
  if (keys.back() != next) {
    if (!is_our_next(keys, next)) return foreign_key(next);
    keys.push_back(next);
    std::string text;
    for (const VerifierKey& key : keys) {
      text += key.text() + '\n';
    }
    auto done = publish_file(layout_.vkeys(), as_bytes(text), 0644);
    if (!done) return done;
  }
  return destroy_log_key(key_file(keys.size() - 1));
}

Result<void> Signer::resume_epoch(std::vector<VerifierKey>& keys, const Known& known) {
  if (keys.size() > 1) {
    auto done = destroy_log_key(key_file(keys.size() - 1));
    if (!done) return done;
  }
  const auto next_is_there = exists(key_file(keys.size() + 1));
  if (!next_is_there) return fail(next_is_there.error());
  if (!*next_is_there || !known.newest || known.newest->size == 0) return {};
  // A next key was made: was the epoch ended by exactly what the newest checkpoint ends with?
  const auto line = line_at(layout_, known.newest->size - 1);
  if (!line) return fail(line.error());
  const auto record = parse_record(*line);
  if (!record || record->event != Event::epoch_ended) return {};
  const auto next = VerifierKey::parse(record->fact("next"));
  return next ? finish_epoch(keys, *next) : Result<void>();
}

/// Nothing to sign; a state database that lagged behind (it was put back) is brought up.
Result<Checkpoint> Signer::still_newest(const Known& known) {
  const SignedTree tree{known.newest->size, known.newest->root};
  const bool lags = !known.remembered || known.remembered->size < tree.size;
  if (setting_.signed_state != nullptr && lags) {
    auto remembered = setting_.signed_state->remember(setting_.org, tree);
    if (!remembered) return fail(std::move(remembered).error());
  }
  return *known.newest;
}

Result<Checkpoint> Signer::sign(const Tail& tail) {
  auto list = keys();
  if (!list) return fail(std::move(list).error());
  auto facts = known(*list, tail);
  if (!facts) return fail(std::move(facts).error());
  auto resumed = resume_epoch(*list, *facts);
  if (!resumed) return fail(std::move(resumed).error());
  choose_start(*facts);
  for (;;) {
    const auto next = advance(tail.next, *facts);
    if (!next) {
      position_ = {};
      return fail(next.error());
    }
    if (facts->newest && facts->newest->size == position_.frontier.size()) {
      return still_newest(*facts);
    }
    // Whoever can append a line could have our key hand the log over to theirs.
    if (*next && !is_our_next(*list, **next)) return foreign_key(**next);
    const auto key = signing_key(*list);
    if (!key) return fail(key.error());
    auto checkpoint = publish(*key);
    if (!checkpoint || !*next) return checkpoint;
    auto finished = finish_epoch(*list, **next);
    if (!finished) return fail(std::move(finished).error());
    facts->newest = *checkpoint;
  }
}

}  // namespace sm::audit
