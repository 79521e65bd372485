#include "dkim/explain.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "dkim/publish.h"

namespace sm::dkim {
namespace {

/// Notes what was tried, and the cause where one fitted.
bool take(std::vector<Trial> trials, const std::string& where, Explanation& explanation) {
  bool is_found = false;
  for (Trial& trial : trials) {
    explanation.tried.push_back(where + ": " + trial.name);
    if (trial.cause) {
      explanation.causes.push_back(std::move(*trial.cause));
      is_found = true;
    }
  }
  return is_found;
}

/// A key that verifies the signature, in records that cannot be used as they are.
std::optional<Cause> key_among(const SignatureResult& result, const Signature& signature) {
  for (const std::string& text : result.key->texts) {
    const auto keys = keys_in(text);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (algorithm_of(keys[i].type()) != signature.algorithm ||
          !keys[i].verify(*result.header_hash, signature.signature)) {
        continue;
      }
      const bool is_doubled = keys.size() > 1;
      const std::string which = is_doubled ? "key " + std::to_string(i + 1) + " of " +
                                                 std::to_string(keys.size()) + " in the record"
                                           : "the key in the record";
      return Cause{result.key->state == KeyState::several || is_doubled ? "key-record-doubled"
                                                                        : "key-record-broken",
                   which + " verifies the signature, but the record cannot be used: " +
                       std::string(dkim::text(result.key->state)) +
                       (result.key->why.empty() ? "" : " (" + result.key->why + ")"),
                   printable(text.substr(0, 300))};
    }
  }
  return std::nullopt;
}

void explain_key(const SignatureResult& result, const Signature& signature,
                 Explanation& explanation) {
  const KeyAnswer& key = *result.key;
  const std::string state(text(key.state));
  explanation.facts.push_back("the key: " + state + (key.why.empty() ? "" : ", " + key.why));
  if (key.texts.empty()) return;
  explanation.tried.emplace_back("key: every key in the records");
  if (auto cause = key_among(result, signature)) explanation.causes.push_back(std::move(*cause));
}

void explain_header(const SignatureResult& result, const Signature& signature,
                    const message::HeaderIndex& header, Explanation& explanation) {
  const crypto::PublicKey& key = result.key->record->key;
  if (algorithm_of(key.type()) != signature.algorithm) return;
  explanation.facts.push_back("header hash as it is: " + to_base64(*result.header_hash));
  if (result.is_header_good) {
    explanation.facts.emplace_back(
        "the key verifies b=: the signed fields are as they were signed");
    return;
  }
  const HeaderJudge judge(key, signature);
  if (judge.signed_digest()) {
    explanation.facts.push_back("header hash when it was signed (from b=): " +
                                to_base64(*judge.signed_digest()));
  } else if (signature.algorithm == Algorithm::rsa_sha256) {
    explanation.facts.emplace_back("the published key does not open b=");
    explanation.causes.push_back(
        {"wrong-key",
         "the published key did not make this signature: another private key signed, or b= is "
         "damaged",
         "a " + std::to_string(key.bits()) + "-bit key, a signature of " +
             std::to_string(signature.signature.size() * 8) + " bits"});
    return;
  }
  if (!take(try_header_damages(signature, header, result.field, judge), "header", explanation)) {
    explanation.is_unexplained = true;
  }
}

void explain_body(const SignatureResult& result, const Signature& signature, std::string_view body,
                  Explanation& explanation) {
  explanation.facts.push_back("body hash when it was signed (bh=): " +
                              to_base64(signature.body_hash));
  explanation.facts.push_back("body hash as it is: " + to_base64(*result.body_hash) +
                              (result.is_body_good ? ", the same" : ""));
  if (result.is_body_good) return;
  if (!take(try_body_damages(signature, body), "body", explanation)) {
    explanation.is_unexplained = true;
  }
}

}  // namespace

Explanation explain(const SignatureResult& result, const message::HeaderIndex& header,
                    std::string_view body) {
  Explanation explanation;
  const Signature* signature = result.parsed.signature();
  if (!signature || !result.body_hash) {
    explanation.facts.push_back("the signature could not be judged: " + result.reason);
    return explanation;
  }
  explain_body(result, *signature, body, explanation);
  if (result.has_usable_key()) {
    explain_header(result, *signature, header, explanation);
  } else {
    explain_key(result, *signature, explanation);
  }
  return explanation;
}

}  // namespace sm::dkim
