#include "message/encoded_word.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include <iconv.h>

#include "base/text.h"
#include "message/octets.h"
#include "message/transfer.h"

namespace sm::message {
namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

/// An encoded word found in text, its payload decoded to bytes of its charset.
struct Word {
  std::size_t size = 0;  ///< characters in the text
  std::string charset;   ///< lower case, without a language (RFC 2231 §5)
  char encoding = 0;     ///< 'q' or 'b'
  std::string bytes;
};

/// RFC 2047 §4.2; nothing where an escape is broken.
std::optional<std::string> decode_q(std::string_view payload) {
  std::string bytes;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    if (payload[i] == '_') {
      bytes += ' ';
    } else if (payload[i] != '=') {
      bytes += payload[i];
    } else {
      const int high = i + 2 < payload.size() ? hex_digit(payload[i + 1]) : -1;
      const int low = i + 2 < payload.size() ? hex_digit(payload[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      bytes += static_cast<char>(high << 4 | low);
      i += 2;
    }
  }
  return bytes;
}

std::string decode_b(std::string_view payload) {
  std::string bytes;
  Base64Decoder decoder;
  decoder.feed(as_bytes(payload), bytes);
  return bytes;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > 32 && c < 127 && std::string_view("()<>@,;:\"/[]?=").find(c) == std::string::npos;
  });
}

/// The encoded word at the start of the text: =?charset*language?Q?payload?=
std::optional<Word> read_word(std::string_view text) {
  constexpr std::size_t kLongest = 1000;  // RFC 2047 §2 has 75; senders write more
  if (!text.starts_with("=?")) return std::nullopt;
  text = text.substr(0, kLongest);
  const auto charset_end = text.find('?', 2);
  if (charset_end == text.npos || charset_end + 2 >= text.size()) return std::nullopt;
  if (text[charset_end + 2] != '?') return std::nullopt;
  const std::size_t payload_begin = charset_end + 3;
  const auto payload_end = text.find("?=", payload_begin);
  if (payload_end == text.npos) return std::nullopt;
  const auto payload = text.substr(payload_begin, payload_end - payload_begin);
  if (payload.find_first_of("? \t") != payload.npos) return std::nullopt;
  Word word;
  const auto charset = text.substr(2, charset_end - 2);
  word.charset = to_lower(charset.substr(0, charset.find('*')));
  word.encoding = to_lower(text[charset_end + 1]);
  word.size = payload_end + 2;
  if (!is_token(word.charset)) return std::nullopt;
  if (word.encoding == 'b') {
    word.bytes = decode_b(payload);
    return word;
  }
  auto bytes = word.encoding == 'q' ? decode_q(payload) : std::nullopt;
  if (!bytes) return std::nullopt;
  word.bytes = *std::move(bytes);
  return word;
}

/// The word after white space, which counts only between two encoded words (RFC 2047 §6.2).
std::optional<Word> read_next_word(std::string_view text) {
  const auto blanks = std::min(text.find_first_not_of(kBlanks), text.size());
  auto word = read_word(text.substr(blanks));
  if (word) word->size += blanks;
  return word;
}

/// A decoded word must not bring line ends or terminal controls into a line of text.
std::string without_controls(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

class Converter {
 public:
  explicit Converter(const std::string& charset) : cd_(::iconv_open("UTF-8", charset.c_str())) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (is_known()) ::iconv_close(cd_);
  }
  [[nodiscard]] bool is_known() const {
    return cd_ != reinterpret_cast<iconv_t>(static_cast<std::intptr_t>(-1));
  }

  std::string convert(std::string bytes) {
    std::string text;
    char* from = bytes.data();
    std::size_t left = bytes.size();
    while (left > 0) {
      std::array<char, 1024> block{};
      char* to = block.data();
      std::size_t room = block.size();
      const auto done = ::iconv(cd_, &from, &left, &to, &room);
      const int error = errno;
      text.append(block.data(), block.size() - room);
      if (done != static_cast<std::size_t>(-1) || error == E2BIG) continue;
      text += kReplacement;  // EILSEQ, EINVAL: go on behind the octet that has no meaning
      ++from;
      --left;
    }
    return text;
  }

 private:
  iconv_t cd_;
};

bool is_printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 32 && c < 127; });
}

/// The first character of valid UTF-8.
std::string_view first_character(std::string_view text) {
  std::size_t size = 1;
  while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80)
    ++size;
  return text.substr(0, size);
}

/// Q as RFC 2047 §5 (3) has it for phrases, which is good everywhere.
std::string q_text(std::string_view character) {
  if (character == " ") return "_";
  if (character.size() == 1 && (is_alnum(character[0]) || character == "-")) {
    return std::string(character);
  }
  std::string text;
  for (const char c : character) {
    text += '=';
    text += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace

std::string to_utf8(std::string_view bytes, std::string_view charset) {
  if (bytes.empty()) return {};
  if (equal_ignoring_case(charset, "utf-8") || equal_ignoring_case(charset, "us-ascii")) {
    return to_valid_utf8(bytes);
  }
  // Only a plain name: iconv_open takes more ("//TRANSLIT", paths) than a sender may say.
  const bool is_name =
      charset.size() <= 40 && std::all_of(charset.begin(), charset.end(), [](char c) {
        return is_alnum(c) || c == '-' || c == '_' || c == '.' || c == ':' || c == '+';
      });
  if (charset.empty() || !is_name) return {};
  Converter converter{std::string(charset)};
  return converter.is_known() ? to_valid_utf8(converter.convert(std::string(bytes)))
                              : std::string();
}

std::string decode_words(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    const auto begin = std::min(text.find("=?"), text.size());
    decoded += text.substr(0, begin);
    text.remove_prefix(begin);
    auto word = read_word(text);
    if (!word) {
      decoded += text.substr(0, 2);
      text.remove_prefix(std::min<std::size_t>(2, text.size()));
      continue;
    }
    std::size_t size = word->size;
    for (;;) {
      const auto next = read_next_word(text.substr(size));
      if (!next || next->charset != word->charset || next->encoding != word->encoding) break;
      word->bytes += next->bytes;
      size += next->size;
    }
    auto converted = to_utf8(word->bytes, word->charset);
    const bool is_unknown = converted.empty() && !word->bytes.empty();
    decoded += is_unknown ? std::string(text.substr(0, size)) : without_controls(converted);
    text.remove_prefix(size);
    // Between two encoded words white space is not shown, whatever their charsets.
    if (const auto next = read_next_word(text); next && !is_unknown) {
      text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    }
  }
  return to_valid_utf8(decoded);
}

std::string encode_words(std::string_view text) {
  constexpr std::size_t kMostWord = 75;  // RFC 2047 §2
  constexpr std::string_view kBegin = "=?utf-8?q?";
  constexpr std::string_view kEnd = "?=";
  if (is_printable_ascii(text) && text.find("=?") == text.npos) return std::string(text);
  const std::string valid = to_valid_utf8(text);
  std::string words(kBegin);
  std::size_t word_begin = 0;
  for (std::string_view rest = valid; !rest.empty();) {
    const auto character = first_character(rest);
    rest.remove_prefix(character.size());
    const auto encoded = q_text(character);
    if (words.size() - word_begin + encoded.size() + kEnd.size() > kMostWord) {
      words += std::string(kEnd) + " ";
      word_begin = words.size();
      words += kBegin;
    }
    words += encoded;
  }
  return words + std::string(kEnd);
}

}  // namespace sm::message
