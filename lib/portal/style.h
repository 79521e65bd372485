#pragma once
// The one style sheet, and the icon. No fonts, images or rules from elsewhere.

#include <string_view>

namespace sm::portal {

/// Follows a `:root` rule that sets --brand, --on-brand and --link.
extern const std::string_view kStyle;
extern const std::string_view kIcon;  ///< SVG

}  // namespace sm::portal
