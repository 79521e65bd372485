#include "batch/journal.h"

#include <algorithm>

namespace sm::batch {
namespace {

using delivery::Status;

std::int64_t micros(WallTime time) {
  return time.time_since_epoch().count();
}

std::optional<Status> status_of(std::string_view name) {
  for (int i = 0; i <= static_cast<int>(Status::uncertain); ++i) {
    if (text(static_cast<Status>(i)) == name) return static_cast<Status>(i);
  }
  return std::nullopt;
}

bool is_done(Status status) {
  switch (status) {
    case Status::delivered:
    case Status::sealed:
    case Status::pending:
    case Status::queued:
      return true;
    case Status::deferred:
    case Status::refused:
    case Status::failed:
    case Status::uncertain:
      return false;
  }
  return false;
}

}  // namespace

Result<Journal> Journal::open(const std::string& state, const Clock& clock) {
  auto index = store::Index::open(state);
  if (!index) return fail(std::move(index).error());
  return Journal(std::move(*index), clock);
}

Result<Answer> Journal::judge(const Claim& claim, const std::string& run) {
  auto rows = index_.prepare(
      "SELECT content,message_id,first,status,message,recipient,run FROM batch_key"
      " WHERE org=? AND key=?");
  if (!rows) return fail(std::move(rows).error());
  auto found = rows->bind(claim.org).bind(claim.key).row();
  if (!found) return fail(std::move(found).error());
  const Answer fresh{
      .kind = Answer::Kind::taken, .message_id = claim.message_id, .first = clock_->now()};
  if (!*found) return fresh;
  Answer answer{.message_id = rows->text(1),
                .first = WallTime(std::chrono::microseconds(rows->number(2))),
                .message = rows->text(4),
                .recipient = rows->text(5),
                .run = rows->text(6)};
  const auto content = rows->blob(0);
  const bool is_same =
      std::equal(content.begin(), content.end(), claim.content.begin(), claim.content.end());
  if (!answer.run.empty()) {
    answer.kind = answer.run == run ? Answer::Kind::busy : Answer::Kind::abandoned;
    return answer;
  }
  const auto status = status_of(rows->text(3));
  if (!status) return fail(Errc::configuration, "the journal of batches is damaged");
  answer.status = *status;
  if (is_done(*status)) {
    answer.kind = is_same ? Answer::Kind::done : Answer::Kind::changed;
    return answer;
  }
  if (is_same) return answer;
  if (*status == Status::uncertain) {
    answer.kind = Answer::Kind::changed;
    return answer;
  }
  return fresh;
}

Result<void> Journal::write(const Claim& claim, const Answer& answer, const std::string& run) {
  auto statement = index_.prepare(
      "INSERT INTO batch_key(org,key,content,message_id,first,message,recipient,address,run,slot,"
      "status,changed,attempts) VALUES(?,?,?,?,?,?,?,?,?,?,'',?,1)"
      " ON CONFLICT(org,key) DO UPDATE SET content=excluded.content,"
      " message_id=excluded.message_id,first=excluded.first,message=excluded.message,"
      " recipient=excluded.recipient,address=excluded.address,run=excluded.run,"
      " slot=excluded.slot,status='',changed=excluded.changed,attempts=attempts+1");
  if (!statement) return fail(std::move(statement).error());
  return statement->bind(claim.org)
      .bind(claim.key)
      .bind(Bytes(claim.content))
      .bind(answer.message_id)
      .bind(micros(answer.first))
      .bind(claim.message)
      .bind(claim.recipient)
      .bind(claim.address)
      .bind(run)
      .bind(static_cast<std::int64_t>(claim.slot))
      .bind(micros(clock_->now()))
      .run();
}

Result<std::vector<Answer>> Journal::claim(std::span<const Claim> claims, const std::string& run) {
  std::vector<Answer> answers;
  auto done = index_.transaction([&]() -> Result<void> {
    answers.clear();
    for (const auto& claim : claims) {
      auto answer = judge(claim, run);
      if (!answer) return fail(std::move(answer).error());
      if (answer->kind == Answer::Kind::taken) {
        if (auto written = write(claim, *answer, run); !written) return written;
      }
      answers.push_back(std::move(*answer));
    }
    return {};
  });
  if (!done) return fail(std::move(done).error());
  return answers;
}

Result<Answer> Journal::look(const Claim& claim) {
  return judge(claim, {});
}

Result<void> Journal::end(std::span<const KeyEnd> ends, const std::string& run) {
  return index_.transaction([&]() -> Result<void> {
    for (const auto& end : ends) {
      auto statement = index_.prepare(
          "UPDATE batch_key SET run='',slot=0,status=?,changed=? WHERE org=? AND key=? AND run=?");
      if (!statement) return fail(std::move(statement).error());
      auto done = statement->bind(text(end.status))
                      .bind(micros(clock_->now()))
                      .bind(end.org)
                      .bind(end.key)
                      .bind(run)
                      .run();
      if (!done) return done;
    }
    return {};
  });
}

Result<void> Journal::advance(const KeyEnd& end) {
  auto statement = index_.prepare(
      "UPDATE batch_key SET status=? WHERE org=? AND key=? AND status='pending' AND run=''");
  if (!statement) return fail(std::move(statement).error());
  return statement->bind(text(end.status)).bind(end.org).bind(end.key).run();
}

Result<std::vector<std::string>> Journal::runs() {
  auto rows = index_.prepare("SELECT DISTINCT run FROM batch_key WHERE run<>''");
  if (!rows) return fail(std::move(rows).error());
  std::vector<std::string> runs;
  for (;;) {
    auto row = rows->row();
    if (!row) return fail(std::move(row).error());
    if (!*row) return runs;
    runs.push_back(rows->text(0));
  }
}

Result<std::vector<Abandoned>> Journal::claimed_by(const std::string& run) {
  auto rows = index_.prepare(
      "SELECT org,key,message,recipient,address,message_id,slot FROM batch_key"
      " WHERE run<>'' AND run=?");
  if (!rows) return fail(std::move(rows).error());
  rows->bind(run);
  std::vector<Abandoned> claimed;
  for (;;) {
    auto row = rows->row();
    if (!row) return fail(std::move(row).error());
    if (!*row) return claimed;
    claimed.push_back({rows->text(0), rows->text(1), rows->text(2), rows->text(3), rows->text(4),
                       rows->text(5), static_cast<std::uint32_t>(rows->number(6))});
  }
}

}  // namespace sm::batch
