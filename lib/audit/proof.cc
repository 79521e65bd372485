#include "audit/proof.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"

namespace sm::audit {
namespace {

constexpr std::string_view kFirst = "c2sp.org/tlog-proof@v1";
constexpr std::size_t kMostHashes = 64;

/// Takes one line off `rest`; nothing at its end.
std::optional<std::string_view> take_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  if (end == rest.npos) return std::nullopt;
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::optional<TlogProof> TlogProof::parse(std::string_view text) {
  constexpr std::string_view kExtra = "extra ", kIndex = "index ";
  std::string_view rest = text;
  auto line = take_line(rest);
  if (line != kFirst) return std::nullopt;
  line = take_line(rest);
  if (line && line->starts_with(kExtra)) {
    if (!from_base64(line->substr(kExtra.size()))) return std::nullopt;
    line = take_line(rest);
  }
  if (!line || !line->starts_with(kIndex)) return std::nullopt;
  const auto index = parse_decimal(line->substr(kIndex.size()));
  if (!index) return std::nullopt;
  TlogProof proof;
  proof.index = *index;
  while ((line = take_line(rest)) && !line->empty()) {
    const auto hash = from_base64(*line);
    if (!hash || hash->size() != 32 || proof.path.size() == kMostHashes) return std::nullopt;
    std::copy(hash->begin(), hash->end(), proof.path.emplace_back().begin());
  }
  if (!line) return std::nullopt;
  auto checkpoint = Checkpoint::parse(rest);
  if (!checkpoint) return std::nullopt;
  proof.checkpoint = std::move(*checkpoint);
  return proof;
}

std::string TlogProof::text() const {
  std::string text = std::string(kFirst) + "\nindex " + std::to_string(index) + '\n';
  for (const Hash& hash : path) {
    text += to_base64(hash) + '\n';
  }
  return text + '\n' + checkpoint.note;
}

bool TlogProof::includes(const Hash& leaf) const {
  return verify_inclusion(index, checkpoint.size, leaf, path, checkpoint.root);
}

}  // namespace sm::audit
