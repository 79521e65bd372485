#include "sealing/mailroom.h"

#include <deque>
#include <map>

#include <fcntl.h>

#include "base/encoding.h"
#include "message/attachment.h"
#include "sealing/errand.h"
#include "sealing/split.h"
#include "sealing/words.h"
#include "store/contact_table.h"
#include "store/outbox_table.h"
#include "store/sealed_table.h"

namespace sm::sealing {
namespace {

constexpr std::size_t kMaxAddressees = 1000;  // stanzas of one envelope, less room for escrow

std::string_view method_text(Method method) {
  switch (method) {
    case Method::sms:
      return "sms";
    case Method::email:
      return "email";
    case Method::password:
      return "password";
  }
  return "password";
}

Unexpected forbidden(const std::string& what) {
  return fail(Errc::denied, "policy-forbids: " + what);
}

Result<void> check(const SealOrder& order) {
  const auto& organisation = *order.organisation;
  if (!organisation.sealing.is_enabled) {
    return fail(Errc::configuration, "the sealed channel is switched off",
                "set sealed.enabled or SECURE_MAIL_ENABLED");
  }
  if (organisation.sealing.portal.empty()) {
    return fail(Errc::configuration, "no portal is configured for " + organisation.id,
                "set sealed.portal");
  }
  if (order.addressees.empty() || order.addressees.size() > kMaxAddressees) {
    return fail(Errc::malformed, "a sealed message is for 1 to 1,000 recipients");
  }
  if (order.lifetime <= std::chrono::seconds(0) ||
      order.lifetime > organisation.policy.longest_expiry) {
    return forbidden("sealed messages expire within " +
                     std::to_string(organisation.policy.longest_expiry.count()) + " days");
  }
  for (const auto& addressee : order.addressees) {
    const auto method = addressee.asks_nothing ? Method::email : addressee.method;
    if (!organisation.policy.methods.contains(method)) {
      return forbidden("the method " + std::string(method_text(method)) + " is not allowed");
    }
    if (addressee.asks_nothing && !order.is_files_only) {
      return fail(Errc::bug, "a sealed message always asks for a proof");
    }
    if (addressee.asks_nothing) continue;
    if (addressee.method == Method::password && addressee.password == nullptr) {
      return fail(Errc::usage, "the method password needs a password", "give --password-file");
    }
  }
  return {};
}

std::string_view proof_text(const Addressee& addressee) {
  return addressee.asks_nothing ? "none" : method_text(addressee.method);
}

/// One order on its way into the store.
class Sealing {
 public:
  /// `lease`: who has its errands from the beginning; empty: nobody.
  Sealing(Office& office, const SealOrder& order, std::string lease = {})
      : office_(office),
        order_(order),
        organisation_(*order.organisation),
        lease_(std::move(lease)) {}

  Result<void> check() const { return sealing::check(order_); }

  /// Stanzas and bodies.
  Result<void> fill(envelope::StoreDraft& draft) {
    id_ = draft.envelope().id();
    auto kek = office_.keys->active_kek(organisation_.id);
    if (!kek) return fail(std::move(kek).error());
    if (auto met = meet_addressees(); !met) return met;
    if (auto added = add_stanzas(draft.envelope(), *kek); !added) return added;
    return add_parts(draft);
  }

  [[nodiscard]] const envelope::EnvelopeId& id() const { return *id_; }
  [[nodiscard]] const std::string& org() const { return organisation_.id; }
  /// What the log is told once it is in the store.
  [[nodiscard]] std::vector<audit::Record> records() const;
  /// Message, recipients and errands, in the caller's transaction.
  Result<void> keep();
  [[nodiscard]] std::vector<SealedFor> answer() const;

 private:
  struct Guest {
    const Addressee* addressee;
    envelope::LinkToken token;
    std::string phone;
    std::string language;
    [[nodiscard]] bool gets_text_messages() const {
      return addressee->method == Method::sms && !addressee->asks_nothing;
    }
    [[nodiscard]] bool waits_for_number() const { return gets_text_messages() && phone.empty(); }
  };

  Result<void> meet_addressees() {
    store::ContactTable contacts(*office_.index);
    for (const auto& addressee : order_.addressees) {
      auto contact = contacts.find(organisation_.id, addressee.mailbox.text());
      if (!contact) return fail(std::move(contact).error());
      Guest guest{&addressee, envelope::LinkToken::fresh(), addressee.phone, addressee.language};
      if (!guest.gets_text_messages()) guest.phone.clear();
      if (*contact) {
        if (guest.waits_for_number()) guest.phone = (*contact)->phone;
        if (guest.language.empty()) guest.language = (*contact)->language;
      }
      guests_.push_back(std::move(guest));
    }
    return {};
  }

  Result<void> add_stanzas(envelope::Draft& draft, const envelope::Kek& kek) {
    for (const auto& guest : guests_) {
      const auto* password =
          guest.addressee->method == Method::password && !guest.addressee->asks_nothing
              ? guest.addressee->password
              : nullptr;
      if (auto added = draft.add_link(kek, guest.token, password); !added) return added;
    }
    return has_escrow() ? draft.add_org(kek) : Result<void>();
  }

  Result<void> add_parts(envelope::StoreDraft& draft) {
    if (!order_.is_files_only) {
      if (auto done = add_message(draft); !done) return done;
    }
    for (const auto& attached : order_.attached) {
      if (auto done = add_attached(draft, attached, UINT64_MAX); !done) return done;
    }
    for (const auto& file : order_.files) {
      if (auto done = add_file(draft, file); !done) return done;
    }
    return {};
  }

  Result<void> add_message(envelope::StoreDraft& draft) {
    auto split = split_message(*order_.message);
    if (!split) return fail(std::move(split).error());
    StreamSource text(split->text.open());
    envelope::PartInfo info{.role = envelope::Role::message, .type = "message/rfc822"};
    info.size = split->text.size();
    auto added = draft.add_part(std::move(info), text);
    if (!added) return fail(std::move(added).error());
    const auto limit = order_.links_oversize ? UINT64_MAX : organisation_.sealing.attachment_limit;
    for (const auto& attached : split->attached) {
      if (auto done = add_attached(draft, attached, limit); !done) return done;
    }
    return {};
  }

  Result<void> add_attached(envelope::StoreDraft& draft, const Attached& attached,
                            std::uint64_t limit) {
    auto source = decode(*order_.message, attached, limit);
    envelope::PartInfo info{.role = envelope::Role::file, .type = attached.type};
    if (!attached.name.empty()) info.name = attached.name;
    names_.push_back(info.name.value_or(attached.type));
    auto added = draft.add_part(std::move(info), *source);
    if (!added) return fail(std::move(added).error());
    ++files_;
    return {};
  }

  Result<void> add_file(envelope::StoreDraft& draft, const LargeFile& file) {
    auto fd = open_file(file.path, O_RDONLY);
    if (!fd) return fail(std::move(fd).error());
    envelope::PartInfo info{.role = envelope::Role::file};
    info.name = file.name.empty() ? file.path.substr(file.path.rfind('/') + 1) : file.name;
    info.type = file.type.empty() ? std::string(message::type_of_name(*info.name)) : file.type;
    names_.push_back(*info.name);
    auto added = draft.add_file(std::move(info), fd->get(), file.path);
    if (!added) return fail(std::move(added).error());
    ++files_;
    return {};
  }

  [[nodiscard]] bool has_escrow() const { return organisation_.policy.escrow.value_or(false); }
  [[nodiscard]] WallTime expires() const { return created_ + order_.lifetime; }

  Result<void> add_errands(const Guest& guest);

  Office& office_;
  const SealOrder& order_;
  const config::Organisation& organisation_;
  std::string lease_;
  const WallTime created_ = office_.clock->now();
  std::optional<envelope::EnvelopeId> id_;
  std::vector<Guest> guests_;
  std::int64_t files_ = 0;
  std::vector<std::string> names_;
};

std::vector<audit::Record> Sealing::records() const {
  std::vector<audit::Record> records;
  for (const auto& guest : guests_) {
    audit::Record record(audit::Event::sealed, order_.id, guest.addressee->id);
    record.outcome(audit::Outcome::success)
        .fact("method", proof_text(*guest.addressee))
        .fact("kind", order_.is_files_only ? "files" : "")
        .fact("level", guest.addressee->level)
        .fact("cause", guest.addressee->reason)
        .fact("expires", utc_text(std::chrono::floor<std::chrono::seconds>(expires())))
        .fact("once", order_.is_once)
        .fact("escrow", has_escrow())
        .fact("files", files_)
        .fact("size", order_.is_files_only ? 0 : order_.message->size())
        .disclose("recipient", guest.addressee->mailbox.text())
        .disclose("sender", order_.message->from().mailbox.text())
        .disclose("message_id", order_.message->message_id())
        .disclose("envelope", id_->text());
    records.push_back(std::move(record));
    audit::Record link(audit::Event::link_issued, order_.id, guest.addressee->id);
    link.outcome(audit::Outcome::success).fact("method", proof_text(*guest.addressee));
    records.push_back(std::move(link));
  }
  return records;
}

Result<void> Sealing::keep() {
  store::SealedMessage message;
  message.id = order_.id.text();
  message.envelope = id_->text();
  message.org = organisation_.id;
  if (order_.is_files_only) message.kind = store::SealedKind::files;
  message.reference = order_.reference;
  message.message_id = order_.message->message_id();
  message.sender = order_.message->from().mailbox.text();
  message.sender_name = order_.message->from().display_name;
  message.created = created_;
  message.expires = expires();
  message.is_once = order_.is_once;
  message.has_escrow = has_escrow();
  message.parts = files_;
  std::vector<store::SealedRecipient> recipients;
  for (const auto& guest : guests_) {
    store::SealedRecipient recipient;
    recipient.id = guest.addressee->id.text();
    recipient.address = guest.addressee->mailbox.text();
    recipient.language = guest.language;
    recipient.method = proof_text(*guest.addressee);
    recipient.phone = guest.phone;
    const auto hash = hash_of(guest.token);
    recipient.link_hash.assign(hash.begin(), hash.end());
    recipient.label = to_base64url(guest.token.label());
    recipient.progress =
        guest.waits_for_number() ? store::Progress::pending : store::Progress::sent;
    recipients.push_back(std::move(recipient));
  }
  if (auto added = store::SealedTable(*office_.index).add(message, recipients); !added) {
    return added;
  }
  for (const auto& guest : guests_) {
    if (auto added = add_errands(guest); !added) return added;
  }
  return {};
}

Result<void> Sealing::add_errands(const Guest& guest) {
  const Secret token = guest.token.text();
  NewErrand errand{.kind = Errand::notification,
                   .organisation = &organisation_,
                   .message = order_.id.text(),
                   .recipient = guest.addressee->id.text(),
                   .secret = &token,
                   .is_held = guest.waits_for_number()};
  if (!errand.is_held) errand.lease = lease_;
  if (!order_.is_files_only) {
    if (auto added = add_errand(office_, errand); !added) return added;
  }
  if (!guest.waits_for_number()) return {};
  const auto form = envelope::LinkToken::fresh();
  const Secret form_token = form.text();
  auto added =
      store::NumberLinkTable(*office_.index).add(hash_of(form), {errand.message, errand.recipient});
  if (!added) return added;
  errand.kind = Errand::number_request;
  errand.secret = &form_token;
  errand.is_held = false;
  errand.lease = lease_;
  return add_errand(office_, errand);
}

std::vector<SealedFor> Sealing::answer() const {
  std::vector<SealedFor> sealed;
  for (const auto& guest : guests_) {
    sealed.push_back({guest.addressee->id, guest.waits_for_number()});
    if (order_.is_files_only) {
      sealed.back().link = link_url(organisation_.sealing.portal, kLinkPath, guest.token);
      sealed.back().language = language_of(guest.language, organisation_.sealing.language);
      sealed.back().names = names_;
      sealed.back().expires = expires();
    }
  }
  return sealed;
}

}  // namespace

Result<std::vector<SealedFor>> Mailroom::seal(const SealOrder& order) {
  Sealing sealing(office_, order);
  if (auto checked = sealing.check(); !checked) return fail(std::move(checked).error());
  auto envelopes = office_.envelopes();
  auto draft = envelopes.begin();
  if (!draft) return fail(std::move(draft).error());
  auto done = sealing.fill(*draft);
  if (done) done = draft->publish(std::chrono::floor<std::chrono::seconds>(office_.clock->now()));
  if (!done) return fail(std::move(done).error());
  done = office_.logs->append(sealing.org(), sealing.records());
  if (done) done = office_.index->transaction([&] { return sealing.keep(); });
  if (done) return sealing.answer();
  // Nobody can find what has no row; its keys go at once all the same.
  (void)envelopes.destroy(sealing.id());
  return fail(std::move(done).error());
}

/// The orders of a group that can be sealed, and their drafts.
struct Mailroom::Group {
  std::vector<std::size_t> places;  ///< among all orders
  std::deque<Sealing> sealings;
  std::vector<envelope::StoreDraft*> drafts;
};

Result<void> Mailroom::seal_group(Group& group, envelope::DraftGroup& drafts) {
  const auto now = std::chrono::floor<std::chrono::seconds>(office_.clock->now());
  if (auto published = drafts.publish(group.drafts, now); !published) return published;
  std::map<std::string, std::vector<audit::Record>> records;
  for (const auto& sealing : group.sealings) {
    auto made = sealing.records();
    std::move(made.begin(), made.end(), std::back_inserter(records[sealing.org()]));
  }
  Result<void> done;
  for (const auto& [org, of_org] : records) {
    if (done) done = office_.logs->append(org, of_org);
  }
  if (done) {
    done = office_.index->transaction([&]() -> Result<void> {
      for (auto& sealing : group.sealings) {
        if (auto kept = sealing.keep(); !kept) return kept;
      }
      return {};
    });
  }
  if (done) return done;
  std::vector<envelope::EnvelopeId> ids;
  for (const auto& sealing : group.sealings)
    ids.push_back(sealing.id());
  (void)office_.envelopes().destroy_all(ids);
  return done;
}

std::vector<Result<std::vector<SealedFor>>> Mailroom::seal_all(std::span<const SealOrder> orders,
                                                               const std::string& lease) {
  std::vector<Result<std::vector<SealedFor>>> ends;
  auto drafts = office_.envelopes().begin_group();
  for (std::size_t i = 0; i < orders.size(); ++i)
    ends.emplace_back(fail(drafts ? Error{Errc::bug, "not sealed"} : drafts.error()));
  if (!drafts) return ends;
  Group group;
  for (std::size_t i = 0; i < orders.size(); ++i) {
    Sealing sealing(office_, orders[i], lease);
    auto done = sealing.check();
    auto draft = done ? drafts->begin() : Result<envelope::StoreDraft*>(fail(done.error()));
    if (draft) done = sealing.fill(**draft);
    if (!draft || !done) {
      ends[i] = fail(draft ? done.error() : draft.error());
      continue;
    }
    group.places.push_back(i);
    group.sealings.push_back(std::move(sealing));
    group.drafts.push_back(*draft);
  }
  if (group.drafts.empty()) return ends;
  const auto done = seal_group(group, *drafts);
  for (std::size_t i = 0; i < group.places.size(); ++i) {
    if (done) {
      ends[group.places[i]] = group.sealings[i].answer();
    } else {
      ends[group.places[i]] = fail(done.error());
    }
  }
  return ends;
}

}  // namespace sm::sealing
