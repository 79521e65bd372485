#pragma once
// Address lists of header fields: From, Sender, Reply-To, To, Cc (RFC 5322 §3.4).
//
// Display names, comments, groups, folding white space and encoded words are read as the RFC has
// them; the addresses themselves must be mailboxes (name/mailbox.h), so that what a person sees in
// the header is what the envelope can carry. Obsolete forms (routes, white space inside an
// address) are refused, never guessed at.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "name/mailbox.h"

namespace sm::message {

struct Address {
  std::string display_name;  ///< decoded UTF-8, may be empty; a comment after a bare address counts
  name::Mailbox mailbox;
};

struct AddressList {
  std::vector<Address> addresses;  ///< in order, members of groups included
  std::size_t groups = 0;          ///< "undisclosed-recipients:;" is one without addresses
};

/// Reads a field's value, folding included. Errc::malformed says what and where. At most 10,000
/// addresses; comments at most 50 deep.
Result<AddressList> parse_address_list(std::string_view value);

/// An address list in which names without a domain ("root") were given one.
struct Completed {
  std::string value;  ///< the field's value, folding kept; names are followed by "@domain"
  AddressList list;
  std::vector<name::Mailbox> names;  ///< the addresses that were names, each once
};
/// As parse_address_list, with a domain for names of this machine: what sendmail(8) takes from
/// programs that write "To: root".
Result<Completed> complete_address_list(std::string_view value, const name::Domain& domain);

/// "Anna Bakker <anna@example.com>": the display name quoted or in encoded words where it must be.
std::string address_text(const Address& address);

}  // namespace sm::message
