#include "dkim/header_hash.h"

#include "base/text.h"

namespace sm::dkim {

FieldsByName::FieldsByName(const message::HeaderIndex& header) {
  for (const message::Field& field : header)
    fields_[to_lower(field.name)].push_back(field.raw);
}

const std::vector<std::string_view>& FieldsByName::all(const std::string& name) const {
  static const std::vector<std::string_view> none;
  const auto found = fields_.find(name);
  return found == fields_.end() ? none : found->second;
}

std::string signed_fields(Canon canon, const std::vector<std::string>& signed_names,
                          const FieldsByName& fields) {
  std::string input;
  std::map<std::string_view, std::size_t> taken;
  for (const std::string& name : signed_names) {
    const auto& all = fields.all(name);
    if (all.empty()) continue;
    std::size_t& count = taken[name];
    if (count < all.size()) append_canonical_field(canon, all[all.size() - ++count], input);
  }
  return input;
}

std::string own_field(Canon canon, std::string_view own_field_without_b) {
  std::string own;
  append_canonical_field(canon, own_field_without_b, own);
  if (own.ends_with("\r\n")) own.resize(own.size() - 2);
  return own;
}

std::string header_input(Canon canon, const std::vector<std::string>& signed_names,
                         const FieldsByName& fields, std::string_view own_field_without_b) {
  return signed_fields(canon, signed_names, fields) + own_field(canon, own_field_without_b);
}

}  // namespace sm::dkim
