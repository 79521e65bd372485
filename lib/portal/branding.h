#pragma once
// How an organisation looks: its colour, made fit to be read, its logo, and the style sheet made of
// them. Files are served under names that are digests of their content, so that browsers may keep
// them and never mix them up.

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"

namespace sm::portal {

struct Colour {
  int red = 0, green = 0, blue = 0;
  /// "#rrggbb".
  static std::optional<Colour> parse(std::string_view text);
  [[nodiscard]] std::string text() const;
  bool operator==(const Colour&) const = default;
};

inline constexpr Colour kWhite{255, 255, 255};
inline constexpr Colour kBlack{0, 0, 0};

/// Contrast ratio, 1 to 21 (WCAG 2.2, "contrast ratio").
double contrast(const Colour& a, const Colour& b);
/// The colour, darkened step by step until text in it can be read on white (4.5 to 1).
Colour readable_on_white(Colour colour);
/// White or black, whichever reads better on it.
Colour text_on(const Colour& colour);

/// A file of the portal's own.
struct Asset {
  std::string type;
  std::string bytes;
};

/// What a page needs to know of whose it is.
struct Brand {
  std::string name;        ///< empty: the portal as such, where nobody can be named
  std::string style_path;  ///< "/a/….css"
  std::string logo_path;   ///< empty: none
  std::string phone, email, website;
};

/// All assets and brands, made once.
class Branding {
 public:
  /// Errc::configuration: a logo that cannot be read, or is neither PNG nor JPEG.
  static Result<Branding> make(const config::Config& config);

  /// The organisation's; the neutral one for "".
  [[nodiscard]] const Brand& brand(const std::string& org) const;
  /// By its path, or null.
  [[nodiscard]] const Asset* find(std::string_view path) const;
  [[nodiscard]] const std::string& icon_path() const { return icon_path_; }

 private:
  std::string keep(std::string_view extension, Asset asset);
  Result<Brand> make_brand(const std::string& name, const config::Branding& look);
  std::map<std::string, Brand, std::less<>> brands_;
  std::map<std::string, Asset, std::less<>> assets_;
  std::string icon_path_;
};

}  // namespace sm::portal
