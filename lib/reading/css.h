#pragma once
// Style sheets of strangers (CSS 2.1 and what mail uses beyond): declarations that only say how
// text, boxes and tables look. Nothing that names another place passes: no url(), no @import, no
// @font-face, no escape that could spell one, no function but those of colours.

#include <string>
#include <string_view>

namespace sm::reading {

/// "color:red;margin:0": the allowed ones among the declarations, each ended by a semicolon.
std::string clean_declarations(std::string_view text);

/// The allowed rules of a style sheet, those inside a simple @media included. Contains no "<".
std::string clean_sheet(std::string_view text);

}  // namespace sm::reading
