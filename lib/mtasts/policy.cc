#include "mtasts/policy.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace sm::mtasts {
namespace {

constexpr std::string_view kRecordStart = "v=STSv1;";
constexpr std::uint64_t kMostMaxAge = 31'557'600;  // §3.2: one year

bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= 32 && is_alnum(name[0]) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alnum(c) || c == '_' || c == '-' || c == '.'; });
}

/// §3.1 sts-ext-value: printable ASCII without "=", ";" and blanks.
bool is_record_value(std::string_view value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
    return c > ' ' && c <= '~' && c != '=' && c != ';';
  });
}

bool is_id(std::string_view id) {
  return !id.empty() && id.size() <= 32 &&
         std::all_of(id.begin(), id.end(), [](char c) { return is_alnum(c); });
}

/// §3.1: one record that begins as it must; the reason where its fields are wrong.
RecordAnswer parse_record(std::string_view text) {
  std::optional<std::string> id;
  auto fields = split(text.substr(kRecordStart.size()), ';');
  if (trimmed(fields.back()).empty()) fields.pop_back();  // a last delimiter
  for (const auto field : fields) {
    const auto name_and_value = trimmed(field);
    const auto equals = name_and_value.find('=');
    const auto name = name_and_value.substr(0, equals);
    if (equals == name.npos || !is_field_name(name)) {
      return NoRecord{"a field of the record is no name=value"};
    }
    const auto value = name_and_value.substr(equals + 1);
    if (name == "id") {
      if (id) return NoRecord{"the record has two ids"};
      if (!is_id(value)) return NoRecord{"the record's id is not 1 to 32 letters and digits"};
      id = value;
    } else if (!is_record_value(value)) {
      return NoRecord{"a field of the record has no proper value"};
    }
  }
  if (!id) return NoRecord{"the record has no id"};
  return Record{*id};
}

struct Fields {
  std::optional<std::string_view> version;
  std::optional<std::string_view> mode;
  std::optional<std::string_view> max_age;
  std::vector<std::string_view> mx;
};

Unexpected invalid(const std::string& why) {
  return fail(Errc::protocol, "the MTA-STS policy " + why);
}

/// §3.2: "name: value" lines. Of all fields but `mx` the first counts. Blank lines, which the
/// grammar does not have, are passed over: policies in the wild end in them, and reading such a
/// policy is safer than having none.
Result<Fields> read_fields(std::string_view text) {
  Fields fields;
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trimmed(line);
    if (line.empty()) continue;
    const bool has_control = std::any_of(line.begin(), line.end(), [](char c) {
      return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
    });
    const auto colon = line.find(':');
    const auto name = line.substr(0, colon);
    if (has_control || colon == line.npos || !is_field_name(name)) {
      return invalid("has a line that is no \"name: value\": " + printable(line.substr(0, 80)));
    }
    const auto value = trimmed(line.substr(colon + 1));
    if (name == "mx") fields.mx.push_back(value);
    if (name == "version" && !fields.version) fields.version = value;
    if (name == "mode" && !fields.mode) fields.mode = value;
    if (name == "max_age" && !fields.max_age) fields.max_age = value;
  }
  return fields;
}

std::optional<Mode> parse_mode(std::string_view text) {
  if (text == "enforce") return Mode::enforce;
  if (text == "testing") return Mode::testing;
  if (text == "none") return Mode::none;
  return std::nullopt;
}

/// §3.2: 1 to 10 digits; more than a year counts as a year.
std::optional<std::chrono::seconds> parse_max_age(std::string_view text) {
  const bool is_number = !text.empty() && text.size() <= 10 &&
                         std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c); });
  if (!is_number) return std::nullopt;
  std::uint64_t seconds = 0;
  for (const char c : text)
    seconds = seconds * 10 + static_cast<std::uint64_t>(c - '0');
  return std::chrono::seconds(std::min(seconds, kMostMaxAge));
}

}  // namespace

std::string_view text(Mode mode) {
  switch (mode) {
    case Mode::enforce:
      return "enforce";
    case Mode::testing:
      return "testing";
    case Mode::none:
      return "none";
  }
  return "none";
}

RecordAnswer parse_records(const std::vector<std::string>& texts) {
  // §3.1: "records that do not begin with "v=STSv1;" are discarded"; one must remain.
  std::vector<std::string_view> records;
  std::copy_if(texts.begin(), texts.end(), std::back_inserter(records),
               [](std::string_view text) { return text.starts_with(kRecordStart); });
  if (records.empty()) return NoRecord{};
  if (records.size() > 1) return NoRecord{"there are several MTA-STS records"};
  return parse_record(records[0]);
}

Result<MxPattern> MxPattern::parse(std::string_view text) {
  constexpr std::string_view kWildcard = "*.";
  const bool is_wildcard = text.starts_with(kWildcard);
  if (is_wildcard) text.remove_prefix(kWildcard.size());
  auto domain = name::Domain::parse(text);
  if (!domain) return fail(Errc::protocol, domain.error().what);
  return MxPattern(is_wildcard, std::move(*domain));
}

bool MxPattern::matches(const name::Domain& host) const {
  if (!is_wildcard_) return host == domain_;
  // §4.1: the wildcard is the whole left-most label, and stands for one label only.
  const auto& text = host.text();
  const auto dot = text.find('.');
  return dot != text.npos && std::string_view(text).substr(dot + 1) == domain_.text();
}

bool Policy::covers(const name::Domain& host) const {
  return std::any_of(mx.begin(), mx.end(), [&](const auto& one) { return one.matches(host); });
}

Result<Policy> parse_policy(std::string_view text) {
  if (text.size() > kMostPolicyOctets) return invalid("is larger than 64 KiB");
  const auto fields = read_fields(text);
  if (!fields) return fail(fields.error());
  if (fields->version != "STSv1") return invalid("is not of version STSv1");
  if (!fields->mode) return invalid("has no mode");
  const auto mode = parse_mode(*fields->mode);
  if (!mode) return invalid("has the unknown mode " + printable(fields->mode->substr(0, 80)));
  if (!fields->max_age) return invalid("has no max_age");
  const auto max_age = parse_max_age(*fields->max_age);
  if (!max_age) return invalid("has a max_age that is no number of seconds");
  Policy policy{*mode, *max_age, {}};
  for (const auto pattern : fields->mx) {
    auto mx = MxPattern::parse(pattern);
    if (!mx) return invalid("has an mx that is none: " + printable(pattern.substr(0, 80)));
    policy.mx.push_back(std::move(*mx));
  }
  if (policy.mx.empty() && policy.mode != Mode::none) return invalid("names no mx");
  return policy;
}

}  // namespace sm::mtasts
