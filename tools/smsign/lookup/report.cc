#include "report.h"

#include "base/encoding.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "dkim/authentication_results.h"
#include "dkim/explain.h"
#include "dkim/header_hash.h"

namespace sm::smsign {
namespace {

using dkim::Signature;
using dkim::SignatureResult;

constexpr std::size_t kMostExplained = 64 * 1024 * 1024;

std::string or_dash(const std::string& text) {
  return text.empty() ? "-" : printable(text);
}

std::string key_words(const dkim::KeyAnswer& key) {
  std::string words;
  if (key.record && key.record->type == crypto::KeyType::rsa) {
    words = std::to_string(key.record->key.bits()) + "-bit key, ";
  }
  if (!key.answer) return words + "not looked up";
  return words + "DNSSEC: " + std::string(dns::dnssec_word(*key.answer));
}

std::string key_json(const dkim::KeyAnswer& key) {
  JsonArray records;
  for (const std::string& text : key.texts)
    records.add(text);
  JsonObject object;
  object.add("state", dkim::code(key.state)).add("why", key.why);
  if (key.record) {
    object.add("bits", key.record->key.bits())
        .add("testing", key.record->is_testing)
        .add("strict", key.record->is_strict);
  }
  if (key.answer) object.add("dnssec", dns::dnssec_word(*key.answer));
  return object.add_raw("records", records.text()).text();
}

void add_signature(const Signature& signature, JsonObject& object) {
  const auto seconds = [](const std::optional<std::chrono::sys_seconds>& time) {
    return time ? std::optional(time->time_since_epoch().count()) : std::nullopt;
  };
  JsonArray names;
  for (const std::string& name : signature.signed_names)
    names.add(name);
  object.add("c", signature.canons.text())
      .add("i", signature.identity)
      .add("t", seconds(signature.signed_at))
      .add("x", seconds(signature.expires))
      .add("l", signature.length)
      .add_raw("h", names.text())
      .add("bh", to_base64(signature.body_hash))
      .add("b_sha256", dkim::evidence(signature).b_sha256);
}

Result<std::string> body_of(const message::Message& message) {
  const auto source = message.body().open();
  return message::read_all(*source, kMostExplained);
}

JsonArray as_json(const std::vector<std::string>& texts) {
  JsonArray array;
  for (const std::string& text : texts)
    array.add(text);
  return array;
}

std::string explanation_json(const SignatureResult& result, const dkim::Explanation& explained) {
  JsonArray causes;
  for (const dkim::Cause& cause : explained.causes) {
    causes.add_raw(JsonObject()
                       .add("code", cause.code)
                       .add("sentence", cause.sentence)
                       .add("evidence", cause.evidence)
                       .text());
  }
  std::string line = json_line(result);
  line.pop_back();  // one object: the result's fields, then these
  const std::string more = JsonObject()
                               .add_raw("facts", as_json(explained.facts).text())
                               .add_raw("causes", causes.text())
                               .add_raw("tried", as_json(explained.tried).text())
                               .add("unexplained", explained.is_unexplained)
                               .text();
  return line + ',' + more.substr(1);
}

void print_sentences(const SignatureResult& result, const dkim::Explanation& explained,
                     cli::Printer& out) {
  out.line(plain_line(result));
  for (const std::string& fact : explained.facts)
    out.line("  " + printable(fact));
  for (const dkim::Cause& cause : explained.causes) {
    out.line("  cause: " + cause.code + ": " + printable(cause.sentence));
    if (!cause.evidence.empty()) out.line("    " + cause.evidence);
  }
  if (!explained.tried.empty() && explained.is_unexplained) {
    out.line("  no known damage explains it; undone without success:");
    for (const std::string& tried : explained.tried)
      out.line("    " + tried);
  }
}

class PrintSink final : public dkim::ByteSink {
 public:
  explicit PrintSink(cli::Printer& out) : out_(out) {}
  void write(Bytes bytes) override { out_.print(as_text(bytes)); }

 private:
  cli::Printer& out_;
};

}  // namespace

std::string plain_line(const SignatureResult& result) {
  std::string line = std::string(dkim::text(result.status)) + " d=" + or_dash(result.parsed.d) +
                     " s=" + or_dash(result.parsed.s) + " a=" + or_dash(result.parsed.a) + " " +
                     printable(result.reason);
  if (result.key) line += " (" + key_words(*result.key) + ")";
  return line;
}

std::string json_line(const SignatureResult& result) {
  JsonObject object;
  object.add("result", dkim::text(result.status))
      .add("d", result.parsed.d)
      .add("s", result.parsed.s)
      .add("a", result.parsed.a)
      .add("reason", result.reason)
      .add("author", result.is_authors);
  if (const Signature* signature = result.parsed.signature()) add_signature(*signature, object);
  if (result.body_hash) object.add("body_hash", to_base64(*result.body_hash));
  if (result.header_hash) object.add("header_hash", to_base64(*result.header_hash));
  if (result.key && result.key->answer) {
    object.add("dnssec", dns::dnssec_word(*result.key->answer));
  }
  if (result.key) object.add_raw("key", key_json(*result.key));
  return object.text();
}

Result<std::string> authentication_results(const dkim::Verification& verification,
                                           const std::string& server) {
  auto field = dkim::authentication_results(verification, server);
  if (!field) return field;
  std::erase(*field, '\r');
  return field;
}

Result<void> print_explanation(const Options& options, const message::Message& message,
                               const dkim::Verification& verification) {
  const auto body = body_of(message);
  if (!body) return fail(body.error(), "explaining");
  auto& out = options.common.out();
  for (const SignatureResult& result : verification.signatures) {
    const auto explained = dkim::explain(result, message.header(), *body);
    if (options.common.is_json) {
      out.line(explanation_json(result, explained));
    } else {
      print_sentences(result, explained, out);
    }
  }
  return {};
}

Result<cli::Verdict> print_canonical(const Options& options, const message::Message& message) {
  const auto fields = message.header().all("DKIM-Signature");
  const std::uint64_t wanted = options.signature.value_or(1);
  if (wanted > fields.size()) {
    return fail(Errc::malformed, "the message has " + std::to_string(fields.size()) +
                                     " DKIM-Signature fields, and not number " +
                                     std::to_string(wanted));
  }
  const message::Field own = message.header()[fields[wanted - 1]];
  const auto parsed = dkim::parse_signature(own.value);
  const Signature* signature = parsed.signature();
  if (!signature) {
    return fail(Errc::malformed,
                "the signature cannot be read: " + std::get<dkim::Defect>(parsed.content).why);
  }
  auto& out = options.common.out();
  if (options.canonical == "header") {
    out.print(dkim::header_input(signature->canons.header, signature->signed_names,
                                 dkim::FieldsByName(message.header()), dkim::without_b(own.raw)));
    return cli::Verdict::yes;
  }
  PrintSink sink(out);
  dkim::BodyCanonicalizer canonicalizer(signature->canons.body);
  const auto body = message.body().open();
  for (;;) {
    const auto block = body->next();
    if (!block) return fail(block.error());
    if (block->empty()) break;
    canonicalizer.update(*block, sink);
    if (auto written = out.flush(); !written) return fail(written.error());
  }
  canonicalizer.finish(sink);
  return cli::Verdict::yes;
}

}  // namespace sm::smsign
