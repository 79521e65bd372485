#pragma once
// Contacts as files: CSV (RFC 4180) with the columns address, phone, name, language, sender. What
// is read is checked as a whole before any of it counts; what is written is safe to open in a
// spreadsheet: a cell that would be taken for a formula has an apostrophe before it, which reading
// takes away again.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/contact_table.h"

namespace sm::sealing {

/// A contact of these texts, each checked: the address a mailbox, the phone E.164, the language one
/// that we speak. Errc::malformed.
Result<store::Contact> make_contact(const std::string& org, std::string_view address,
                                    std::string_view phone, std::string_view name,
                                    std::string_view language);

/// UTF-8, with or without BOM; "," or ";", found from the header line. Errc::malformed names the
/// line.
Result<std::vector<store::Contact>> parse_contacts(const std::string& org, std::string_view csv);
std::string contacts_csv(const std::vector<store::Contact>& contacts);

}  // namespace sm::sealing
