#include "portal/multipart.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "message/parameters.h"

namespace sm::portal {
namespace {

Unexpected malformed(const std::string& what) {
  return fail(Errc::malformed, "the form: " + what);
}

bool is_boundary(std::string_view text) {  // RFC 2046 §5.1.1
  const auto is_char = [](char c) {
    return is_alnum(c) || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= 70 && text.back() != ' ' &&
         std::all_of(text.begin(), text.end(), is_char);
}

/// A value as browsers write it: `"` is %22, CR and LF are %0D and %0A (HTML standard, multipart
/// form data), and a backslash stands for itself.
std::optional<std::string> quoted(std::string_view& rest) {
  if (!rest.starts_with('"')) return std::nullopt;
  const auto end = rest.find('"', 1);
  if (end == rest.npos) return std::nullopt;
  std::string value(rest.substr(1, end - 1));
  rest.remove_prefix(end + 1);
  for (const auto& [from, to] :
       {std::pair<std::string_view, char>{"%22", '"'}, {"%0D", ' '}, {"%0A", ' '}}) {
    for (auto at = value.find(from); at != value.npos; at = value.find(from, at + 1))
      value.replace(at, from.size(), 1, to);
  }
  return value;
}

/// `form-data; name="…"; filename="…"`
Result<FormField> parse_disposition(std::string_view value) {
  auto rest = trimmed(value);
  if (!starts_with_ignoring_case(rest, "form-data")) return malformed("a part is no field");
  rest.remove_prefix(std::string_view("form-data").size());
  std::optional<std::string> name;
  FormField field;
  for (rest = trimmed(rest); !rest.empty(); rest = trimmed(rest)) {
    if (!rest.starts_with(';')) return malformed("a field's name cannot be read");
    rest = trimmed(rest.substr(1));
    const auto equals = rest.find('=');
    if (equals == rest.npos) return malformed("a field's name cannot be read");
    const auto key = to_lower(trimmed(rest.substr(0, equals)));
    rest.remove_prefix(equals + 1);
    auto text = quoted(rest);
    if (!text) return malformed("a field's name cannot be read");
    auto& into = key == "name" ? name : field.file_name;
    if (key != "name" && key != "filename") return malformed("a field has an unknown parameter");
    if (into) return malformed("a field has two names");
    into = std::move(*text);
  }
  if (!name) return malformed("a field has no name");
  field.name = std::move(*name);
  return field;
}

}  // namespace

Result<MultipartReader> MultipartReader::begin(std::string_view content_type, ByteStream& in) {
  auto type = message::parse_structured(content_type);
  if (!type || type->value != "multipart/form-data") return malformed("not multipart/form-data");
  const auto* boundary = type->find("boundary");
  if (boundary == nullptr || !is_boundary(*boundary)) return malformed("it has no boundary");
  return MultipartReader(*boundary, in);
}

Result<bool> MultipartReader::fill() {
  if (is_at_end_) return false;
  auto bytes = buffer_.writable();
  if (first_ > 0) {
    std::memmove(bytes.data(), bytes.data() + first_, last_ - first_);
    last_ -= first_;
    first_ = 0;
  }
  if (last_ == bytes.size()) return false;
  auto read = in_.read(bytes.subspan(last_));
  if (!read) return fail(std::move(read).error());
  last_ += *read;
  if (*read == 0) is_at_end_ = true;
  return *read > 0;
}

/// How many of the bytes held are surely the field's: up to the delimiter, or to what may be the
/// beginning of one. 0: the delimiter is next.
Result<std::size_t> MultipartReader::content_ahead() {
  for (;;) {
    const auto text = held();
    const auto found = text.find(delimiter_);
    if (found != text.npos) return found;
    if (text.size() >= delimiter_.size()) {
      // A delimiter may begin in the last bytes.
      const auto safe = text.size() - delimiter_.size() + 1;
      if (safe > 0) return safe;
    }
    auto more = fill();
    if (!more) return fail(std::move(more).error());
    if (!*more) return malformed("it ends in the middle of a field");
  }
}

Result<std::size_t> MultipartReader::read(std::span<std::uint8_t> into) {
  if (!is_in_field_ || into.empty()) return std::size_t{0};
  auto ahead = content_ahead();
  if (!ahead) return ahead;
  if (*ahead == 0) {
    is_in_field_ = false;
    return std::size_t{0};
  }
  const auto given = std::min(*ahead, into.size());
  std::memcpy(into.data(), held().data(), given);
  first_ += given;
  return given;
}

Result<std::optional<FormField>> MultipartReader::next() {
  while (is_in_field_) {
    auto ahead = content_ahead();
    if (!ahead) return fail(std::move(ahead).error());
    first_ += *ahead;
    is_in_field_ = *ahead > 0;
  }
  if (is_closed_) return std::optional<FormField>();
  // The first delimiter has no line end before it; a preamble is not allowed for.
  const std::string_view delimiter =
      is_first_ ? std::string_view(delimiter_).substr(2) : std::string_view(delimiter_);
  while (held().size() < delimiter.size() + 2) {
    auto more = fill();
    if (!more) return fail(std::move(more).error());
    if (!*more) return malformed("it ends before its end");
  }
  if (!held().starts_with(delimiter)) return malformed("it does not begin with its boundary");
  const auto after = held().substr(delimiter.size(), 2);
  first_ += delimiter.size() + 2;
  is_first_ = false;
  if (after == "--") {
    is_closed_ = true;
    return std::optional<FormField>();
  }
  if (after != "\r\n") return malformed("a boundary is no line of its own");
  if (++fields_ > kMostFields) return malformed("it has too many fields");
  auto field = read_header();
  if (!field) return fail(std::move(field).error());
  is_in_field_ = true;
  return std::optional<FormField>(std::move(*field));
}

Result<FormField> MultipartReader::read_header() {
  constexpr std::string_view kEnd = "\r\n\r\n";
  std::size_t end = 0;
  for (;;) {
    end = held().find(kEnd);
    if (end != std::string_view::npos) break;
    if (held().size() > kMostHeader) return malformed("a field's header is too long");
    auto more = fill();
    if (!more) return fail(std::move(more).error());
    if (!*more) return malformed("it ends in a field's header");
  }
  if (end > kMostHeader) return malformed("a field's header is too long");
  const std::string header(held().substr(0, end));
  first_ += end + kEnd.size();
  std::optional<FormField> field;
  std::string type;
  std::size_t at = 0;
  while (at <= header.size()) {
    const auto line_end = std::min(header.find("\r\n", at), header.size());
    const auto line = std::string_view(header).substr(at, line_end - at);
    at = line_end + 2;
    const auto colon = line.find(':');
    if (colon == line.npos) return malformed("a field's header cannot be read");
    const auto name = line.substr(0, colon);
    if (equal_ignoring_case(name, "content-disposition")) {
      if (field) return malformed("a field has two names");
      auto parsed = parse_disposition(line.substr(colon + 1));
      if (!parsed) return parsed;
      field = std::move(*parsed);
    } else if (equal_ignoring_case(name, "content-type")) {
      type = trimmed(line.substr(colon + 1));
    }
  }
  if (!field) return malformed("a field has no name");
  field->type = std::move(type);
  return std::move(*field);
}

Result<Secret> MultipartReader::read_all(std::size_t most) {
  Secret all;
  Secret block(std::size_t{4} << 10);
  for (;;) {
    auto got = read(block.writable());
    if (!got) return fail(std::move(got).error());
    if (*got == 0) return all;
    if (all.size() + *got > most) return malformed("a field is too long");
    all.append(block.reveal().first(*got));
  }
}

}  // namespace sm::portal
