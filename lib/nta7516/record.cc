#include "nta7516/record.h"

#include "base/text.h"

namespace sm::nta7516 {
namespace {

constexpr std::string_view kVersion = "NTA7516-1";
constexpr std::string_view kBlanks = " \t";

struct Field {
  std::string_view name;
  std::string_view value;
};

/// "name=value" or, tolerated, "name:value".
std::optional<Field> read_field(std::string_view text) {
  const auto separator = text.find_first_of("=:");
  if (separator == text.npos) return std::nullopt;
  return Field{trimmed(text.substr(0, separator), kBlanks),
               trimmed(text.substr(separator + 1), kBlanks)};
}

/// True when a TXT record means to be of this norm, whatever else is wrong with it.
bool is_nta7516(std::string_view text) {
  const auto first = read_field(trimmed(text.substr(0, text.find(';')), kBlanks));
  return first && equal_ignoring_case(first->name, "v") &&
         starts_with_ignoring_case(first->value, "NTA7516");
}

/// "2026-11".
std::optional<std::chrono::year_month> parse_month(std::string_view text) {
  if (text.size() != 7 || text[4] != '-') return std::nullopt;
  const auto year = parse_decimal(text.substr(0, 4), 9999);
  const bool is_padded = text[5] == '0';
  const auto month = parse_decimal(text.substr(is_padded ? 6 : 5), 12);
  if (!year || !month || *month == 0) return std::nullopt;
  return std::chrono::year(static_cast<int>(*year)) /
         std::chrono::month(static_cast<unsigned>(*month));
}

/// "10 mx.example".
Result<dns::MxHost> parse_ntamx(std::string_view text) {
  const auto blank = text.find_first_of(kBlanks);
  const auto preference = parse_decimal(text.substr(0, blank), UINT16_MAX);
  if (blank == text.npos || !preference) {
    return fail(Errc::malformed, "ntamx '" + printable(text) + "' is not of the form '10 host'");
  }
  const auto host = name::Domain::parse(trimmed(text.substr(blank), kBlanks));
  if (!host) return fail(host.error(), "ntamx");
  return dns::MxHost{static_cast<std::uint16_t>(*preference), *host};
}

Result<void> read_ntamx(std::string_view value, Record& record) {
  // Several hosts stand in fields of their own, or in one, with commas between.
  for (const auto piece : split(value, ',')) {
    auto host = parse_ntamx(trimmed(piece, kBlanks));
    if (!host) return fail(std::move(host).error());
    record.ntamx.push_back(*std::move(host));
  }
  return {};
}

/// What is read of the two dates; each may stand once.
struct Dates {
  std::optional<std::chrono::year_month> start;
  std::optional<std::chrono::year_month> end;
};

Result<void> read_date(const Field& field, std::optional<std::chrono::year_month>& into) {
  if (into) return fail(Errc::malformed, std::string(field.name) + " stands twice");
  into = parse_month(field.value);
  if (into) return {};
  return fail(Errc::malformed, std::string(field.name) + " '" + printable(field.value) +
                                   "' is not a month of the form 2026-11");
}

Result<void> read_one(const Field& field, Record& record, Dates& dates) {
  if (equal_ignoring_case(field.name, "startdate")) return read_date(field, dates.start);
  if (equal_ignoring_case(field.name, "enddate")) return read_date(field, dates.end);
  if (equal_ignoring_case(field.name, "ntamx")) return read_ntamx(field.value, record);
  if (equal_ignoring_case(field.name, "provider")) {
    record.provider = to_valid_utf8(field.value);
    return {};
  }
  record.unknown.push_back(std::string(field.name) + "=" + std::string(field.value));
  return {};
}

}  // namespace

bool Record::is_valid_at(WallTime now) const {
  const auto today = std::chrono::floor<std::chrono::days>(now);
  if (today < std::chrono::sys_days(start / std::chrono::day(1))) return false;
  return !end || today <= std::chrono::sys_days(*end / std::chrono::last);
}

Result<Record> parse_record(std::string_view text) {
  const auto fields = split(text, ';');
  const auto version = read_field(trimmed(fields.front(), kBlanks));
  if (!version || !equal_ignoring_case(version->name, "v") ||
      !equal_ignoring_case(version->value, kVersion)) {
    return fail(Errc::malformed, "the record does not begin with v=NTA7516-1;");
  }
  Record record{.start = {}, .text = std::string(text)};
  Dates dates;
  for (std::size_t i = 1; i < fields.size(); ++i) {
    const auto content = trimmed(fields[i], kBlanks);
    if (content.empty()) continue;
    const auto field = read_field(content);
    if (!field) {
      return fail(Errc::malformed, "'" + printable(content) + "' is not of the form name=value");
    }
    auto read = read_one(*field, record, dates);
    if (!read) return fail(std::move(read).error());
  }
  if (!dates.start) return fail(Errc::malformed, "there is no startdate");
  record.start = *dates.start;
  record.end = dates.end;
  if (record.end && *record.end < record.start) {
    return fail(Errc::malformed, "the enddate is before the startdate");
  }
  return record;
}

Lookup judge(dns::Answer txt) {
  return dns::judge_only<Record>(std::move(txt), {"NTA 7516", &is_nta7516, &parse_record});
}

Lookup lookup_record(dns::Resolver& resolver, const name::Domain& domain) {
  return judge(resolver.lookup(domain, dns::Type::txt));
}

std::vector<dns::MxHost> order_hosts(const Record& record, const dns::RandomBelow& random) {
  auto hosts = record.ntamx;
  dns::order_hosts(hosts, random);
  if (hosts.size() > dns::kMaxHosts) {
    hosts.erase(hosts.begin() + static_cast<std::ptrdiff_t>(dns::kMaxHosts), hosts.end());
  }
  return hosts;
}

}  // namespace sm::nta7516
