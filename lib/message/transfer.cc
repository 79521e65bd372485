#include "message/transfer.h"

#include <algorithm>

#include "message/octets.h"

namespace sm::message {
namespace {

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHex = "0123456789ABCDEF";
constexpr std::uint8_t kNotADigit = 0xff;
constexpr std::size_t kMostHeldBlanks = 1024;
constexpr std::size_t kSoftLine = 75;  // and the "=" of a soft line break

constexpr std::array<std::uint8_t, 256> reversed_base64() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNotADigit);
  for (std::size_t i = 0; i < kBase64.size(); ++i)
    digits[static_cast<std::uint8_t>(kBase64[i])] = static_cast<std::uint8_t>(i);
  return digits;
}
constexpr auto kFromBase64 = reversed_base64();

bool is_blank(std::uint8_t octet) {
  return octet == ' ' || octet == '\t';
}

/// RFC 2045 §6.7 (2): printable ASCII but "=".
bool is_literal(std::uint8_t octet) {
  return octet > 32 && octet < 127 && octet != '=';
}

}  // namespace

void Base64Encoder::put_line(Bytes line, std::string& out) {
  if (has_lines_) out += "\r\n";
  has_lines_ = true;
  const std::size_t begin = out.size();
  out.resize(begin + (line.size() + 2) / 3 * 4, '=');
  char* to = out.data() + begin;
  std::size_t i = 0;
  for (; i + 3 <= line.size(); i += 3) {
    const std::uint32_t v = std::uint32_t{line[i]} << 16 | line[i + 1] << 8 | line[i + 2];
    *to++ = kBase64[v >> 18];
    *to++ = kBase64[v >> 12 & 63];
    *to++ = kBase64[v >> 6 & 63];
    *to++ = kBase64[v & 63];
  }
  const std::size_t rest = line.size() - i;
  if (rest == 0) return;
  const std::uint32_t v =
      std::uint32_t{line[i]} << 16 | (rest == 2 ? std::uint32_t{line[i + 1]} << 8 : 0);
  *to++ = kBase64[v >> 18];
  *to++ = kBase64[v >> 12 & 63];
  if (rest == 2) *to = kBase64[v >> 6 & 63];
}

void Base64Encoder::feed(Bytes bytes, std::string& out) {
  while (!bytes.empty()) {
    if (held_size_ == 0 && bytes.size() >= kLine) {
      put_line(bytes.first(kLine), out);
      bytes = bytes.subspan(kLine);
      continue;
    }
    const std::size_t taken = std::min(kLine - held_size_, bytes.size());
    std::copy_n(bytes.begin(), taken, held_.begin() + static_cast<std::ptrdiff_t>(held_size_));
    held_size_ += taken;
    bytes = bytes.subspan(taken);
    if (held_size_ < kLine) return;
    held_size_ = 0;
    put_line(held_, out);
  }
}

void Base64Encoder::finish(std::string& out) {
  if (held_size_ > 0) put_line(Bytes(held_).first(held_size_), out);
  held_size_ = 0;
}

void QuotedPrintableEncoder::put_token(const char* token, std::size_t size, std::string& out) {
  if (column_ + size > kSoftLine) {
    out += "=\r\n";
    column_ = 0;
  }
  out.append(token, size);
  column_ += size;
}

void QuotedPrintableEncoder::put_encoded(std::uint8_t octet, std::string& out) {
  const std::array<char, 3> token{'=', kHex[octet >> 4], kHex[octet & 15]};
  put_token(token.data(), token.size(), out);
}

void QuotedPrintableEncoder::flush_blank(bool is_line_end, std::string& out) {
  if (held_blank_ == 0) return;
  const char blank = static_cast<char>(held_blank_);
  held_blank_ = 0;
  if (is_line_end) {
    put_encoded(static_cast<std::uint8_t>(blank), out);
  } else {
    put_token(&blank, 1, out);
  }
}

void QuotedPrintableEncoder::put(std::uint8_t octet, std::string& out) {
  if (holds_cr_) {
    holds_cr_ = false;
    flush_blank(octet == '\n', out);
    if (octet == '\n') {
      out += "\r\n";
      column_ = 0;
      return;
    }
    put_encoded('\r', out);
  }
  if (octet == '\r') {
    holds_cr_ = true;
    return;
  }
  flush_blank(false, out);
  if (is_blank(octet)) {
    held_blank_ = octet;
  } else if (is_literal(octet)) {
    const char literal = static_cast<char>(octet);
    put_token(&literal, 1, out);
  } else {
    put_encoded(octet, out);
  }
}

/// Characters that stay as they are; most of a text, so they go in runs.
void QuotedPrintableEncoder::put_run(std::string_view run, std::string& out) {
  flush_blank(false, out);
  while (!run.empty()) {
    if (column_ == kSoftLine) {
      out += "=\r\n";
      column_ = 0;
    }
    const auto taken = run.substr(0, kSoftLine - column_);
    out += taken;
    column_ += taken.size();
    run.remove_prefix(taken.size());
  }
}

void QuotedPrintableEncoder::feed(Bytes bytes, std::string& out) {
  const auto text = as_text(bytes);
  const auto stays = [&](std::size_t i) {
    const bool is_inner_blank =
        is_blank(bytes[i]) && i + 1 < text.size() && is_literal(bytes[i + 1]);
    return is_literal(bytes[i]) || is_inner_blank;
  };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (!holds_cr_ && end < text.size() && stays(end))
      ++end;
    if (end > i) {
      put_run(text.substr(i, end - i), out);
      i = end;
    } else {
      put(bytes[i++], out);
    }
  }
}

void QuotedPrintableEncoder::finish(std::string& out) {
  flush_blank(true, out);
  if (holds_cr_) put_encoded('\r', out);
  holds_cr_ = false;
}

void Base64Decoder::feed(Bytes bytes, std::string& out) {
  for (const std::uint8_t octet : bytes) {
    if (octet == '=') {
      ++padding_;
      bits_ = 0;
      continue;
    }
    const std::uint8_t digit = kFromBase64[octet];
    if (digit == kNotADigit) {
      is_clean_ = is_clean_ && (is_blank(octet) || octet == '\r' || octet == '\n');
      continue;
    }
    if (padding_ > 0) {
      is_clean_ = false;  // another run after the padding
      padding_ = 0;
      digits_ = 0;
    }
    value_ = (value_ << 6 | digit) & 0xffffff;
    bits_ += 6;
    digits_ = (digits_ + 1) % 4;
    if (bits_ >= 8) {
      bits_ -= 8;
      out += static_cast<char>(value_ >> bits_ & 0xff);
    }
  }
}

void Base64Decoder::finish() {
  is_clean_ = is_clean_ && (digits_ + padding_) % 4 == 0 && padding_ <= 2;
}

/// held_ is empty, blanks, or "=" and what follows it.
void QuotedPrintableDecoder::put(char c, std::string& out) {
  if (held_.starts_with('=')) {
    held_ += c;
    if (c == '\n') {  // a soft line break
      held_.clear();
    } else if (held_.size() == 3 && hex_digit(held_[1]) >= 0 && hex_digit(held_[2]) >= 0) {
      out += static_cast<char>(hex_digit(held_[1]) << 4 | hex_digit(held_[2]));
      held_.clear();
    } else if (const bool may_go_on = held_.size() == 2 && (hex_digit(c) >= 0 || c == '\r');
               !may_go_on) {
      is_clean_ = false;
      const std::string rest = held_.substr(1);
      held_.clear();
      out += '=';
      for (const char again : rest)
        put(again, out);
    }
    return;
  }
  if (is_blank(static_cast<std::uint8_t>(c)) && held_.size() < kMostHeldBlanks) {
    held_ += c;
    return;
  }
  if (c != '\r' && c != '\n') out += held_;
  held_.clear();
  if (c == '=') {
    held_ = c;
    return;
  }
  out += c;
}

void QuotedPrintableDecoder::feed(Bytes bytes, std::string& out) {
  for (const std::uint8_t octet : bytes)
    put(static_cast<char>(octet), out);
}

void QuotedPrintableDecoder::finish(std::string& out) {
  if (held_.starts_with('=') && held_ != "=" && held_ != "=\r") {
    is_clean_ = false;
    out += held_;
  }
  held_.clear();
}

}  // namespace sm::message
