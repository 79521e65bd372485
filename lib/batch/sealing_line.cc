#include "batch/sealing_line.h"

#include "base/encoding.h"
#include "crypto/random.h"
#include "store/outbox_table.h"

namespace sm::batch {
namespace {

using delivery::RecipientResult;
using delivery::Status;

constexpr std::size_t kTogether = 64;
constexpr unsigned kSealers = 3;  // while one waits for the disk, the others encrypt
/// Errands are leased for ten minutes (outbox.cc): none is begun when that is nearly over.
constexpr std::chrono::minutes kBeginsWithin{7};
constexpr std::chrono::seconds kPatience{120};

bool is_pending(const std::vector<RecipientResult>& results) {
  return results.front().status == Status::pending;
}

}  // namespace

SealingLine::SealingLine(const Parts& parts)
    : parts_(parts), lease_(to_base64url(crypto::random_bytes<12>())) {}

Result<std::unique_ptr<SealingLine>> SealingLine::open(const Parts& parts) {
  std::unique_ptr<SealingLine> line(new SealingLine(parts));
  std::vector<std::shared_ptr<Desk>> desks;
  for (unsigned i = 0; i < kSealers + 1; ++i) {
    auto desk = parts.premises->another_office();
    if (!desk) return fail(std::move(desk).error());
    desks.push_back(std::move(*desk));
  }
  auto* self = line.get();
  for (unsigned i = 0; i < kSealers; ++i)
    self->sealers_.emplace_back([self, desk = desks[i]] { self->seal(*desk); });
  self->settler_ = std::jthread([self, desk = desks.back()] { self->settle(*desk); });
  return line;
}

void SealingLine::close() {
  to_seal_.close();
  sealers_.clear();
  if (!settler_.joinable()) return;
  parts_.dispatcher->finish();
  noticed_.close();
  settler_.join();
}

sealing::Fallback& SealingLine::fallback_of(Fallbacks& fallbacks, Desk& desk, const Item& item) {
  return fallbacks
      .try_emplace(item.organisation, desk.office, *parts_.equipment, *item.organisation)
      .first->second;
}

// ---- sealers

void SealingLine::seal(Desk& desk) {
  Fallbacks fallbacks;
  sealing::TripWriter writer(desk.office);
  for (;;) {
    const auto taken = to_seal_.take(kTogether);
    if (taken.empty()) return;
    std::map<const config::Organisation*, std::vector<ItemPtr>> by_organisation;
    for (const auto& item : taken)
      by_organisation[item->organisation].push_back(item);
    for (const auto& [organisation, items] : by_organisation)
      seal(desk, fallback_of(fallbacks, desk, *items.front()), writer, items);
  }
}

void SealingLine::seal(Desk& desk, sealing::Fallback& fallback, sealing::TripWriter& writer,
                       const std::vector<ItemPtr>& items) {
  std::vector<PassagePtr> passages;
  std::vector<sealing::Fallback::Piece> pieces;
  for (const auto& item : items) {
    auto passage = std::make_shared<Passage>();
    passage->item = item;
    passage->results.push_back(item->result);
    pieces.push_back({{&*item->message, &item->terms, item->key, item->files}, &passage->results});
    passages.push_back(std::move(passage));
  }
  fallback.seal_all(pieces, lease_);
  for (const auto& warning : fallback.take_warnings())
    parts_.ends->warn(warning);
  for (const auto& passage : passages) {
    passage->item->message.reset();
    auto notices = notices_of(desk, writer, passage);
    if (!notices) {
      parts_.ends->warn(fail(std::move(notices).error(), "notifications wait").error);
      end(*passage, fallback);
      continue;
    }
    if (notices->empty()) {
      end(*passage, fallback);
      continue;
    }
    passage->errands = notices->size();
    for (const auto& notice : *notices)
      send(notice);
  }
}

/// Those of its errands that are ours.
Result<std::vector<SealingLine::NoticePtr>> SealingLine::notices_of(Desk& desk,
                                                                    sealing::TripWriter& writer,
                                                                    const PassagePtr& passage) {
  std::vector<NoticePtr> notices;
  if (!is_pending(passage->results) || parts_.is_stopped()) return notices;
  auto errands = store::OutboxTable(desk.index).waiting(passage->results.front().message);
  if (!errands) return fail(std::move(errands).error());
  for (const auto& errand : *errands) {
    if (errand.lease != lease_) continue;
    auto trip = writer.write(errand);
    if (!trip) return fail(std::move(trip).error());
    if (*trip) notices.push_back(std::make_shared<Notice>(Notice{passage, std::move(**trip)}));
  }
  return notices;
}

void SealingLine::send(const NoticePtr& notice) {
  auto& trip = notice->trip;
  if (!trip.composed) return noticed_.push(notice);
  auto parcel = std::make_shared<delivery::Parcel>(delivery::Parcel{
      .mailing = {.message = &trip.composed->message, .envelope = sealing::envelope_of(trip)},
      .id = *notice->passage->item->id,
      .recipients = {*notice->passage->item->recipient}});
  parcel->minimum = trip.organisation->policy.minimum;
  parcel->deadline = std::min(parts_.deadline, kPatience);
  parcel->begins_by = parts_.clock->monotonic() + kBeginsWithin;
  if (trip.notice) parcel->notice = &*trip.notice;
  parcel->reported = [this, notice](delivery::DeliveryReport report) {
    notice->trip.delivery = std::move(report);
    noticed_.push(notice);
  };
  parts_.dispatcher->add(std::move(parcel));
}

// ---- the settler

void SealingLine::settle(Desk& desk) {
  constexpr std::size_t kMostSettled = 256;
  Fallbacks fallbacks;
  sealing::TripBook book(desk.office, lease_);
  for (;;) {
    const auto taken = noticed_.take(kMostSettled);
    if (taken.empty()) return;
    settle(taken, book, [&](const Item& item) -> sealing::Fallback& {
      return fallback_of(fallbacks, desk, item);
    });
  }
}

void SealingLine::settle(const std::vector<NoticePtr>& notices, sealing::TripBook& book,
                         const std::function<sealing::Fallback&(const Item&)>& fallback_of) {
  std::vector<sealing::Trip> trips;
  for (const auto& notice : notices)
    trips.push_back(std::move(notice->trip));
  const auto ends = book.settle(trips);
  if (!ends) parts_.ends->warn(fail(ends.error(), "notifications wait").error);
  for (std::size_t i = 0; i < notices.size(); ++i) {
    auto& passage = *notices[i]->passage;
    auto& fallback = fallback_of(*passage.item);
    if (ends) fallback.apply((*ends)[i], passage.results);
    if (--passage.errands == 0) end(passage, fallback);
  }
}

void SealingLine::end(Passage& passage, sealing::Fallback& fallback) {
  auto& item = *passage.item;
  fallback.settle(passage.results.front());
  const auto row = item.result.row;
  const auto key = item.result.key;
  item.result = std::move(passage.results.front());
  item.result.row = row;
  item.result.key = key;
  parts_.ends->push(passage.item);
}

}  // namespace sm::batch
