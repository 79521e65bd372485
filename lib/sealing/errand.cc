#include "sealing/errand.h"

#include <array>

#include "base/encoding.h"
#include "crypto/random.h"
#include "sealing/mark.h"
#include "sealing/pouch.h"
#include "store/outbox_table.h"

namespace sm::sealing {
namespace {

constexpr std::array kErrandNames = {"notification",  "number_request", "failure_notice",
                                     "unread_notice", "ended_notice",   "reply"};

/// "portal.example" of "https://portal.example:8443/secure".
std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  return std::string(url.substr(0, url.find_first_of(":/")));
}

}  // namespace

std::string_view text(Errand errand) {
  return kErrandNames.at(static_cast<std::size_t>(errand));
}

Result<name::Mailbox> notice_address(const config::Organisation& organisation) {
  std::string address = organisation.sealing.from;
  if (address.empty()) {
    address = "noreply@" + (organisation.domains.empty() ? host_of(organisation.sealing.portal)
                                                         : organisation.domains.front().text());
  }
  auto mailbox = name::Mailbox::parse(address);
  if (mailbox) return mailbox;
  return fail(Errc::configuration, "no address for notifications of " + organisation.id,
              "set sealed.from");
}

Result<void> add_errand(Office& office, const NewErrand& errand) {
  auto from = notice_address(*errand.organisation);
  if (!from) return fail(std::move(from).error());
  store::Errand row;
  row.kind = text(errand.kind);
  row.org = errand.organisation->id;
  row.message = errand.message;
  row.recipient = errand.recipient;
  row.mail_id = "<" + to_base64url(crypto::random_bytes<18>()) + "@" + from->domain().text() + ">";
  row.created = office.clock->now();
  row.tried = Mark::now(*office.clock).text();
  row.pause = errand.is_held ? -1 : 0;
  if (!errand.lease.empty()) {
    row.lease = errand.lease;
    row.leased = row.tried;
    row.attempts = 1;
  }
  if (errand.secret != nullptr) {
    auto key = office.keys->current_public_key(errand.organisation->id);
    if (!key) return fail(std::move(key).error());
    auto pouch = seal_pouch(*key, errand.secret->reveal());
    if (!pouch) return fail(std::move(pouch).error());
    row.sealed = std::move(*pouch);
  }
  return store::OutboxTable(*office.index).add(row);
}

}  // namespace sm::sealing
