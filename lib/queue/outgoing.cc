#include "queue/outgoing.h"

#include <algorithm>

#include "delivery/signing.h"
#include "message/reader.h"
#include "queue/layout.h"
#include "submission/submit.h"

namespace sm::queue {

Result<Outgoing> Outgoing::open(sealing::Office& office, const store::Queued& row) {
  const Layout layout{office.config->state};
  auto parcel = Parcel::open(layout.parcel(row.file), *office.keys, row.org);
  if (!parcel) return fail(std::move(parcel).error());
  auto source = parcel->message();
  if (!source) return fail(std::move(source).error());
  auto read = message::read_message(**source, message::Purpose::submission);
  if (!read) return fail(std::move(read).error());
  auto prepared = message::prepare(std::move(*read), {.clock = office.clock});
  if (!prepared) return fail(std::move(prepared).error());
  return Outgoing(std::move(*parcel), std::move(*prepared));
}

Result<void> Outgoing::sign(const config::Organisation& organisation, const Clock& clock) {
  auto signatures = delivery::sign(message_, organisation, clock);
  if (!signatures) return fail(std::move(signatures).error());
  dkim_ = std::move(*signatures);
  return {};
}

delivery::Mailing Outgoing::mailing(const store::Queued& row,
                                    const config::Organisation& organisation) const {
  smtp::Envelope envelope = ticket().envelope;
  std::vector<smtp::Recipient> still;
  for (const auto& recipient : row.recipients) {
    const auto found =
        std::find_if(envelope.recipients.begin(), envelope.recipients.end(),
                     [&](const auto& one) { return one.mailbox.text() == recipient.address; });
    if (found != envelope.recipients.end()) still.push_back(*found);
  }
  envelope.recipients = std::move(still);
  envelope.needs_8bitmime = message_.is_8bit();
  envelope.needs_smtputf8 = message_.needs_smtputf8();
  envelope.requires_tls = envelope.requires_tls || organisation.policy.requiretls;
  return {.message = &message_, .envelope = std::move(envelope), .dkim = dkim_};
}

delivery::Minimum Outgoing::minimum(const config::Organisation& organisation) const {
  return std::max(organisation.policy.minimum, ticket().minimum.value_or(config::Minimum::trusted));
}

delivery::OnInsecure Outgoing::on_insecure(const config::Organisation& organisation) const {
  const auto& wish = ticket().on_insecure;
  if (!wish) return submission::on_insecure_of(std::nullopt, organisation);
  switch (*wish) {
    case OnInsecure::seal:
      return submission::on_insecure_of("seal", organisation);
    case OnInsecure::refuse:
      return delivery::OnInsecure::refuse;
    case OnInsecure::defer:
      return delivery::OnInsecure::defer;
  }
  return delivery::OnInsecure::refuse;
}

}  // namespace sm::queue
