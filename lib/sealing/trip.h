#pragma once
// One attempt at an errand of the outbox, apart from who makes it: a TripWriter writes its mail,
// somebody carries it (outbox.h one after the other, notifier.h many side by side), and a TripBook
// tells its end to the log and keeps it in the outbox, of one attempt or of many together. Part of
// lib/sealing.

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "delivery/courier.h"
#include "sealing/letter.h"
#include "sealing/office.h"
#include "sealing/outbox.h"
#include "store/outbox_table.h"
#include "store/sealed_table.h"

namespace sm::sealing {

/// Ready to be made by any thread: nothing in it touches the store.
struct Trip {
  store::Errand errand;
  Errand kind = Errand::notification;
  store::SealedLink link;
  std::shared_ptr<const config::Organisation> organisation;
  name::Mailbox to;
  std::optional<Composed> composed{};           ///< nothing: it could not be written, `why`
  std::optional<smtp::NoticeContent> notice{};  ///< for a destination that proves nothing
  std::string why{};
  // What came of it.
  delivery::DeliveryReport delivery{};  ///< with one recipient

  [[nodiscard]] const delivery::RecipientReport& report() const {
    return delivery.recipients.front();
  }
};

/// The envelope that a trip's mail travels in.
smtp::Envelope envelope_of(const Trip& trip);

/// Serves one thread, as its Office does.
class TripWriter {
 public:
  explicit TripWriter(Office& office) : office_(office) {}
  /// Of an errand that is leased to the caller. Nothing where it has lost its purpose: it is to be
  /// removed.
  Result<std::optional<Trip>> write(const store::Errand& errand);

 private:
  [[nodiscard]] bool is_of_use(Errand kind, const store::SealedLink& link) const;
  std::shared_ptr<const config::Organisation> organisation(const std::string& id);
  Result<void> compose(Trip& trip);
  Result<void> compose_notification(Trip& trip, const NoticeWriter& writer);
  Result<void> compose_reply(Trip& trip, const NoticeWriter& writer);
  Result<Composed> compose_word(const Trip& trip, const NoticeWriter& writer);
  Result<Secret> url_of(const Trip& trip, std::string_view path);

  Office& office_;
  delivery::SigningDesk signing_;
  std::map<std::string, std::shared_ptr<const config::Organisation>> organisations_;
};

/// Serves one thread, as its Office does.
class TripBook {
 public:
  /// `lease`: under which the errands were taken.
  TripBook(Office& office, std::string lease) : office_(office), lease_(std::move(lease)) {}
  /// One append for each log, then one transaction. An Error where they could not be told or kept:
  /// then their leases run out.
  Result<std::vector<ErrandEnd>> settle(std::span<const Trip> trips);
  /// An errand that has lost its purpose.
  Result<void> remove(std::int64_t errand);

 private:
  enum class Fate { accepted, again, given_up };
  [[nodiscard]] Fate fate_of(const Trip& trip) const;
  Result<void> tell(std::span<const Trip> trips);
  Result<void> keep(std::span<const Trip> trips);
  Result<void> keep(const Trip& trip);

  Office& office_;
  std::string lease_;
};

}  // namespace sm::sealing
