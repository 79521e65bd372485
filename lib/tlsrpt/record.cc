#include "tlsrpt/record.h"

#include <array>

#include "base/text.h"

namespace sm::tlsrpt {
namespace {

struct TypeName {
  ResultType type;
  std::string_view name;
};
constexpr std::array kTypeNames{
    TypeName{ResultType::starttls_not_supported, "starttls-not-supported"},
    TypeName{ResultType::certificate_host_mismatch, "certificate-host-mismatch"},
    TypeName{ResultType::certificate_expired, "certificate-expired"},
    TypeName{ResultType::certificate_not_trusted, "certificate-not-trusted"},
    TypeName{ResultType::validation_failure, "validation-failure"},
    TypeName{ResultType::tlsa_invalid, "tlsa-invalid"},
    TypeName{ResultType::dnssec_invalid, "dnssec-invalid"},
    TypeName{ResultType::dane_required, "dane-required"},
    TypeName{ResultType::sts_policy_fetch_error, "sts-policy-fetch-error"},
    TypeName{ResultType::sts_policy_invalid, "sts-policy-invalid"},
    TypeName{ResultType::sts_webpki_invalid, "sts-webpki-invalid"},
};

constexpr std::string_view kVersion = "v=TLSRPTv1";
constexpr std::string_view kLabels = "_smtp._tls";  // RFC 8460 §3
constexpr std::string_view kBlanks = " \t";

/// RFC 8460 §3: records that do not begin with the version and a ";" are passed over.
bool is_tlsrpt(std::string_view text) {
  if (!text.starts_with(kVersion)) return false;
  const auto rest = trimmed(text.substr(kVersion.size()), kBlanks);
  return rest.starts_with(';');
}

bool is_uri_character(char c) {
  // RFC 3986 §2; "!" and "," are reserved to the list (RFC 8460 §3), ";" to the record.
  constexpr std::string_view kMarks = "-._~:/?#[]@$&'()*+=%";
  return is_alnum(c) || kMarks.find(c) != kMarks.npos;
}

/// A mailto: or https: URI with something behind the scheme.
bool is_report_uri(std::string_view uri) {
  for (const std::string_view scheme :
       {std::string_view("mailto:"), std::string_view("https://")}) {
    if (!starts_with_ignoring_case(uri, scheme)) continue;
    const auto rest = uri.substr(scheme.size());
    for (const char c : rest) {
      if (!is_uri_character(c)) return false;
    }
    return !rest.empty();
  }
  return false;
}

Result<void> read_rua(std::string_view value, Record& record) {
  for (const auto piece : split(value, ',')) {
    const auto uri = trimmed(piece, kBlanks);
    if (uri.empty()) return fail(Errc::malformed, "an empty address in rua");
    (is_report_uri(uri) ? record.rua : record.ignored).emplace_back(uri);
  }
  return {};
}

/// RFC 8460 §3: tlsrpt-extension names are 1 to 32 letters, digits, "_", "-", ".".
bool is_field_name(std::string_view name) {
  if (name.empty() || name.size() > 32 || !is_alnum(name.front())) return false;
  for (const char c : name) {
    if (!is_alnum(c) && c != '_' && c != '-' && c != '.') return false;
  }
  return true;
}

}  // namespace

std::string_view text(ResultType type) {
  for (const auto& entry : kTypeNames) {
    if (entry.type == type) return entry.name;
  }
  return {};
}

std::optional<ResultType> parse_result_type(std::string_view text) {
  for (const auto& entry : kTypeNames) {
    if (entry.name == text) return entry.type;
  }
  return std::nullopt;
}

Result<Record> parse_record(std::string_view text) {
  if (!is_tlsrpt(text)) {
    return fail(Errc::malformed, "the record does not begin with v=TLSRPTv1;");
  }
  Record record;
  record.text = std::string(text);
  bool has_rua = false;
  const auto fields = split(text, ';');
  for (std::size_t i = 1; i < fields.size(); ++i) {
    const auto field = trimmed(fields[i], kBlanks);
    if (field.empty() && i + 1 == fields.size()) continue;  // the final ";"
    const auto equals = field.find('=');
    const auto name = trimmed(field.substr(0, equals), kBlanks);
    if (equals == field.npos || !is_field_name(name)) {
      return fail(Errc::malformed, "'" + printable(field) + "' is not of the form name=value");
    }
    if (name != "rua") continue;  // RFC 8460 §3: unknown fields are ignored
    if (has_rua) return fail(Errc::malformed, "rua stands twice");
    has_rua = true;
    auto read = read_rua(field.substr(equals + 1), record);
    if (!read) return fail(std::move(read).error());
  }
  if (!has_rua) return fail(Errc::malformed, "there is no rua");
  if (record.rua.empty()) {
    return fail(Errc::malformed, "rua names no mailto: or https: address");
  }
  return record;
}

Lookup judge(dns::Answer txt) {
  return dns::judge_only<Record>(std::move(txt), {"TLSRPT", &is_tlsrpt, &parse_record});
}

Lookup lookup_record(dns::Resolver& resolver, const name::Domain& domain) {
  return judge(resolver.lookup_under(kLabels, domain, dns::Type::txt));
}

void prefetch_record(dns::Resolver& resolver, const name::Domain& domain) {
  resolver.prefetch_under(kLabels, domain, dns::Type::txt);
}

}  // namespace sm::tlsrpt
