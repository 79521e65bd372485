#include "queue/spool.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <sys/stat.h>
#include <unistd.h>

#include "audit/evidence.h"
#include "base/file.h"
#include "queue/parcel.h"
#include "queue/schedule.h"
#include "sealing/mark.h"

namespace sm::queue {
namespace {

using delivery::RecipientResult;

/// A parcel in the spool that is removed again unless the index came to know of it.
class NewParcel {
 public:
  static Result<NewParcel> write(sealing::Office& office, const std::string& org,
                                 const message::PreparedMessage& message, const Ticket& ticket,
                                 const std::string& name) {
    const Layout layout{office.config->state};
    if (auto made = make_folders(layout.spool()); !made) return fail(std::move(made).error());
    auto key = office.keys->current_public_key(org);
    if (!key) return fail(std::move(key).error());
    auto file = AtomicFile::create(layout.parcel(name));
    if (!file) return fail(std::move(file).error());
    envelope::FdSink sink(file->fd(), file->path());
    if (auto written = write_parcel(*key, message, ticket, *office.clock, sink); !written) {
      return fail(std::move(written).error(), "queueing the message");
    }
    if (auto published = file->publish(AtomicFile::Existing::keep); !published) {
      return fail(std::move(published).error());
    }
    return NewParcel(layout.parcel(name));
  }
  NewParcel(NewParcel&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  NewParcel& operator=(NewParcel&&) = delete;
  ~NewParcel() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void keep() { path_.clear(); }

 private:
  explicit NewParcel(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// The recipients of one domain, on their way to become a row.
struct Group {
  audit::MessageId id = audit::MessageId::fresh();
  std::vector<std::size_t> places;
  std::vector<audit::Recipient> recipients;
};

RecipientResult queued_result(const std::string& address, const std::string& message,
                              const std::string& recipient) {
  RecipientResult result;
  result.recipient = address;
  result.message = message;
  result.recipient_id = recipient;
  result.status = delivery::Status::queued;
  return result;
}

std::vector<audit::Record> records_of(const Submission& submission, const Group& group,
                                      const Clock& clock) {
  audit::Submission facts{.message = group.id, .recipients = group.recipients};
  facts.sender = submission.ticket->envelope.sender.text();
  facts.account = submission.account;
  if (submission.uid >= 0) facts.uid = static_cast<std::uint32_t>(submission.uid);
  facts.size = submission.message->size();
  facts.message_id = submission.message->message_id();
  facts.method = submission.source;
  auto records = audit::submitted(facts, clock);
  for (const auto& recipient : group.recipients)
    records.emplace_back(audit::Event::queued, group.id, recipient.id);
  return records;
}

store::Queued row_of(const Submission& submission, const std::string& domain, const Group& group,
                     const Clock& clock) {
  store::Queued row;
  row.id = group.id.text();
  row.org = submission.organisation->id;
  row.domain = domain;
  row.sender = submission.ticket->envelope.sender.text();
  row.message_id = submission.message->message_id();
  row.account = submission.account;
  row.uid = submission.uid;
  row.size = submission.message->size();
  row.created = clock.now();
  row.made = sealing::Mark::now(clock).text();
  for (const auto& recipient : group.recipients)
    row.recipients.push_back({recipient.id.text(), recipient.address});
  return row;
}

/// What is appended stands in the log as a whole; the seq of its first record.
Result<std::uint64_t> append(sealing::Office& office, const std::string& org,
                             const std::vector<audit::Record>& records) {
  auto log = office.logs->of(org);
  if (!log) return fail(std::move(log).error());
  auto appended = (*log)->append(records);
  if (!appended) return fail(std::move(appended).error());
  return appended->first_seq;
}

class Acceptance {
 public:
  Acceptance(sealing::Office& office, const Submission& submission)
      : office_(office), submission_(submission), table_(*office.index) {}

  Result<std::vector<RecipientResult>> run() {
    if (auto rebased = table_.rebase(*office_.clock); !rebased) return fail(rebased.error());
    if (auto grouped = group(); !grouped) return fail(grouped.error());
    if (groups_.empty()) return note_alone();
    const std::string name = groups_.begin()->second.id.text();
    auto parcel = NewParcel::write(office_, submission_.organisation->id, *submission_.message,
                                   *submission_.ticket, name);
    if (!parcel) return fail(std::move(parcel).error());
    if (auto entered = enter(name); !entered) return fail(std::move(entered).error());
    parcel->keep();
    return std::move(results_);
  }

 private:
  Result<std::vector<RecipientResult>> note_alone() {
    if (submission_.note.empty()) return std::move(results_);
    auto noted = table_.set_note(submission_.note, "1");
    if (!noted) return fail(std::move(noted).error());
    return std::move(results_);
  }

  /// Sorts recipients by domain; those that wait already are found.
  Result<void> group() {
    const auto& envelope = submission_.ticket->envelope;
    for (std::size_t i = 0; i < envelope.recipients.size(); ++i) {
      const auto& mailbox = envelope.recipients[i].mailbox;
      const auto address = mailbox.text();
      auto known = find_waiting(address);
      if (!known) return fail(std::move(known).error());
      results_.push_back(known->value_or(queued_result(address, {}, {})));
      if (*known) continue;
      auto& group = groups_[mailbox.domain().text()];
      group.places.push_back(i);
      group.recipients.push_back({audit::RecipientId::fresh(), address});
      results_[i].message = group.id.text();
      results_[i].recipient_id = group.recipients.back().id.text();
    }
    return {};
  }

  Result<std::optional<RecipientResult>> find_waiting(const std::string& address) {
    const auto& id = submission_.message->message_id();
    if (id.empty()) return std::optional<RecipientResult>();
    auto row =
        table_.find(id, submission_.ticket->envelope.sender.text(), address, submission_.uid);
    if (!row) return fail(std::move(row).error());
    if (!*row) return std::optional<RecipientResult>();
    for (const auto& recipient : (*row)->recipients) {
      if (recipient.address == address) {
        return std::optional(queued_result(address, (*row)->id, recipient.id));
      }
    }
    return std::optional<RecipientResult>();
  }

  /// The rows are there only where the records are. The log is written first and outside of the
  /// transaction: its appender may sign a checkpoint, which writes to the same database by a
  /// connection of its own, and would wait for this one until it gives up.
  Result<void> enter(const std::string& name) {
    const auto due = due_after(std::chrono::microseconds(0), *office_.clock);
    std::vector<audit::Record> records;
    for (const auto& [domain, group] : groups_) {
      auto own = records_of(submission_, group, *office_.clock);
      std::move(own.begin(), own.end(), std::back_inserter(records));
    }
    const auto seq = append(office_, submission_.organisation->id, records);
    if (!seq) return fail(seq.error());
    return office_.index->transaction([&]() -> Result<void> {
      for (const auto& [domain, group] : groups_) {
        auto row = row_of(submission_, domain, group, *office_.clock);
        row.file = name;
        row.log_seq = *seq;
        if (auto added = table_.add(row, due); !added) return added;
      }
      return submission_.note.empty() ? Result<void>() : table_.set_note(submission_.note, "1");
    });
  }

  sealing::Office& office_;
  const Submission& submission_;
  store::QueueTable table_;
  std::vector<RecipientResult> results_;
  std::map<std::string, Group> groups_;
};

}  // namespace

Result<std::vector<RecipientResult>> accept(sealing::Office& office, const Submission& submission) {
  return Acceptance(office, submission).run();
}

Result<WaitingReport> write_report(sealing::Office& office, const NewReport& report) {
  Ticket ticket;
  ticket.envelope.recipients = {{.mailbox = report.to}};
  ticket.on_insecure = OnInsecure::defer;
  const Submission submission{.message = report.message,
                              .ticket = &ticket,
                              .organisation = report.organisation,
                              .source = "report"};
  Group group;
  group.recipients = {{audit::RecipientId::fresh(), report.to.text()}};
  const std::string name = group.id.text();
  auto parcel = NewParcel::write(office, report.organisation->id, *report.message, ticket, name);
  if (!parcel) return fail(std::move(parcel).error());
  WaitingReport waiting{.row = row_of(submission, report.to.domain().text(), group, *office.clock),
                        .due = due_after(std::chrono::microseconds(0), *office.clock),
                        .records = records_of(submission, group, *office.clock)};
  waiting.row.kind = store::QueuedKind::report;
  waiting.row.file = name;
  parcel->keep();
  return waiting;
}

Result<void> forget_unused(sealing::Office& office, const std::string& file) {
  auto uses = store::QueueTable(*office.index).uses_of(file);
  if (!uses) return fail(std::move(uses).error());
  if (*uses > 0) return {};
  // Nothing depends on it: what cannot be removed now is swept later.
  (void)::unlink(Layout{office.config->state}.parcel(file).c_str());
  return {};
}

Result<std::size_t> sweep_orphans(sealing::Office& office) {
  namespace fs = std::filesystem;
  constexpr std::chrono::hours kOld{1};
  const Layout layout{office.config->state};
  store::QueueTable table(*office.index);
  const auto now = std::chrono::system_clock::to_time_t(
      std::chrono::time_point_cast<std::chrono::system_clock::duration>(office.clock->now()));
  std::size_t swept = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(layout.spool(), error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("runner.") || name.starts_with("sent.") || name == "taking.lock") continue;
    struct stat facts {};
    if (::lstat(entry.path().c_str(), &facts) != 0) continue;
    if (facts.st_mtime > now - std::chrono::seconds(kOld).count()) continue;
    auto uses = table.uses_of(name);
    if (!uses) return fail(std::move(uses).error());
    if (*uses > 0) continue;
    if (::unlink(entry.path().c_str()) == 0) ++swept;
  }
  return swept;
}

}  // namespace sm::queue
