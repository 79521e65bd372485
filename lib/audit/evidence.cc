#include "audit/evidence.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/text.h"

namespace sm::audit {
namespace {

constexpr std::size_t kMostRecipients = 500;  // of one record: their digests fill 23 kB of the line
constexpr std::size_t kMostReply = 4096;      // bytes of a disclosed reply, escapes counted
constexpr std::size_t kMostDetail = 1024;

/// Cut so that it, quoted, stays within `most` bytes: an ending record must fit what is reserved.
std::string cut(std::string_view value, std::size_t most) {
  std::string text = to_valid_utf8(value.substr(0, most));
  while (json_quote(text).size() > most + 2) {
    text = to_valid_utf8(text.substr(0, text.size() * 7 / 8));
  }
  return text;
}

template <class Integer>
void disclose_integer(Record& record, std::string_view name, const std::optional<Integer>& value) {
  if (value) record.disclose_json(name, std::to_string(*value));
}

std::string dkim_json(const std::vector<DkimEvidence>& signatures) {
  JsonArray array;
  for (const DkimEvidence& one : signatures) {
    JsonObject object;
    object.add("d", one.domain).add("s", one.selector).add("a", one.algorithm);
    object.add("bh", one.body_hash).add("b_sha256", one.b_sha256);
    array.add_raw(object.text());
  }
  return array.text();
}

void add_facts(Record& record, const Attempt& attempt, const Clock& clock) {
  record.fact("level", attempt.level).fact("mechanism", attempt.mechanism);
  record.fact("mx_dnssec", attempt.mx_dnssec).fact("address_dnssec", attempt.address_dnssec);
  record.fact("tlsa_dnssec", attempt.tlsa_dnssec);
  record.fact("tls_version", attempt.tls_version).fact("tls_cipher", attempt.tls_cipher);
  record.fact("chain_verdict", attempt.chain_verdict).fact("sts_mode", attempt.sts_mode);
  if (attempt.reply_code) record.fact("reply_code", *attempt.reply_code);
  record.fact("enhanced_status", attempt.enhanced_status).fact("reason", attempt.reason);
  record.fact("clock_synchronised", clock.is_synchronised());
}

void add_disclosures(Record& record, const Attempt& attempt) {
  record.disclose("recipient", attempt.recipient.address).disclose("mx_host", attempt.mx_host);
  record.disclose("local_address", attempt.local_address);
  disclose_integer(record, "local_port", attempt.local_port);
  record.disclose("remote_address", attempt.remote_address);
  disclose_integer(record, "remote_port", attempt.remote_port);
  record.disclose("certificate_sha256", attempt.certificate_sha256);
  record.disclose("spki_sha256", attempt.spki_sha256).disclose("tlsa", attempt.tlsa);
  record.disclose("sts_policy_id", attempt.sts_policy_id);
  record.disclose("reply", cut(attempt.reply, kMostReply));
  record.disclose("queue_id", cut(attempt.queue_id, kMostDetail));
  record.disclose("message_id", cut(attempt.message_id, kMostDetail));
  record.disclose("message_sha256", attempt.message_sha256);
  disclose_integer(record, "size", attempt.size);
  if (!attempt.dkim.empty()) record.disclose_json("dkim", dkim_json(attempt.dkim));
  record.disclose("detail", cut(attempt.detail, kMostDetail));
  record.disclose("key", cut(attempt.key, kMostDetail));
}

/// What all records of a submission say.
void describe(Record& record, const Submission& submission) {
  record.disclose("sender", submission.sender.empty() ? "<>" : submission.sender);
  record.disclose("account", submission.account);
  disclose_integer(record, "uid", submission.uid);
  record.disclose("client_address", submission.client_address);
  disclose_integer(record, "client_port", submission.client_port);
  record.disclose_json("size", std::to_string(submission.size));
  record.disclose("message_id", cut(submission.message_id, kMostDetail));
  record.disclose("message_sha256", submission.message_sha256);
  record.disclose("key", cut(submission.key, kMostDetail));
}

}  // namespace

std::vector<Record> submitted(const Submission& submission, const Clock& clock) {
  std::vector<Record> records;
  std::size_t done = 0;
  do {
    const auto count = std::min(kMostRecipients, submission.recipients.size() - done);
    std::vector<std::string> ids;
    Record& record = records.emplace_back(Event::submitted, submission.message);
    for (std::size_t i = done; i < done + count; ++i) {
      ids.push_back(submission.recipients[i].id.text());
      record.disclose("recipient", submission.recipients[i].address);
    }
    record.fact("recipients", ids).fact("method", submission.method);
    record.fact("client_tls_version", submission.client_tls_version);
    record.fact("client_tls_cipher", submission.client_tls_cipher);
    record.fact("clock_synchronised", clock.is_synchronised());
    describe(record, submission);
    done += count;
  } while (done < submission.recipients.size());
  return records;
}

Record ending(Event event, const Attempt& attempt, const Clock& clock) {
  Record record(event, attempt.message, attempt.recipient.id);
  add_facts(record, attempt, clock);
  add_disclosures(record, attempt);
  return record;
}

Record delivered(const Attempt& attempt, const Clock& clock) {
  return ending(Event::delivered, attempt, clock);
}
Record deferred(const Attempt& attempt, const Clock& clock) {
  return ending(Event::deferred, attempt, clock);
}
Record refused(const Attempt& attempt, const Clock& clock) {
  return ending(Event::refused, attempt, clock);
}
Record failed(const Attempt& attempt, const Clock& clock) {
  return ending(Event::failed, attempt, clock);
}
Record uncertain(const Attempt& attempt, const Clock& clock) {
  return ending(Event::uncertain, attempt, clock);
}

}  // namespace sm::audit
