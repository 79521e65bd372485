// links: portal
// Cookies, small forms, hosts, languages and file names: bounded, and nothing of them makes a line.
#include <algorithm>
#include <cstdlib>

#include "base/secret.h"
#include "portal/call.h"
#include "portal/fields.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace sm::portal;
  const auto text = sm::as_text({bytes, size});
  (void)find_cookie(text, "__Host-m-AAAAAAAAAAA");
  const auto form = parse_form({bytes, size});
  if (form && form->size() > 32) std::abort();
  const auto language = preferred_language(text);
  if (!language.empty() && language != "nl" && language != "en") std::abort();
  const auto is_line = [](const std::string& made) {
    return std::all_of(made.begin(), made.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  };
  if (!is_line(canonical_host(text)) || !is_line(attachment_disposition(text))) std::abort();
  (void)place_of(text);
  return 0;
}
