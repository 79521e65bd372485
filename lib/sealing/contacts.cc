#include "sealing/contacts.h"

#include <algorithm>
#include <map>

#include "base/spreadsheet.h"
#include "base/text.h"
#include "name/mailbox.h"
#include "sealing/number.h"

namespace sm::sealing {
namespace {

constexpr std::size_t kMaxName = 200;

Unexpected wrong(std::size_t line, const std::string& what) {
  return fail(Errc::malformed, "line " + std::to_string(line) + ": " + what);
}

/// One record off the front: its cells, and how many lines it took.
struct Row {
  std::vector<std::string> cells;
  std::size_t lines = 1;
  bool is_broken = false;  ///< an open quote, or text after a closing one
};

/// RFC 4180 §2; LF alone ends a record too.
Row take_row(std::string_view& text, char separator) {
  Row row;
  std::string cell;
  bool is_quoted = false;
  bool was_quoted = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (is_quoted) {
      if (c == '\n') ++row.lines;
      if (c != '"') {
        cell += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell += text[++i];
      } else {
        is_quoted = false;
      }
    } else if (c == '"' && cell.empty() && !was_quoted) {
      is_quoted = was_quoted = true;
    } else if (c == separator) {
      row.cells.push_back(std::move(cell));
      cell.clear();
      was_quoted = false;
    } else if (c == '\n' || (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n')) {
      i += c == '\r' ? 2 : 1;
      break;
    } else {
      row.is_broken = row.is_broken || was_quoted;
      cell += c;
    }
  }
  row.is_broken = row.is_broken || is_quoted;
  row.cells.push_back(std::move(cell));
  text.remove_prefix(std::min(i, text.size()));
  return row;
}

bool is_empty(const Row& row) {
  return row.cells.size() == 1 && trimmed(row.cells.front()).empty();
}

/// However many apostrophes stand before it: each export adds one, each import takes one away.
bool is_like_formula(std::string_view text) {
  const auto first = text.find_first_not_of('\'');
  return first != text.npos && begins_like_formula(text.substr(first));
}

std::string without_apostrophe(const std::string& cell) {
  return cell.starts_with('\'') && is_like_formula(cell) ? cell.substr(1) : cell;
}

std::string cell_text(std::string_view value) {
  std::string text(value);
  // A number of E.164 is plus and digits alone: no formula can be made of that.
  if (is_like_formula(text) && !parse_phone(text)) text.insert(0, 1, '\'');
  if (text.find_first_of(",;\"\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

/// The header's columns: name → place.
Result<std::map<std::string, std::size_t>> columns_of(const Row& header) {
  std::map<std::string, std::size_t> columns;
  for (std::size_t i = 0; i < header.cells.size(); ++i) {
    const std::string name = to_lower(trimmed(header.cells[i]));
    const bool is_known = name == "address" || name == "phone" || name == "name" ||
                          name == "language" || name == "sender";
    if (!is_known) return wrong(1, "unknown column '" + printable(name) + "'");
    if (!columns.emplace(name, i).second) return wrong(1, "the column " + name + " comes twice");
  }
  if (!columns.contains("address")) return wrong(1, "the column address is missing");
  return columns;
}

}  // namespace

Result<store::Contact> make_contact(const std::string& org, std::string_view address,
                                    std::string_view phone, std::string_view name,
                                    std::string_view language) {
  auto mailbox = name::Mailbox::parse(address);
  if (!mailbox) return fail(std::move(mailbox).error());
  store::Contact contact;
  contact.org = org;
  contact.address = mailbox->text();
  if (!trimmed(phone).empty()) {
    const auto number = parse_phone(phone);
    if (!number) {
      return fail(Errc::malformed, "'" + printable(phone) + "' is no phone number",
                  "with its country: +31612345678");
    }
    contact.phone = *number;
  }
  const bool has_control = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (has_control || name.size() > kMaxName || !is_utf8(name)) {
    return fail(Errc::malformed, "'" + printable(name) + "' is no name");
  }
  contact.name = trimmed(name);
  if (!language.empty() && language != "en" && language != "nl") {
    return fail(Errc::malformed, "'" + printable(language) + "' is no language that we speak",
                "en or nl");
  }
  contact.language = language;
  return contact;
}

Result<std::vector<store::Contact>> parse_contacts(const std::string& org, std::string_view csv) {
  if (!is_utf8(csv)) return fail(Errc::malformed, "the file is not UTF-8");
  constexpr std::string_view kBom = "\xef\xbb\xbf";
  if (csv.starts_with(kBom)) csv.remove_prefix(kBom.size());
  const auto first_line = csv.substr(0, csv.find('\n'));
  const char separator = first_line.find(';') != first_line.npos ? ';' : ',';
  std::size_t line = 1;
  const Row header = take_row(csv, separator);
  auto columns = columns_of(header);
  if (!columns) return fail(std::move(columns).error());
  line += header.lines;
  std::map<std::string, store::Contact> contacts;
  while (!csv.empty()) {
    const Row row = take_row(csv, separator);
    const std::size_t at = line;
    line += row.lines;
    if (is_empty(row)) continue;
    if (row.is_broken) return wrong(at, "a quote is open, or text follows one");
    if (row.cells.size() != header.cells.size()) {
      return wrong(at, std::to_string(row.cells.size()) + " cells where the header has " +
                           std::to_string(header.cells.size()));
    }
    const auto cell = [&](const char* name) {
      const auto found = columns->find(name);
      return found == columns->end() ? std::string() : without_apostrophe(row.cells[found->second]);
    };
    auto contact =
        make_contact(org, trimmed(cell("address")), cell("phone"), cell("name"), cell("language"));
    if (!contact) return wrong(at, contact.error().what);
    const auto sender = to_lower(trimmed(cell("sender")));
    if (!sender.empty() && sender != "yes" && sender != "no") {
      return wrong(at, "sender is yes or no");
    }
    contact->is_sender = sender == "yes";
    const std::string address = contact->address;
    if (!contacts.emplace(address, std::move(*contact)).second) {
      return wrong(at, address + " comes twice");
    }
  }
  std::vector<store::Contact> all;
  for (auto& [address, contact] : contacts)
    all.push_back(std::move(contact));
  return all;
}

std::string contacts_csv(const std::vector<store::Contact>& contacts) {
  std::string out = "address,phone,name,language,sender\r\n";
  for (const auto& contact : contacts) {
    out += cell_text(contact.address) + "," + cell_text(contact.phone) + "," +
           cell_text(contact.name) + "," + contact.language + "," +
           (contact.is_sender ? "yes" : "no") + "\r\n";
  }
  return out;
}

}  // namespace sm::sealing
