// links: dkim
// Tag lists and signatures: whatever is accepted keeps every promise of its header.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>

#include "dkim/signature.h"
#include "dkim/tags.h"

namespace {

void must(bool is_so) {
  if (!is_so) std::abort();
}

void check_tags(std::string_view text) {
  std::string defect;
  const auto list = sm::dkim::TagList::parse(text, defect);
  if (!list) {
    must(!defect.empty());
    return;
  }
  std::set<std::string_view> names;
  std::string again;
  for (const auto& tag : list->tags()) {
    must(names.insert(tag.name).second);
    must(list->find(tag.name) == tag.value);
    must(tag.value.find(';') == tag.value.npos);
    again += std::string(tag.name) + "=" + std::string(tag.value) + ";";
  }
  const auto reread = sm::dkim::TagList::parse(again, defect);
  must(reread && reread->tags().size() == list->tags().size());
}

void check_signature(std::string_view text) {
  const auto parsed = sm::dkim::parse_signature(text);
  const auto* signature = parsed.signature();
  if (!signature) return;
  must(!signature->signature.empty());
  must(signature->signed_names.size() <= sm::dkim::kMaxSignedNames);
  must(std::count(signature->signed_names.begin(), signature->signed_names.end(), "from") > 0);
  must(signature->identity_domain.is_at_or_under(signature->domain));
  must(!(signature->signed_at && signature->expires) ||
       *signature->expires > *signature->signed_at);
  must(sm::dkim::evidence(*signature).b_sha256.size() == 64);
  // With b= emptied the field says all else unchanged.
  const std::string field = sm::dkim::without_b("DKIM-Signature:" + std::string(text) + "\r\n");
  std::string defect;
  const auto tags = sm::dkim::TagList::parse(std::string_view(field).substr(15), defect);
  must(tags && tags->find("b") == "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  check_tags(text);
  check_signature(text);
  return 0;
}
