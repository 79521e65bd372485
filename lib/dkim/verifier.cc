#include "dkim/verifier.h"

#include <algorithm>

#include "dkim/author.h"

namespace sm::dkim {

/// The body hash that all signatures with the same c= and l= share.
struct Verifier::Hasher {
  Canon canon;
  std::optional<std::uint64_t> limit;
  BodyHasher hasher;
  std::optional<crypto::Sha256> hash{};
};

struct Verifier::Pending {
  std::size_t signature;  ///< in the verification
  std::size_t hasher;
};

bool Verification::author_passes() const {
  return std::any_of(signatures.begin(), signatures.end(), [](const SignatureResult& one) {
    return one.is_authors && one.status == Status::pass;
  });
}

bool Verification::is_undetermined() const {
  return !author_passes() &&
         std::any_of(signatures.begin(), signatures.end(), [](const SignatureResult& one) {
           return one.is_authors && one.status == Status::temperror;
         });
}

Verifier::Verifier(const message::HeaderIndex& header) : fields_(header) {
  auto author = author_domain(header);
  if (author) {
    verification_.author = std::move(author).value();
  } else {
    verification_.author_defect = author.error().what;
  }
  for (const std::size_t at : header.all("DKIM-Signature")) {
    SignatureResult result;
    result.field = header[at];
    result.parsed = parse_signature(result.field.value);
    const Signature* signature = result.parsed.signature();
    if (verification_.signatures.size() >= kMaxSignatures) {
      result.status = Status::neutral;
      result.reason = "not looked at: the message has more than 10 signatures";
    } else if (!signature) {
      const Defect& defect = std::get<Defect>(result.parsed.content);
      result.status = defect.status;
      result.reason = defect.why;
    } else {
      result.is_authors =
          verification_.author && verification_.author->is_at_or_under(signature->domain);
      const auto same = [&](const Hasher& one) {
        return one.canon == signature->canons.body && one.limit == signature->length;
      };
      auto found = std::find_if(hashers_.begin(), hashers_.end(), same);
      if (found == hashers_.end()) {
        hashers_.push_back({signature->canons.body, signature->length,
                            BodyHasher(signature->canons.body, signature->length)});
        found = hashers_.end() - 1;
      }
      pending_.push_back(
          {verification_.signatures.size(), static_cast<std::size_t>(found - hashers_.begin())});
    }
    verification_.signatures.push_back(std::move(result));
  }
}

Verifier::~Verifier() = default;

void Verifier::update(Bytes body) {
  for (Hasher& one : hashers_)
    one.hasher.update(body);
}

void Verifier::look_up_keys(dns::Resolver& resolver) {
  std::vector<dns::Question> questions;
  std::vector<SignatureResult*> askers;
  for (const Pending& pending : pending_) {
    SignatureResult& result = verification_.signatures[pending.signature];
    if (const auto name = result.parsed.signature()->key_name()) {
      questions.push_back({*name, dns::Type::txt});
      askers.push_back(&result);
    } else {
      // RFC 1035 §2.3.4: a name that is too long cannot exist.
      result.key = KeyAnswer{KeyState::none, "the key's name is too long"};
    }
  }
  const auto answers = resolver.lookup_all(questions);
  for (std::size_t i = 0; i < askers.size(); ++i)
    askers[i]->key = read_key_answer(answers[i]);
}

void Verifier::judge(Pending& pending, std::chrono::sys_seconds now) {
  SignatureResult& result = verification_.signatures[pending.signature];
  const Signature& signature = *result.parsed.signature();
  const auto say = [&](Status status, std::string reason) {
    result.status = status;
    result.reason = std::move(reason);
  };
  Hasher& hasher = hashers_[pending.hasher];
  if (!hasher.hash) hasher.hash = hasher.hasher.finish();
  result.body_hash = hasher.hash;
  result.body_size = hasher.hasher.size();
  result.is_body_good = result.body_hash == signature.body_hash;
  const std::string own = without_b(result.field.raw);
  result.header_hash = crypto::sha256(
      as_bytes(header_input(signature.canons.header, signature.signed_names, fields_, own)));

  const KeyAnswer& key = *result.key;
  if (!key.record) {
    const std::string why = key.why.empty() ? "" : ": " + key.why;
    return say(status_of(key.state), std::string(text(key.state)) + why);
  }
  if (const auto defect = mismatch(*key.record, signature)) {
    return say(defect->status, defect->why);
  }
  result.is_header_good = key.record->key.verify(*result.header_hash, signature.signature);
  // RFC 6376 §3.6.1, t=y: a test's failure says nothing about the message.
  const std::string test = key.record->is_testing ? " (the key is marked as a test, t=y)" : "";
  if (signature.length && *signature.length > result.body_size) {
    return say(Status::permerror, "l= is more than the body has");  // RFC 6376 §6.1.1
  }
  if (!result.is_body_good) return say(Status::fail, "body hash mismatch" + test);
  if (!result.is_header_good) return say(Status::fail, "signature mismatch" + test);
  if (!verification_.author) return say(Status::permerror, verification_.author_defect);
  if (signature.expires && *signature.expires < now) return say(Status::policy, "expired");
  // RFC 6376 §8.2: what stands behind l= may be anybody's.
  if (signature.length && *signature.length < result.body_size) {
    return say(Status::policy, "l= leaves " + std::to_string(result.body_size - *signature.length) +
                                   " octets of the body unsigned");
  }
  say(Status::pass, "good signature" + test);
}

Verification Verifier::finish(dns::Resolver& resolver, std::chrono::sys_seconds now) {
  look_up_keys(resolver);
  for (Pending& pending : pending_)
    judge(pending, now);
  return std::move(verification_);
}

}  // namespace sm::dkim
