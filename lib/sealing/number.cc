#include "sealing/number.h"

#include "audit/record.h"
#include "base/text.h"
#include "sealing/link.h"
#include "store/contact_table.h"
#include "store/outbox_table.h"
#include "store/sealed_table.h"

namespace sm::sealing {
namespace {

constexpr std::string_view kDot = "\u2022";

std::string dots(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += kDot;
  return text;
}

struct Asked {
  store::NumberLink number;
  store::SealedLink link;
};

Result<std::optional<Asked>> look_up(Office& office, const envelope::LinkToken& token) {
  const auto hash = hash_of(token);
  auto number = store::NumberLinkTable(*office.index).find(hash);
  if (!number) return fail(std::move(number).error());
  if (!*number) return std::optional<Asked>();
  auto link =
      store::SealedTable(*office.index).find_recipient((*number)->message, (*number)->recipient);
  if (!link) return fail(std::move(link).error());
  const bool is_open = *link && (*link)->is_live() && (*link)->recipient.phone.empty() &&
                       (*link)->message.expires > office.clock->now();
  if (!is_open) return std::optional<Asked>();
  return std::optional<Asked>(Asked{std::move(**number), std::move(**link)});
}

/// The number is there, and the notification goes out. In the caller's transaction; false where it
/// was not waited for (any more).
Result<bool> go_on(Office& office, const std::string& message, const std::string& recipient,
                   const std::string& phone) {
  auto set = store::SealedTable(*office.index).set_phone(message, recipient, phone);
  if (!set || !*set) return set;
  if (auto freed = store::OutboxTable(*office.index).free(message, recipient); !freed) {
    return fail(std::move(freed).error());
  }
  return true;
}

}  // namespace

std::optional<std::string> parse_phone(std::string_view typed) {
  std::string digits;
  bool has_plus = false;
  for (const char c : trimmed(typed)) {
    if (c == ' ' || c == '-' || c == '.' || c == '(' || c == ')') continue;
    if (c == '+' && digits.empty() && !has_plus) {
      has_plus = true;
    } else if (is_digit(c)) {
      digits += c;
    } else {
      return std::nullopt;
    }
  }
  if (!has_plus && digits.starts_with("00")) {
    has_plus = true;
    digits.erase(0, 2);
  }
  // "+31 (0)6": the zero in parentheses is not part of the number, and nobody can tell it from one
  // that is; such a number is one digit too long for its country and fails at the gateway.
  const bool is_number =
      has_plus && digits.size() >= 8 && digits.size() <= 15 && digits.front() != '0';
  if (!is_number) return std::nullopt;
  return "+" + digits;
}

std::string masked_phone(std::string_view phone) {
  if (phone.size() < 8) return dots(phone.size());
  return std::string(phone.substr(0, 3)) + " " + dots(phone.size() - 5) +
         std::string(phone.substr(phone.size() - 2));
}

std::string masked_address(std::string_view address) {
  const auto at = address.rfind('@');
  if (at == address.npos || at == 0) return dots(3);
  // The first character whole, however many octets it has.
  std::size_t first = 1;
  while (first < at && (static_cast<unsigned char>(address[first]) & 0xc0U) == 0x80U)
    ++first;
  return std::string(address.substr(0, first)) + dots(3) + std::string(address.substr(at));
}

Result<std::optional<NumberRequest>> NumberDesk::find(const envelope::LinkToken& token) {
  auto asked = look_up(office_, token);
  if (!asked) return fail(std::move(asked).error());
  if (!*asked) return std::optional<NumberRequest>();
  const auto& link = (*asked)->link;
  return std::optional<NumberRequest>(NumberRequest{link.message.id, link.message.org,
                                                    link.recipient.address, link.recipient.language,
                                                    link.message.expires});
}

Result<bool> NumberDesk::set(const envelope::LinkToken& token, const std::string& phone) {
  auto asked = look_up(office_, token);
  if (!asked) return fail(std::move(asked).error());
  if (!*asked) return false;
  const auto& message = (*asked)->link.message;
  const auto& recipient = (*asked)->link.recipient;
  const auto hash = hash_of(token);

  store::ContactTable contacts(*office_.index);
  auto known = contacts.find(message.org, recipient.address);
  if (!known) return fail(std::move(known).error());
  const bool is_new = !*known;
  store::Contact contact =
      known->value_or(store::Contact{.org = message.org, .address = recipient.address});
  contact.phone = phone;
  const auto event = is_new ? audit::Event::contact_added : audit::Event::contact_changed;
  const auto id = audit::MessageId::parse(message.id);
  const auto who = audit::RecipientId::parse(recipient.id);
  if (!id || !who) return fail(Errc::bug, "a sealed message has no audit id");
  audit::Record record(event, *id, *who);
  record.outcome(audit::Outcome::success).fact("by", "number-form");
  record.disclose("address", recipient.address).disclose("phone", phone);
  if (auto told = office_.logs->append(message.org, record); !told) {
    return fail(std::move(told).error());
  }

  bool is_set = false;
  auto done = office_.index->transaction([&]() -> Result<void> {
    auto taken = store::NumberLinkTable(*office_.index).take(hash);
    if (!taken) return fail(std::move(taken).error());
    if (!*taken) return {};
    auto set = go_on(office_, message.id, recipient.id, phone);
    if (!set) return fail(std::move(set).error());
    is_set = *set;
    return is_set ? contacts.put(contact) : Result<void>();
  });
  if (!done) return fail(std::move(done).error());
  return is_set;
}

Result<std::size_t> use_known_numbers(Office& office) {
  auto waiting = store::SealedTable(*office.index).waiting_for_number();
  if (!waiting) return fail(std::move(waiting).error());
  std::size_t count = 0;
  for (const auto& link : *waiting) {
    auto contact =
        store::ContactTable(*office.index).find(link.message.org, link.recipient.address);
    if (!contact) return fail(std::move(contact).error());
    if (!*contact || (*contact)->phone.empty()) continue;
    auto done = office.index->transaction([&]() -> Result<void> {
      auto set = go_on(office, link.message.id, link.recipient.id, (*contact)->phone);
      if (!set) return fail(std::move(set).error());
      count += *set ? 1 : 0;
      // Nobody need answer the form any more.
      return store::NumberLinkTable(*office.index).drop(link.message.id, link.recipient.id);
    });
    if (!done) return fail(std::move(done).error());
  }
  return count;
}

}  // namespace sm::sealing
