#include <algorithm>

#include <unistd.h>

#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "base/version.h"
#include "cli/settings.h"
#include "options.h"
#include "sealing/contacts.h"
#include "sealing/premises.h"

namespace sm::smcontact {
namespace {

using store::Contact;
using store::ContactTable;

/// What every command works on.
struct Book {
  std::unique_ptr<sealing::Premises> premises;
  std::string org;
  [[nodiscard]] sealing::Office& office() const { return premises->office(); }
  [[nodiscard]] ContactTable table() const { return ContactTable(*office().index); }
};

Result<std::string> org_of(const Options& options, const config::Config& config) {
  if (options.org) {
    const bool is_known =
        config.find_organisation(*options.org) != nullptr ||
        (config.organisations.empty() && config::is_organisation_id(*options.org));
    if (is_known) return *options.org;
    return fail(Errc::usage, "no organisation is called '" + printable(*options.org) + "'");
  }
  if (config.organisations.empty()) return std::string(config::kDefaultOrganisation);
  if (config.organisations.size() == 1) return config.organisations.front().id;
  return fail(Errc::usage, "there are several organisations", "say which one with --org");
}

Result<Book> open(const Options& options) {
  auto config = cli::load_config(options.common);
  if (!config) return fail(std::move(config).error());
  auto org = org_of(options, *config);
  if (!org) return fail(std::move(org).error());
  auto premises = sealing::Premises::open(
      std::move(*config), {.tool = "smcontact/" + std::string(kVersion), .needs_keys = false});
  if (!premises) return fail(std::move(premises).error());
  return Book{std::move(*premises), std::move(*org)};
}

audit::Record record_of(audit::Event event, const Contact& contact) {
  audit::Record record(event);
  record.outcome(audit::Outcome::success).fact("sender", contact.is_sender);
  record.disclose("address", contact.address).disclose("phone", contact.phone);
  return record;
}

/// The log first: what is not recorded does not happen.
Result<void> keep(const Book& book, const std::vector<Contact>& contacts) {
  std::vector<audit::Record> records;
  std::vector<Contact> changed;
  for (const auto& contact : contacts) {
    auto before = book.table().find(book.org, contact.address);
    if (!before) return fail(std::move(before).error());
    if (*before && **before == contact) continue;
    records.push_back(
        record_of(*before ? audit::Event::contact_changed : audit::Event::contact_added, contact));
    changed.push_back(contact);
  }
  if (changed.empty()) return {};
  if (auto told = book.office().logs->append(book.org, records); !told) return told;
  return book.office().index->transaction([&]() -> Result<void> {
    for (const auto& contact : changed) {
      if (auto put = book.table().put(contact); !put) return put;
    }
    return {};
  });
}

Result<Contact> given(const Options& options, const Book& book) {
  auto contact = sealing::make_contact(book.org, *options.address, options.phone.value_or(""),
                                       options.name.value_or(""), options.language.value_or(""));
  if (contact) contact->is_sender = options.is_sender;
  return contact;
}

Unexpected unknown(const Contact& contact) {
  return fail(Errc::no_input, "no such contact: " + contact.address);
}

Result<void> add(const Options& options, const Book& book) {
  auto contact = given(options, book);
  if (!contact) return fail(std::move(contact).error());
  auto before = book.table().find(book.org, contact->address);
  if (!before) return fail(std::move(before).error());
  if (*before && **before != *contact) {
    return fail(Errc::malformed, contact->address + " is there already",
                "smcontact set changes it");
  }
  return keep(book, {*contact});
}

Result<void> set(const Options& options, const Book& book) {
  if (options.is_sender && options.is_no_sender) {
    return fail(Errc::usage, "--sender and --no-sender exclude each other");
  }
  auto contact = given(options, book);
  if (!contact) return fail(std::move(contact).error());
  auto before = book.table().find(book.org, contact->address);
  if (!before) return fail(std::move(before).error());
  if (!*before) return unknown(*contact);
  Contact changed = **before;
  if (options.phone) changed.phone = contact->phone;
  if (options.name) changed.name = contact->name;
  if (options.language) changed.language = contact->language;
  if (options.is_sender || options.is_no_sender) changed.is_sender = options.is_sender;
  return keep(book, {changed});
}

Result<void> remove(const Options& options, const Book& book) {
  auto contact = given(options, book);
  if (!contact) return fail(std::move(contact).error());
  auto before = book.table().find(book.org, contact->address);
  if (!before) return fail(std::move(before).error());
  if (!*before) return unknown(*contact);
  auto told =
      book.office().logs->append(book.org, record_of(audit::Event::contact_removed, **before));
  if (!told) return told;
  auto removed = book.table().remove(book.org, contact->address);
  if (!removed) return fail(std::move(removed).error());
  return {};
}

void print(const Options& options, const Contact& contact) {
  if (options.common.is_json) {
    options.common.out().line(JsonObject()
                                  .add("organisation", contact.org)
                                  .add("address", contact.address)
                                  .add("phone", contact.phone)
                                  .add("name", contact.name)
                                  .add("language", contact.language)
                                  .add("sender", contact.is_sender)
                                  .text());
    return;
  }
  options.common.out().line(printable(contact.address) + '\t' + contact.phone + '\t' +
                            printable(contact.name) + '\t' + contact.language + '\t' +
                            (contact.is_sender ? "sender" : ""));
}

Result<void> show(const Options& options, const Book& book) {
  auto contact = given(options, book);
  if (!contact) return fail(std::move(contact).error());
  auto found = book.table().find(book.org, contact->address);
  if (!found) return fail(std::move(found).error());
  if (!*found) return unknown(*contact);
  print(options, **found);
  return {};
}

Result<void> list(const Options& options, const Book& book) {
  auto contacts = book.table().list(book.org);
  if (!contacts) return fail(std::move(contacts).error());
  for (const auto& contact : *contacts) {
    if (!options.only_senders || contact.is_sender) print(options, contact);
  }
  return {};
}

Result<std::string> read_stdin() {
  constexpr std::size_t kMost = std::size_t{64} << 20;
  std::string text;
  std::string block(65536, '\0');
  for (;;) {
    auto read = read_some(STDIN_FILENO, reinterpret_cast<std::uint8_t*>(block.data()), block.size(),
                          "stdin");
    if (!read) return fail(std::move(read).error());
    if (*read == 0) return text;
    text.append(block, 0, *read);
    if (text.size() > kMost) return fail(Errc::malformed, "the file is too large");
  }
}

Result<void> import_csv(const Options& options, const Book& book) {
  constexpr std::size_t kMost = std::size_t{64} << 20;
  auto text = *options.file == "-" ? read_stdin() : read_file(*options.file, kMost);
  if (!text) return fail(std::move(text).error());
  auto contacts = sealing::parse_contacts(book.org, *text);
  if (!contacts) return fail(std::move(contacts).error(), *options.file);
  return keep(book, *contacts);
}

Result<void> export_csv(const Options& options, const Book& book) {
  auto contacts = book.table().list(book.org);
  if (!contacts) return fail(std::move(contacts).error());
  const auto text = sealing::contacts_csv(*contacts);
  if (options.file && *options.file != "-") return publish_file(*options.file, as_bytes(text));
  options.common.out().print(text);
  return {};
}

Result<void> dispatch(const Options& options, const Book& book) {
  switch (options.command) {
    case Command::add:
      return add(options, book);
    case Command::set:
      return set(options, book);
    case Command::remove:
      return remove(options, book);
    case Command::show:
      return show(options, book);
    case Command::list:
      return list(options, book);
    case Command::import_csv:
      return import_csv(options, book);
    case Command::export_csv:
      return export_csv(options, book);
    case Command::none:
      break;
  }
  return fail(Errc::usage, "no command");
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  auto book = open(options);
  if (!book) return fail(std::move(book).error());
  if (auto done = dispatch(options, *book); !done) return fail(std::move(done).error());
  return cli::Verdict::yes;
}

}  // namespace sm::smcontact
