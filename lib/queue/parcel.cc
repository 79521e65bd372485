#include "queue/parcel.h"

#include <algorithm>
#include <variant>

#include "base/text.h"

namespace sm::queue {
namespace {

constexpr std::size_t kMessagePart = 1;
constexpr std::size_t kTicketPart = 2;
constexpr std::size_t kPasswordPart = 3;
constexpr std::string_view kMessageType = "message/rfc822";
constexpr std::string_view kTicketType = "application/json";
constexpr std::string_view kPasswordType = "text/plain";
constexpr std::size_t kMostPassword = 1024;

/// A message's blocks for whoever seals them.
class MessageIn final : public envelope::Source {
 public:
  explicit MessageIn(const message::PreparedMessage& message)
      : source_(message.open()), size_(message.size()) {}

  Result<std::size_t> read_at(std::uint64_t, std::span<std::uint8_t> into) override {
    std::size_t filled = 0;
    while (filled < into.size()) {
      if (left_.empty()) {
        auto block = source_->next();
        if (!block) return fail(std::move(block).error());
        if (block->empty()) break;
        left_ = *block;
      }
      const auto piece = left_.first(std::min(left_.size(), into.size() - filled));
      std::copy(piece.begin(), piece.end(), into.begin() + static_cast<std::ptrdiff_t>(filled));
      left_ = left_.subspan(piece.size());
      filled += piece.size();
    }
    return filled;
  }
  [[nodiscard]] bool is_positioned() const override { return false; }
  [[nodiscard]] std::optional<std::uint64_t> size() const override { return size_; }

 private:
  std::unique_ptr<message::Source> source_;
  std::uint64_t size_;
  Bytes left_;
};

/// A part's plaintext, block by block.
class PartOut final : public message::Source {
 public:
  explicit PartOut(envelope::OpenPart part) : part_(std::move(part)), block_(kBlock) {}
  Result<Bytes> next() override {
    auto read = part_.read(offset_, block_.writable());
    if (!read) return fail(std::move(read).error());
    offset_ += *read;
    return block_.reveal().first(*read);
  }

 private:
  static constexpr std::size_t kBlock = 65536;
  envelope::OpenPart part_;
  Secret block_;
  std::uint64_t offset_ = 0;
};

Unexpected no_parcel(const std::string& why) {
  return fail(Errc::malformed, "this is no queued message: " + why);
}

Result<void> check_shape(const envelope::Manifest& manifest, const Parcel::Limits& limits) {
  struct Expected {
    envelope::Role role;
    std::string_view type;
    std::uint64_t most;
  };
  const Expected expected[] = {{envelope::Role::message, kMessageType, limits.message},
                               {envelope::Role::file, kTicketType, Ticket::kMostText},
                               {envelope::Role::file, kPasswordType, kMostPassword}};
  const auto& parts = manifest.parts;
  if (parts.size() != 2 && parts.size() != 3) return no_parcel("it has other parts");
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto& info = parts[i].info;
    if (info.role != expected[i].role || info.type != expected[i].type || !info.size) {
      return no_parcel("it has other parts");
    }
    if (*info.size > expected[i].most) return no_parcel("message-too-large");
  }
  return {};
}

Result<Secret> read_part(envelope::Envelope& envelope, std::size_t n, std::size_t most) {
  auto part = envelope.part(n);
  if (!part) return fail(std::move(part).error());
  envelope::SecretSink sink(most);
  if (auto copied = part->copy_to(sink); !copied) return fail(std::move(copied).error());
  return sink.bytes().clone();
}

}  // namespace

Result<void> write_parcel(const envelope::PublicKey& recipient,
                          const message::PreparedMessage& message, const Ticket& ticket,
                          const Clock& clock, envelope::Sink& out) {
  auto draft = envelope::Draft::begin();
  if (auto added = draft.add_public_key(recipient); !added) return added;
  const std::string words = ticket.text();
  draft.add_part(
      {.role = envelope::Role::message, .type = std::string(kMessageType), .size = message.size()});
  draft.add_part({.type = std::string(kTicketType), .size = words.size()});
  if (ticket.password) {
    draft.add_part({.type = std::string(kPasswordType), .size = ticket.password->reveal().size()});
  }
  auto front = draft.front(std::chrono::floor<std::chrono::seconds>(clock.now()));
  if (!front) return fail(std::move(front).error());
  if (auto written = out.write(as_bytes(front->header)); !written) return written;
  if (auto written = out.write(front->manifest.reveal()); !written) return written;
  MessageIn content(message);
  if (auto sealed = draft.seal_part(kMessagePart, content, out); !sealed) return sealed;
  envelope::MemorySource ticket_in(as_bytes(words));
  if (auto sealed = draft.seal_part(kTicketPart, ticket_in, out); !sealed) return sealed;
  if (!ticket.password) return {};
  envelope::MemorySource password_in(ticket.password->reveal());
  return draft.seal_part(kPasswordPart, password_in, out);
}

Result<Parcel> Parcel::open(const std::string& path, const envelope::KeySource& keys,
                            const std::string& org, Limits limits) {
  auto envelope = envelope::Envelope::open(path);
  if (!envelope) return fail(std::move(envelope).error());
  envelope::OpeningKeys opening;
  opening.keyring = &keys;
  opening.org = org;
  if (auto unlocked = envelope->unlock(opening); !unlocked) {
    return fail(std::move(unlocked).error());
  }
  if (auto shaped = check_shape(envelope->manifest(), limits); !shaped) {
    return fail(std::move(shaped).error());
  }
  if (auto ended = envelope->check_end(); !ended) return fail(std::move(ended).error());
  Parcel parcel(std::move(*envelope));
  auto words = read_part(parcel.envelope_, kTicketPart, Ticket::kMostText);
  if (!words) return fail(std::move(words).error());
  auto ticket = Ticket::parse(as_text(words->reveal()));
  if (!ticket) return fail(std::move(ticket).error());
  parcel.ticket_ = std::move(*ticket);
  if (parcel.envelope_.manifest().parts.size() < kPasswordPart) return parcel;
  auto secret = read_part(parcel.envelope_, kPasswordPart, kMostPassword);
  if (!secret) return fail(std::move(secret).error());
  auto password = envelope::Password::from_input(std::move(*secret), "a queued message");
  if (!password) return fail(std::move(password).error());
  parcel.ticket_.password.emplace(std::move(*password));
  return parcel;
}

Result<std::unique_ptr<message::Source>> Parcel::message() {
  auto part = envelope_.part(kMessagePart);
  if (!part) return fail(std::move(part).error());
  return std::unique_ptr<message::Source>(std::make_unique<PartOut>(std::move(*part)));
}

Result<std::string> organisation_of_parcel(const std::string& path) {
  auto envelope = envelope::Envelope::open(path);
  if (!envelope) return fail(std::move(envelope).error());
  const auto& stanzas = envelope->header().stanzas;
  if (stanzas.size() != 1) return no_parcel("it is sealed to others too");
  const auto* own = std::get_if<envelope::X25519Stanza>(&stanzas.front().kind);
  if (own == nullptr) return no_parcel("it is not sealed to a public key");
  return own->org;
}

}  // namespace sm::queue
