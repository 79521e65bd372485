// Damages to headers, undone: each signed field alone, then all of them alike.

#include <algorithm>
#include <array>
#include <functional>

#include "base/text.h"
#include "dkim/explain.h"
#include "dkim/header_hash.h"

namespace sm::dkim {
namespace {

constexpr std::size_t kMostInstances = 50;  ///< of one name that are tried without
constexpr std::size_t kMostFieldShown = 200;

std::string shown_field(std::string_view raw) {
  const bool is_cut = raw.size() > kMostFieldShown;
  return printable(trimmed(message::unfolded(raw.substr(0, kMostFieldShown)), "\r\n")) +
         (is_cut ? "…" : "");
}

/// Each fold (CRLF and the white space after it) becomes `by`; where `by` is nothing, the CRLF goes
/// and the white space stays. The last CRLF stays.
std::string refolded(std::string_view raw, std::optional<std::string_view> by) {
  std::string out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const bool is_fold = raw.substr(i, 2) == "\r\n" && i + 2 < raw.size();
    if (!is_fold) {
      out += raw[i];
      continue;
    }
    ++i;
    if (!by) continue;
    while (i + 1 < raw.size() && (raw[i + 1] == ' ' || raw[i + 1] == '\t'))
      ++i;
    out += *by;
  }
  return out;
}

std::string with_value(std::string_view raw, std::string_view value) {
  return std::string(raw.substr(0, raw.find(':') + 1)).append(value).append("\r\n");
}

std::string_view value_of(std::string_view raw) {
  std::string_view value = raw.substr(raw.find(':') + 1);
  if (value.ends_with("\r\n")) value.remove_suffix(2);
  return value;
}

/// A way to write a field that servers are known to change into another.
struct Rewriting {
  std::string_view name;
  std::string (*undo)(std::string_view raw);
};
constexpr std::array kRewritings = {
    Rewriting{"unfolded", [](std::string_view raw) { return refolded(raw, {}); }},
    Rewriting{"unfolded to a space", [](std::string_view raw) { return refolded(raw, " "); }},
    Rewriting{"unfolded to nothing", [](std::string_view raw) { return refolded(raw, ""); }},
    Rewriting{"folded with a tab", [](std::string_view raw) { return refolded(raw, "\r\n\t"); }},
    Rewriting{"folded with a space", [](std::string_view raw) { return refolded(raw, "\r\n "); }},
    Rewriting{"without a blank after the colon",
              [](std::string_view raw) { return with_value(raw, trimmed(value_of(raw), " \t")); }},
    Rewriting{"with one blank after the colon",
              [](std::string_view raw) {
                return with_value(raw, " " + std::string(trimmed(value_of(raw), " \t")));
              }},
    Rewriting{"without quotation marks",
              [](std::string_view raw) {
                std::string value(value_of(raw));
                value.erase(std::remove(value.begin(), value.end(), '"'), value.end());
                return with_value(raw, value);
              }},
};

constexpr std::array<std::string_view, 6> kEncodings = {"7bit",   "8bit",   "quoted-printable",
                                                        "base64", "binary", "7BIT"};

class HeaderTrials {
 public:
  HeaderTrials(const Signature& signature, const message::HeaderIndex& header,
               const message::Field& own, const HeaderJudge& judge)
      : signature_(signature),
        fields_(header),
        own_(without_b(own.raw)),
        judge_(judge),
        header_(header) {
    names_ = signature.signed_names;
    std::sort(names_.begin(), names_.end());
    names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
  }

  std::vector<Trial> run() {
    const bool is_found = other_canonicalization() || added_field() || other_order() ||
                          refolding() || subject_prefix() || encoding() || rewritten_from();
    static_cast<void>(is_found);
    return std::move(trials_);
  }

 private:
  bool fits(const FieldsByName& fields, std::string_view own,
            std::optional<Canon> canon = {}) const {
    const std::string input = header_input(canon.value_or(signature_.canons.header),
                                           signature_.signed_names, fields, own);
    return judge_.accepts(crypto::sha256(as_bytes(input)));
  }
  /// With one field's raw text replaced, or left out.
  bool fits_with(const std::string& name, std::size_t at, std::optional<std::string_view> raw) {
    const auto original = fields_.all(name);
    auto changed = original;
    if (raw) {
      changed[at] = *raw;
    } else {
      changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(at));
    }
    fields_.replace(name, std::move(changed));
    const bool is_it = fits(fields_, own_);
    fields_.replace(name, original);
    return is_it;
  }
  void begin(std::string name) { trials_.push_back({std::move(name), std::nullopt}); }
  bool found(Cause cause) {
    trials_.back().cause = std::move(cause);
    return true;
  }

  bool other_canonicalization();
  bool added_field();
  bool other_order();
  bool refolding();
  bool refolding_of_all(const Rewriting& rewriting);
  bool subject_prefix();
  bool encoding();
  bool rewritten_from();

  const Signature& signature_;
  FieldsByName fields_;
  std::string own_;
  const HeaderJudge& judge_;
  const message::HeaderIndex& header_;
  std::vector<std::string> names_;  ///< of h=, each once
  std::vector<Trial> trials_;
};

bool HeaderTrials::other_canonicalization() {
  begin("the other canonicalization");
  const Canon own = signature_.canons.header;
  const Canon other = own == Canon::simple ? Canon::relaxed : Canon::simple;
  if (!fits(fields_, own_, other)) return false;
  return found({"wrong-canonicalization", "the header fits with \"" + std::string(text(other)) +
                                              "\" while c= says \"" + std::string(text(own)) +
                                              "\": the signer named the wrong one"});
}

bool HeaderTrials::added_field() {
  begin("each signed field that may have been added");
  for (const std::string& name : names_) {
    const auto all = fields_.all(name);
    for (std::size_t i = 0; i < std::min(all.size(), kMostInstances); ++i) {
      if (!fits_with(name, i, std::nullopt)) continue;
      const std::string count = std::to_string(all.size());
      return found({"field-added",
                    all.size() > 1 ? "a field is repeated: there are " + count + " of " + name +
                                         ", and one of them was added after signing"
                                   : "the field " + name + " was added after signing",
                    shown_field(all[i])});
    }
  }
  return false;
}

bool HeaderTrials::other_order() {
  begin("repeated fields in another order");
  for (const std::string& name : names_) {
    const auto original = fields_.all(name);
    if (original.size() < 2) continue;
    auto reversed = original;
    std::reverse(reversed.begin(), reversed.end());
    fields_.replace(name, reversed);
    const bool is_it = fits(fields_, own_);
    fields_.replace(name, original);
    if (is_it) {
      return found(
          {"field-order",
           "the signer took the " + name + " fields from the top down, or their order was changed",
           std::to_string(original.size()) + " fields"});
    }
  }
  return false;
}

bool HeaderTrials::refolding_of_all(const Rewriting& rewriting) {
  std::vector<std::string> kept;
  kept.reserve(header_.size());
  FieldsByName changed = fields_;
  for (const std::string& name : names_) {
    std::vector<std::string_view> views;
    for (const std::string_view raw : fields_.all(name)) {
      kept.push_back(rewriting.undo(raw));
      views.emplace_back(kept.back());
    }
    changed.replace(name, std::move(views));
  }
  const std::string own = rewriting.undo(own_ + "\r\n");
  const std::string_view bare = std::string_view(own).substr(0, own.size() - 2);
  if (fits(changed, own_) || fits(changed, bare)) {
    return found({"fields-refolded", "fields were written differently on the way: all of them " +
                                         std::string(rewriting.name) + " fit"});
  }
  if (fits(fields_, bare)) {
    return found({"signature-refolded",
                  "the DKIM-Signature field was written differently on the "
                  "way: " +
                      std::string(rewriting.name) + " it fits"});
  }
  return false;
}

bool HeaderTrials::refolding() {
  begin("refolded or respaced fields");
  for (const Rewriting& rewriting : kRewritings) {
    for (const std::string& name : names_) {
      const auto all = fields_.all(name);
      for (std::size_t i = 0; i < std::min(all.size(), kMostInstances); ++i) {
        const std::string raw = rewriting.undo(all[i]);
        if (raw == all[i] || !fits_with(name, i, raw)) continue;
        return found({"field-refolded",
                      "the field " + name + " was written differently on the way: " +
                          std::string(rewriting.name) + " it fits",
                      shown_field(all[i])});
      }
    }
    if (refolding_of_all(rewriting)) return true;
  }
  return false;
}

/// Mailing lists and scanners put words before the subject.
bool HeaderTrials::subject_prefix() {
  constexpr std::size_t kMostWords = 6;
  begin("words put before the subject");
  const auto all = fields_.all("subject");
  for (std::size_t i = 0; i < std::min(all.size(), kMostInstances); ++i) {
    const std::string value = message::unfolded(value_of(all[i]));
    std::size_t at = 0;
    for (std::size_t word = 0; word < kMostWords; ++word) {
      at = value.find_first_of(" ]", at);
      if (at == value.npos) break;
      ++at;
      const std::string_view rest = trimmed(std::string_view(value).substr(at), " \t");
      if (!fits_with("subject", i, with_value(all[i], " " + std::string(rest)))) continue;
      return found({"subject-prefixed", "words were put before the subject",
                    shown_field(value.substr(0, at))});
    }
  }
  return false;
}

bool HeaderTrials::encoding() {
  constexpr const char* kName = "content-transfer-encoding";
  begin("another Content-Transfer-Encoding");
  const auto all = fields_.all(kName);
  if (all.empty()) return false;
  for (const std::string_view encoding : kEncodings) {
    if (!fits_with(kName, 0, with_value(all[0], " " + std::string(encoding)))) continue;
    return found(
        {"body-reencoded",
         "a server encoded the body anew: Content-Transfer-Encoding was " + std::string(encoding),
         shown_field(all[0])});
  }
  return false;
}

/// Mailing lists put their own address into From, and keep the author's elsewhere.
bool HeaderTrials::rewritten_from() {
  begin("a rewritten From");
  const auto from = fields_.all("from");
  if (from.empty()) return false;
  for (const char* name : {"x-original-from", "reply-to", "x-from", "original-from"}) {
    for (const std::string_view raw : fields_.all(name)) {
      if (!fits_with("from", from.size() - 1, with_value(from.back(), value_of(raw)))) continue;
      return found({"from-rewritten",
                    "From was rewritten; the author stands in " + std::string(name),
                    shown_field(from.back())});
    }
  }
  return false;
}

}  // namespace

HeaderJudge::HeaderJudge(const crypto::PublicKey& key, const Signature& signature)
    : key_(&key), signature_(&signature), digest_(key.signed_digest(signature.signature)) {}

bool HeaderJudge::accepts(const crypto::Sha256& digest) const {
  if (digest_) return digest == *digest_;
  return key_->type() == crypto::KeyType::ed25519 && key_->verify(digest, signature_->signature);
}

std::vector<Trial> try_header_damages(const Signature& signature,
                                      const message::HeaderIndex& header, const message::Field& own,
                                      const HeaderJudge& judge) {
  return HeaderTrials(signature, header, own, judge).run();
}

}  // namespace sm::dkim
