#include "dkim/signer.h"

#include <algorithm>
#include <array>

#include "base/encoding.h"
#include "base/text.h"
#include "dkim/author.h"
#include "dkim/header_hash.h"

namespace sm::dkim {
namespace {

// RFC 6376 §5.4.1 and §8.15: what a reader sees is signed once more than it is there.
constexpr std::array<std::string_view, 5> kAlwaysSigned = {"from", "reply-to", "subject", "to",
                                                           "cc"};
// The same, where there is one.
constexpr std::array<std::string_view, 8> kSignedIfPresent = {
    "sender",     "date",         "message-id",   "in-reply-to",
    "references", "mime-version", "content-type", "content-transfer-encoding"};
constexpr std::string_view kListPrefix = "list-";

constexpr std::size_t kLineWidth = 76;
constexpr std::size_t kUsualSize = 1024;  ///< of a signature's field

/// A field that grows by pieces that are never broken, folded where a line would be too long.
class FoldedField {
 public:
  explicit FoldedField(std::string_view start) : width_(start.size()) {
    text_.reserve(kUsualSize);
    text_ = start;
  }

  /// Adds a piece, after a space or a fold.
  void add(std::string_view piece) { put(" ", piece, ""); }
  /// Adds a piece and the mark behind it, right behind the piece before or after a fold.
  void join(std::string_view piece, std::string_view mark) { put("", piece, mark); }
  /// Adds text that may be broken anywhere (base64).
  void pour(std::string_view text) {
    while (!text.empty()) {
      if (width_ >= kLineWidth) fold();
      const std::size_t size = std::min(text.size(), kLineWidth - width_);
      text_ += text.substr(0, size);
      width_ += size;
      text.remove_prefix(size);
    }
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void put(std::string_view before, std::string_view piece, std::string_view after) {
    if (width_ + before.size() + piece.size() + after.size() > kLineWidth) {
      fold();
    } else {
      text_ += before;
      width_ += before.size();
    }
    text_ += piece;
    text_ += after;
    width_ += piece.size() + after.size();
  }
  void fold() {
    text_ += "\r\n ";
    width_ = 1;
  }
  std::string text_;
  std::size_t width_;
};

Unexpected misconfigured(std::string what, std::string hint = {}) {
  return fail(Errc::configuration, std::move(what), std::move(hint));
}

Result<void> check_key(const SelectedKey& selected) {
  auto selector = name::DnsName::parse(selected.selector);
  if (!selector || selected.selector.ends_with('.')) {
    return misconfigured("\"" + printable(selected.selector) + "\" is no selector",
                         "letters, digits and hyphens, such as mail2026");
  }
  const unsigned bits = selected.key->bits();
  if (selected.key->type() == crypto::KeyType::rsa &&
      (bits < kMinSignBits || bits > kMaxVerifyBits)) {
    return misconfigured("the RSA key of selector " + selected.selector + " has " +
                             std::to_string(bits) + " bits, and signing takes 2048 to 8192",
                         "smsign keygen --algorithm rsa --bits 2048 makes one");
  }
  return {};
}

Result<void> check_identity(const std::string& identity, const name::Domain& domain) {
  if (identity.empty()) return {};
  const auto at = identity.rfind('@');
  const auto parsed = name::Domain::parse(at == identity.npos ? "" : identity.substr(at + 1));
  const bool is_clean = std::all_of(identity.begin(), identity.end(), [](char c) {
    return c > 0x20 && c < 0x7f && c != ';' && c != '=' && c != '"';
  });
  if (at == identity.npos || !parsed || !is_clean || !parsed->is_at_or_under(domain)) {
    return misconfigured("the identity " + printable(identity) + " is not at or under " +
                         domain.text());
  }
  return {};
}

}  // namespace

std::vector<std::string> names_to_sign(const message::HeaderIndex& header) {
  std::vector<std::string> names;
  const auto add = [&](std::string_view name, std::size_t times) {
    for (; times > 0; --times)
      names.emplace_back(name);
  };
  for (const std::string_view name : kAlwaysSigned)
    add(name, header.count(name) + 1);
  for (const std::string_view name : kSignedIfPresent) {
    if (const std::size_t count = header.count(name); count > 0) add(name, count + 1);
  }
  std::map<std::string, std::size_t> lists;
  for (const message::Field& field : header) {
    if (starts_with_ignoring_case(field.name, kListPrefix)) ++lists[to_lower(field.name)];
  }
  for (const auto& [name, count] : lists)
    add(name, count + 1);
  return names;
}

Result<Signer> Signer::create(name::Domain domain, std::vector<SelectedKey> keys,
                              SignOptions options) {
  if (keys.empty()) return misconfigured("there is no key to sign with");
  bool has_rsa = false;
  for (const SelectedKey& key : keys) {
    if (auto checked = check_key(key); !checked) return fail(checked.error());
    has_rsa |= key.key->type() == crypto::KeyType::rsa;
  }
  // RFC 8463 §6 hopes for both; large receivers fail what has Ed25519 alone.
  if (!has_rsa) {
    return misconfigured("an Ed25519 signature alone fails at large receivers",
                         "sign with an RSA key beside it");
  }
  if (options.lifetime && options.lifetime->count() <= 0) {
    return misconfigured("a signature that has expired at once is of no use");
  }
  if (auto checked = check_identity(options.identity, domain); !checked) {
    return fail(checked.error());
  }
  return Signer(std::move(domain), std::move(keys), std::move(options));
}

Result<Signed> Signer::sign(const message::HeaderIndex& header, const crypto::Sha256& body_hash,
                            std::chrono::sys_seconds now) const {
  if (const auto author = author_domain(header); !author) return fail(author.error());
  const auto names = names_to_sign(header);
  if (names.size() > kMaxSignedNames) {
    return fail(Errc::malformed, "the header has more than 1000 fields to sign");
  }
  const std::string fields = signed_fields(options_.canons.header, names, FieldsByName(header));
  const std::string bh = to_base64(body_hash);
  const auto time = [](std::chrono::sys_seconds at) {
    return std::to_string(at.time_since_epoch().count()) + ";";
  };
  Signed made;
  for (const SelectedKey& selected : keys_) {
    const Algorithm algorithm = algorithm_of(selected.key->type());
    FoldedField field("DKIM-Signature: v=1;");
    field.add("a=" + std::string(text(algorithm)) + ";");
    field.add("c=" + options_.canons.text() + ";");
    field.add("d=" + domain_.text() + ";");
    field.add("s=" + to_lower(selected.selector) + ";");
    if (!options_.identity.empty()) field.add("i=" + options_.identity + ";");
    field.add("t=" + time(now));
    if (options_.lifetime) field.add("x=" + time(now + *options_.lifetime));
    field.add("h=" + names[0] + ":");
    for (std::size_t i = 1; i < names.size(); ++i)
      field.join(names[i], i + 1 < names.size() ? ":" : ";");
    field.add("bh=" + bh + ";");
    field.add("b=");
    const std::string own = own_field(options_.canons.header, field.text());
    const auto signature = selected.key->sign(crypto::sha256(as_bytes(fields), as_bytes(own)));
    if (!signature) return fail(signature.error(), "signing with selector " + selected.selector);
    const std::string b = to_base64(*signature);
    field.pour(b);
    made.fields += field.text() + "\r\n";
    made.evidence.push_back({domain_.text(), to_lower(selected.selector),
                             std::string(text(algorithm)), bh,
                             to_hex(crypto::sha256(as_bytes(b)))});
  }
  return made;
}

}  // namespace sm::dkim
