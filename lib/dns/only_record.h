#pragma once
// The one TXT record by which a domain says that it takes part in something: NTA 7516 and TLSRPT
// (RFC 8460 §3) ask for the same. Records of other kinds may stand beside it; two of its own kind,
// or one with an error in it, promise nothing.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dns/answer.h"

namespace sm::dns {

enum class OnlyOutcome {
  none,     ///< a definite answer: no record of this kind
  record,   ///< exactly one
  invalid,  ///< several, or one that breaks the syntax: counts as none; `why`
  failure,  ///< the lookup failed or is bogus: try later
};

template <class Record>
struct OnlyLookup {
  OnlyOutcome outcome;
  std::optional<Record> record{};
  std::string why{};
  Answer answer;  ///< the evidence
};

/// A kind of record: its name for people, which texts mean to be one, and how they are read.
template <class Record>
struct OnlyKind {
  std::string_view name;
  bool (*is_meant)(std::string_view text);
  Result<Record> (*parse)(std::string_view text);
};

/// Pure: judges the answer to a question for TXT.
template <class Record>
OnlyLookup<Record> judge_only(Answer txt, const OnlyKind<Record>& kind) {
  OnlyLookup<Record> lookup{.outcome = OnlyOutcome::none, .answer = std::move(txt)};
  if (lookup.answer.is_unknown()) {
    lookup.outcome = OnlyOutcome::failure;
    lookup.why = describe(lookup.answer);
    return lookup;
  }
  std::vector<std::string> found;
  for (const auto& record : lookup.answer.template all<Txt>()) {
    auto joined = record.joined();
    if (kind.is_meant(joined)) found.push_back(std::move(joined));
  }
  if (found.empty()) return lookup;
  lookup.outcome = OnlyOutcome::invalid;
  if (found.size() > 1) {
    lookup.why =
        "there are " + std::to_string(found.size()) + " " + std::string(kind.name) + " records";
    return lookup;
  }
  auto record = kind.parse(found.front());
  if (!record) {
    lookup.why = record.error().what;
    return lookup;
  }
  lookup.outcome = OnlyOutcome::record;
  lookup.record = *std::move(record);
  return lookup;
}

}  // namespace sm::dns
