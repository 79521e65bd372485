#include "sealing/reply.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/random.h"
#include "message/addresses.h"
#include "message/encoded_word.h"
#include "message/header.h"
#include "message/transfer.h"
#include "sealing/errand.h"
#include "store/contact_table.h"
#include "store/sealed_table.h"

namespace sm::sealing {
namespace {

constexpr std::size_t kMostText = std::size_t{1} << 20;
constexpr std::size_t kMostAttachments = 100;
/// Each reply sends its sender mail: so many from one recipient of a message within a day.
constexpr std::int64_t kMostReplies = 50;
constexpr std::chrono::hours kReplyWindow{24};

/// Passes octets on and refuses those beyond a limit, as they come.
class LimitedSource final : public envelope::Source {
 public:
  LimitedSource(envelope::Source& in, std::uint64_t most) : in_(in), left_(most) {}
  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    auto read = in_.read_at(offset, into);
    if (!read) return read;
    if (*read > left_) {
      return fail(Errc::malformed, "an attachment is too large (message-too-large)");
    }
    left_ -= *read;
    total_ += *read;
    return read;
  }
  [[nodiscard]] bool is_positioned() const override { return false; }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return std::nullopt; }
  [[nodiscard]] std::uint64_t total() const { return total_; }

 private:
  envelope::Source& in_;
  std::uint64_t left_;
  std::uint64_t total_ = 0;
};

/// What of the original's header goes into the reply.
struct Original {
  std::string subject;
  std::string message_id;
};

Original original_of(envelope::Envelope& envelope) {
  constexpr std::size_t kMostHeader = std::size_t{1} << 18;
  const auto& parts = envelope.manifest().parts;
  if (parts.empty() || parts.front().info.role != envelope::Role::message) return {};
  auto part = envelope.part(1);
  if (!part) return {};
  std::string text(kMostHeader, '\0');
  auto read = part->read(
      0, std::span<std::uint8_t>(reinterpret_cast<std::uint8_t*>(text.data()), text.size()));
  if (!read) return {};
  text.resize(*read);
  const auto end = text.find("\r\n\r\n");
  if (end == text.npos) return {};
  text.resize(end + 2);
  const auto header = message::HeaderIndex::parse(text, message::Syntax::lenient);
  if (!header) return {};
  Original original;
  if (const auto* field = header->first("subject")) {
    original.subject = message::decode_words(message::unfolded(field->value));
  }
  if (const auto* field = header->first("message-id")) {
    original.message_id = std::string(trimmed(message::unfolded(field->value)));
  }
  return original;
}

std::string reply_subject(const std::string& subject) {
  if (starts_with_ignoring_case(subject, "re:")) return subject;
  return subject.empty() ? "Re: your secure message" : "Re: " + subject;
}

/// Lines as browsers send them become CRLF; nothing else that could end a line stays.
std::string to_crlf(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      out += "\r\n";
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else if (text[i] == '\n') {
      out += "\r\n";
    } else if (text[i] != '\0') {
      out += text[i];
    }
  }
  return out;
}

/// A name, a size: what tells two replies of one form apart beside their text.
std::string line_of(const std::string& name, std::uint64_t size) {
  return std::to_string(size) + " " + name + "\n";
}

}  // namespace

struct ReplyDraft::State {
  Office& office;
  config::Organisation organisation;
  store::SealedLink link;
  name::Mailbox sender;  ///< of the message that is answered: the reply's recipient
  std::string message_id;
  envelope::StoreDraft draft;
  audit::MessageId id = audit::MessageId::fresh();
  std::uint64_t octets = 0;
  std::int64_t files = 0;
  Secret content{};  ///< digest of the text, names and sizes of the files

  Result<void> put_mark(const std::string& mark) const {
    return store::NoteTable(*office.index)
        .put(std::string(kReplyNotes) + link.message.id + "/" + link.recipient.id + "/last", mark);
  }

  /// False where this was sent before, or is being sent.
  Result<bool> claim(std::string_view form) const {
    const auto mark = to_base64url(crypto::sha256(as_bytes(form), content.reveal()));
    const auto name =
        std::string(kReplyNotes) + link.message.id + "/" + link.recipient.id + "/last";
    bool is_first = false;
    auto done = office.index->transaction([&]() -> Result<void> {
      store::NoteTable notes(*office.index);
      auto last = notes.find(name);
      if (!last) return fail(std::move(last).error());
      is_first = *last != mark;
      return is_first ? notes.put(name, mark) : Result<void>();
    });
    if (!done) return fail(std::move(done).error());
    return is_first;
  }

  Result<void> send() {
    const auto limit = static_cast<std::int64_t>(organisation.sealing.reply_limit);
    // Side by side, several replies may each be within what is left: together they must be.
    auto within = store::SealedTable(*office.index)
                      .add_reply_octets(link.message.id, link.recipient.id,
                                        static_cast<std::int64_t>(octets), limit);
    if (!within) return fail(std::move(within).error());
    if (!*within) return fail(Errc::denied, "quota");
    const auto envelope = draft.envelope().id();
    auto done = draft.publish(std::chrono::floor<std::chrono::seconds>(office.clock->now()));
    if (!done) return done;
    done = tell();
    if (done) done = office.index->transaction([&] { return keep(envelope); });
    if (!done) (void)office.envelopes().destroy(envelope);
    return done;
  }

  /// From our own address, since it is we who send it; the replier is in Reply-To.
  Result<std::string> message_text(std::string_view text, const Original& original,
                                   const name::Mailbox& from) const {
    struct Field {
      const char* name;
      std::string value;
    };
    const auto now = std::chrono::floor<std::chrono::seconds>(office.clock->now());
    const Field fields[] = {
        {"From",
         message::address_text({link.recipient.address + " (" + organisation.name + ")", from})},
        {"Reply-To", link.recipient.address},
        {"To", sender.text()},
        {"Subject", message::encode_words(reply_subject(original.subject))},
        {"Date", mail_date(now)},
        {"Message-ID", message_id},
        {"In-Reply-To", original.message_id},
        {"References", original.message_id},
        {"MIME-Version", "1.0"},
        {"Content-Type", "text/plain; charset=utf-8"},
        {"Content-Transfer-Encoding", "quoted-printable"}};
    std::string out;
    for (const auto& field : fields) {
      if (field.value.empty()) continue;
      auto made = message::make_field(field.name, field.value);
      // A Message-ID or subject that fits no field is left out: the reply counts.
      if (made) out += *made;
    }
    message::QuotedPrintableEncoder encoder;
    std::string body;
    encoder.feed(as_bytes(to_crlf(to_valid_utf8(text))), body);
    encoder.finish(body);
    return out + "\r\n" + body + "\r\n";
  }

  Result<void> tell() {
    const auto answered = audit::MessageId::parse(link.message.id);
    const auto replier = audit::RecipientId::parse(link.recipient.id);
    if (!answered || !replier) return fail(Errc::bug, "a sealed message has no audit id");
    std::vector<audit::Record> records;
    records.emplace_back(audit::Event::replied, *answered, *replier);
    records.back()
        .outcome(audit::Outcome::success)
        .fact("reply", id.text())
        .fact("files", files)
        .fact("size", octets);
    records.emplace_back(audit::Event::sealed, id);
    records.back()
        .outcome(audit::Outcome::success)
        .fact("method", "organisation")
        .fact("escrow", true)
        .fact("files", files)
        .fact("size", octets)
        .disclose("recipient", sender.text())
        .disclose("sender", link.recipient.address)
        .disclose("message_id", message_id)
        .disclose("envelope", draft.envelope().id().text());
    return office.logs->append(organisation.id, records);
  }

  Result<void> keep(const envelope::EnvelopeId& envelope) {
    store::SealedMessage message;
    message.id = id.text();
    message.envelope = envelope.text();
    message.org = organisation.id;
    message.kind = store::SealedKind::reply;
    message.reply_to = link.message.id;
    message.reference = link.message.reference;
    message.message_id = message_id;
    message.sender = link.recipient.address;
    message.created = office.clock->now();
    message.expires = message.created + organisation.policy.longest_expiry;
    message.has_escrow = true;
    message.parts = files;
    store::SealedRecipient recipient;
    recipient.id = audit::RecipientId::fresh().text();
    recipient.address = sender.text();
    recipient.method = "none";
    store::SealedTable table(*office.index);
    auto done = table.add(message, {recipient});
    if (done) {
      done = table.advance(link.message.id, link.recipient.id, store::Progress::replied);
    }
    if (done) {
      done = add_errand(office, {.kind = Errand::reply,
                                 .organisation = &organisation,
                                 .message = message.id,
                                 .recipient = recipient.id});
    }
    return done;
  }
};

ReplyDraft::ReplyDraft(std::unique_ptr<State> state) : state_(std::move(state)) {}
ReplyDraft::ReplyDraft(ReplyDraft&&) noexcept = default;
ReplyDraft::~ReplyDraft() = default;

Result<void> tell_refused_reply(Office& office, const Reading& reading, std::string_view reason) {
  const auto answered = audit::MessageId::parse(reading.message);
  const auto replier = audit::RecipientId::parse(reading.recipient);
  if (!answered || !replier) return fail(Errc::bug, "a sealed message has no audit id");
  audit::Record record(audit::Event::replied, *answered, *replier);
  record.outcome(audit::Outcome::denied, reason);
  return office.logs->append(reading.org, record);
}

Result<ReplyDraft> ReplyDraft::begin(Office& office, const Reading& reading,
                                     std::string_view text) {
  auto organisation = office.organisation(reading.org);
  if (organisation.sealing.replies == config::Replies::off) {
    return fail(Errc::denied, "this organisation takes no replies here");
  }
  if (text.size() > kMostText) return fail(Errc::malformed, "the text is too long");
  auto link = store::SealedTable(*office.index).find_recipient(reading.message, reading.recipient);
  if (!link) return fail(std::move(link).error());
  if (!*link || !(*link)->is_live()) return fail(Errc::denied, "the message has ended");
  const auto limit = static_cast<std::int64_t>(organisation.sealing.reply_limit);
  if ((*link)->recipient.reply_octets >= limit) return fail(Errc::denied, "quota");
  const auto written = store::SealedTable(*office.index)
                           .count_replies(reading.message, (*link)->recipient.address,
                                          office.clock->now() - kReplyWindow);
  if (!written) return fail(written.error());
  if (*written >= kMostReplies) return fail(Errc::denied, "quota");
  auto sender = name::Mailbox::parse((*link)->message.sender);
  if (!sender) return fail(std::move(sender).error());
  auto from = notice_address(organisation);
  if (!from) return fail(std::move(from).error());
  auto kek = office.keys->active_kek(organisation.id);
  if (!kek) return fail(std::move(kek).error());
  auto draft = office.envelopes().begin();
  if (!draft) return fail(std::move(draft).error());
  if (auto added = draft->envelope().add_org(*kek); !added) return fail(std::move(added).error());

  const std::string message_id =
      "<" + to_base64url(crypto::random_bytes<18>()) + "@" + from->domain().text() + ">";
  auto state = std::make_unique<State>(State{office, std::move(organisation), std::move(**link),
                                             std::move(*sender), message_id, std::move(*draft)});
  auto message = state->message_text(text, original_of(*reading.envelope), *from);
  if (!message) return fail(std::move(message).error());
  envelope::MemorySource source(as_bytes(*message));
  auto part = state->draft.add_part(
      {.role = envelope::Role::message, .type = "message/rfc822", .size = message->size()}, source);
  wipe(message->data(), message->size());
  if (!part) return fail(std::move(part).error());
  state->octets = message->size();
  state->content.append(crypto::sha256(as_bytes(text)));
  return ReplyDraft(std::move(state));
}

Result<void> ReplyDraft::attach(const std::string& name, const std::string& type,
                                envelope::Source& source) {
  const auto& sealing = state_->organisation.sealing;
  if (static_cast<std::size_t>(state_->files) >= kMostAttachments) {
    return fail(Errc::denied, "quota");
  }
  const auto used =
      static_cast<std::uint64_t>(state_->link.recipient.reply_octets) + state_->octets;
  const auto left = sealing.reply_limit > used ? sealing.reply_limit - used : 0;
  LimitedSource limited(source, std::min(sealing.attachment_limit, left));
  envelope::PartInfo info{.role = envelope::Role::file};
  if (!name.empty()) info.name = name;
  if (!type.empty()) info.type = type;
  auto added = state_->draft.add_part(std::move(info), limited);
  if (!added) return fail(std::move(added).error());
  state_->octets += limited.total();
  state_->content.append(as_bytes(line_of(name, limited.total())));
  ++state_->files;
  return {};
}

Result<std::optional<std::string>> ReplyDraft::send(std::string_view form) {
  State& state = *state_;
  auto is_first = state.claim(form);
  if (!is_first) return fail(std::move(is_first).error());
  if (!*is_first) return std::optional<std::string>();
  auto sent = state.send();
  if (!sent) {
    (void)state.put_mark({});  // to be tried again
    return fail(std::move(sent).error());
  }
  return std::optional(state.id.text());
}

}  // namespace sm::sealing
