#include "envelope/header.h"

#include <algorithm>
#include <set>

#include "base/encoding.h"
#include "base/text.h"
#include "envelope/fixed_bytes.h"
#include "envelope/manifest.h"

namespace sm::envelope {
namespace {

constexpr std::string_view kVersionLine = "smtools-envelope/v1";
constexpr std::string_view kFamily = "smtools-envelope/";
constexpr std::string_view kLastLine = "---";

Unexpected damaged_header(const std::string& what) {
  return fail(Errc::malformed, "damaged_header envelope: " + what);
}

Unexpected too_many_stanzas() {
  return fail(Errc::malformed, "the envelope has more than 1,024 stanzas");
}

Result<void> check_version(std::string_view line) {
  if (line == kVersionLine) return {};
  if (!line.starts_with(kFamily)) return fail(Errc::malformed, "this is no sealed envelope");
  return fail(Errc::malformed,
              "the envelope's version is unknown: " + printable(line.substr(0, 60)),
              "a newer smtools may open it");
}

std::optional<EnvelopeId> parse_id(std::string_view line) {
  if (!line.starts_with("id ")) return std::nullopt;
  return EnvelopeId::parse(line.substr(3));
}

bool parse_manifest_line(std::string_view line, Header& header) {
  const auto fields = split(line, ' ');
  if (fields.size() != 3 || fields[0] != "manifest") return false;
  const auto prefix = fixed_from_base64<crypto::kChunkedPrefixSize>(fields[1]);
  const auto size = parse_decimal(fields[2]);
  if (!prefix || !size) return false;
  const auto plain = crypto::plaintext_size(*size);
  if (!plain || !is_manifest_size(*plain)) return false;
  header.manifest = *prefix;
  header.manifest_size = *size;
  return true;
}

}  // namespace

std::optional<std::size_t> find_header_end(std::string_view bytes) {
  const auto at = bytes.find("\n---\n");
  if (at == bytes.npos) return std::nullopt;
  return at + 5;
}

std::string Header::text() const {
  std::string text(kVersionLine);
  text += "\nid " + id.text() + "\nmanifest " + to_base64(manifest) + ' ' +
          std::to_string(manifest_size) + '\n';
  for (const Stanza& stanza : stanzas)
    text += stanza.text();
  return text.append(kLastLine).append("\n");
}

Result<void> Header::add(Stanza stanza) {
  stanzas.push_back(std::move(stanza));
  if (auto checked = check(); !checked) {
    stanzas.pop_back();
    return checked;
  }
  if (text().size() <= kMaxHeaderSize) return {};
  stanzas.pop_back();
  return fail(Errc::malformed, "the envelope's header would be larger than 256 KiB");
}

Result<void> Header::check() const {
  if (stanzas.size() > kMaxStanzas) return too_many_stanzas();
  const auto passwords = std::ranges::count_if(stanzas, [](const Stanza& stanza) {
    return std::holds_alternative<PasswordStanza>(stanza.kind);
  });
  if (static_cast<std::size_t>(passwords) > kMaxPasswordStanzas) {
    return fail(Errc::malformed, "the envelope has more than 8 password stanzas");
  }
  std::set<std::string> seen;
  for (const Stanza& stanza : stanzas) {
    if (!seen.insert(stanza.text()).second) return damaged_header("a stanza stands in it twice");
  }
  return {};
}

Result<Header> parse_header(std::string_view text) {
  if (text.size() > kMaxHeaderSize) return damaged_header("its header is larger than 256 KiB");
  auto lines = split(text, '\n');
  if (auto known = check_version(lines[0]); !known) return fail(std::move(known).error());
  if (lines.size() < 5 || !lines.back().empty() || lines[lines.size() - 2] != kLastLine) {
    return fail(Errc::malformed, "truncated envelope: its header has no end");
  }
  const auto id = parse_id(lines[1]);
  if (!id) return damaged_header("its id is not as it must be");
  Header header{.id = *id, .stanzas = {}};
  if (!parse_manifest_line(lines[2], header)) {
    return damaged_header("the header's manifest line is not as it must be");
  }
  const std::size_t end = lines.size() - 2;
  if ((end - 3) / 2 > kMaxStanzas) return too_many_stanzas();
  for (std::size_t i = 3; i < end; i += 2) {
    if (i + 1 == end) return damaged_header("a stanza is not whole");
    auto stanza = parse_stanza(lines[i], lines[i + 1]);
    if (!stanza) return fail(std::move(stanza).error());
    header.stanzas.push_back(std::move(*stanza));
  }
  if (auto checked = header.check(); !checked) return fail(std::move(checked).error());
  return header;
}

}  // namespace sm::envelope
