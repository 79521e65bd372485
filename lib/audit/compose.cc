#include "audit/compose.h"

#include <algorithm>
#include <cstring>

#include "audit/disclosure.h"
#include "audit/scan.h"
#include "base/encoding.h"
#include "base/json_writer.h"

namespace sm::audit {

/// Reads what a Record gathered.
class Composer {
 public:
  static std::string facts(const Record& record) { return record.facts_; }
  static const std::vector<std::string>& disclosures(const Record& record) {
    return record.disclosures_;
  }
};

namespace {

std::string array_of(const std::vector<std::string>& texts) {
  JsonArray array;
  for (const std::string& text : texts) {
    array.add(text);
  }
  return array.text();
}

std::vector<std::string> digests_of(const std::vector<std::string>& disclosures) {
  std::vector<std::string> digests;
  digests.reserve(disclosures.size());
  for (const std::string& disclosure : disclosures) {
    digests.push_back(disclosure_digest(disclosure));
  }
  std::sort(digests.begin(), digests.end());
  return digests;
}

void put(std::string& bytes, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::array<char, 4> prefix{};
  std::memcpy(prefix.data(), &size, prefix.size());
  bytes.append(prefix.data(), prefix.size());
  bytes += text;
}

bool take(std::string_view& bytes, std::string& text) {
  std::uint32_t size = 0;
  if (bytes.size() < sizeof size) return false;
  std::memcpy(&size, bytes.data(), sizeof size);
  bytes.remove_prefix(sizeof size);
  if (bytes.size() < size) return false;
  text = bytes.substr(0, size);
  bytes.remove_prefix(size);
  return true;
}

}  // namespace

Result<void> check_readable(const Draft& draft) {
  constexpr std::uint64_t kLongest = std::uint64_t{1} << 53;
  std::string line = line_of(draft, kLongest, Hash{}, "2026-11-21T10:00:00.000000Z", kLongest);
  const std::size_t size = line.size();
  line.resize(size + kPadding);
  thread_local LineScanner scanner;
  if (scanner.scan(std::string_view(line).substr(0, size)) != nullptr) return {};
  return fail(Errc::malformed,
              std::string("an audit record cannot be like that: ") + scanner.defect());
}

Writer::Writer(const std::string& tool, const std::string& host, const std::string& boot_id)
    : boot(boot_id),
      json(",\"tool\":" + json_quote(tool) + ",\"host\":" + json_quote(host) +
           ",\"boot\":" + json_quote(boot_id)) {}

Result<Draft> draft(const Record& record, const Writer& writer) {
  if (!record.defect().empty()) {
    return fail(Errc::malformed, "an audit record is not well made: " + record.defect());
  }
  std::string before = "\"event\":\"" + std::string(text(record.event())) + '"';
  if (record.message()) before += ",\"message\":\"" + record.message()->text() + '"';
  if (record.recipient()) before += ",\"recipient\":\"" + record.recipient()->text() + '"';
  before += writer.json;
  const auto& disclosures = Composer::disclosures(record);
  Draft made{std::move(before),
             Composer::facts(record) + ",\"_sd\":" + array_of(digests_of(disclosures)) + '}',
             disclosures.empty() ? std::string() : array_of(disclosures)};
  auto checked = check_readable(made);
  if (!checked) return fail(std::move(checked).error(), std::string(text(record.event())));
  return made;
}

std::string line_of(const Draft& draft, std::uint64_t seq, const Hash& previous,
                    const std::string& ts, std::uint64_t mono_micros) {
  std::string line = "{\"v\":1,\"seq\":" + std::to_string(seq) + ",\"prev\":\"";
  line += to_hex(previous);
  line += "\",\"ts\":\"" + ts + "\",";
  line += draft.before_mono;
  line += ",\"mono\":" + std::to_string(mono_micros);
  line += draft.after_mono;
  return line;
}

std::string disclosure_line_of(const Draft& draft, std::uint64_t seq) {
  if (draft.disclosures.empty()) return {};
  return "{\"seq\":" + std::to_string(seq) + ",\"d\":" + draft.disclosures + '}';
}

std::string pack(std::span<const Draft> drafts) {
  std::string bytes;
  for (const Draft& one : drafts) {
    put(bytes, one.before_mono);
    put(bytes, one.after_mono);
    put(bytes, one.disclosures);
  }
  return bytes;
}

std::optional<std::vector<Draft>> unpack(std::string_view bytes) {
  std::vector<Draft> drafts;
  while (!bytes.empty()) {
    Draft& one = drafts.emplace_back();
    if (!take(bytes, one.before_mono) || !take(bytes, one.after_mono) ||
        !take(bytes, one.disclosures)) {
      return std::nullopt;
    }
  }
  return drafts;
}

}  // namespace sm::audit
