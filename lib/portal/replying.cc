// Replies: a form that streams in, each file sealed as it comes; nothing of it is ever on disk in
// the clear, and nothing of it stays unless all of it was good.

#include <algorithm>

#include "base/file_name.h"
#include "base/text.h"
#include "portal/call.h"
#include "portal/multipart.h"
#include "sealing/reply.h"

namespace sm::portal {
namespace {

constexpr std::string_view kTooLarge = "message-too-large";
constexpr std::size_t kMostText = std::size_t{1} << 20;
/// What a form has beside its files.
constexpr std::uint64_t kFormRoom = std::uint64_t{4} << 20;

/// A file of the form, for sealing.
class FieldSource final : public envelope::Source {
 public:
  explicit FieldSource(MultipartReader& form) : form_(form) {}
  Result<std::size_t> read_at(std::uint64_t, std::span<std::uint8_t> into) override {
    std::size_t filled = 0;
    while (filled < into.size()) {
      auto got = form_.read(into.subspan(filled));
      if (!got) {
        has_failed_ = true;
        return got;
      }
      if (*got == 0) break;
      filled += *got;
    }
    return filled;
  }
  [[nodiscard]] bool is_positioned() const override { return false; }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return std::nullopt; }
  /// The form itself was at fault, not what became of its bytes.
  [[nodiscard]] bool has_failed() const { return has_failed_; }

 private:
  MultipartReader& form_;
  bool has_failed_ = false;
};

std::string type_of(const std::string& given) {
  const bool is_fit =
      given.size() <= 100 && std::all_of(given.begin(), given.end(), [](char c) {
        return is_alnum(c) || std::string_view("!#$&-^_.+/").find(c) != std::string_view::npos;
      });
  return is_fit && given.find('/') != given.npos ? given : std::string();
}

/// What came of a form.
struct Received {
  enum class End { sent, stale, empty, text_too_long, file_too_large, quota, malformed, failed };
  End end = End::sent;
  std::string text{};
  std::optional<Error> error{};
};

/// Reads the form and seals it as it comes. `is_ours` judges its nonce.
class Receiver {
 public:
  Receiver(sealing::Office& office, const sealing::Reading& reading,
           const std::function<bool(std::string_view)>& is_ours)
      : office_(office), reading_(reading), is_ours_(is_ours) {}

  Received receive(std::string_view content_type, ByteStream& body) {
    auto form = MultipartReader::begin(content_type, body);
    if (!form) return {Received::End::malformed};
    for (;;) {
      auto field = form->next();
      if (!field) return failure(std::move(field).error(), true);
      if (!*field) break;
      if (auto ended = take(**field, *form)) return std::move(*ended);
    }
    if (!is_trusted_) return {Received::End::stale};
    if (!has_text() && !has_files_) return {Received::End::empty};
    if (auto ended = begin()) return std::move(*ended);
    auto sent = draft_->send(as_text(nonce_.reveal()));
    if (!sent) return failure(std::move(sent).error(), false);
    reply_ = sent->value_or("");
    return {Received::End::sent};
  }
  [[nodiscard]] const std::string& reply() const { return reply_; }

 private:
  std::optional<Received> take(const FormField& field, MultipartReader& form) {
    if (field.name == "nonce") {
      auto given = form.read_all(256);
      if (!given) return failure(std::move(given).error(), true);
      is_trusted_ = is_ours_(as_text(given->reveal()));
      nonce_ = std::move(*given);
      if (!is_trusted_) return Received{Received::End::stale};
      return std::nullopt;
    }
    // Before its nonce nothing of a form is believed.
    if (!is_trusted_) return Received{Received::End::stale};
    if (field.name == "text") {
      auto given = form.read_all(kMostText);
      if (!given) {
        return given.error().code == Errc::malformed ? Received{Received::End::text_too_long}
                                                     : failure(std::move(given).error(), true);
      }
      text_ = std::move(*given);
      return std::nullopt;
    }
    if (field.name != "files" || !field.file_name) return std::nullopt;
    return attach(field, form);
  }

  std::optional<Received> attach(const FormField& field, MultipartReader& form) {
    // A browser sends a nameless, empty file where none was chosen.
    if (field.file_name->empty()) return std::nullopt;
    if (auto ended = begin()) return ended;
    FieldSource source(form);
    auto attached = draft_->attach(safe_file_name(*field.file_name), type_of(field.type), source);
    if (!attached) return failure(std::move(attached).error(), source.has_failed());
    has_files_ = true;
    return std::nullopt;
  }

  std::optional<Received> begin() {
    if (draft_) return std::nullopt;
    auto draft = sealing::ReplyDraft::begin(office_, reading_, as_text(text_.reveal()));
    if (!draft) return failure(std::move(draft).error(), false);
    draft_.emplace(std::move(*draft));
    return std::nullopt;
  }

  [[nodiscard]] bool has_text() const {
    return !trimmed(as_text(text_.reveal()), " \t\r\n").empty();
  }

  Received failure(Error error, bool is_forms) const {
    using End = Received::End;
    End end = End::failed;
    if (is_forms) {
      end = error.code == Errc::malformed ? End::malformed : End::failed;
    } else if (error.code == Errc::denied) {
      end = End::quota;
    } else if (error.code == Errc::malformed) {
      end = End::file_too_large;
    }
    return {end, {}, std::move(error)};
  }

  sealing::Office& office_;
  const sealing::Reading& reading_;
  const std::function<bool(std::string_view)>& is_ours_;
  bool is_trusted_ = false;
  bool has_files_ = false;
  Secret nonce_;
  Secret text_;
  std::optional<sealing::ReplyDraft> draft_;
  std::string reply_;

 public:
  [[nodiscard]] std::string text() const { return to_valid_utf8(as_text(text_.reveal())); }
};

}  // namespace

Answer Call::reply_form() {
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  auto& reading = std::get<Reading>(read);
  if (!reading.may_reply) return redirect(base_ + "/message");
  return reply_form(reading, {}, 200);
}

Answer Call::reply_form(const Reading& reading, View view, unsigned status) {
  const auto language = setting().language;
  const char decimal = language == "nl" ? ',' : '.';
  const auto& sealing = staff_.office().organisation(reading.org).sealing;
  view.set("sender", reading.sender_name)
      .set("file_limit",
           size_text(std::min(sealing.attachment_limit, sealing.reply_limit), decimal))
      .set("reply_limit", size_text(sealing.reply_limit, decimal))
      .set("reply_nonce", nonce("reply"));
  return show(Template::reply, std::move(view), status);
}

Answer Call::replied() {
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  const auto& reading = std::get<Reading>(read);
  if (!reading.has_replied) return redirect(base_ + "/reply");
  View view;
  view.set("sender", reading.sender_name);
  return show(Template::replied, std::move(view));
}

std::optional<Answer> Call::refuse_upload() {
  if (!token_) return unavailable();
  if (is_new_cookie_ || comes_from_elsewhere()) return stale();
  auto live = staff_.access.is_live(cookie_->id());
  if (!live) return problem(live.error());
  if (!*live) {
    auto read = this->read();
    if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  }
  auto reading = staff_.access.resume(*cookie_);
  if (!reading) return problem(reading.error());
  if (!*reading || !is_at_home((*reading)->org)) return unavailable();
  see_organisation((*reading)->org, (*reading)->language);
  const auto& sealing = staff_.office().organisation(org_).sealing;
  if (request_.content_length > sealing.reply_limit + kFormRoom) {
    auto told = sealing::tell_refused_reply(staff_.office(), **reading, kTooLarge);
    if (!told) return problem(told.error());
    View view;
    view.set("is_too_large", true)
        .set("reply_limit", size_text(sealing.reply_limit, setting().language == "nl" ? ',' : '.'));
    return show(Template::problem, std::move(view), 413);
  }
  if (!(*reading)->may_reply) return redirect(base_ + "/message");
  return std::nullopt;
}

Answer Call::take_upload(ByteStream& body) {
  auto read = this->read();
  if (auto* answer = std::get_if<Answer>(&read)) return std::move(*answer);
  auto& reading = std::get<Reading>(read);
  const auto session = reading.session;
  if (!portal_.begin_upload(session)) return portal_.refusal(503, request_);
  struct Done {
    Portal& portal;
    const crypto::Sha256& session;
    ~Done() { portal.end_upload(session); }
  } done{portal_, session};
  return receive(std::move(reading), body);
}

Answer Call::receive(Reading reading, ByteStream& body) {
  const std::function<bool(std::string_view)> judge = [this](std::string_view given) {
    return is_ours("reply", given);
  };
  Receiver receiver(staff_.office(), reading, judge);
  const auto received = receiver.receive(request_.content_type, body);
  const bool dutch = setting().language == "nl";
  View view;
  view.set("text", receiver.text());
  const auto wrong = [&](const char* field, const char* name, std::string text, unsigned status) {
    view.set("problem", text).set("problem_field", field).set(name, text);
    return reply_form(reading, std::move(view), status);
  };
  using End = Received::End;
  const bool is_large = received.end == End::text_too_long || received.end == End::file_too_large;
  if (is_large || received.end == End::quota) {
    auto told =
        sealing::tell_refused_reply(staff_.office(), reading, is_large ? kTooLarge : "quota");
    if (!told) return problem(told.error());
  }
  switch (received.end) {
    case End::sent: {
      Answer answer = redirect(base_ + "/replied");
      answer.follow_up = receiver.reply();
      return answer;
    }
    case End::stale:
      return stale();
    case End::malformed:
      return portal_.refusal(400, request_);
    case End::empty:
      return wrong("text", "text_problem",
                   dutch ? "Schrijf een antwoord, of kies een bijlage."
                         : "Write a reply, or choose an attachment.",
                   422);
    case End::text_too_long:
      return wrong("text", "text_problem",
                   dutch ? "De tekst is te lang. Stuur hem als bijlage."
                         : "The text is too long. Send it as an attachment.",
                   413);
    case End::file_too_large:
      return wrong("files", "file_problem",
                   dutch ? "Een bijlage is te groot. Kies de bijlagen opnieuw."
                         : "An attachment is too large. Choose the attachments again.",
                   413);
    case End::quota:
      return wrong("files", "file_problem",
                   dutch ? "Er is geen ruimte meer voor antwoorden op dit bericht. Kies minder "
                           "bijlagen, of neem op een andere manier contact op."
                         : "There is no more room for replies to this message. Choose fewer "
                           "attachments, or get in touch another way.",
                   413);
    case End::failed:
      return problem(*received.error);
  }
  return stale();
}

}  // namespace sm::portal
