// The commands that add to the log: append, erase, checkpoint.

#include "audit/erase.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "commands.h"

namespace sm::smaudit {
namespace {

struct NameAndValue {
  std::string name, value;
};

Result<NameAndValue> parse_pair(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == text.npos || equals == 0) {
    return fail(Errc::usage, "'" + printable(text) + "' is not NAME=VALUE");
  }
  return NameAndValue{text.substr(0, equals), text.substr(equals + 1)};
}

Result<audit::Record> record_of(audit::Event event, const Options& options) {
  if (options.message.empty()) {
    if (options.recipient.empty()) return audit::Record(event);
    return fail(Errc::usage, "--recipient says who of a message: it needs --message");
  }
  const auto message = parse_message(options.message);
  if (!message) return fail(message.error());
  if (options.recipient.empty()) return audit::Record(event, *message);
  const auto recipient = audit::RecipientId::parse(options.recipient);
  if (recipient) return audit::Record(event, *message, *recipient);
  return fail(Errc::usage, "'" + printable(options.recipient) + "' is no recipient's audit id");
}

/// The record that the command line describes.
Result<audit::Record> described_record(audit::Event event, const Options& options) {
  auto record = record_of(event, options);
  if (!record) return record;
  for (const std::string& text : options.facts) {
    const auto pair = parse_pair(text);
    if (!pair) return fail(pair.error());
    record->fact(pair->name, pair->value);
  }
  for (const std::string& text : options.disclose) {
    const auto pair = parse_pair(text);
    if (!pair) return fail(pair.error());
    record->disclose(pair->name, pair->value);
  }
  if (!record->defect().empty()) return fail(Errc::usage, record->defect());
  return record;
}

void warn(const Options& options, const std::optional<Error>& not_signed) {
  if (not_signed) {
    options.common.diagnostics().warning("no checkpoint was signed: " + not_signed->what);
  }
}

Result<audit::EraseRequest> erase_request(const Options& options) {
  if (options.message.empty() == options.address.empty()) {
    return fail(Errc::usage, "give either --message or --address");
  }
  audit::EraseRequest request{{}, options.address, options.authorised_by, options.ground};
  if (options.message.empty()) return request;
  const auto message = parse_message(options.message);
  if (!message) return fail(message.error());
  request.message = *message;
  return request;
}

}  // namespace

Result<cli::Verdict> append(const Options& options) {
  if (options.events.size() != 1) return fail(Errc::usage, "a record is of one event");
  const auto event = parse_event(options.events.front());
  if (!event) return fail(event.error());
  auto place = find_one(options);
  if (!place) return fail(std::move(place).error());
  if (*event == audit::Event::epoch_ended) {
    // This record is never written alone: an epoch ends with its key.
    if (!options.facts.empty() || !options.disclose.empty() || !options.message.empty()) {
      return fail(Errc::usage, "epoch_ended takes nothing: the next key is made here");
    }
    auto log = OpenLog::open(place->config, place->orgs.front());
    if (!log) return fail(std::move(log).error());
    const auto ended = (*log)->end_epoch();
    return ended ? Result<cli::Verdict>(cli::Verdict::yes) : fail(ended.error());
  }
  const auto record = described_record(*event, options);
  if (!record) return fail(record.error());
  auto log = OpenLog::open(place->config, place->orgs.front());
  if (!log) return fail(std::move(log).error());
  const auto appended = (*log)->append(*record);
  if (!appended) return fail(appended.error());
  warn(options, appended->not_signed);
  if (options.common.is_json) {
    options.common.out().line(JsonObject().add("seq", appended->first_seq).text());
  }
  return cli::Verdict::yes;
}

Result<cli::Verdict> erase(const Options& options) {
  const auto request = erase_request(options);
  if (!request) return fail(request.error());
  const auto place = find_place(options);
  if (!place) return fail(place.error());
  audit::Erased erased;
  for (const std::string& org : place->orgs) {
    const auto is_there = audit::exists(place->layout(org).folder);
    if (!is_there) return fail(is_there.error());
    if (!*is_there) continue;
    auto log = OpenLog::open(place->config, org);
    if (!log) return fail(std::move(log).error());
    const auto one = (*log)->erase(*request);
    if (!one) return fail(one.error());
    erased.disclosures += one->disclosures;
    erased.records += one->records;
  }
  if (options.common.is_json) {
    options.common.out().line(
        JsonObject().add("erased", erased.disclosures).add("records", erased.records).text());
  }
  if (erased.disclosures > 0) return cli::Verdict::yes;
  options.common.diagnostics().warning("the log discloses nothing like that: nothing was erased");
  return cli::Verdict::no;
}

Result<cli::Verdict> sign_checkpoint(const Options& options) {
  const auto place = find_place(options);
  if (!place) return fail(place.error());
  if (options.ends_epoch && place->orgs.size() > 1) {
    return fail(Errc::usage, "there are several organisations: " + join(place->orgs, ", "),
                "say which, with --org");
  }
  for (const std::string& org : place->orgs) {
    auto log = OpenLog::open(place->config, org);
    if (!log) return fail(std::move(log).error());
    const auto checkpoint = options.ends_epoch ? (*log)->end_epoch() : (*log)->sign_checkpoint();
    if (!checkpoint) return fail(checkpoint.error());
    if (options.common.is_json) {
      JsonObject object;
      object.add("org", org).add("size", checkpoint->size).add("origin", checkpoint->origin);
      options.common.out().line(object.add("note", checkpoint->note).text());
    } else if (place->orgs.size() == 1) {
      options.common.out().print(checkpoint->note);
    }
  }
  return cli::Verdict::yes;
}

}  // namespace sm::smaudit
