#include "audit/record.h"

#include <algorithm>

#include "audit/disclosure.h"
#include "base/encoding.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "crypto/random.h"

namespace sm::audit {
namespace {

// The last two are what exported rows add.
constexpr std::array kFixedFields = {
    std::string_view("v"),         std::string_view("seq"),   std::string_view("prev"),
    std::string_view("ts"),        std::string_view("event"), std::string_view("message"),
    std::string_view("recipient"), std::string_view("tool"),  std::string_view("host"),
    std::string_view("boot"),      std::string_view("mono"),  std::string_view("disclosed"),
    std::string_view("leaf"),
};

bool is_name(std::string_view name) {
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; };
  return !name.empty() && name.size() <= 64 && name[0] >= 'a' && name[0] <= 'z' &&
         std::all_of(name.begin(), name.end(), is_word);
}

/// RFC 8259 §6: larger integers do not survive every reader.
bool is_exact_in_json(std::string_view digits) {
  constexpr std::string_view kMost = "9007199254740992";  // 2^53
  if (digits.starts_with('-')) digits.remove_prefix(1);
  return digits.size() < kMost.size() || (digits.size() == kMost.size() && digits <= kMost);
}

}  // namespace

template <std::size_t N>
RandomId<N> RandomId<N>::fresh() {
  for (;;) {
    RandomId id(crypto::random_bytes<N>());
    // A "-" in front would be an option to every tool that takes the id as an argument.
    if (id.text().front() != '-') return id;
  }
}

template <std::size_t N>
std::optional<RandomId<N>> RandomId<N>::parse(std::string_view text) {
  const auto bytes = from_base64url(text);
  if (!bytes || bytes->size() != N) return std::nullopt;
  std::array<std::uint8_t, N> id{};
  std::copy(bytes->begin(), bytes->end(), id.begin());
  return RandomId(id);
}

template <std::size_t N>
std::string RandomId<N>::text() const {
  return to_base64url(bytes_);
}

template class RandomId<12>;
template class RandomId<6>;

Record& Record::fact_json(std::string_view name, std::string_view json) {
  const bool is_taken =
      std::find(kFixedFields.begin(), kFixedFields.end(), name) != kFixedFields.end() ||
      std::find(fact_names_.begin(), fact_names_.end(), name) != fact_names_.end();
  if (!is_name(name)) {
    defect_ = "'" + printable(name) + "' cannot name a fact: lower-case letters, digits, '_'";
  } else if (is_taken) {
    defect_ = "the fact '" + std::string(name) + "' is there already, or a field of every record";
  } else {
    fact_names_.emplace_back(name);
    facts_ += ',' + json_quote(name) + ':';
    facts_ += json;
  }
  return *this;
}

Record& Record::fact(std::string_view name, std::string_view value) {
  return value.empty() ? *this : fact_json(name, json_quote(value));
}

Record& Record::fact_integer(std::string_view name, std::string digits) {
  return fact_json(name, is_exact_in_json(digits) ? digits : json_quote(digits));
}

Record& Record::fact(std::string_view name, const std::vector<std::string>& values) {
  JsonArray array;
  for (const std::string& value : values) {
    array.add(value);
  }
  return fact_json(name, array.text());
}

Record& Record::outcome(Outcome outcome, std::string_view reason) {
  return fact("outcome", text(outcome)).fact("reason", reason);
}

Record& Record::disclose(std::string_view name, std::string_view value) {
  return value.empty() ? *this : disclose_json(name, json_quote(value));
}

Record& Record::disclose_json(std::string_view name, std::string_view json) {
  if (!is_name(name)) {
    defect_ = "'" + printable(name) + "' cannot name a disclosure: lower-case letters, digits, '_'";
    return *this;
  }
  disclosures_.push_back(make_disclosure(name, json));
  return *this;
}

}  // namespace sm::audit
