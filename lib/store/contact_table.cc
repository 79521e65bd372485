#include "store/contact_table.h"

#include "store/query.h"

namespace sm::store {
namespace {

Contact contact_of(const Statement& row) {
  return {row.text(0), row.text(1), row.text(2), row.text(3), row.text(4), row.number(5) != 0};
}

}  // namespace

Result<std::optional<Contact>> ContactTable::find(const std::string& org,
                                                  const std::string& address) {
  return first(*index_, contact_of,
               "SELECT org, address, phone, language, name, is_sender FROM contact"
               " WHERE org = ? AND address = ?",
               org, address);
}

Result<void> ContactTable::put(const Contact& contact) {
  auto done = change(*index_,
                     "INSERT OR REPLACE INTO contact(org, address, phone, language, name,"
                     " is_sender) VALUES(?,?,?,?,?,?)",
                     contact.org, contact.address, contact.phone, contact.language, contact.name,
                     contact.is_sender);
  if (!done) return fail(std::move(done).error());
  return {};
}

Result<bool> ContactTable::remove(const std::string& org, const std::string& address) {
  auto done = change(*index_, "DELETE FROM contact WHERE org = ? AND address = ?", org, address);
  if (!done) return fail(std::move(done).error());
  return *done > 0;
}

Result<std::vector<Contact>> ContactTable::list(const std::string& org) {
  return rows(*index_, contact_of,
              "SELECT org, address, phone, language, name, is_sender FROM contact"
              " WHERE ?1 = '' OR org = ?1 ORDER BY org, address",
              org);
}

Result<std::string> NoteTable::find(const std::string& name) {
  auto found = first(
      *index_, [](const Statement& row) { return row.text(0); },
      "SELECT value FROM note WHERE name = ?", name);
  if (!found) return fail(std::move(found).error());
  return found->value_or(std::string());
}

Result<void> NoteTable::put(const std::string& name, const std::string& value) {
  auto done = change(*index_, "INSERT OR REPLACE INTO note(name, value) VALUES(?,?)", name, value);
  if (!done) return fail(std::move(done).error());
  return {};
}

Result<void> NoteTable::drop_folder(const std::string& folder) {
  auto end = folder;
  ++end.back();  // what comes next in the order of the bytes
  auto done = change(*index_, "DELETE FROM note WHERE name >= ? AND name < ?", folder, end);
  if (!done) return fail(std::move(done).error());
  return {};
}

}  // namespace sm::store
