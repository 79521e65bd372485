#include "queue/drop.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <map>

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit/evidence.h"
#include "base/file.h"
#include "base/text.h"
#include "message/reader.h"
#include "queue/layout.h"
#include "queue/parcel.h"
#include "queue/spool.h"
#include "sealing/fallback.h"
#include "sealing/mark.h"
#include "submission/submit.h"

namespace sm::queue {
namespace {

constexpr std::size_t kNameLength = 24;
constexpr std::size_t kMostFiles = 10'000;      // in one run
constexpr std::uint64_t kOverhead = 5'000'000;  // header, manifest, ticket
constexpr std::size_t kMostFromDrop = 1000;     // recipients of one message
constexpr std::chrono::days kQuarantine{30};

std::string account_of(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found) {
    return found->pw_name;
  }
  return "uid" + std::to_string(uid);
}

std::string note_of(const std::string& name) {
  return "drop." + name;
}

std::string quarantine_note(const std::string& name) {
  return "quarantine." + name;
}

/// Whose log tells of what came from nobody's sender.
std::string log_of_strangers(const sealing::Office& office) {
  const auto& organisations = office.config->organisations;
  return organisations.empty() ? std::string(config::kDefaultOrganisation)
                               : organisations.front().id;
}

/// Sealing adds a sixteenth of a thousandth; the rest is header and ticket.
std::uint64_t largest_file(const config::Queue& queue) {
  return queue.message_limit + queue.message_limit / 512 + kOverhead;
}

class Round {
 public:
  explicit Round(sealing::Office& office)
      : office_(office),
        queue_(office.config->queue),
        layout_{office.config->state},
        table_(*office.index) {}

  Result<TakenUp> run() {
    namespace fs = std::filesystem;
    if (auto made = make_folders(layout_.spool()); !made) return fail(std::move(made).error());
    // One at a time; another runner is at it: what it leaves is for the next.
    auto lock = FileLock::try_acquire(layout_.spool() + "/taking.lock");
    if (!lock) return fail(std::move(lock).error());
    if (!*lock) return taken_;
    std::error_code error;
    fs::directory_iterator folder(layout_.drop(), error);
    // No drop: nobody without rights submits here.
    if (error == std::errc::no_such_file_or_directory) return taken_;
    if (error) return fail_errno("reading " + layout_.drop(), error.value());
    std::vector<std::string> names;
    for (const auto& entry : folder) {
      std::string name = entry.path().filename();
      if (!name.starts_with('.')) names.push_back(std::move(name));
      if (names.size() == kMostFiles) break;
    }
    for (const auto& name : names) {
      if (auto done = take(name); !done) return fail(std::move(done).error());
    }
    return std::move(taken_);
  }

 private:
  struct Owner {
    std::int64_t uid = -1;
    std::string account;
  };

  /// An Error: our own side.
  Result<void> take(const std::string& name) {
    const std::string path = layout_.drop() + "/" + name;
    struct stat facts {};
    if (::lstat(path.c_str(), &facts) != 0) return {};  // another runner was faster
    const Owner owner{facts.st_uid, account_of(facts.st_uid)};
    if (!is_drop_name(name)) return quarantine(name, owner, "its name is not one of smsend-drop");
    if (!S_ISREG(facts.st_mode)) return quarantine(name, owner, "it is no plain file");
    if (facts.st_nlink != 1) return quarantine(name, owner, "it has several names");
    auto was_taken = table_.note(note_of(name));
    if (!was_taken) return fail(std::move(was_taken).error());
    if (!was_taken->empty()) return remove(name);
    const auto size = static_cast<std::uint64_t>(facts.st_size);
    if (size > largest_file(queue_)) return quarantine(name, owner, "message-too-large");
    auto room = has_room(owner, size);
    if (!room) return fail(std::move(room).error());
    if (!*room) {
      ++taken_.held_back;
      return {};
    }
    auto copy = copied(path, facts);
    if (!copy && copy.error().code == Errc::malformed) {
      return quarantine(name, owner, copy.error().what);
    }
    if (!copy) return fail(std::move(copy).error());
    auto accepted = accept_copy(*copy, owner, name);
    ::unlink(copy->c_str());
    if (accepted) {
      ++taken_.messages;
      used_[owner.uid].messages += 1;
      used_[owner.uid].bytes += static_cast<std::int64_t>(size);
      return remove(name);
    }
    const auto& error = accepted.error();
    const bool is_junk = error.code == Errc::malformed || error.code == Errc::denied ||
                         error.code == Errc::usage || error.code == Errc::protocol;
    if (!is_junk) return fail(std::move(accepted).error());
    return quarantine(name, owner, error.what);
  }

  /// The note, set when the message entered the index, outlives the file: a process that dies
  /// between the two brings nothing in twice.
  Result<void> remove(const std::string& name) {
    const std::string path = layout_.drop() + "/" + name;
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
      return fail_errno("removing " + path, errno);
    }
    return table_.drop_note(note_of(name));
  }

  Result<bool> has_room(const Owner& owner, std::uint64_t size) {
    auto known = used_.find(owner.uid);
    if (known == used_.end()) {
      auto usage = table_.usage_of(owner.uid);
      if (!usage) return fail(std::move(usage).error());
      known = used_.emplace(owner.uid, *usage).first;
    }
    const auto& usage = known->second;
    return static_cast<std::uint64_t>(usage.messages) < queue_.user_messages &&
           static_cast<std::uint64_t>(usage.bytes) + size <= queue_.user_limit;
  }

  /// A copy in the spool that nobody else can touch. Errc::malformed: the file is not what it was.
  Result<std::string> copied(const std::string& path, const struct stat& facts) {
    // O_NONBLOCK: a FIFO that took its place would wait for a writer.
    auto in = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!in) return fail(Errc::malformed, "it cannot be opened");
    struct stat again {};
    if (::fstat(in->get(), &again) != 0) return fail_errno("looking at " + path, errno);
    const bool is_same = S_ISREG(again.st_mode) && again.st_ino == facts.st_ino &&
                         again.st_dev == facts.st_dev && again.st_nlink == 1 &&
                         again.st_uid == facts.st_uid;
    if (!is_same) return fail(Errc::malformed, "it was changed while it was looked at");
    const std::string target = layout_.spool() + "/taking." + std::to_string(::getpid());
    ::unlink(target.c_str());
    auto out = open_file(target, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (!out) return fail(std::move(out).error());
    std::vector<std::uint8_t> block(65536);
    std::uint64_t total = 0;
    for (;;) {
      auto read = read_some(in->get(), block.data(), block.size(), path);
      if (!read) return fail(std::move(read).error());
      if (*read == 0) return target;
      total += *read;
      if (total > largest_file(queue_)) return fail(Errc::malformed, "message-too-large");
      auto written = write_all(out->get(), Bytes(block.data(), *read), target);
      if (!written) {
        ::unlink(target.c_str());
        return fail(std::move(written).error());
      }
    }
  }

  Result<void> accept_copy(const std::string& path, const Owner& owner, const std::string& name) {
    auto org = organisation_of_parcel(path);
    if (!org) return fail(std::move(org).error());
    auto parcel = Parcel::open(path, *office_.keys, *org, {.message = queue_.message_limit});
    if (!parcel) return fail(std::move(parcel).error());
    auto& ticket = parcel->ticket();
    if (ticket.envelope.recipients.size() > kMostFromDrop) {
      return fail(Errc::malformed, "it has too many recipients");
    }
    auto source = parcel->message();
    if (!source) return fail(std::move(source).error());
    auto read = message::read_message(**source, message::Purpose::submission);
    if (!read) return fail(std::move(read).error());
    auto prepared = message::prepare(std::move(*read), {.clock = office_.clock});
    if (!prepared) return fail(std::move(prepared).error());
    auto organisation = submission::organisation_of(*office_.config, ticket.envelope, *prepared);
    if (!organisation) return fail(std::move(organisation).error());
    if (organisation->id != *org) {
      return fail(Errc::denied, "it is sealed to another organisation than its sender's");
    }
    if (auto terms = sealing::agree_terms(
            {.seals_all = ticket.seals_all, .phone = ticket.phone, .expires = ticket.expires},
            *organisation);
        !terms) {
      return fail(Errc::denied, terms.error().what);
    }
    auto results = accept(office_, {.message = &*prepared,
                                    .ticket = &ticket,
                                    .organisation = &*organisation,
                                    .account = owner.account,
                                    .uid = owner.uid,
                                    .source = "drop",
                                    .note = note_of(name)});
    if (!results) return fail(std::move(results).error());
    return {};
  }

  /// Out of the drop, with a record.
  Result<void> quarantine(const std::string& name, const Owner& owner, const std::string& why) {
    if (auto made = make_folders(layout_.quarantine()); !made) return made;
    const auto id = audit::MessageId::fresh();
    const std::string from = layout_.drop() + "/" + name;
    const std::string to = layout_.quarantine() + "/" + id.text();
    audit::Record record(audit::Event::refused, id);
    record.fact("reason", "message-invalid")
        .fact("source", "drop")
        .disclose("account", owner.account)
        .disclose("file", printable(name))
        .disclose("detail", why);
    record.disclose_json("uid", std::to_string(owner.uid));
    const auto org = log_of_strangers(office_);
    if (auto told = office_.logs->append(org, record); !told) return told;
    const auto mark = sealing::Mark::now(*office_.clock).text();
    if (auto noted = table_.set_note(quarantine_note(id.text()), mark); !noted) return noted;
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
      return fail_errno("moving " + printable(from), errno);
    }
    // Of its owner's making: nobody but us reads or runs it from here on.
    struct stat facts {};
    if (::lstat(to.c_str(), &facts) == 0 && S_ISREG(facts.st_mode)) ::chmod(to.c_str(), 0600);
    ++taken_.quarantined;
    taken_.warnings.push_back(
        {Errc::malformed,
         "the drop had a file of " + owner.account + " that is no message of ours: " + why,
         "it is " + to});
    return {};
  }

  sealing::Office& office_;
  const config::Queue& queue_;
  Layout layout_;
  store::QueueTable table_;
  std::map<std::int64_t, store::QueueTable::Usage> used_;
  TakenUp taken_;
};

}  // namespace

bool is_drop_name(std::string_view name) {
  const auto is_word = [](char c) { return is_alnum(c) || c == '-' || c == '_'; };
  return name.size() == kNameLength && std::all_of(name.begin(), name.end(), is_word);
}

Result<std::size_t> sweep_quarantine(sealing::Office& office) {
  namespace fs = std::filesystem;
  const Layout layout{office.config->state};
  store::QueueTable table(*office.index);
  std::size_t swept = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(layout.quarantine(), error)) {
    const std::string name = entry.path().filename();
    const auto id = audit::MessageId::parse(name);
    if (!id) continue;  // an administrator's
    auto note = table.note(quarantine_note(name));
    if (!note) return fail(std::move(note).error());
    const auto since = sealing::Mark::parse(*note);
    if (!since) {  // put there before this was noted
      const auto now = sealing::Mark::now(*office.clock).text();
      if (auto noted = table.set_note(quarantine_note(name), now); !noted)
        return fail(noted.error());
      continue;
    }
    if (sealing::elapsed_since(*since, *office.clock) < kQuarantine) continue;
    audit::Record record(audit::Event::deleted, *id);
    record.outcome(audit::Outcome::success).fact("source", "quarantine");
    if (auto told = office.logs->append(log_of_strangers(office), record); !told) {
      return fail(told.error());
    }
    std::error_code removal;
    fs::remove_all(entry.path(), removal);
    if (removal) return fail_errno("removing " + entry.path().string(), removal.value());
    if (auto dropped = table.drop_note(quarantine_note(name)); !dropped)
      return fail(dropped.error());
    ++swept;
  }
  return swept;
}

Result<TakenUp> take_up_drop(sealing::Office& office) {
  return Round(office).run();
}

}  // namespace sm::queue
