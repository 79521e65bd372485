// smaudit report: a month in figures, of an organisation and never of a person.

#include <array>
#include <cstdio>
#include <map>

#include "audit/reader.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "commands.h"
#include "times.h"

namespace sm::smaudit {
namespace {

using audit::Event;

struct Figures {
  std::uint64_t messages = 0;    ///< submitted
  std::uint64_t recipients = 0;  ///< of those
  std::map<Event, std::uint64_t> events;
  std::map<std::string, std::uint64_t> mechanisms;  ///< of what was delivered
  std::map<std::string, std::uint64_t> levels;
  std::uint64_t bytes = 0;
  std::uint64_t without_size = 0;  ///< messages whose size was erased
};

constexpr std::array kCounted = {Event::delivered, Event::sealed,   Event::refused,
                                 Event::failed,    Event::deferred, Event::uncertain,
                                 Event::returned,  Event::notified, Event::opened,
                                 Event::replied,   Event::expired,  Event::revoked};

void count(const audit::EntryView& entry, Figures& figures) {
  const audit::RecordView& view = *entry.record;
  ++figures.events[view.event];
  if (view.event == Event::submitted) {
    ++figures.messages;
    figures.recipients += view.recipients.size();
    const auto size =
        parse_decimal(audit::disclosed(audit::parse_disclosures(entry.disclosures), "size"));
    figures.bytes += size.value_or(0);
    if (!size) ++figures.without_size;
  } else if (view.event == Event::delivered) {
    const auto record = audit::parse_record(entry.line);
    const std::string mechanism = record->fact("mechanism"), level = record->fact("level");
    ++figures.mechanisms[mechanism.empty() ? "none" : mechanism];
    ++figures.levels[level.empty() ? "none" : level];
  }
}

Result<Figures> figures_of(const std::string& folder, const Month& month) {
  auto reader = audit::LogReader::open(folder);
  if (!reader) return fail(std::move(reader).error());
  const std::string begin = utc_text_micros(month.begin), end = utc_text_micros(month.end);
  Figures figures;
  // A clock may have jumped: every line is looked at, and its own time decides.
  for (;;) {
    const auto entry = reader->next();
    if (!entry) return fail(entry.error());
    if (*entry == nullptr) return figures;
    const std::string_view ts = (*entry)->record->ts;
    if (ts >= begin && ts < end) count(**entry, figures);
  }
}

std::string json_of(const std::map<std::string, std::uint64_t>& counts) {
  JsonObject object;
  for (const auto& [name, number] : counts) {
    object.add(name, number);
  }
  return object.text();
}

std::uint64_t number_of(const Figures& figures, Event event) {
  const auto found = figures.events.find(event);
  return found == figures.events.end() ? 0 : found->second;
}

std::string json(const Figures& figures, const std::string& org, const std::string& month) {
  JsonObject object;
  object.add("org", org).add("month", month);
  object.add("messages", figures.messages).add("recipients", figures.recipients);
  for (const Event event : kCounted) {
    object.add(text(event), number_of(figures, event));
  }
  object.add_raw("by_mechanism", json_of(figures.mechanisms));
  object.add_raw("by_level", json_of(figures.levels));
  object.add("bytes", figures.bytes).add("messages_without_size", figures.without_size);
  return object.text();
}

std::string share(std::uint64_t part, std::uint64_t whole) {
  std::array<char, 32> shown{};
  (void)std::snprintf(shown.data(), shown.size(), "%.1f %%",
                      whole == 0 ? 0.0 : 100.0 * double(part) / double(whole));
  return shown.data();
}

std::string row(const std::string& name, const std::string& value) {
  return "  " + name + std::string(name.size() < 22 ? 22 - name.size() : 1, ' ') + value;
}

void print(const Figures& figures, const std::string& org, const std::string& month,
           cli::Printer& out) {
  out.line(org + ", " + month + " (UTC)");
  out.line(row("messages", std::to_string(figures.messages)));
  out.line(row("recipients", std::to_string(figures.recipients)));
  for (const Event event : kCounted)
    out.line(row(std::string(text(event)), std::to_string(number_of(figures, event))));
  const std::uint64_t delivered = number_of(figures, Event::delivered);
  for (const auto& [mechanism, number] : figures.mechanisms)
    out.line(row("  by " + mechanism, std::to_string(number) + ", " + share(number, delivered)));
  out.line(row("bytes", std::to_string(figures.bytes)));
  if (figures.without_size > 0) {
    out.line(row("  size erased", std::to_string(figures.without_size) + " messages"));
  }
}

}  // namespace

Result<cli::Verdict> report(const Options& options) {
  const auto month = parse_month(options.month);
  if (!month) return fail(month.error());
  const auto place = find_place(options);
  if (!place) return fail(place.error());
  for (const std::string& org : place->orgs) {
    const std::string folder = place->layout(org).folder;
    const auto is_there = audit::exists(folder);
    if (!is_there) return fail(is_there.error());
    if (!*is_there && place->orgs.size() > 1) continue;
    const auto figures = figures_of(folder, *month);
    if (!figures) return fail(figures.error());
    if (options.common.is_json) {
      options.common.out().line(json(*figures, org, options.month));
    } else {
      print(*figures, org, options.month, options.common.out());
    }
  }
  return cli::Verdict::yes;
}

}  // namespace sm::smaudit
