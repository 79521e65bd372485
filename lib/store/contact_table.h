#pragma once
// Contacts: what an organisation knows of its recipients (phone number for codes, language), and
// who of its own people is registered to send.

#include <optional>
#include <string>
#include <vector>

#include "store/index.h"

namespace sm::store {

struct Contact {
  std::string org;
  std::string address;
  std::string phone;     ///< E.164 or empty
  std::string language;  ///< "en", "nl" or empty
  std::string name;
  bool is_sender = false;  ///< registered to send
  bool operator==(const Contact&) const = default;
};

class ContactTable {
 public:
  explicit ContactTable(Index& index) : index_(&index) {}
  Result<std::optional<Contact>> find(const std::string& org, const std::string& address);
  /// In place of what was there.
  Result<void> put(const Contact& contact);
  /// True where there was one.
  Result<bool> remove(const std::string& org, const std::string& address);
  /// By address. `org` empty: of all.
  Result<std::vector<Contact>> list(const std::string& org);

 private:
  Index* index_;
};

/// Small facts that jobs keep from one run to the next.
class NoteTable {
 public:
  explicit NoteTable(Index& index) : index_(&index) {}
  Result<std::string> find(const std::string& name);  ///< empty where there is none
  Result<void> put(const std::string& name, const std::string& value);
  /// All notes whose names begin with this folder's name: "reply/<message>/".
  Result<void> drop_folder(const std::string& folder);

 private:
  Index* index_;
};

}  // namespace sm::store
