#pragma once
// The header's side of a signature: which fields h= names, and the bytes that are hashed for it.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/digest.h"
#include "dkim/canonical.h"
#include "message/header.h"

namespace sm::dkim {

/// The fields of a message by name; built once for all its signatures. Keeps views into the header.
class FieldsByName {
 public:
  explicit FieldsByName(const message::HeaderIndex& header);
  /// Raw fields of a lower-case name, from the top.
  [[nodiscard]] const std::vector<std::string_view>& all(const std::string& name) const;
  /// Puts other fields in the place of a name's.
  void replace(const std::string& name, std::vector<std::string_view> fields) {
    fields_[name] = std::move(fields);
  }

 private:
  std::map<std::string, std::vector<std::string_view>, std::less<>> fields_;
};

/// The fields that h= names, canonical (RFC 6376 §3.7): for each name the lowest field of that name
/// not yet taken, nothing where there is none left (§5.4.2). Signatures with the same h= share
/// them.
std::string signed_fields(Canon canon, const std::vector<std::string>& signed_names,
                          const FieldsByName& fields);

/// The signature's own field, canonical, without its last CRLF.
std::string own_field(Canon canon, std::string_view own_field_without_b);

/// The bytes that the signature signs: signed_fields(), then own_field().
std::string header_input(Canon canon, const std::vector<std::string>& signed_names,
                         const FieldsByName& fields, std::string_view own_field_without_b);

}  // namespace sm::dkim
