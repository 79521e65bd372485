// Damages to bodies, undone. Whole-body damages change every line alike; insertions are found by
// leaving lines out.

#include <algorithm>

#include "base/text.h"
#include "dkim/explain.h"

namespace sm::dkim {
namespace {

/// Octets that may be hashed in looking for insertions: about a second and a half.
constexpr std::uint64_t kBudget = 2'000'000'000;
constexpr std::size_t kMostBlock = 80;       ///< lines that a footer or banner may have
constexpr std::size_t kMostDelimiters = 24;  ///< places before which a footer is looked for
constexpr std::size_t kMostShown = 200;

class Gather final : public ByteSink {
 public:
  void write(Bytes bytes) override { text += as_text(bytes); }
  std::string text;
};

std::string replaced(std::string_view text, std::string_view what, std::string_view by) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0;;) {
    const auto found = text.find(what, at);
    out += text.substr(at, found - at);
    if (found == text.npos) return out;
    out += by;
    at = found + what.size();
  }
}

/// Applies `change` to each line, without its CRLF.
template <class Change>
std::string each_line(std::string_view body, Change change) {
  std::string out;
  while (!body.empty()) {
    const auto end = std::min(body.find("\r\n"), body.size());
    out += change(body.substr(0, end));
    if (end < body.size()) out += "\r\n";
    body.remove_prefix(std::min(end + 2, body.size()));
  }
  return out;
}

/// Postfix and others break a line at 998 octets or less by CRLF and a space.
std::string long_lines_joined(std::string_view body) {
  constexpr std::size_t kLeast = 980;
  std::string out;
  std::size_t width = 0;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const bool is_break = body.substr(i, 3) == "\r\n ";
    if (is_break && width >= kLeast && width <= message::HeaderIndex::kMaxLine) {
      i += 2;
      width = 0;
      continue;
    }
    width = body[i] == '\n' ? 0 : width + 1;
    out += body[i];
  }
  return out;
}

std::string shown(std::string_view text) {
  const bool is_cut = text.size() > kMostShown;
  return "\"" + printable(trimmed(text.substr(0, kMostShown), "\r\n")) + (is_cut ? "…\"" : "\"");
}

class BodyTrials {
 public:
  BodyTrials(const Signature& signature, std::string_view body)
      : signature_(signature), body_(body) {}

  std::vector<Trial> run() {
    whole_body() || without_lines();
    return std::move(trials_);
  }

 private:
  bool whole_body();
  bool without_lines();
  bool footer();
  bool insertion_before_delimiter();
  bool banner();

  /// The hash with which the signature's canonicalization (or another) sees a body.
  bool fits(std::string_view body, std::optional<Canon> canon = {}) const {
    BodyHasher hasher(canon.value_or(signature_.canons.body), signature_.length);
    hasher.update(as_bytes(body));
    return hasher.finish() == signature_.body_hash;
  }
  bool fits_bytes(std::string_view canonical) const {
    return crypto::sha256(as_bytes(canonical)) == signature_.body_hash;
  }
  /// Notes the trial; true when it was the one.
  bool note(std::string name, bool is_it, Cause cause) {
    trials_.push_back({std::move(name), std::nullopt});
    if (is_it) trials_.back().cause = std::move(cause);
    return is_it;
  }

  void index_canonical_lines();
  [[nodiscard]] std::string_view from_line(std::size_t line) const {
    return std::string_view(canonical_).substr(line_starts_[line]);
  }
  [[nodiscard]] std::string_view lines(std::size_t begin, std::size_t end) const {
    return std::string_view(canonical_)
        .substr(line_starts_[begin], line_starts_[end] - line_starts_[begin]);
  }
  [[nodiscard]] std::size_t line_count() const { return line_starts_.size() - 1; }
  /// Whether the canonical body without lines [begin, end) has the hash.
  bool fits_without(const crypto::Sha256Stream& before, std::size_t end) {
    crypto::Sha256Stream whole = before.clone();
    const std::string_view rest = from_line(end);
    spent_ += rest.size();
    whole.update(as_bytes(rest));
    return whole.finish() == signature_.body_hash;
  }
  [[nodiscard]] Cause insertion(std::string code, std::string what, std::size_t begin,
                                std::size_t end) const {
    const std::string_view text = lines(begin, end);
    return {std::move(code),
            what + ": " + std::to_string(end - begin) + " lines, " + std::to_string(text.size()) +
                " octets, from line " + std::to_string(begin + 1) + " of the body on",
            shown(text)};
  }

  const Signature& signature_;
  std::string_view body_;
  std::vector<Trial> trials_;
  std::string canonical_;
  std::vector<std::size_t> line_starts_;  ///< and the end, as one more
  std::uint64_t spent_ = 0;
};

bool BodyTrials::whole_body() {
  const Canon own = signature_.canons.body;
  const Canon other = own == Canon::simple ? Canon::relaxed : Canon::simple;
  if (note("the other canonicalization", fits(body_, other),
           {"white-space-changed",
            "the body fits with \"" + std::string(text(other)) + "\" while c= says \"" +
                std::string(text(own)) +
                "\": white space was changed on the way, or the signer named the wrong one"})) {
    return true;
  }
  Gather gather;
  BodyCanonicalizer canonicalizer(own);
  canonicalizer.update(as_bytes(body_), gather);
  canonicalizer.finish(gather);
  canonical_ = std::move(gather.text);
  const std::string lf = replaced(canonical_, "\r\n", "\n");
  if (note("CRCRLF line ends", fits(replaced(body_, "\r\r\n", "\r\n")),
           {"line-ends-cr-added", "a CR was added before each line end (CR CR LF)"}) ||
      note("LF line ends", fits_bytes(lf) || fits_bytes(replaced(body_, "\r\n", "\n")),
           {"line-ends-lf", "the signer hashed lines that end in LF, not CRLF"}) ||
      note("bare CRs as line ends", fits(replaced(replaced(body_, "\r\n", "\r"), "\r", "\r\n")),
           {"line-ends-cr", "line ends have become bare CRs"})) {
    return true;
  }
  std::string_view bare = canonical_;
  while (bare.ends_with("\r\n"))
    bare.remove_suffix(2);
  if (note("no last line end", fits_bytes(bare),
           {"last-line-end-missing",
            "the signer hashed the body without the CRLF at its end, which must be there"})) {
    return true;
  }
  std::string kept = canonical_;
  std::size_t blank_ends = 0;
  for (std::string_view rest = body_; rest.ends_with("\r\n"); rest.remove_suffix(2))
    ++blank_ends;
  bool is_kept = false;
  for (std::size_t i = 0; i < std::max<std::size_t>(blank_ends, 2) && i < 100 && !is_kept; ++i) {
    kept += "\r\n";
    is_kept = fits_bytes(kept);
  }
  if (note("empty lines at the end", is_kept,
           {"last-empty-lines-kept",
            "the signer hashed empty lines at the end, which must be left out"})) {
    return true;
  }
  const auto unstuffed = [](std::string_view line) {
    return line.starts_with("..") ? line.substr(1) : line;
  };
  const auto stuffed = [](std::string_view line) {
    return line.starts_with('.') ? "." + std::string(line) : std::string(line);
  };
  const auto unquoted = [](std::string_view line) {
    const auto quotes = line.find_first_not_of('>');
    const bool is_quoted =
        quotes != 0 && quotes != line.npos && line.substr(quotes).starts_with("From ");
    return is_quoted ? line.substr(1) : line;
  };
  const auto quoted = [](std::string_view line) {
    return line.starts_with("From ") ? ">" + std::string(line) : std::string(line);
  };
  return note("dot-stuffing left in", fits(each_line(body_, unstuffed)),
              {"dot-stuffing-left-in",
               "lines that begin with a dot have one dot too many: SMTP's dot-stuffing was not "
               "undone"}) ||
         note("dot-stuffing signed", fits(each_line(body_, stuffed)),
              {"dot-stuffing-signed",
               "the signer hashed the lines with SMTP's dot-stuffing, which is no part of a "
               "message"}) ||
         note("\">From \" quoting", fits(each_line(body_, unquoted)),
              {"mbox-from-quoted", "\"From \" at the start of a line was made \">From \""}) ||
         note("\">From \" unquoting", fits(each_line(body_, quoted)),
              {"mbox-from-unquoted", "\">From \" at the start of a line was made \"From \""}) ||
         note("broken long lines", fits(long_lines_joined(body_)),
              {"long-lines-broken", "a server broke lines that are longer than 998 octets"});
}

void BodyTrials::index_canonical_lines() {
  line_starts_ = {0};
  for (auto at = canonical_.find("\r\n"); at != canonical_.npos;
       at = canonical_.find("\r\n", at + 2)) {
    line_starts_.push_back(at + 2);
  }
  if (line_starts_.back() != canonical_.size()) line_starts_.push_back(canonical_.size());
}

bool BodyTrials::without_lines() {
  if (signature_.length) return false;  // what l= leaves out needs no explanation
  index_canonical_lines();
  return footer() || insertion_before_delimiter() || banner();
}

/// Text after the end: some beginning of the body, without empty lines at its end, has the hash.
bool BodyTrials::footer() {
  crypto::Sha256Stream hash;
  std::size_t hashed = 0;
  const bool is_empty = fits_bytes(signature_.canons.body == Canon::simple ? "\r\n" : "");
  if (note(
          "an appended footer", is_empty,
          insertion("footer-appended", "the body was empty when it was signed", 0, line_count()))) {
    return true;
  }
  for (std::size_t line = 0; line + 1 < line_count(); ++line) {
    if (lines(line, line + 1) == "\r\n") continue;
    const std::size_t end = line_starts_[line + 1];
    hash.update(as_bytes(std::string_view(canonical_).substr(hashed, end - hashed)));
    hashed = end;
    if (!(hash.peek() == signature_.body_hash)) continue;
    trials_.back().cause =
        insertion("footer-appended", "text was appended to the body", line + 1, line_count());
    return true;
  }
  return false;
}

/// Text at the end of a MIME part, or a part of its own before the last delimiter.
bool BodyTrials::insertion_before_delimiter() {
  std::vector<std::size_t> delimiters;
  for (std::size_t line = line_count(); line-- > 0 && delimiters.size() < kMostDelimiters;) {
    const std::string_view text = lines(line, line + 1);
    if (text.starts_with("--") && text.size() > 4) delimiters.push_back(line);
  }
  const std::string name = "a footer inside a MIME part";
  for (const std::size_t end : delimiters) {
    const std::size_t first = end > kMostBlock ? end - kMostBlock : 0;
    crypto::Sha256Stream before;
    before.update(as_bytes(lines(0, first)));
    spent_ += line_starts_[first];
    for (std::size_t begin = first; begin < end; ++begin) {
      if (spent_ > kBudget) return note(name + " (not everywhere: the body is large)", false, {});
      if (fits_without(before, end)) {
        return note(name, true,
                    insertion("footer-in-part", "text was put into a MIME part", begin, end));
      }
      before.update(as_bytes(lines(begin, begin + 1)));
    }
  }
  return note(name, false, {});
}

/// Text near the beginning: "this message came from outside".
bool BodyTrials::banner() {
  const std::string name = "a banner near the beginning";
  crypto::Sha256Stream before;
  for (std::size_t begin = 0; begin < std::min(kMostBlock, line_count()); ++begin) {
    const std::size_t last = std::min(begin + kMostBlock, line_count());
    for (std::size_t end = begin + 1; end <= last; ++end) {
      if (spent_ > kBudget) return note(name + " (not everywhere: the body is large)", false, {});
      if (fits_without(before, end)) {
        return note(name, true,
                    insertion("banner-inserted", "text was put into the body", begin, end));
      }
    }
    before.update(as_bytes(lines(begin, begin + 1)));
  }
  return note(name, false, {});
}

}  // namespace

std::vector<Trial> try_body_damages(const Signature& signature, std::string_view body) {
  return BodyTrials(signature, body).run();
}

}  // namespace sm::dkim
