#include "setup/finding.h"

#include <algorithm>
#include <optional>

#include "base/json_writer.h"

namespace sm::setup {
namespace {

std::optional<std::string> unless_empty(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

}  // namespace

std::string_view text(Standing standing) {
  switch (standing) {
    case Standing::good:
      return "ok";
    case Standing::advice:
      return "advice";
    case Standing::missing:
      return "missing";
    case Standing::unknown:
      return "unknown";
  }
  return {};
}

bool is_ready(const Findings& findings) {
  return std::none_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.standing == Standing::missing || finding.standing == Standing::unknown;
  });
}

std::string json(const Finding& finding) {
  return JsonObject()
      .add("check", finding.check)
      .add("about", unless_empty(finding.about))
      .add("standing", text(finding.standing))
      .add("text", finding.text)
      .add("mend", unless_empty(finding.mend))
      .text();
}

}  // namespace sm::setup
