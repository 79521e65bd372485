#pragma once
// A queue with keys, a log and a clock of its own, and destinations out of a file.

#include <filesystem>
#include <fstream>

#include "delivery/equipment.h"
#include "delivery/sts_memory_cache.h"
#include "queue/carrier.h"
#include "queue/parcel.h"
#include "queue/schedule.h"
#include "queue/spool.h"
#include "sealing/mark.h"
#include "unit/sealing/office_fixture.h"

namespace sm::test {

inline std::string queued_mail(const std::string& id = "q1") {
  return "From: Jan de Vries <jan@delinde.example>\r\nTo: anna@away.example\r\n"
         "Subject: canary-subject\r\nMessage-ID: <" +
         id + "@delinde.example>\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\ncanary-body\r\n";
}

class QueueFixture : public OfficeFixture {
 public:
  QueueFixture() : table(index) {
    config.network.deadline = std::chrono::seconds(5);
    std::ofstream(folder / "dns") << "away.example SERVFAIL\naway.example MX SERVFAIL\n"
                                     "other.example MX SERVFAIL\n"
                                     "null.example MX 0 .\n"
                                     "delinde.example MX SERVFAIL\n";
    equipment = must(delivery::Equipment::make(
        config, {.patience = delivery::Patience::probe, .dns_file = folder / "dns"},
        std::make_unique<delivery::StsMemoryCache>()));
  }

  std::vector<delivery::RecipientResult> accept(const std::vector<std::string>& recipients,
                                                const std::string& mail = queued_mail(),
                                                const std::string& sender = "jan@delinde.example") {
    queue::Ticket ticket;
    ticket.envelope.sender = must(name::ReversePath::parse(sender));
    for (const auto& recipient : recipients)
      ticket.envelope.recipients.push_back({.mailbox = must(name::Mailbox::parse(recipient))});
    return accept(ticket, mail);
  }
  std::vector<delivery::RecipientResult> accept(const queue::Ticket& ticket,
                                                const std::string& mail = queued_mail()) {
    const auto message = prepared(mail, clock);
    return must(queue::accept(office, {.message = &message,
                                       .ticket = &ticket,
                                       .organisation = &config.organisations.front(),
                                       .account = "jan",
                                       .uid = 1000}));
  }

  std::vector<store::Queued> take(const std::string& domain, const std::string& runner = "r1") {
    return must(
        table.take(domain, queue::uptime_of(clock), runner, sealing::Mark::now(clock).text(), 10));
  }
  /// Carries what is due for a domain.
  void carry(const std::string& domain) {
    delivery::Dispatcher dispatcher(equipment->finder(), equipment->client());
    queue::Carrier carrier(office, *equipment, dispatcher);
    for (const auto& row : take(domain)) {
      must(carrier.begin(row));
      must(carrier.settle_one());
    }
    tally += carrier.tally();
  }
  std::vector<store::Queued> rows() {
    std::vector<store::Queued> all;
    must(table.each([&](const store::Queued& row) {
      all.push_back(row);
      return Result<void>();
    }));
    return all;
  }
  std::size_t parcels() {
    std::size_t count = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(queue::Layout{config.state}.spool())) {
      count += entry.path().filename().string().find('.') == std::string::npos ? 1 : 0;
    }
    return count;
  }

  store::QueueTable table;
  std::unique_ptr<delivery::Equipment> equipment;
  queue::Tally tally;
};

/// The octets of a message.
inline std::string text_of(const message::PreparedMessage& message) {
  return must(message::read_all(*message.open(), std::size_t{1} << 20));
}

}  // namespace sm::test
