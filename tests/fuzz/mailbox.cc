// links: message
// Mailboxes, domains and address lists: what is accepted round-trips and holds no line end.
#include "name/mailbox.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/secret.h"
#include "base/text.h"
#include "message/addresses.h"

using namespace sm;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

void check(const name::Mailbox& mailbox) {
  const auto text = mailbox.text();
  must(text.size() <= name::Mailbox::kMaxText);
  must(text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos);
  must(mailbox.needs_smtputf8() != is_ascii(text));
  const auto again = name::Mailbox::parse(text);
  must(again && *again == mailbox && again->text() == text);
}

void check(const name::Domain& domain) {
  const auto again = name::Domain::parse(domain.text());
  must(again && *again == domain && is_ascii(domain.text()));
  const auto shown = name::Domain::parse(domain.unicode());
  must(shown && *shown == domain);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = as_text({bytes, size});
  if (const auto mailbox = name::Mailbox::parse(text)) check(*mailbox);
  if (const auto domain = name::Domain::parse(text)) check(*domain);
  if (const auto path = name::ReversePath::parse(text); path && !path->is_null()) {
    check(*path->mailbox());
  }
  if (const auto list = message::parse_address_list(text)) {
    for (const auto& address : list->addresses) {
      check(address.mailbox);
      must(is_utf8(address.display_name));
      const auto again = message::parse_address_list(message::address_text(address));
      must(again && again->addresses.size() == 1);
      must(again->addresses[0].mailbox == address.mailbox);
    }
  }
  return 0;
}
