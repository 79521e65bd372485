#include "dkim/canonical.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/text.h"

namespace sm::dkim {
namespace {

constexpr std::size_t kSlice = 8 * 1024;  ///< with its canonical copy it stays in the L1 cache
constexpr std::size_t kBlock = 64;        ///< one bit a byte in a 64-bit mask
constexpr int kFewRuns = 3;               ///< of dropped bytes in a block: more go byte by byte
constexpr std::size_t kSlack = kBlock;    ///< readable after a block, writable after the output
constexpr std::array<std::uint8_t, 2> kCrlf = {'\r', '\n'};

bool is_blank(std::uint8_t byte) {
  return byte == ' ' || byte == '\t';
}

/// Which of 64 bytes are what; bit 0 is the first.
struct Masks {
  std::uint64_t tab = 0;
  std::uint64_t blank = 0;
  std::uint64_t cr = 0;
  std::uint64_t lf = 0;
};

#if defined(__SSE2__)
std::uint64_t equal_mask(const __m128i (&lanes)[4], char byte) {
  const __m128i pattern = _mm_set1_epi8(byte);
  std::uint64_t mask = 0;
  for (unsigned i = 0; i < 4; ++i) {
    const auto bits =
        static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(lanes[i], pattern)));
    mask |= std::uint64_t{bits} << (16 * i);
  }
  return mask;
}

Masks masks_of(const std::uint8_t* at) {
  __m128i lanes[4];
  for (unsigned i = 0; i < 4; ++i) {
    lanes[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * i));
  }
  Masks masks;
  masks.tab = equal_mask(lanes, '\t');
  masks.blank = masks.tab | equal_mask(lanes, ' ');
  masks.cr = equal_mask(lanes, '\r');
  masks.lf = equal_mask(lanes, '\n');
  return masks;
}
#else
Masks masks_of(const std::uint8_t* at) {
  Masks masks;
  for (unsigned i = 0; i < kBlock; ++i) {
    const std::uint64_t bit = std::uint64_t{1} << i;
    if (at[i] == '\t') masks.tab |= bit;
    if (is_blank(at[i])) masks.blank |= bit;
    if (at[i] == '\r') masks.cr |= bit;
    if (at[i] == '\n') masks.lf |= bit;
  }
  return masks;
}
#endif

/// Writes the relaxed form of `size` bytes (RFC 6376 §3.4.4 a: runs of white space become one
/// space, none before a CRLF). The last blank of a run is the one that stays, so each byte's fate
/// depends only on the two bytes after it. `size` is a multiple of kBlock. kSlack bytes after the
/// input are read, and as many after the output, whose end is returned, are overwritten.
std::uint8_t* compress_blocks(const std::uint8_t* in, std::size_t size, std::uint8_t* out) {
  std::array<std::uint8_t, kBlock + kSlack> spaced;
  for (std::size_t i = 0; i < size; i += kBlock) {
    const std::uint8_t* at = in + i;
    const Masks m = masks_of(at);
    // Shifting towards bit 0 tells of each byte what follows it.
    const std::uint64_t next_blank = m.blank >> 1 | std::uint64_t{is_blank(at[kBlock])} << 63;
    const std::uint64_t next_lf = m.lf >> 1 | std::uint64_t{at[kBlock] == '\n'} << 63;
    const std::uint64_t crlf = m.cr & next_lf;
    const bool starts_crlf = at[kBlock] == '\r' && at[kBlock + 1] == '\n';
    const std::uint64_t next_crlf = crlf >> 1 | std::uint64_t{starts_crlf} << 63;
    std::uint64_t dropped = m.blank & (next_blank | next_crlf);

    if ((m.tab & ~dropped) != 0) {
      std::memcpy(spaced.data(), at, kBlock);
      for (std::uint64_t tabs = m.tab; tabs != 0; tabs &= tabs - 1) {
        spaced[static_cast<std::size_t>(std::countr_zero(tabs))] = ' ';
      }
      at = spaced.data();
    }
    if (std::popcount(dropped & ~(dropped << 1)) > kFewRuns) {
      for (std::size_t k = 0; k < kBlock; ++k) {
        *out = at[k];
        out += ~dropped >> k & 1;
      }
      continue;
    }
    // Copies whole blocks: what is too much is overwritten by the next.
    std::size_t done = 0;
    while (dropped != 0) {
      const auto end = static_cast<std::size_t>(std::countr_zero(dropped));
      std::memcpy(out, at + done, end - done <= 16 ? 16 : kBlock);
      out += end - done;
      const std::uint64_t rest = dropped >> end;
      const auto run = static_cast<std::size_t>(std::countr_one(rest));
      done = end + run;
      if (done >= kBlock) break;
      dropped &= ~std::uint64_t{0} << done;
    }
    if (done < kBlock) {
      std::memcpy(out, at + done, kBlock);
      out += kBlock - done;
    }
  }
  return out;
}

}  // namespace

std::string_view text(Canon canon) {
  return canon == Canon::simple ? "simple" : "relaxed";
}

std::optional<Canons> Canons::parse(std::string_view text) {
  const auto one = [](std::string_view word) -> std::optional<Canon> {
    if (equal_ignoring_case(word, "simple")) return Canon::simple;
    if (equal_ignoring_case(word, "relaxed")) return Canon::relaxed;
    return std::nullopt;
  };
  const auto slash = text.find('/');
  const auto header = one(text.substr(0, slash));
  const auto body = slash == text.npos ? Canon::simple : one(text.substr(slash + 1));
  if (!header || !body) return std::nullopt;
  return Canons{*header, *body};
}

std::string Canons::text() const {
  return std::string(dkim::text(header)) + '/' + std::string(dkim::text(body));
}

void append_canonical_field(Canon canon, std::string_view raw, std::string& out) {
  if (canon == Canon::simple) {
    out += raw;
    return;
  }
  // RFC 6376 §3.4.2.
  const auto colon = raw.find(':');
  out += to_lower(trimmed(raw.substr(0, colon), " \t\r\n"));
  if (colon == raw.npos) {
    out += "\r\n";
    return;
  }
  out += ':';
  bool is_after_blank = false;
  const std::size_t start = out.size();
  for (std::size_t i = colon + 1; i < raw.size();) {
    if (raw.substr(i, 2) == "\r\n") {
      i += 2;  // folding: only the white space after it stands for it
    } else if (raw[i] == ' ' || raw[i] == '\t') {
      is_after_blank = true;
      ++i;
    } else {
      if (is_after_blank && out.size() > start) out += ' ';
      is_after_blank = false;
      std::size_t end = i + 1;
      while (end < raw.size() && raw[end] != ' ' && raw[end] != '\t' && raw[end] != '\r')
        ++end;
      out.append(raw, i, end - i);
      i = end;
    }
  }
  out += "\r\n";
}

BodyCanonicalizer::BodyCanonicalizer(Canon canon) : canon_(canon) {
  if (canon == Canon::relaxed) block_.reset(new std::uint8_t[kSlice + kSlack]);
}

void BodyCanonicalizer::put_line_ends(ByteSink& sink) {
  for (; line_ends_ > 0; --line_ends_)
    sink.write(kCrlf);
}

/// Puts out what is canonical but for the CRLFs at its end, which may be the body's last.
void BodyCanonicalizer::put(Bytes bytes, ByteSink& sink) {
  std::size_t size = bytes.size();
  while (size >= 2 && bytes[size - 1] == '\n' && bytes[size - 2] == '\r')
    size -= 2;
  if (size > 0) {
    put_line_ends(sink);
    sink.write(bytes.first(size));
    has_content_ = true;
  }
  line_ends_ += (bytes.size() - size) / 2;
}

void BodyCanonicalizer::update(Bytes body, ByteSink& sink) {
  if (body.empty()) return;
  if (canon_ == Canon::relaxed) return compress(body, sink);
  if (is_after_cr_) {
    is_after_cr_ = false;
    if (body[0] == '\n') {
      ++line_ends_;
      body = body.subspan(1);
    } else {
      put(Bytes(kCrlf).first(1), sink);
    }
  }
  if (!body.empty() && body.back() == '\r') {
    is_after_cr_ = true;
    body = body.first(body.size() - 1);
  }
  put(body, sink);
}

void BodyCanonicalizer::compress(Bytes body, ByteSink& sink) {
  std::uint8_t* const block = block_.get();
  while (!body.empty()) {
    const bool is_undecided = is_after_cr_ || is_after_blank_;
    if (!is_undecided && body.size() >= kBlock + kSlack) {
      const std::size_t size = std::min(kSlice, (body.size() - kSlack) / kBlock * kBlock);
      const std::uint8_t* end = compress_blocks(body.data(), size, block);
      body = body.subspan(size);
      // The next byte says whether this CR ends a line.
      is_after_cr_ = end != block && end[-1] == '\r';
      put({block, end - (is_after_cr_ ? 1 : 0)}, sink);
      continue;
    }
    // Byte by byte at both ends of a piece, until a block's fate does not depend on what came
    // before it.
    std::uint8_t* out = block;
    const std::size_t size = std::min(body.size(), is_undecided ? kBlock : kSlack + kBlock);
    for (const std::uint8_t byte : body.first(size)) {
      if (is_after_cr_ && byte == '\n') {
        out = std::copy(kCrlf.begin(), kCrlf.end(), out);
        is_after_cr_ = is_after_blank_ = false;
        continue;
      }
      if (is_blank(byte) && !is_after_cr_) {
        is_after_blank_ = true;
        continue;
      }
      if (is_after_cr_ || byte != '\r') {
        if (is_after_blank_) *out++ = ' ';
        is_after_blank_ = false;
      }
      if (is_after_cr_) *out++ = '\r';
      is_after_cr_ = byte == '\r';
      is_after_blank_ |= is_blank(byte);
      if (!is_after_cr_ && !is_blank(byte)) *out++ = byte;
    }
    body = body.subspan(size);
    put({block, out}, sink);
  }
}

void BodyCanonicalizer::finish(ByteSink& sink) {
  if (is_after_cr_) {
    static constexpr std::array<std::uint8_t, 2> kBlankCr = {' ', '\r'};
    put(Bytes(kBlankCr).subspan(is_after_blank_ ? 0 : 1), sink);
  }
  // RFC 6376 §3.4.3: an empty body is one CRLF; §3.4.4: it is nothing.
  if (has_content_ || canon_ == Canon::simple) sink.write(kCrlf);
}

BodyHasher::BodyHasher(Canon canon, std::optional<std::uint64_t> limit)
    : canonicalizer_(canon), limit_(limit) {}

void BodyHasher::write(Bytes bytes) {
  const std::uint64_t before = size_;
  size_ += bytes.size();
  if (limit_ && size_ > *limit_) {
    bytes = bytes.first(before >= *limit_ ? 0 : static_cast<std::size_t>(*limit_ - before));
  }
  hash_.update(bytes);
}

crypto::Sha256 BodyHasher::finish() {
  canonicalizer_.finish(*this);
  return hash_.finish();
}

crypto::Sha256 body_hash(Canon canon, Bytes body) {
  BodyHasher hasher(canon);
  hasher.update(body);
  return hasher.finish();
}

}  // namespace sm::dkim
