#include "dkim/signature.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "dkim/tags.h"

namespace sm::dkim {
namespace {

using std::chrono::sys_seconds;

/// Reads the tags of one signature; the first defect ends it.
class Reader {
 public:
  explicit Reader(const TagList& tags) : tags_(tags) {}

  std::variant<Defect, Signature> read() {
    check_version();
    const auto algorithm = read_algorithm();
    const auto domain = read_domain();
    const auto selector = read_selector();
    const auto canons = read_canons();
    auto names = read_names();
    const auto body_hash = read_body_hash();
    auto signature = read_b();
    check_query();
    if (defect_) return *defect_;
    auto identity_domain = *domain;
    const std::string identity = read_identity(*domain, identity_domain);
    Signature read{*algorithm,
                   *domain,
                   *selector,
                   *canons,
                   std::move(names),
                   *body_hash,
                   std::move(signature),
                   identity,
                   identity_domain,
                   number("l"),
                   time("t"),
                   time("x"),
                   without_white_space(*tags_.find("b"))};
    // RFC 6376 §3.5: x= MUST be greater than t= if both are present.
    if (read.signed_at && read.expires && *read.expires <= *read.signed_at) {
      refuse("x= is not after t=");
    }
    if (defect_) return *defect_;
    return read;
  }

 private:
  void refuse(std::string why, Status status = Status::permerror) {
    if (!defect_) defect_ = Defect{status, std::move(why)};
  }

  /// The value without white space; where it is missing or empty, a defect.
  std::string required(std::string_view name) {
    const auto value = tags_.find(name);
    if (!value) refuse("no " + std::string(name) + "= tag");
    std::string stripped = without_white_space(value.value_or(""));
    if (value && stripped.empty()) refuse(std::string(name) + "= is empty");
    return stripped;
  }

  void check_version() {
    const std::string version = required("v");
    if (!version.empty() && version != "1") refuse("v=" + printable(version) + " is not known");
  }

  std::optional<Algorithm> read_algorithm() {
    const std::string name = to_lower(required("a"));
    if (name == "rsa-sha256") return Algorithm::rsa_sha256;
    if (name == "ed25519-sha256") return Algorithm::ed25519_sha256;
    if (name == "rsa-sha1") {
      // RFC 8301 §3.1: must not be verified.
      refuse("rsa-sha1 proves nothing any more");
    } else if (!name.empty()) {
      // RFC 6376 §3.3: ignore what one does not implement.
      refuse("the algorithm " + printable(name) + " is not known", Status::neutral);
    }
    return std::nullopt;
  }

  std::optional<name::Domain> read_domain() {
    const std::string value = required("d");
    auto domain = name::Domain::parse(value);
    // domain-name = sub-domain 1*("." sub-domain)
    if (value.empty() || !domain || domain->labels().size() < 2 || value.ends_with('.')) {
      refuse("d= is no domain");
      return std::nullopt;
    }
    return std::move(domain).value();
  }

  std::optional<name::DnsName> read_selector() {
    const std::string value = required("s");
    auto selector = name::DnsName::parse(value);
    if (value.empty() || !selector || value.ends_with('.')) {
      refuse("s= is no selector");
      return std::nullopt;
    }
    return std::move(selector).value();
  }

  std::optional<Canons> read_canons() {
    const auto value = tags_.find("c");
    // RFC 6376 §3.5: the default is simple/simple.
    if (!value) return Canons{Canon::simple, Canon::simple};
    auto canons = Canons::parse(without_white_space(*value));
    if (!canons) refuse("the canonicalization c=" + printable(*value) + " is not known");
    return canons;
  }

  std::vector<std::string> read_names() {
    const auto value = tags_.find("h");
    std::vector<std::string> names;
    if (!value) refuse("no h= tag");
    for (const std::string_view name : split_colons(value.value_or(""))) {
      const bool is_name = !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
        return c > 0x20 && c < 0x7f && c != ':';
      });
      if (!is_name) refuse("h= has no list of header names");
      if (names.size() == kMaxSignedNames) {
        refuse("h= has more than 1000 names");
        break;
      }
      names.push_back(to_lower(name));
    }
    // RFC 6376 §5.4: the From field MUST be signed.
    if (std::find(names.begin(), names.end(), "from") == names.end()) refuse("From is not signed");
    return names;
  }

  std::optional<crypto::Sha256> read_body_hash() {
    const auto bytes = from_base64(required("bh"));
    crypto::Sha256 hash{};
    if (!bytes || bytes->size() != hash.size()) {
      refuse("bh= is no SHA-256 hash");
      return std::nullopt;
    }
    std::copy(bytes->begin(), bytes->end(), hash.begin());
    return hash;
  }

  std::vector<std::uint8_t> read_b() {
    auto bytes = from_base64(required("b"));
    if (!bytes) refuse("b= is not base64");
    return bytes.value_or(std::vector<std::uint8_t>());
  }

  void check_query() {
    const auto value = tags_.find("q");
    if (!value) return;
    const auto methods = split_colons(*value);
    if (std::none_of(methods.begin(), methods.end(), [](std::string_view method) {
          return equal_ignoring_case(method, "dns/txt");
        })) {
      refuse("q= names no way to the key that we know");
    }
  }

  std::string read_identity(const name::Domain& domain, name::Domain& identity_domain) {
    const auto value = tags_.find("i");
    if (!value) return "@" + domain.text();
    const std::string identity = without_white_space(*value);
    const auto at = identity.rfind('@');
    auto parsed = name::Domain::parse(at == identity.npos ? "" : identity.substr(at + 1));
    // RFC 6376 §3.5: the same as, or a subdomain of, d=.
    if (at == identity.npos || !parsed) {
      refuse("i= is no identity");
    } else if (!parsed->is_at_or_under(domain)) {
      refuse("i= is outside of d=");
    } else {
      identity_domain = *parsed;
    }
    return identity;
  }

  /// Of up to 76 digits (RFC 6376 §3.5, l=); beyond 64 bits it is the greatest.
  std::optional<std::uint64_t> number(std::string_view name) {
    const auto value = tags_.find(name);
    if (!value) return std::nullopt;
    const bool is_number = !value->empty() && value->size() <= 76 &&
                           std::all_of(value->begin(), value->end(), is_digit);
    if (!is_number) {
      refuse(std::string(name) + "= is no number");
      return std::nullopt;
    }
    const auto first = std::min(value->find_first_not_of('0'), value->size() - 1);
    return parse_decimal(value->substr(first)).value_or(UINT64_MAX);
  }

  std::optional<sys_seconds> time(std::string_view name) {
    const auto seconds = number(name);
    if (!seconds) return std::nullopt;
    // RFC 6376 §3.5: times after the year 200,000 are for ever.
    constexpr std::uint64_t kForEver = 1'000'000'000'000;
    return sys_seconds(std::chrono::seconds(std::min(*seconds, kForEver)));
  }

  const TagList& tags_;
  std::optional<Defect> defect_;
};

}  // namespace

std::string_view text(Status status) {
  switch (status) {
    case Status::pass:
      return "pass";
    case Status::fail:
      return "fail";
    case Status::neutral:
      return "neutral";
    case Status::policy:
      return "policy";
    case Status::temperror:
      return "temperror";
    case Status::permerror:
      return "permerror";
  }
  return "permerror";
}

std::string_view text(Algorithm algorithm) {
  return algorithm == Algorithm::rsa_sha256 ? "rsa-sha256" : "ed25519-sha256";
}

Algorithm algorithm_of(crypto::KeyType type) {
  return type == crypto::KeyType::rsa ? Algorithm::rsa_sha256 : Algorithm::ed25519_sha256;
}

std::optional<name::DnsName> Signature::key_name() const {
  auto name = domain.prefixed(selector.text() + "._domainkey");
  if (!name) return std::nullopt;
  return std::move(name).value();
}

ParsedSignature parse_signature(std::string_view value) {
  std::string defect;
  const auto tags = TagList::parse(value, defect);
  if (!tags) return {"", "", "", Defect{Status::permerror, defect}};
  const auto written = [&](std::string_view name) {
    return without_white_space(tags->find(name).value_or(""));
  };
  return {written("d"), written("s"), written("a"), Reader(*tags).read()};
}

std::string without_b(std::string_view raw) {
  if (raw.ends_with("\r\n")) raw.remove_suffix(2);
  std::size_t start = raw.find(':');
  while (start != raw.npos) {
    ++start;
    const std::size_t end = std::min(raw.find(';', start), raw.size());
    const std::string_view spec = raw.substr(start, end - start);
    const auto equals = spec.find('=');
    if (equals != spec.npos && trimmed(spec.substr(0, equals), " \t\r\n") == "b") {
      std::string emptied(raw.substr(0, start + equals + 1));
      return emptied.append(raw.substr(end));
    }
    start = end == raw.size() ? raw.npos : end;
  }
  return std::string(raw);
}

Evidence evidence(const Signature& signature) {
  return {signature.domain.text(), signature.selector.text(),
          std::string(text(signature.algorithm)), to_base64(signature.body_hash),
          to_hex(crypto::sha256(as_bytes(signature.b_text)))};
}

}  // namespace sm::dkim
