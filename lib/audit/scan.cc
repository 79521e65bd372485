#include "audit/scan.h"

#include <algorithm>
#include <array>

#include <simdjson.h>

#include "audit/digits.h"
#include "audit/disclosure.h"
#include "audit/fast_scan.h"
#include "audit/late_simdjson.h"
#include "base/encoding.h"
#include "base/json_writer.h"
#include "base/text.h"

namespace sm::audit {
namespace {

namespace dom = simdjson::dom;

constexpr int kMostDepth = 8;
constexpr std::size_t kMostKeys = 256;

static_assert(kPadding >= simdjson::SIMDJSON_PADDING);

constexpr auto kHexDigits = class_of("0123456789abcdef");

/// "2026-11-21T10:00:00.123456Z", by its shape.
bool is_timestamp(std::string_view text) {
  constexpr std::string_view kShape = "dddd-dd-ddTdd:dd:dd.ddddddZ";
  if (text.size() != kShape.size()) return false;
  bool is_good = true;
  for (std::size_t i = 0; i < kShape.size(); ++i) {
    is_good &= kShape[i] == 'd' ? is_digit(text[i]) : text[i] == kShape[i];
  }
  return is_good;
}

bool has_duplicates(const dom::element& value, int depth);

/// One of 64 classes of keys: most keys are alone in theirs.
std::uint64_t class_bit(std::string_view key) {
  if (key.empty()) return 1;
  const auto first = static_cast<unsigned char>(key.front());
  const auto last = static_cast<unsigned char>(key.back());
  return std::uint64_t{1} << ((key.size() * 7 + first + last * 3u) & 63);
}

/// Whether `key` stands in the object before position `before`.
bool stands_before(const dom::object& object, std::string_view key, std::size_t before) {
  auto at = object.begin();
  for (std::size_t i = 0; i < before; ++i, ++at) {
    if (at.key() == key) return true;
  }
  return false;
}

/// Whether a key stands twice in it, at any depth. Keys are compared after their escapes.
bool has_duplicates(const dom::object& object, int depth) {
  if (depth > kMostDepth) return true;
  std::uint64_t seen = 0;
  std::size_t position = 0;
  for (const auto [key, value] : object) {
    const std::uint64_t bit = class_bit(key);
    if ((seen & bit) != 0 && stands_before(object, key, position)) return true;
    seen |= bit;
    if (++position > kMostKeys || has_duplicates(value, depth + 1)) return true;
  }
  return false;
}

bool has_duplicates(const dom::element& value, int depth) {
  if (depth > kMostDepth) return true;
  dom::object object;
  if (value.get(object) == simdjson::SUCCESS) return has_duplicates(object, depth);
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return false;
  return std::any_of(array.begin(), array.end(),
                     [&](const dom::element& one) { return has_duplicates(one, depth + 1); });
}

/// Takes the fields of an object one after the other, by the name that must come next.
class Fields {
 public:
  explicit Fields(const dom::object& object) : at_(object.begin()), end_(object.end()) {}
  [[nodiscard]] bool is_at_end() const { return !(at_ != end_); }
  [[nodiscard]] bool is_next(std::string_view key) const {
    return !is_at_end() && at_.key() == key;
  }
  [[nodiscard]] std::string_view key() const { return at_.key(); }
  dom::element take() {
    const dom::element value = at_.value();
    ++at_;
    return value;
  }
  bool text(std::string_view key, std::string_view& into) {
    return is_next(key) && take().get(into) == simdjson::SUCCESS;
  }
  bool number(std::string_view key, std::uint64_t& into) {
    if (!is_next(key)) return false;
    const dom::element value = take();
    if (value.get(into) == simdjson::SUCCESS) return into <= kMostExact;
    std::string_view digits;
    if (value.get(digits) != simdjson::SUCCESS) return false;
    const auto parsed = parse_decimal(digits);
    if (!parsed || *parsed <= kMostExact) return false;
    into = *parsed;
    return true;
  }

 private:
  dom::object::iterator at_, end_;
};

bool take_texts(const dom::element& value, std::vector<std::string_view>& into) {
  dom::array array;
  if (value.get(array) != simdjson::SUCCESS) return false;
  for (const dom::element one : array) {
    std::string_view text;
    if (one.get(text) != simdjson::SUCCESS) return false;
    into.push_back(text);
  }
  return true;
}

const char* take_head(Fields& fields, RecordView& record) {
  std::uint64_t version = 0;
  std::string_view event;
  if (!fields.number("v", version) || version != 1) return "not a record of version 1";
  if (!fields.number("seq", record.seq)) return "no seq";
  if (!fields.text("prev", record.prev) || record.prev.size() != 64 ||
      !consists_of(record.prev, kHexDigits)) {
    return "no prev";
  }
  if (!fields.text("ts", record.ts) || !is_timestamp(record.ts) || !is_possible_time(record.ts)) {
    return "no ts";
  }
  if (!fields.text("event", event)) return "no event";
  const auto known = parse_event(event);
  if (!known) return "unknown event";
  record.event = *known;
  record.message = record.recipient = {};
  if (fields.is_next("message") &&
      (!fields.text("message", record.message) || record.message.size() != 16 ||
       !consists_of(record.message, kBase64UrlDigits))) {
    return "message is no id";
  }
  if (fields.is_next("recipient") &&
      (!fields.text("recipient", record.recipient) || record.recipient.size() != 8 ||
       !consists_of(record.recipient, kBase64UrlDigits))) {
    return "recipient is no id";
  }
  if (!fields.text("tool", record.tool)) return "no tool";
  if (!fields.text("host", record.host)) return "no host";
  if (!fields.text("boot", record.boot)) return "no boot";
  if (!fields.number("mono", record.mono)) return "no mono";
  return nullptr;
}

/// The facts that verifying needs, and _sd at the end.
const char* take_facts(Fields& fields, RecordView& record) {
  record.sd.clear();
  record.digests.clear();
  record.recipients.clear();
  record.next = record.outcome = {};
  while (!fields.is_at_end()) {
    const std::string_view key = fields.key();
    const dom::element value = fields.take();
    bool is_good = true;
    if (key == "_sd") {
      is_good = fields.is_at_end() && take_texts(value, record.sd) && are_digests(record.sd);
      if (!is_good) return "_sd is not a sorted list of digests at the end";
    } else if (key == "outcome") {
      is_good = value.get(record.outcome) == simdjson::SUCCESS;
    } else if (key == "digests" && record.event == Event::erased) {
      is_good = take_texts(value, record.digests) && are_digests(record.digests);
    } else if (key == "recipients" && record.event == Event::submitted) {
      is_good = take_texts(value, record.recipients);
    } else if (key == "next" && record.event == Event::epoch_ended) {
      is_good = value.get(record.next) == simdjson::SUCCESS;
    }
    if (!is_good) return "a fact has the wrong type";
  }
  return nullptr;
}

std::string text_of(const dom::element& value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(value);
}

dom::parser new_parser() {
  need_simdjson();
  return dom::parser();
}

/// A copy with the padding that simdjson wants.
simdjson::padded_string padded(std::string_view text) {
  return simdjson::padded_string(text.data(), text.size());
}

}  // namespace

struct LineScanner::Parser {
  dom::parser parser;
  FastScanner fast;
  RecordView record;
};

LineScanner::LineScanner() : parser_(std::make_unique<Parser>()) {}
LineScanner::LineScanner(LineScanner&&) noexcept = default;
LineScanner::~LineScanner() = default;

const RecordView* LineScanner::scan(std::string_view line) {
  defect_ = nullptr;
  if (line.size() > 65'535) {
    defect_ = "longer than 65,535 bytes";
    return nullptr;
  }
  if (parser_->fast.scan(line, parser_->record)) return &parser_->record;
  return scan_slowly(line);
}

const RecordView* LineScanner::scan_slowly(std::string_view line) {
  need_simdjson();
  defect_ = nullptr;
  dom::object object;
  if (line.empty() || line[0] != '{' || line.back() != '}' ||
      parser_->parser.parse(line.data(), line.size(), false).get(object) != simdjson::SUCCESS) {
    defect_ = "not a JSON object";
    return nullptr;
  }
  Fields fields(object);
  RecordView& record = parser_->record;
  defect_ = take_head(fields, record);
  if (defect_ == nullptr) defect_ = take_facts(fields, record);
  if (defect_ == nullptr && has_duplicates(object, 0)) defect_ = "a key stands twice in it";
  return defect_ == nullptr ? &record : nullptr;
}

struct DisclosureScanner::Parser {
  dom::parser parser;
  View view;
};

DisclosureScanner::DisclosureScanner() : parser_(std::make_unique<Parser>()) {}
DisclosureScanner::DisclosureScanner(DisclosureScanner&&) noexcept = default;
DisclosureScanner::~DisclosureScanner() = default;

const DisclosureScanner::View* DisclosureScanner::scan(std::string_view line) {
  if (scan_disclosures_fast(line, parser_->view)) return &parser_->view;
  need_simdjson();
  dom::object object;
  if (line.empty() ||
      parser_->parser.parse(line.data(), line.size(), false).get(object) != simdjson::SUCCESS) {
    return nullptr;
  }
  Fields fields(object);
  View& view = parser_->view;
  view.disclosures.clear();
  if (!fields.number("seq", view.seq) || !fields.is_next("d") ||
      !take_texts(fields.take(), view.disclosures) || !fields.is_at_end()) {
    return nullptr;
  }
  return &view;
}

std::string ParsedRecord::fact(std::string_view name) const {
  for (const Fact& one : facts) {
    if (one.name == name) return one.text;
  }
  return {};
}

std::optional<ParsedRecord> parse_record(std::string_view line) {
  const simdjson::padded_string copy = padded(line);
  LineScanner scanner;
  const RecordView* view = scanner.scan({copy.data(), copy.size()});
  if (view == nullptr) return std::nullopt;
  ParsedRecord record{std::string(line),
                      view->seq,
                      std::string(view->prev),
                      std::string(view->ts),
                      view->event,
                      std::string(view->message),
                      std::string(view->recipient),
                      std::string(view->tool),
                      std::string(view->host),
                      std::string(view->boot),
                      view->mono,
                      {},
                      {view->sd.begin(), view->sd.end()}};
  dom::parser parser = new_parser();
  dom::object object;
  if (parser.parse(copy).get(object) != simdjson::SUCCESS) return std::nullopt;
  bool is_past_head = false;
  for (const auto [key, value] : object) {
    if (is_past_head && key != "_sd") {
      record.facts.push_back({std::string(key), simdjson::minify(value), text_of(value)});
    }
    is_past_head |= key == "mono";
  }
  return record;
}

std::optional<Disclosure> Disclosure::parse(std::string_view disclosure) {
  const auto bytes = from_base64url(disclosure);
  if (!bytes || !is_utf8(as_text(*bytes))) return std::nullopt;
  const auto text = padded(as_text(*bytes));
  dom::parser parser = new_parser();
  dom::array array;
  if (parser.parse(text).get(array) != simdjson::SUCCESS || array.size() != 3) return std::nullopt;
  std::string_view salt, name;
  if (array.at(0).get(salt) != simdjson::SUCCESS || array.at(1).get(name) != simdjson::SUCCESS) {
    return std::nullopt;
  }
  const dom::element value = array.at(2).value_unsafe();
  return Disclosure{std::string(name), simdjson::minify(value), text_of(value)};
}

std::optional<DisclosureLine> DisclosureLine::parse(std::string_view line) {
  const auto copy = padded(line);
  dom::parser parser = new_parser();
  dom::object object;
  if (parser.parse(copy).get(object) != simdjson::SUCCESS) return std::nullopt;
  Fields fields(object);
  DisclosureLine parsed;
  std::vector<std::string_view> texts;
  if (!fields.number("seq", parsed.seq) || !fields.is_next("d") ||
      !take_texts(fields.take(), texts) || !fields.is_at_end()) {
    return std::nullopt;
  }
  parsed.disclosures.assign(texts.begin(), texts.end());
  return parsed;
}

std::optional<ErasurePlan> ErasurePlan::parse(std::string_view text) {
  const auto copy = padded(text);
  dom::parser parser = new_parser();
  dom::object object;
  if (parser.parse(copy).get(object) != simdjson::SUCCESS) return std::nullopt;
  Fields fields(object);
  ErasurePlan plan;
  std::string_view message, authorised_by, ground;
  std::vector<std::string_view> digests;
  if (!fields.number("seq", plan.seq) || !fields.text("message", message) ||
      !fields.text("authorised_by", authorised_by) || !fields.text("ground", ground) ||
      !fields.is_next("digests") || !take_texts(fields.take(), digests) || !are_digests(digests)) {
    return std::nullopt;
  }
  plan.message = message;
  plan.authorised_by = authorised_by;
  plan.ground = ground;
  plan.digests.assign(digests.begin(), digests.end());
  return plan;
}

}  // namespace sm::audit
