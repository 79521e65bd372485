#include "audit/disclosure.h"

#include "base/encoding.h"
#include "base/json_writer.h"
#include "crypto/random.h"

namespace sm::audit {

std::string make_disclosure(std::string_view name, std::string_view json) {
  const std::string salt = to_base64url(crypto::random_bytes<16>());
  return to_base64url(
      as_bytes("[\"" + salt + "\"," + json_quote(name) + ',' + std::string(json) + ']'));
}

std::string disclosure_digest(std::string_view disclosure) {
  return to_base64url(crypto::sha256(as_bytes(disclosure)));
}

std::string DisclosureLine::text() const {
  JsonArray array;
  for (const std::string& one : disclosures) {
    array.add(one);
  }
  return JsonObject().add("seq", seq).add_raw("d", array.text()).text();
}

}  // namespace sm::audit
