// --dry-run: what would happen to every row. Part of run.h.

#include <map>
#include <mutex>

#include "batch/intake.h"
#include "batch/journal.h"
#include "batch/run.h"
#include "batch/side_by_side.h"
#include "delivery/probe.h"

namespace sm::batch {
namespace {

using delivery::Reason;
using delivery::Status;

/// What would happen, row by row: destinations are looked at once each, several side by side.
class Rehearsal {
 public:
  Rehearsal(RowReader& rows, const Setting& setting, const Means& means, Listener& listener)
      : rows_(rows),
        setting_(setting),
        means_(means),
        listener_(listener),
        senders_(*setting.config) {}

  Result<Summary> go() {
    auto intake = Intake::open(rows_, setting_, senders_);
    if (!intake) return fail(std::move(intake).error());
    auto journal = Journal::open(setting_.config->state, system_clock());
    if (!journal) return fail(std::move(journal).error());
    while (!intake->is_over() && summary_.rows < means_.limit && !is_stopped()) {
      auto chunk = intake->next(means_.limit - summary_.rows);
      if (!chunk) return fail(std::move(chunk).error());
      look_at_destinations(*chunk);
      for (const auto& item : *chunk) {
        if (auto judged = judge(*item, *journal); !judged) return fail(std::move(judged).error());
        summary_.rows += 1;
        summary_.ends[item->result.status] += 1;
        if (auto heard = listener_.ended(item->row, item->result); !heard) {
          return fail(std::move(heard).error());
        }
      }
    }
    summary_.was_stopped = is_stopped();
    return std::move(summary_);
  }

 private:
  [[nodiscard]] bool is_stopped() const { return means_.is_stopped && means_.is_stopped(); }

  void look_at_destinations(const std::vector<ItemPtr>& chunk) {
    constexpr std::size_t kMostKnown = 2000;
    constexpr unsigned kSideBySide = 16;
    if (reports_.size() > kMostKnown) reports_.clear();
    std::vector<name::Domain> wanted;
    for (const auto& item : chunk) {
      if (Intake::is_refused(*item)) continue;
      const auto& domain = item->envelope.recipients.front().mailbox.domain();
      if (reports_.try_emplace(domain).second) wanted.push_back(domain);
    }
    side_by_side(wanted.size(), kSideBySide, [&](unsigned, std::size_t i) {
      delivery::Prober prober(means_.equipment->finder(), means_.equipment->client(),
                              {.minimum = setting_.config->policy.minimum,
                               .wants_tlsrpt = false,
                               .deadline = setting_.config->network.deadline});
      auto report = std::make_shared<const delivery::DestinationReport>(prober.probe(wanted[i]));
      const std::lock_guard lock(mutex_);
      reports_[wanted[i]] = std::move(report);
    });
  }

  Result<void> judge(Item& item, Journal& journal) {
    if (Intake::is_refused(item)) return {};
    const auto answer = item.key.empty()
                            ? Result<Answer>(Answer())
                            : journal.look({item.organisation->id, item.key, item.content});
    if (!answer) return fail(answer.error());
    const auto& recipient = item.envelope.recipients.front();
    const auto key = item.result.key;
    item.result = delivery::foresee(recipient, *reports_.at(recipient.mailbox.domain()),
                                    item.organisation->policy.minimum, item.on_insecure);
    item.result.row = item.row.number;
    item.result.key = key;
    const bool is_sealed = item.result.status == Status::pending || item.terms.seals_all;
    if (is_sealed) item.result.status = Status::sealed;
    if (answer->kind == Answer::Kind::done) {
      item.result.status = answer->status;
      item.result.reason = Reason::done_before;
    } else if (answer->kind == Answer::Kind::changed) {
      refuse(item, Reason::content_changed, "this key was sent before with other content");
    } else if (answer->kind == Answer::Kind::abandoned) {
      item.result.detail = "another batch has this key, or was cut off with it";
    }
    return {};
  }

  RowReader& rows_;
  const Setting& setting_;
  const Means& means_;
  Listener& listener_;
  Senders senders_;
  std::mutex mutex_;
  std::map<name::Domain, std::shared_ptr<const delivery::DestinationReport>> reports_;
  Summary summary_;
};

}  // namespace

Result<Summary> rehearse(RowReader& rows, const Setting& setting, const Means& means,
                         Listener& listener) {
  return Rehearsal(rows, setting, means, listener).go();
}

}  // namespace sm::batch
