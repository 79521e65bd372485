// links: reading
// HTML made harmless: whatever goes in, a strict judge sees only markup of the list come out, and
// what was cleaned once is harmless again. The sheet has nothing that ends a <style> or loads.
#include "reading/html.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../support/html_judge.h"
#include "base/secret.h"
#include "base/text.h"
#include "reading/css.h"
#include "reading/plain.h"

using namespace sm;
using namespace sm::reading;

namespace {

void must(bool holds) {
  if (!holds) std::abort();
}

CleanHtml cleaned(std::string_view html) {
  std::size_t left = 5;
  return clean_html(
      html,
      [](std::string_view id) -> std::optional<std::string> {
        if (id.size() > 5) return std::nullopt;
        return "data:image/png;base64,AAAA";
      },
      [&](std::size_t) { return left > 0 && left-- > 0; });
}

void check_sheet(const std::string& sheet) {
  for (const std::string_view never : {"<", "url(", "\\", "@import", "@font", "expression("})
    must(sheet.find(never) == sheet.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const auto text = to_valid_utf8(as_text({bytes, size}));
  const auto once = cleaned(text);
  must(test::HtmlJudge(once.body).verdict().empty());
  must(is_utf8(once.body));
  check_sheet(once.styles);
  must(test::HtmlJudge(cleaned(once.body).body).verdict().empty());
  check_sheet(clean_sheet(text));
  must(is_utf8(text_of_html(text)));
  must(is_utf8(with_plain_lines(text)));
  must(unflowed(text, true).size() <= 3 * text.size() + 2);
  must(is_utf8(shown_value(as_text({bytes, size}))));
  (void)shown_addresses(as_text({bytes, size}));
  (void)parse_date(as_text({bytes, size}));
  return 0;
}
