// links: dkim
// Canonicalization: the same bytes however the input is cut, and nothing left to change in them.
// The first byte says how long the pieces are; the rest is the body, and also a header field.

#include <cstdint>
#include <cstdlib>
#include <string>

#include "dkim/canonical.h"

namespace {

using sm::dkim::Canon;

void must(bool is_so) {
  if (!is_so) std::abort();
}

class Gather final : public sm::dkim::ByteSink {
 public:
  void write(sm::Bytes bytes) override { text += sm::as_text(bytes); }
  std::string text;
};

std::string canonical(Canon canon, std::string_view body, std::size_t piece) {
  Gather gather;
  sm::dkim::BodyCanonicalizer canonicalizer(canon);
  for (; body.size() > piece; body.remove_prefix(piece))
    canonicalizer.update(sm::as_bytes(body.substr(0, piece)), gather);
  canonicalizer.update(sm::as_bytes(body), gather);
  canonicalizer.finish(gather);
  return gather.text;
}

void check_body(Canon canon, std::string_view body, std::size_t piece) {
  const std::string whole = canonical(canon, body, body.size() + 1);
  must(whole == canonical(canon, body, piece));
  must(whole == canonical(canon, whole, piece));
  must(whole.empty() || whole.ends_with("\r\n"));
  must(!whole.ends_with("\r\n\r\n"));
  if (canon == Canon::relaxed) {
    must(whole.find('\t') == whole.npos);
    must(whole.find("  ") == whole.npos);
    must(whole.find(" \r\n") == whole.npos);
  }
}

void check_field(std::string_view value) {
  // A header has no bare LF, and without CRLF there is no folding to undo twice.
  std::string_view rest = value;
  for (auto at = rest.find('\n'); at != rest.npos; at = rest.find('\n', at + 1)) {
    if (at == 0 || rest[at - 1] != '\r') return;
  }
  const std::string raw = "Name:" + std::string(value) + "\r\n";
  std::string once, twice;
  sm::dkim::append_canonical_field(Canon::relaxed, raw, once);
  sm::dkim::append_canonical_field(Canon::relaxed, once, twice);
  must(once == twice);
  must(once.find("  ") == once.npos && once.find('\t') == once.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = 1 + bytes[0];
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  check_body(Canon::simple, text, piece);
  check_body(Canon::relaxed, text, piece);
  check_field(text);
  return 0;
}
