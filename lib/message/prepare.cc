#include "message/prepare.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/random.h"
#include "message/attachment.h"
#include "message/mime.h"
#include "message/octets.h"
#include "message/rewrite.h"

namespace sm::message {
namespace {

constexpr std::string_view kEncoding = "Content-Transfer-Encoding";

/// The header, the empty line and the body, one after the other.
class WholeSource final : public Source {
 public:
  WholeSource(std::string_view header, std::unique_ptr<Source> body)
      : header_(read_memory(header)), body_(std::move(body)) {}

  Result<Bytes> next() override {
    if (place_ == Place::header) {
      auto block = header_->next();
      if (!block || !block->empty()) return block;
      place_ = Place::body;
      return as_bytes("\r\n");
    }
    return body_->next();
  }

 private:
  enum class Place { header, body };
  std::unique_ptr<Source> header_;
  std::unique_ptr<Source> body_;
  Place place_ = Place::header;
};

/// Names in the h= tags of all DKIM signatures (RFC 6376 §3.5), lower case. Adding a field of any
/// other name breaks none of them.
std::set<std::string> signed_names(const HeaderIndex& header) {
  std::set<std::string> names;
  for (const auto& field : header) {
    if (!field.is("DKIM-Signature")) continue;
    const std::string value = unfolded(field.value);
    for (const auto tag : split(value, ';')) {
      const auto equals = tag.find('=');
      if (equals == tag.npos || trimmed(tag.substr(0, equals)) != "h") continue;
      for (const auto name : split(tag.substr(equals + 1), ':'))
        names.insert(to_lower(trimmed(name)));
    }
  }
  return names;
}

/// The topmost block of Resent-* fields (RFC 5322 §3.6.6): it ends where one of them comes again or
/// a Received field stands between.
std::vector<const Field*> topmost_resent_block(const HeaderIndex& header) {
  std::vector<const Field*> block;
  std::set<std::string> seen;
  for (const auto& field : header) {
    if (field.is("Received") && !block.empty()) break;
    if (!starts_with_ignoring_case(field.name, "Resent-")) continue;
    if (!seen.insert(to_lower(field.name)).second) break;
    block.push_back(&field);
  }
  return block;
}

std::vector<const Field*> recipient_fields(const HeaderIndex& header) {
  std::vector<const Field*> fields;
  for (const auto* field : topmost_resent_block(header)) {
    if (field->is("Resent-To") || field->is("Resent-Cc")) fields.push_back(field);
  }
  if (!fields.empty()) return fields;
  for (const auto& field : header) {
    if (field.is("To") || field.is("Cc")) fields.push_back(&field);
  }
  return fields;
}

Result<std::vector<name::Mailbox>> recipients_of(const HeaderIndex& header) {
  std::vector<name::Mailbox> recipients;
  std::set<name::Mailbox> seen;
  for (const auto* field : recipient_fields(header)) {
    const auto list = parse_address_list(field->value);
    if (!list) return fail(list.error(), std::string(field->name));
    for (const auto& address : list->addresses) {
      if (seen.insert(address.mailbox).second) recipients.push_back(address.mailbox);
    }
  }
  return recipients;
}

std::string new_boundary() {
  // "=_" stands in neither quoted-printable nor base64 (RFC 2045 §6.7); 128 bits are in no text.
  return "=_" + to_hex(crypto::random_bytes<16>());
}

bool has_8bit_header(const std::vector<Part>& parts) {
  return std::any_of(parts.begin(), parts.end(), [](const Part& p) { return p.is_header_8bit; });
}

/// Fields whose value is addresses (RFC 5322 §3.6.2, §3.6.3, §3.6.6).
bool names_people(const Field& field) {
  constexpr std::array<std::string_view, 9> kNames = {
      "From",        "Sender",        "Reply-To",  "To",       "Cc",
      "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc"};
  return std::any_of(kNames.begin(), kNames.end(), [&](auto name) { return field.is(name); });
}

bool is_content_field(const Field& field) {
  return starts_with_ignoring_case(field.name, "Content-");
}

}  // namespace

/// One message on its way from read to prepared.
class Preparation {
 public:
  Preparation(Message message, const PrepareOptions& options)
      : message_(std::move(message)), options_(options) {}

  Result<PreparedMessage> run();

 private:
  [[nodiscard]] const HeaderIndex& header() const { return message_.header(); }
  [[nodiscard]] bool may_add(const std::string& lower_name) const {
    return !signed_names_.contains(lower_name);
  }
  [[nodiscard]] bool lacks(std::string_view name) const { return header().count(name) == 0; }

  Result<void> complete_names();
  Result<void> refuse_what_hides() const;
  Result<void> find_author();
  Result<void> find_message_id();
  [[nodiscard]] bool is_sealed() const;
  Result<void> prepare_body();
  void keep_body();
  Result<void> keep_sealed_body();
  Result<void> compose(const std::vector<Part>& parts, const SevenBitPlan& plan);
  Result<void> append_to_mixed(const std::vector<Part>& parts, const SevenBitPlan& plan,
                               Scratch& out);
  Result<void> wrap_in_mixed(const SevenBitPlan& plan, Scratch& out);
  static std::string text_of(const Field& field, const SevenBitPlan& plan);
  [[nodiscard]] std::string missing_content_fields(const SevenBitPlan& plan) const;
  [[nodiscard]] std::string content_fields(const SevenBitPlan& plan) const;
  void take_header(const SevenBitPlan& plan, bool is_wrapped);
  Result<PreparedMessage> finish();

  Message message_;
  const PrepareOptions& options_;
  std::set<std::string> signed_names_;
  std::string header_bytes_;  ///< the fields that came, as they will be sent
  std::string added_;         ///< fields that are added, after them
  PreparedMessage prepared_;
};

/// What is no address list at all stays as it is, and is judged where it matters.
Result<void> Preparation::complete_names() {
  if (!options_.name_domain || is_sealed()) return {};
  std::string whole;
  for (const auto& field : header()) {
    const auto completed = names_people(field)
                               ? complete_address_list(field.value, *options_.name_domain)
                               : Result<Completed>(Completed{});
    if (!completed || completed->names.empty()) {
      whole += field.raw;
      continue;
    }
    whole += std::string(field.name) + ":" + completed->value + "\r\n";
    prepared_.names_.insert(completed->names.begin(), completed->names.end());
  }
  if (prepared_.names_.empty()) return {};
  auto bytes = std::make_unique<std::string>(std::move(whole));
  auto index = HeaderIndex::parse(*bytes);
  if (!index) return fail(std::move(index).error());
  message_.header_bytes_ = std::move(bytes);
  message_.header_ = *std::move(index);
  return {};
}

Result<void> Preparation::refuse_what_hides() const {
  if (!hides_recipients(header())) return {};
  return fail(Errc::malformed, "the message has a Bcc field",
              "recipients may not be hidden: send each a separate message");
}

/// RFC 5322 §3.6.2, and RFC 7489 §6.6.1: the one whom the recipient sees is exactly one.
Result<void> Preparation::find_author() {
  const auto count = header().count("From");
  if (count > 1) return fail(Errc::malformed, "the message has several From fields");
  if (count == 0) {
    if (!options_.author || !may_add("from")) {
      return fail(Errc::malformed, "the message has no From field",
                  "say who sends it in a From field or with -f");
    }
    const auto& display_name = options_.author->display_name;
    if (display_name.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
      return fail(Errc::malformed, "the sender's name has a line end or a NUL");
    }
    auto field = make_field("From", address_text(*options_.author));
    if (!field) return fail(std::move(field).error());
    added_ += *field;
    prepared_.from_ = {*options_.author};
    return {};
  }
  auto list = parse_address_list(header().first("From")->value);
  if (!list) return fail(std::move(list).error(), "From");
  if (list->groups > 0) return fail(Errc::malformed, "From names a group");
  if (list->addresses.size() != 1) {
    return fail(Errc::malformed, "From must name exactly one address");
  }
  prepared_.from_ = std::move(list->addresses);
  return {};
}

Result<void> Preparation::find_message_id() {
  const auto count = header().count("Message-ID");
  if (count > 1) return fail(Errc::malformed, "the message has several Message-ID fields");
  if (count == 1) {
    prepared_.message_id_ = unfolded(header().first("Message-ID")->value);
    if (!prepared_.message_id_.empty()) return {};
    return fail(Errc::malformed, "the Message-ID field is empty");
  }
  if (!may_add("message-id")) return {};
  prepared_.message_id_ = options_.message_id.empty()
                              ? fresh_message_id(prepared_.from().mailbox.domain())
                              : options_.message_id;
  added_ += "Message-ID: " + prepared_.message_id_ + "\r\n";
  return {};
}

/// The message as a whole may not be altered: it came signed or encrypted.
bool Preparation::is_sealed() const {
  if (prepared_.was_signed_) return true;
  const auto* field = header().first("Content-Type");
  if (field == nullptr) return false;
  const auto type = parse_structured(field->value);
  return type && is_sealed_type(type->value);
}

Result<void> Preparation::prepare_body() {
  if (is_sealed()) return keep_sealed_body();
  if (!message_.body_facts().is_8bit && options_.attachments.empty()) {
    keep_body();
    return {};
  }
  const auto parts = scan_mime(header(), *message_.body().open());
  if (!parts) return fail(parts.error());
  const auto plan = plan_seven_bit(*parts);
  if (!plan) return fail(plan.error());
  prepared_.needs_smtputf8_ = has_8bit_header(*parts);
  prepared_.is_8bit_ = plan->stays_8bit;
  return compose(*parts, *plan);
}

void Preparation::keep_body() {
  take_header({}, false);
  prepared_.body_ = std::move(message_.body_);
}

/// RFC 6376 §5.3 cannot be followed: it goes as it is, where the server takes 8-bit octets.
Result<void> Preparation::keep_sealed_body() {
  if (!options_.attachments.empty()) {
    return fail(Errc::malformed,
                "nothing can be attached to a message that is already signed or encrypted");
  }
  prepared_.is_8bit_ = message_.body_facts().is_8bit;
  if (prepared_.is_8bit_) {
    const auto parts = scan_mime(header(), *message_.body().open());
    // A structure that cannot be read is not ours to judge here: nothing is changed.
    if (!parts && parts.error().code != Errc::malformed) return fail(parts.error());
    prepared_.needs_smtputf8_ = parts && has_8bit_header(*parts);
  }
  keep_body();
  return {};
}

Result<void> Preparation::compose(const std::vector<Part>& parts, const SevenBitPlan& plan) {
  const Span all{0, message_.body().size()};
  const bool is_mixed = parts.front().type.value == "multipart/mixed";
  const bool is_wrapped = !options_.attachments.empty() && !is_mixed;
  Scratch out(options_.space);
  auto appended = is_wrapped ? wrap_in_mixed(plan, out)
                  : !options_.attachments.empty()
                      ? append_to_mixed(parts, plan, out)
                      : append_edited(message_.body(), all, plan.edits, out);
  if (!appended) return appended;
  if (auto finished = out.finish(); !finished) return finished;
  if (!is_wrapped) take_header(plan, false);
  prepared_.body_ = std::move(out);
  return {};
}

/// New parts go before the closing delimiter (RFC 2046 §5.1.1); where that is missing, it is added.
Result<void> Preparation::append_to_mixed(const std::vector<Part>& parts, const SevenBitPlan& plan,
                                          Scratch& out) {
  const Part& mixed = parts.front();
  const auto size = message_.body().size();
  const auto boundary = *mixed.type.find("boundary");
  const bool is_closed = mixed.close != Part::kNotClosed;
  const auto close = is_closed ? mixed.close : size;
  auto done = append_edited(message_.body(), {0, close}, plan.edits, out);
  if (done) done = append_attachments(options_.attachments, boundary, out);
  if (done && !is_closed) done = out.append("--" + boundary + "--\r\n");
  return done ? append_edited(message_.body(), {close, size}, plan.edits, out) : done;
}

/// The message that was becomes the first part, its Content-* fields with it.
Result<void> Preparation::wrap_in_mixed(const SevenBitPlan& plan, Scratch& out) {
  const auto boundary = new_boundary();
  const Span all{0, message_.body().size()};
  take_header(plan, true);
  added_ += "Content-Type: multipart/mixed;\r\n boundary=\"" + boundary + "\"\r\n";
  auto done = out.append("--" + boundary + "\r\n" + content_fields(plan) + "\r\n");
  if (done) done = append_edited(message_.body(), all, plan.edits, out);
  if (done) done = out.append("\r\n");  // belongs to the delimiter
  if (done) done = append_attachments(options_.attachments, boundary, out);
  return done ? out.append("--" + boundary + "--\r\n") : done;
}

/// A field as it will be sent.
std::string Preparation::text_of(const Field& field, const SevenBitPlan& plan) {
  if (!plan.encoding || !field.is(kEncoding)) return std::string(field.raw);
  return std::string(kEncoding) + ": " + *plan.encoding + "\r\n";
}

/// What the message does not say of its content: a charset (RFC 2046 §4.1.2; RFC 1428 for octets of
/// which nothing is known), an encoding that is new.
std::string Preparation::missing_content_fields(const SevenBitPlan& plan) const {
  std::string fields;
  if (lacks("Content-Type")) {
    const auto& facts = message_.body_facts();
    const auto* charset = !facts.is_8bit ? "us-ascii" : facts.is_utf8 ? "utf-8" : "unknown-8bit";
    fields += std::string("Content-Type: text/plain; charset=") + charset + "\r\n";
  }
  if (plan.encoding && lacks(kEncoding)) {
    fields += std::string(kEncoding) + ": " + *plan.encoding + "\r\n";
  }
  return fields;
}

/// The Content-* fields, for the first part of a message that is wrapped.
std::string Preparation::content_fields(const SevenBitPlan& plan) const {
  std::string fields;
  for (const auto& field : header()) {
    if (is_content_field(field)) fields += text_of(field, plan);
  }
  return fields + missing_content_fields(plan);
}

/// The message's own fields; without those of its content where it is wrapped.
void Preparation::take_header(const SevenBitPlan& plan, bool is_wrapped) {
  for (const auto& field : header()) {
    if (!is_wrapped || !is_content_field(field)) header_bytes_ += text_of(field, plan);
  }
  if (!is_wrapped && !plan.encoding) return;
  if (lacks("MIME-Version")) added_ += "MIME-Version: 1.0\r\n";
  if (!is_wrapped) added_ += missing_content_fields(plan);
}

Result<PreparedMessage> Preparation::finish() {
  prepared_.header_bytes_ = std::make_unique<std::string>(header_bytes_ + added_);
  auto index = HeaderIndex::parse(*prepared_.header_bytes_);
  if (!index) return fail(std::move(index).error());
  prepared_.header_ = *std::move(index);
  const bool has_utf8_header = has_8bit(*prepared_.header_bytes_);
  prepared_.needs_smtputf8_ = prepared_.needs_smtputf8_ || has_utf8_header;
  prepared_.is_8bit_ = prepared_.is_8bit_ || has_utf8_header;
  return std::move(prepared_);
}

Result<PreparedMessage> Preparation::run() {
  prepared_.was_signed_ = !lacks("DKIM-Signature");
  signed_names_ = signed_names(header());
  if (auto completed = complete_names(); !completed) return fail(completed.error());
  if (auto checked = refuse_what_hides(); !checked) return fail(checked.error());
  if (auto found = find_author(); !found) return fail(found.error());
  if (options_.takes_recipients) {
    auto recipients = recipients_of(header());
    if (!recipients) return fail(std::move(recipients).error());
    prepared_.recipients_ = *std::move(recipients);
  }
  if (lacks("Date") && may_add("date")) {
    const auto now = std::chrono::floor<std::chrono::seconds>(options_.clock->now());
    added_ += "Date: " + mail_date(now) + "\r\n";
  }
  if (auto found = find_message_id(); !found) return fail(found.error());
  if (auto done = prepare_body(); !done) return fail(done.error());
  return finish();
}

bool hides_recipients(const HeaderIndex& header) {
  return header.count("Bcc") > 0 || header.count("Resent-Bcc") > 0;
}

std::unique_ptr<Source> PreparedMessage::open() const {
  return std::make_unique<WholeSource>(*header_bytes_, body_.open());
}

std::unique_ptr<Source> PreparedMessage::open_body() const {
  return body_.open();
}

Result<void> PreparedMessage::prepend_field(std::string_view field) {
  auto bytes = std::make_unique<std::string>(field);
  bytes->append(*header_bytes_);
  const auto added = HeaderIndex::parse(field);
  if (!added) return fail(added.error());
  auto index = HeaderIndex::parse(*bytes);
  if (!index) return fail(std::move(index).error());
  header_bytes_ = std::move(bytes);
  header_ = *std::move(index);
  return {};
}

std::string fresh_message_id(const name::Domain& domain) {
  return "<" + to_hex(crypto::random_bytes<16>()) + "@" + domain.text() + ">";
}

Result<PreparedMessage> prepare(Message message, const PrepareOptions& options) {
  return Preparation(std::move(message), options).run();
}

}  // namespace sm::message
