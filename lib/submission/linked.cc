#include "submission/linked.h"

#include "sealing/ending.h"
#include "sealing/words.h"
#include "store/sealed_table.h"

namespace sm::submission {
namespace {

using config::Method;
using delivery::Status;

sealing::Addressee addressee_of(const name::Mailbox& mailbox, const LinkedFiles::Order& order) {
  const auto& terms = *order.terms;
  const auto& policy = order.organisation->policy;
  sealing::Addressee addressee{audit::RecipientId::fresh(), mailbox};
  if (terms.method) {
    addressee.method = *terms.method;
  } else if (policy.methods.contains(Method::email)) {
    // RULES: a code by mail would add nothing beyond the mailbox, which got the link.
    addressee.asks_nothing = true;
  }
  addressee.phone = terms.phone;
  if (terms.password) addressee.password = &*terms.password;
  return addressee;
}

/// How many octets at the front are signatures of ours, which a copy with other words gets anew.
std::uint64_t own_signatures(const message::PreparedMessage& message) {
  std::uint64_t octets = 0;
  if (message.was_signed()) return octets;  // somebody else's: such a message is not altered
  for (const auto& field : message.header()) {
    if (!field.is("DKIM-Signature")) break;
    octets += field.raw.size();
  }
  return octets;
}

/// The message with words below its own.
Result<message::PreparedMessage> with_words(std::unique_ptr<message::Source> source,
                                            const std::string& words, const Clock& clock) {
  auto read = message::read_message(*source, message::Purpose::submission);
  if (!read) return fail(std::move(read).error());
  return message::prepare(std::move(*read), {.clock = &clock, .attachments = {{.text = words}}});
}

}  // namespace

Result<std::vector<LinkedCopy>> LinkedFiles::prepare(const Order& order,
                                                     const std::vector<name::Mailbox>& recipients) {
  sealing::SealOrder sealed{.id = audit::MessageId::fresh(),
                            .organisation = order.organisation,
                            .message = order.message,
                            .addressees = {},
                            .files = order.files,
                            .lifetime = order.terms->lifetime,
                            .is_once = order.terms->is_once,
                            .reference = order.reference,
                            .is_files_only = true};
  for (const auto& recipient : recipients)
    sealed.addressees.push_back(addressee_of(recipient, order));
  std::optional<sealing::SplitMessage> split;
  if (order.takes_attachments) {
    auto taken = sealing::split_message(*order.message);
    if (!taken) return fail(std::move(taken).error());
    if (taken->attached.empty()) return fail(Errc::malformed, "the message has no attachments");
    sealed.attached = taken->attached;
    split.emplace(std::move(*taken));
  }
  const auto open = [&] {
    return split ? split->text.open(own_signatures(*order.message)) : order.message->open();
  };
  // Whether it can take words at all, before anything large is sealed.
  if (auto tried = with_words(open(), "-\r\n", *office_.clock); !tried) {
    return fail(std::move(tried).error());
  }
  auto links = sealing::Mailroom(office_).seal(sealed);
  if (!links) return fail(std::move(links).error());
  std::vector<LinkedCopy> copies;
  for (const auto& link : *links) {
    const auto words =
        sealing::files_text(link.language, link.names, as_text(link.link->reveal()), link.expires);
    auto message = with_words(open(), words, *office_.clock);
    if (!message) return fail(std::move(message).error());
    copies.push_back({std::move(*message), sealed.id.text(), link.id.text()});
  }
  return copies;
}

Result<void> LinkedFiles::settle(const LinkedCopy& copy, const delivery::RecipientResult& result) {
  store::SealedTable table(*office_.index);
  auto link = table.find_recipient(copy.files, copy.recipient);
  if (!link) return fail(std::move(link).error());
  if (!*link) return {};
  switch (result.status) {
    case Status::delivered:
      // One who waits for a number has the mail, and cannot open its link yet.
      if ((*link)->recipient.progress == store::Progress::pending) return {};
      return table.advance(copy.files, copy.recipient, store::Progress::delivered);
    case Status::uncertain:  // it may have arrived
    case Status::queued:
      return {};
    case Status::sealed:
    case Status::pending:  // the message is sealed itself, its files with it
    case Status::deferred:
    case Status::refused:
    case Status::failed:
      break;
  }
  return sealing::end_recipient(office_, **link, sealing::Ending::revoked, "not-delivered");
}

}  // namespace sm::submission
