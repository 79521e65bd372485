#include "dns/answer.h"

#include <array>

#include "base/encoding.h"
#include "base/text.h"

namespace sm::dns {
namespace {

struct TypeName {
  Type type;
  std::string_view name;
};
constexpr std::array kTypeNames{
    TypeName{Type::a, "A"},           TypeName{Type::ns, "NS"},     TypeName{Type::cname, "CNAME"},
    TypeName{Type::soa, "SOA"},       TypeName{Type::ptr, "PTR"},   TypeName{Type::mx, "MX"},
    TypeName{Type::txt, "TXT"},       TypeName{Type::aaaa, "AAAA"}, TypeName{Type::ds, "DS"},
    TypeName{Type::dnskey, "DNSKEY"}, TypeName{Type::tlsa, "TLSA"},
};

/// RFC 3597 §5: "\# 3 0a0b0c".
std::string generic_rdata(const std::vector<std::uint8_t>& rdata) {
  return "\\# " + std::to_string(rdata.size()) + (rdata.empty() ? "" : " ") + to_hex(rdata);
}

std::string quoted(const std::string& string) {
  std::string out = "\"";
  for (const char c : string) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte > 0x7e) {
      const std::string digits = std::to_string(byte);
      out += '\\' + std::string(3 - digits.size(), '0') + digits;
    } else {
      out += c;
    }
  }
  return out + '"';
}

struct RecordText {
  std::string operator()(const IpAddress& address) const { return address.text(); }
  std::string operator()(const Mx& mx) const {
    return std::to_string(mx.preference) + ' ' + mx.exchange;
  }
  std::string operator()(const Tlsa& tlsa) const { return text(tlsa); }
  std::string operator()(const Txt& txt) const {
    std::vector<std::string> pieces;
    for (const auto& string : txt.strings) {
      pieces.push_back(quoted(string));
    }
    return join(pieces, " ");
  }
  std::string operator()(const Target& target) const { return target.name; }
  std::string operator()(const Soa& soa) const {
    return soa.primary + ' ' + soa.mailbox + ' ' + std::to_string(soa.serial);
  }
  std::string operator()(const Opaque& opaque) const { return generic_rdata(opaque.rdata); }
  std::string operator()(const Malformed& malformed) const {
    return generic_rdata(malformed.rdata) + " (malformed: " + malformed.why + ")";
  }
};

std::string outcome_text(const Answer& answer) {
  switch (answer.outcome) {
    case Outcome::data: {
      std::vector<std::string> pieces;
      for (const auto& record : answer.records) {
        pieces.push_back(text(record));
      }
      return join(pieces, ", ") + " (" + std::string(text(answer.security)) + ")";
    }
    case Outcome::no_data:
      return "no such record (" + std::string(text(answer.security)) + ")";
    case Outcome::no_such_name:
      return "no such name (" + std::string(text(answer.security)) + ")";
    case Outcome::bogus:
      return "bogus DNSSEC" + (answer.why.empty() ? "" : ": " + answer.why);
    case Outcome::failure:
      return std::string(text(answer.failure)) + (answer.why.empty() ? "" : ": " + answer.why);
  }
  return {};
}

}  // namespace

std::string text(Type type) {
  for (const auto& entry : kTypeNames) {
    if (entry.type == type) return std::string(entry.name);
  }
  return "TYPE" + std::to_string(static_cast<unsigned>(type));
}

std::optional<Type> parse_type(std::string_view text) {
  for (const auto& entry : kTypeNames) {
    if (equal_ignoring_case(entry.name, text)) return entry.type;
  }
  if (!starts_with_ignoring_case(text, "TYPE")) return std::nullopt;
  const auto number = parse_decimal(text.substr(4), UINT16_MAX);
  if (!number) return std::nullopt;
  return static_cast<Type>(*number);
}

std::string text(const Tlsa& tlsa) {
  return std::to_string(tlsa.usage) + ' ' + std::to_string(tlsa.selector) + ' ' +
         std::to_string(tlsa.matching_type) + ' ' + to_hex(tlsa.data);
}

std::string Txt::joined() const {
  std::string all;
  for (const auto& string : strings) {
    all += string;
  }
  return all;
}

std::string text(const Record& record) {
  return std::visit(RecordText{}, record);
}

std::string_view text(Security security) {
  switch (security) {
    case Security::secure:
      return "secure";
    case Security::insecure:
      return "insecure";
  }
  return {};
}

std::string_view text(FailureKind kind) {
  switch (kind) {
    case FailureKind::servfail:
      return "server failure";
    case FailureKind::timeout:
      return "timed out";
    case FailureKind::refused:
      return "refused";
    case FailureKind::malformed:
      return "malformed answer";
    case FailureKind::local:
      return "the resolver does not work";
  }
  return {};
}

std::string_view dnssec_word(const Answer& answer) {
  switch (answer.outcome) {
    case Outcome::data:
    case Outcome::no_data:
    case Outcome::no_such_name:
      return text(answer.security);
    case Outcome::bogus:
      return "bogus";
    case Outcome::failure:
      return "failed";
  }
  return {};
}

std::string describe(const Answer& answer) {
  std::string via;
  if (!answer.chain.empty()) via = " (an alias of " + answer.canonical + ")";
  return text(answer.question.type) + ' ' + answer.question.name.text() + via + ": " +
         outcome_text(answer);
}

}  // namespace sm::dns
