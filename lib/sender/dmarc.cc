#include "sender/dmarc.h"

#include <algorithm>

#include "base/text.h"

namespace sm::sender {
namespace {

constexpr std::string_view kVersion = "DMARC1";
constexpr std::string_view kBlanks = " \t";
/// The tree walk asks at most so often.
constexpr std::size_t kMostQueries = 8;

struct Tag {
  std::string_view name;
  std::string_view value;
};

std::optional<Tag> read_tag(std::string_view text) {
  const auto equals = text.find('=');
  if (equals == text.npos) return std::nullopt;
  return Tag{trimmed(text.substr(0, equals), kBlanks), trimmed(text.substr(equals + 1), kBlanks)};
}

/// RFC 7489 §6.6.3: records that do not begin with exactly this version are passed over.
bool is_dmarc(std::string_view text) {
  const auto first = read_tag(text.substr(0, text.find(';')));
  return first && first->name == "v" && first->value == kVersion;
}

std::optional<DmarcPolicy> parse_policy(std::string_view text) {
  if (equal_ignoring_case(text, "none")) return DmarcPolicy::none;
  if (equal_ignoring_case(text, "quarantine")) return DmarcPolicy::quarantine;
  if (equal_ignoring_case(text, "reject")) return DmarcPolicy::reject;
  return std::nullopt;
}

Result<DmarcAlignment> parse_alignment(const Tag& tag) {
  if (equal_ignoring_case(tag.value, "r")) return DmarcAlignment::relaxed;
  if (equal_ignoring_case(tag.value, "s")) return DmarcAlignment::strict;
  return fail(Errc::malformed,
              std::string(tag.name) + "=" + printable(tag.value) + " is not r or s");
}

/// "mailto:a@b.example!10m": without the limit.
std::optional<std::string> parse_uri(std::string_view text) {
  const auto uri = trimmed(text.substr(0, text.find('!')), kBlanks);
  const auto colon = uri.find(':');
  const bool is_plain =
      std::all_of(uri.begin(), uri.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (colon == uri.npos || colon == 0 || colon + 1 == uri.size() || !is_plain) return std::nullopt;
  return std::string(uri);
}

Result<std::vector<std::string>> parse_uris(const Tag& tag) {
  std::vector<std::string> uris;
  for (const auto piece : split(tag.value, ',')) {
    auto uri = parse_uri(piece);
    if (!uri) {
      return fail(Errc::malformed,
                  std::string(tag.name) + ": '" + printable(piece) + "' is no address");
    }
    uris.push_back(*std::move(uri));
  }
  return uris;
}

/// What the two policy tags say; a wrong one is not yet the end (§6.6.3).
struct Policies {
  bool has_policy = false;
  bool is_wrong = false;
};

Result<void> read_alignment(const Tag& tag, DmarcAlignment& into) {
  auto alignment = parse_alignment(tag);
  if (!alignment) return fail(std::move(alignment).error());
  into = *alignment;
  return {};
}

Result<void> read_uris(const Tag& tag, std::vector<std::string>& into) {
  auto uris = parse_uris(tag);
  if (!uris) return fail(std::move(uris).error());
  into = *std::move(uris);
  return {};
}

Result<void> read_one(const Tag& tag, DmarcRecord& record, Policies& policies) {
  if (tag.name == "p" || tag.name == "sp") {
    const auto policy = parse_policy(tag.value);
    policies.is_wrong = policies.is_wrong || !policy;
    if (tag.name == "sp") record.subdomain_policy = policy;
    if (tag.name == "p" && policy) {
      record.policy = *policy;
      policies.has_policy = true;
    }
    return {};
  }
  if (tag.name == "adkim") return read_alignment(tag, record.dkim);
  if (tag.name == "aspf") return read_alignment(tag, record.spf);
  if (tag.name == "rua") return read_uris(tag, record.rua);
  if (tag.name == "ruf") return read_uris(tag, record.ruf);
  if (tag.name == "pct") {
    const auto percent = parse_decimal(tag.value, 100);
    if (!percent) return fail(Errc::malformed, "pct=" + printable(tag.value) + " is not 0 to 100");
    record.percent = static_cast<unsigned>(*percent);
  }
  return {};
}

/// The domain and those above it that can have a record for it, nearest first.
std::vector<name::Domain> places(const name::Domain& domain) {
  std::vector<name::Domain> all{domain};
  const auto labels = domain.labels();
  // From the second place on no deeper than seven labels, and never a top-level domain.
  const std::size_t deepest = std::min(labels.size() - 1, kMostQueries - 1);
  for (std::size_t count = deepest; count >= 2; --count) {
    std::vector<std::string> tail(labels.end() - static_cast<std::ptrdiff_t>(count), labels.end());
    const auto parent = name::Domain::parse(join(tail, "."));
    if (parent) all.push_back(*parent);
  }
  return all;
}

/// Whether the place's answer ends the search.
bool judge_place(Dmarc& dmarc, const name::Domain& place) {
  const auto& answer = dmarc.answers.back();
  if (answer.is_unknown()) {
    dmarc.state = DmarcState::unknown;
    dmarc.why = dns::describe(answer);
    return true;
  }
  std::vector<std::string> found;
  for (const auto& txt : answer.all<dns::Txt>()) {
    auto joined = txt.joined();
    if (is_dmarc(joined)) found.push_back(std::move(joined));
  }
  if (found.empty()) return false;
  dmarc.found_at = place;
  dmarc.state = DmarcState::invalid;
  if (found.size() > 1) {
    dmarc.why = place.text() + " has " + std::to_string(found.size()) + " DMARC records";
    return true;
  }
  auto record = parse_dmarc(found.front());
  if (!record) {
    dmarc.why = record.error().what;
    return true;
  }
  dmarc.state = DmarcState::good;
  dmarc.record = *std::move(record);
  return true;
}

/// The domain of a mailto: URI.
std::optional<name::Domain> mail_domain(const std::string& uri) {
  if (!starts_with_ignoring_case(uri, "mailto:")) return std::nullopt;
  const auto at = uri.rfind('@');
  if (at == std::string::npos) return std::nullopt;
  const auto domain = name::Domain::parse(uri.substr(at + 1));
  return domain ? std::optional(*domain) : std::nullopt;
}

}  // namespace

std::string_view text(DmarcPolicy policy) {
  switch (policy) {
    case DmarcPolicy::none:
      return "none";
    case DmarcPolicy::quarantine:
      return "quarantine";
    case DmarcPolicy::reject:
      return "reject";
  }
  return {};
}

std::string_view text(DmarcState state) {
  switch (state) {
    case DmarcState::good:
      return "good";
    case DmarcState::none:
      return "none";
    case DmarcState::invalid:
      return "invalid";
    case DmarcState::unknown:
      return "unknown";
  }
  return {};
}

Result<DmarcRecord> parse_dmarc(std::string_view text) {
  if (!is_dmarc(text)) return fail(Errc::malformed, "the record does not begin with v=DMARC1");
  DmarcRecord record{.text = std::string(text)};
  Policies policies;
  std::vector<std::string_view> seen;
  for (const auto piece : split(text, ';')) {
    const auto content = trimmed(piece, kBlanks);
    if (content.empty()) continue;
    const auto tag = read_tag(content);
    if (!tag) return fail(Errc::malformed, "'" + printable(content) + "' is not of the form a=b");
    if (std::find(seen.begin(), seen.end(), tag->name) != seen.end()) {
      return fail(Errc::malformed, std::string(tag->name) + "= stands twice");
    }
    seen.push_back(tag->name);
    auto read = read_one(*tag, record, policies);
    if (!read) return fail(std::move(read).error());
  }
  if (policies.has_policy && !policies.is_wrong) return record;
  if (record.rua.empty()) {
    return fail(Errc::malformed, policies.is_wrong ? "its policy is not none, quarantine or reject"
                                                   : "it has no policy (p=)");
  }
  // RFC 7489 §6.6.3: with somebody to report to, as if p=none.
  record.policy = DmarcPolicy::none;
  record.subdomain_policy.reset();
  return record;
}

Dmarc look_at_dmarc(dns::Resolver& resolver, const name::Domain& domain) {
  Dmarc dmarc{.state = DmarcState::none};
  for (const auto& place : places(domain)) {
    dmarc.answers.push_back(resolver.lookup_under("_dmarc", place, dns::Type::txt));
    if (judge_place(dmarc, place)) break;
  }
  if (dmarc.record) {
    const bool is_own = *dmarc.found_at == domain;
    dmarc.policy = is_own ? dmarc.record->policy
                          : dmarc.record->subdomain_policy.value_or(dmarc.record->policy);
  }
  return dmarc;
}

std::vector<std::string> unauthorised_reports(dns::Resolver& resolver, const name::Domain& domain,
                                              const DmarcRecord& record) {
  std::vector<std::string> unauthorised;
  for (const auto& uri : record.rua) {
    const auto target = mail_domain(uri);
    if (!target) continue;
    if (target->is_at_or_under(domain) || domain.is_at_or_under(*target)) continue;
    const auto answer =
        resolver.lookup_under(domain.text() + "._report._dmarc", *target, dns::Type::txt);
    const auto records = answer.all<dns::Txt>();
    const bool agrees = std::any_of(records.begin(), records.end(),
                                    [](const dns::Txt& txt) { return is_dmarc(txt.joined()); });
    if (!agrees && !answer.is_unknown()) unauthorised.push_back(uri);
  }
  return unauthorised;
}

}  // namespace sm::sender
