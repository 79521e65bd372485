#include "audit/log_key.h"
#include "audit/receipt.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "commands.h"
#include "rows.h"

namespace sm::smaudit {
namespace {

Result<audit::ReceiptRequest> request_of(const Options& options) {
  const auto message = parse_message(options.subject);
  if (!message) return fail(message.error());
  audit::ReceiptRequest request{*message, {}, {}, {}, options.disclose};
  if (options.recipient.find('@') != std::string::npos) {
    request.recipient_address = options.recipient;
  } else if (!options.recipient.empty()) {
    request.recipient = audit::RecipientId::parse(options.recipient);
    if (!request.recipient) {
      return fail(Errc::usage, "'" + printable(options.recipient) +
                                   "' is neither an address nor a recipient's audit id");
    }
  }
  if (options.events.size() > 1) return fail(Errc::usage, "a receipt is of one event");
  if (options.events.empty()) return request;
  const auto event = parse_event(options.events.front());
  if (!event) return fail(event.error());
  request.event = *event;
  return request;
}

/// A receipt from this log. What is not signed yet is signed first, where this process may.
Result<audit::Receipt> make(const Place& place, const std::string& org,
                            const audit::ReceiptRequest& request) {
  const audit::Layout layout = place.layout(org);
  const auto is_there = audit::exists(layout.folder);
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return fail(Errc::malformed, "there is no log of " + org);
  auto receipt = audit::make_receipt(layout, request);
  if (receipt || receipt.error().code != Errc::temporary) return receipt;
  auto log = OpenLog::open(place.config, org);
  if (!log || !(*log)->sign_checkpoint()) return receipt;
  return audit::make_receipt(layout, request);
}

/// Keys from --key, else those of the logs that are here.
Result<std::vector<audit::VerifierKey>> keys_for(const Options& options) {
  if (!options.key.empty()) return audit::read_verifier_keys(options.key);
  std::vector<audit::VerifierKey> keys;
  const auto place = find_place(options);
  if (!place) return fail(place.error());
  for (const std::string& org : place->orgs) {
    const std::string path = place->layout(org).vkeys();
    const auto is_there = audit::exists(path);
    if (!is_there) return fail(is_there.error());
    if (!*is_there) continue;
    const auto own = audit::read_verifier_keys(path);
    if (!own) return fail(own.error());
    keys.insert(keys.end(), own->begin(), own->end());
  }
  if (keys.empty()) {
    return fail(Errc::no_input, "there is no key to verify the receipt with",
                "give the log's verifier keys with --key");
  }
  return keys;
}

std::string json(const audit::ReceiptReport& report) {
  JsonObject object;
  object.add("valid", report.is_valid);
  if (!report.is_valid) object.add("problem", report.problem);
  object.add("origin", report.origin).add("record", report.index).add("size", report.size);
  if (report.record) {
    object.add("event", text(report.record->event)).add("ts", report.record->ts);
    object.add("message", report.record->message).add("recipient", report.record->recipient);
  }
  object.add_raw("disclosed", disclosed_object(report.disclosures));
  if (report.timestamp) {
    object.add("timestamp", utc_text(report.timestamp->time));
    object.add("authority", report.timestamp->authority);
  }
  return object.text();
}

void print(const audit::ReceiptReport& report, cli::Printer& out) {
  if (!report.is_valid) {
    out.line("NOT VALID: " + report.problem);
    return;
  }
  const audit::ParsedRecord& record = *report.record;
  out.line("valid: record " + std::to_string(report.index) + " of " + report.origin + ", " +
           std::string(text(record.event)) + " at " + record.ts);
  for (const audit::Fact& fact : record.facts)
    out.line("  " + fact.name + ": " + printable(fact.text));
  for (const audit::Disclosure& one : report.disclosures)
    out.line("  " + printable(one.name) + ": " + printable(one.text) + " (disclosed)");
  if (report.timestamp) {
    out.line("  witnessed at " + utc_text(report.timestamp->time) + " by " +
             printable(report.timestamp->authority));
  }
  if (record.event == audit::Event::notified) {
    out.line("  it says that the notification, not the content, was delivered");
  }
}

}  // namespace

Result<cli::Verdict> create_receipt(const Options& options) {
  const auto request = request_of(options);
  if (!request) return fail(request.error());
  const auto place = find_place(options);
  if (!place) return fail(place.error());
  Result<audit::Receipt> receipt = fail(Errc::no_input, "there is no log");
  for (const std::string& org : place->orgs) {
    auto one = make(*place, org, *request);
    const bool is_unknown_here = !one && one.error().code == Errc::malformed;
    receipt = std::move(one);
    if (!is_unknown_here) break;
  }
  if (!receipt) return fail(std::move(receipt).error());
  auto written = receipt->write(options.out);
  if (!written) return fail(std::move(written).error());
  return cli::Verdict::yes;
}

Result<cli::Verdict> verify_receipt(const Options& options) {
  const auto receipt = audit::Receipt::read(options.subject);
  if (!receipt) return fail(receipt.error());
  const auto keys = keys_for(options);
  if (!keys) return fail(keys.error());
  const auto report = audit::verify_receipt(*receipt, *keys, options.tsa_ca);
  if (options.common.is_json) {
    options.common.out().line(json(report));
  } else {
    print(report, options.common.out());
  }
  return report.is_valid ? cli::Verdict::yes : cli::Verdict::no;
}

}  // namespace sm::smaudit
