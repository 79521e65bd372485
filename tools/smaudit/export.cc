// smaudit export: records as they stand, or as rows.

#include <algorithm>
#include <ctime>

#include "audit/erase.h"
#include "audit/reader.h"
#include "base/text.h"
#include "commands.h"
#include "rows.h"
#include "times.h"

namespace sm::smaudit {
namespace {

using audit::Disclosure;
using audit::EntryView;

/// Which records are wanted.
struct Filter {
  std::string since, until;  ///< as ts says it; empty: open
  std::vector<audit::Event> events;
  std::string message;
  std::string address;

  [[nodiscard]] bool lets_through(const EntryView& entry,
                                  const std::vector<Disclosure>& disclosures) const {
    const audit::RecordView& record = *entry.record;
    if (!since.empty() && record.ts < since) return false;
    if (!until.empty() && record.ts >= until) return false;
    if (!events.empty() && std::find(events.begin(), events.end(), record.event) == events.end()) {
      return false;
    }
    if (!message.empty() && record.message != message) return false;
    return address.empty() ||
           std::any_of(disclosures.begin(), disclosures.end(), [&](const Disclosure& one) {
             return audit::holds_address(one.text, address);
           });
  }
};

Result<Filter> filter_of(const Options& options) {
  Filter filter;
  if (!options.since.empty()) {
    const auto since = parse_time(options.since);
    if (!since) return fail(since.error());
    filter.since = utc_text_micros(*since);
  }
  if (!options.until.empty()) {
    const auto until = parse_time(options.until);
    if (!until) return fail(until.error());
    filter.until = utc_text_micros(*until);
  }
  for (const std::string& text : options.events) {
    const auto event = parse_event(text);
    if (!event) return fail(event.error());
    filter.events.push_back(*event);
  }
  if (!options.message.empty()) {
    const auto message = parse_message(options.message);
    if (!message) return fail(message.error());
    filter.message = message->text();
  }
  filter.address = options.address;
  return filter;
}

enum class Format { raw, ndjson, csv, ecs };

Result<Format> format_of(const Options& options) {
  if (!options.is_raw) {
    if (options.format == "csv") return Format::csv;
    return options.format == "ecs" ? Format::ecs : Format::ndjson;
  }
  const bool is_filtered = !options.events.empty() || !options.message.empty() ||
                           !options.address.empty() || options.format;
  if (!is_filtered) return Format::raw;
  return fail(Errc::usage, "--raw prints the log's own lines: it takes only --since and --until");
}

std::string row_of(Format format, const EntryView& entry,
                   const std::vector<Disclosure>& disclosures) {
  switch (format) {
    case Format::raw:
      return std::string(entry.line) + '\n';
    case Format::ndjson:
      return ndjson_row(entry.line, disclosures) + '\n';
    case Format::csv:
      return csv_row(*audit::parse_record(entry.line), disclosures);
    case Format::ecs:
      return ecs_row(*audit::parse_record(entry.line), disclosures) + '\n';
  }
  return {};
}

/// Prints all that is there; `gathered` counts what was not flushed yet.
Result<void> print_all(audit::LogReader& reader, const Filter& filter, Format format,
                       cli::Printer& out) {
  constexpr std::size_t kMostGathered = std::size_t{1} << 20;
  std::size_t gathered = 0;
  for (;;) {
    const auto entry = reader.next();
    if (!entry) return fail(entry.error());
    if (*entry == nullptr) return out.flush();
    const auto disclosures = format == Format::raw
                                 ? std::vector<Disclosure>()
                                 : audit::parse_disclosures((*entry)->disclosures);
    if (!filter.lets_through(**entry, disclosures)) continue;
    const std::string row = row_of(format, **entry, disclosures);
    out.print(row);
    gathered += row.size();
    if (gathered < kMostGathered) continue;
    gathered = 0;
    auto flushed = out.flush();
    if (!flushed) return flushed;
  }
}

void pause() {
  constexpr timespec kPause{0, 250'000'000};
  (void)::nanosleep(&kPause, nullptr);
}

}  // namespace

Result<cli::Verdict> export_log(const Options& options) {
  const auto filter = filter_of(options);
  if (!filter) return fail(filter.error());
  const auto format = format_of(options);
  if (!format) return fail(format.error());
  const auto place = find_one(options);
  if (!place) return fail(place.error());
  auto reader = audit::LogReader::open(place->layout(place->orgs.front()).folder);
  if (!reader) return fail(std::move(reader).error());
  auto& out = options.common.out();
  if (*format == Format::csv) out.print(csv_header());
  auto done = print_all(*reader, *filter, *format, out);
  while (done && options.follows) {
    pause();
    done = print_all(*reader, *filter, *format, out);
  }
  if (!done) return fail(std::move(done).error());
  return cli::Verdict::yes;
}

}  // namespace sm::smaudit
