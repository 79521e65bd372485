// smaudit trace: what happened to a message, so that one can read it to a caller.

#include <algorithm>
#include <map>
#include <set>

#include "audit/erase.h"
#include "audit/reader.h"
#include "base/text.h"
#include "commands.h"
#include "rows.h"
#include "timeline.h"

namespace sm::smaudit {
namespace {

using audit::Disclosure;

/// The messages that a word means, and of each the recipients it is about (none: all).
using Subjects = std::map<std::string, std::set<std::string>>;

bool is_address(std::string_view word) {
  return word.find('@') != word.npos && !word.starts_with('<');
}

/// Whether this disclosure is what the word names.
bool names(const Disclosure& disclosure, const std::string& word) {
  const std::string& name = disclosure.name;
  if (name == "message_id") {
    return disclosure.text == word || disclosure.text == '<' + word + '>';
  }
  if (name == "key") return disclosure.text == word;
  return is_address(word) && (name == "recipient" || name == "sender") &&
         audit::holds_address(disclosure.text, word);
}

/// One pass: the messages whose disclosures name the word.
Result<Subjects> find_subjects(const std::string& folder, const std::string& word) {
  Subjects subjects;
  std::set<std::string> whole;  // messages that are meant with all their recipients
  auto reader = audit::LogReader::open(folder);
  if (!reader) return fail(std::move(reader).error());
  for (;;) {
    const auto entry = reader->next();
    if (!entry) return fail(entry.error());
    if (*entry == nullptr) break;
    const audit::RecordView& record = *(*entry)->record;
    if (record.message.empty() || (*entry)->disclosures.empty()) continue;
    for (const Disclosure& one : audit::parse_disclosures((*entry)->disclosures)) {
      if (!names(one, word)) continue;
      auto& recipients = subjects[std::string(record.message)];
      if (one.name != "recipient") {
        whole.emplace(record.message);
      } else if (!record.recipient.empty()) {
        recipients.emplace(record.recipient);
      }
    }
  }
  for (const std::string& message : whole)
    subjects[message].clear();
  return subjects;
}

/// The records of those messages, in order; those about other recipients left out.
Result<std::map<std::string, std::vector<Step>>> steps_of(const std::string& folder,
                                                          const Subjects& subjects) {
  std::map<std::string, std::vector<Step>> steps;
  auto reader = audit::LogReader::open(folder);
  if (!reader) return fail(std::move(reader).error());
  // Ids are random: a line without any of them is none of ours, and need not be parsed.
  const auto mentions = [&](std::string_view line) {
    constexpr std::string_view kField = "\"message\":\"";
    const auto at = line.find(kField);
    return at != line.npos && subjects.count(std::string(line.substr(at + kField.size(), 16))) != 0;
  };
  for (;;) {
    const auto entry = reader->next(mentions);
    if (!entry) return fail(entry.error());
    if (*entry == nullptr) return steps;
    const audit::RecordView& record = *(*entry)->record;
    const auto subject = subjects.find(std::string(record.message));
    if (subject == subjects.end()) continue;
    const auto& recipients = subject->second;
    if (!recipients.empty() && !record.recipient.empty() &&
        recipients.count(std::string(record.recipient)) == 0) {
      continue;
    }
    auto parsed = audit::parse_record((*entry)->line);
    steps[subject->first].push_back(
        {std::move(*parsed), audit::parse_disclosures((*entry)->disclosures)});
  }
}

Result<Subjects> subjects_of(const std::string& folder, const std::string& word) {
  if (audit::MessageId::parse(word)) {
    const auto steps = steps_of(folder, {{word, {}}});
    if (!steps) return fail(steps.error());
    if (!steps->empty()) return Subjects{{word, {}}};
  }
  return find_subjects(folder, word);
}

}  // namespace

Result<cli::Verdict> trace(const Options& options) {
  const auto place = find_place(options);
  if (!place) return fail(place.error());
  std::vector<std::vector<Step>> messages;
  bool is_any_log = false;
  for (const std::string& org : place->orgs) {
    const std::string folder = place->layout(org).folder;
    const auto is_there = audit::exists(folder);
    if (!is_there) return fail(is_there.error());
    if (!*is_there) continue;
    is_any_log = true;
    const auto subjects = subjects_of(folder, options.subject);
    if (!subjects) return fail(subjects.error());
    auto steps = steps_of(folder, *subjects);
    if (!steps) return fail(std::move(steps).error());
    for (auto& [message, all] : *steps)
      messages.push_back(std::move(all));
  }
  if (!is_any_log) return fail(Errc::no_input, "there is no log in " + place->config.state);
  std::sort(messages.begin(), messages.end(),
            [](const auto& a, const auto& b) { return a.front().record.ts < b.front().record.ts; });
  auto& out = options.common.out();
  for (const auto& steps : messages) {
    if (options.common.is_json) {
      for (const Step& step : steps)
        out.line(ndjson_row(step.record.line, step.disclosures));
    } else {
      out.print(timeline(steps));
    }
  }
  if (!messages.empty()) return cli::Verdict::yes;
  options.common.diagnostics().warning("the log knows no message like '" +
                                       printable(options.subject) + "'");
  return cli::Verdict::no;
}

}  // namespace sm::smaudit
