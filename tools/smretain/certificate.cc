#include "certificate.h"

#include "audit/log_files.h"
#include "audit/receipt.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "store/sealed_table.h"

namespace sm::smretain {

Result<void> write_certificate(sealing::Office& office, const std::string& id,
                               const std::string& path) {
  auto message = store::SealedTable(*office.index).find(id);
  if (!message) return fail(std::move(message).error());
  const auto audit_id = audit::MessageId::parse(id);
  if (!*message || !audit_id) return fail(Errc::no_input, "no such message: " + id);
  auto log = office.logs->of((*message)->org);
  if (!log) return fail(std::move(log).error());
  if (auto signed_now = (*log)->sign_checkpoint(); !signed_now) {
    return fail(std::move(signed_now).error());
  }
  // An act that was interrupted and repeated is told twice. The envelope's id may have been erased.
  audit::ReceiptRequest request{
      .message = *audit_id, .event = audit::Event::deleted, .takes_last = true};
  request.disclose = {"envelope"};
  auto receipt = audit::make_receipt(audit::Layout{(*log)->folder()}, request);
  if (!receipt && receipt.error().code == Errc::usage) {
    request.disclose.clear();
    receipt = audit::make_receipt(audit::Layout{(*log)->folder()}, request);
  }
  if (!receipt) return fail(std::move(receipt).error(), "making the certificate");
  JsonArray disclosures;
  for (const auto& disclosure : receipt->disclosures)
    disclosures.add(disclosure);
  const std::string text = JsonObject()
                               .add("certificate", "smtools erasure certificate")
                               .add("v", 1)
                               .add("organisation", office.organisation((*message)->org).name)
                               .add("message", id)
                               .add("envelope", (*message)->envelope)
                               .add("record", receipt->record)
                               .add_raw("disclosures", disclosures.text())
                               .add("proof", receipt->proof)
                               .text() +
                           "\n";
  return publish_file(path, as_bytes(text));
}

}  // namespace sm::smretain
