#include "message/rewrite.h"

#include <algorithm>

#include "message/transfer.h"

namespace sm::message {
namespace {

constexpr std::string_view kField = "Content-Transfer-Encoding: ";

Unexpected refuse(std::size_t part, const std::string& why) {
  return fail(Errc::malformed, "MIME part " + std::to_string(part + 1) + " " + why);
}

/// What is known of a part beyond its own row.
struct Standing {
  bool is_sealed = false;   ///< it, or a part that it is in
  bool stays_8bit = false;  ///< octets above 127 stay in it or in a part of it
  bool is_changed = false;  ///< a part of it is encoded
};

bool needs_encoding(const Part& part) {
  return part.eight_bit > 0 || part.encoding == TransferEncoding::binary;
}

/// quoted-printable adds two octets for each that it encodes, base64 a third of all.
Edit::With choose(const Part& part) {
  const bool is_text = part.type.value.starts_with("text/");
  return is_text && part.eight_bit * 6 <= part.body.size() ? Edit::With::quoted_printable
                                                           : Edit::With::base64;
}

std::string name_of(Edit::With with) {
  return with == Edit::With::base64 ? "base64" : "quoted-printable";
}

/// The part's Content-Transfer-Encoding field, replaced or added.
void set_encoding(const Part& part, const std::string& encoding, SevenBitPlan& plan) {
  if (part.parent == Part::kNoParent) {
    plan.encoding = encoding;
    return;
  }
  const Span place = part.encoding_field.empty() ? Span{part.header.begin, part.header.begin}
                                                 : part.encoding_field;
  plan.edits.push_back({place, Edit::With::text, std::string(kField) + encoding + "\r\n"});
}

Result<void> plan_leaf(const std::vector<Part>& parts, std::size_t i, SevenBitPlan& plan) {
  const Part& part = parts[i];
  const bool is_identity = part.encoding == TransferEncoding::seven_bit ||
                           part.encoding == TransferEncoding::eight_bit ||
                           part.encoding == TransferEncoding::binary;
  if (!is_identity) return refuse(i, "has octets above 127 and says that it is encoded already");
  // RFC 2046 §5.2.2: message/partial and its like are 7-bit by definition.
  if (part.type.value.starts_with("message/")) {
    return refuse(i, "has octets above 127, and its type may not be encoded");
  }
  const auto with = choose(part);
  set_encoding(part, name_of(with), plan);
  if (!part.body.empty()) plan.edits.push_back({part.body, with, {}});
  return {};
}

/// For each part from the last to the first, so that what is inside is known first.
std::vector<Standing> stand(const std::vector<Part>& parts) {
  std::vector<Standing> standings(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto parent = parts[i].parent;
    standings[i].is_sealed =
        parts[i].is_sealed() || (parent != Part::kNoParent && standings[parent].is_sealed);
  }
  for (std::size_t i = parts.size(); i-- > 0;) {
    const Part& part = parts[i];
    auto& mine = standings[i];
    const bool can_encode = part.is_leaf() && !mine.is_sealed;
    if (part.eight_bit > 0 && !can_encode) mine.stays_8bit = true;
    mine.is_changed = mine.is_changed || (can_encode && needs_encoding(part));
    if (part.parent == Part::kNoParent) break;
    auto& outer = standings[part.parent];
    outer.stays_8bit = outer.stays_8bit || mine.stays_8bit || part.is_header_8bit;
    outer.is_changed = outer.is_changed || mine.is_changed;
  }
  return standings;
}

Result<void> append_encoded(Source& source, Edit::With with, Scratch& out) {
  QuotedPrintableEncoder quoted;
  Base64Encoder base64;
  const bool is_base64 = with == Edit::With::base64;
  std::string text;
  for (;;) {
    const auto block = source.next();
    if (!block) return fail(block.error());
    if (block->empty()) break;
    text.clear();
    is_base64 ? base64.feed(*block, text) : quoted.feed(*block, text);
    if (auto appended = out.append(text); !appended) return appended;
  }
  text.clear();
  is_base64 ? base64.finish(text) : quoted.finish(text);
  return out.append(text);
}

Result<void> append_copy(Source& source, Scratch& out) {
  for (;;) {
    const auto block = source.next();
    if (!block) return fail(block.error());
    if (block->empty()) return {};
    if (auto appended = out.append(*block); !appended) return appended;
  }
}

Result<void> append_edit(const Scratch& body, const Edit& edit, Scratch& out) {
  if (edit.with == Edit::With::text) return out.append(edit.text);
  const auto source = body.open(edit.place.begin, edit.place.end);
  if (auto appended = append_encoded(*source, edit.with, out); !appended) return appended;
  // At the end of the message no delimiter brings the line end.
  const bool needs_line_end = edit.place.end == body.size() && edit.with == Edit::With::base64;
  return needs_line_end ? out.append("\r\n") : Result<void>();
}

}  // namespace

Result<SevenBitPlan> plan_seven_bit(const std::vector<Part>& parts) {
  SevenBitPlan plan;
  const auto standings = stand(parts);
  plan.stays_8bit = standings.front().stays_8bit;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    const auto& mine = standings[i];
    if (mine.is_sealed) continue;
    if (part.is_leaf() && needs_encoding(part)) {
      if (auto planned = plan_leaf(parts, i, plan); !planned) return fail(planned.error());
    }
    // RFC 2045 §6.4: what holds other parts says 8bit only where one of them is.
    const bool says_more =
        part.encoding == TransferEncoding::eight_bit || part.encoding == TransferEncoding::binary;
    if (!part.is_leaf() && mine.is_changed && says_more) {
      set_encoding(part, mine.stays_8bit ? "8bit" : "7bit", plan);
    }
  }
  std::stable_sort(plan.edits.begin(), plan.edits.end(),
                   [](const Edit& a, const Edit& b) { return a.place.begin < b.place.begin; });
  return plan;
}

Result<void> append_edited(const Scratch& body, Span range, const std::vector<Edit>& edits,
                           Scratch& out) {
  std::uint64_t at = range.begin;
  for (const auto& edit : edits) {
    if (edit.place.begin < range.begin || edit.place.end > range.end) continue;
    if (auto copied = append_copy(*body.open(at, edit.place.begin), out); !copied) return copied;
    if (auto edited = append_edit(body, edit, out); !edited) return edited;
    at = edit.place.end;
  }
  return append_copy(*body.open(at, range.end), out);
}

}  // namespace sm::message
