#include "portal/branding.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "message/octets.h"
#include "portal/style.h"

namespace sm::portal {
namespace {

constexpr std::size_t kMostLogo = std::size_t{1} << 20;
constexpr double kLeastContrast = 4.5;  // WCAG 2.2, 1.4.3

double linear(int channel) {
  const double c = channel / 255.0;
  return c <= 0.04045 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4);
}

double luminance(const Colour& colour) {
  return 0.2126 * linear(colour.red) + 0.7152 * linear(colour.green) + 0.0722 * linear(colour.blue);
}

std::string style_for(const Colour& colour) {
  return fmt::format(":root{{--brand:{};--on-brand:{};--link:{}}}", colour.text(),
                     text_on(colour).text(), readable_on_white(colour).text()) +
         std::string(kStyle);
}

}  // namespace

std::optional<Colour> Colour::parse(std::string_view text) {
  if (text.size() != 7 || text[0] != '#') return std::nullopt;
  int channels[3];
  for (std::size_t i = 0; i < 3; ++i) {
    const int high = message::hex_digit(text[1 + 2 * i]);
    const int low = message::hex_digit(text[2 + 2 * i]);
    if (high < 0 || low < 0) return std::nullopt;
    channels[i] = high * 16 + low;
  }
  return Colour{channels[0], channels[1], channels[2]};
}

std::string Colour::text() const {
  return fmt::format("#{:02x}{:02x}{:02x}", red, green, blue);
}

double contrast(const Colour& a, const Colour& b) {
  const double one = luminance(a);
  const double other = luminance(b);
  return (std::max(one, other) + 0.05) / (std::min(one, other) + 0.05);
}

Colour readable_on_white(Colour colour) {
  while (contrast(colour, kWhite) < kLeastContrast) {
    colour = {colour.red * 19 / 20, colour.green * 19 / 20, colour.blue * 19 / 20};
  }
  return colour;
}

Colour text_on(const Colour& colour) {
  return contrast(colour, kWhite) >= contrast(colour, kBlack) ? kWhite : kBlack;
}

std::string Branding::keep(std::string_view extension, Asset asset) {
  const auto digest = crypto::sha256(as_bytes(asset.bytes));
  const auto path = fmt::format("/a/{}.{}", to_base64url(Bytes(digest).first(15)), extension);
  assets_.insert_or_assign(path, std::move(asset));
  return path;
}

Result<Brand> Branding::make_brand(const std::string& name, const config::Branding& look) {
  Brand brand{.name = name, .phone = look.phone, .email = look.email, .website = look.website};
  const auto colour = Colour::parse(look.colour);
  if (!colour) return fail(Errc::configuration, "branding.colour is no #rrggbb: " + look.colour);
  brand.style_path = keep("css", {"text/css; charset=utf-8", style_for(*colour)});
  if (look.logo.empty()) return brand;
  auto bytes = read_file(look.logo, kMostLogo);
  if (!bytes) return fail(Errc::configuration, "branding.logo: " + bytes.error().what);
  if (bytes->starts_with("\x89PNG\r\n\x1a\n")) {
    brand.logo_path = keep("png", {"image/png", std::move(*bytes)});
  } else if (bytes->starts_with("\xff\xd8\xff")) {
    brand.logo_path = keep("jpg", {"image/jpeg", std::move(*bytes)});
  } else {
    return fail(Errc::configuration, "branding.logo is neither PNG nor JPEG: " + look.logo);
  }
  return brand;
}

Result<Branding> Branding::make(const config::Config& config) {
  Branding branding;
  branding.icon_path_ = branding.keep("svg", {"image/svg+xml", std::string(kIcon)});
  // Where the installation is one organisation's, it stands behind every page; among several, a
  // page that can name nobody names nobody.
  const auto& organisations = config.organisations;
  auto neutral = organisations.size() == 1
                     ? branding.make_brand(organisations[0].name, organisations[0].branding)
                     : branding.make_brand("", config.branding);
  if (!neutral) return fail(std::move(neutral).error());
  branding.brands_.emplace("", std::move(*neutral));
  for (const auto& organisation : organisations) {
    auto made = branding.make_brand(organisation.name, organisation.branding);
    if (!made) return fail(std::move(made).error(), "organisation " + organisation.id);
    branding.brands_.emplace(organisation.id, std::move(*made));
  }
  return branding;
}

const Brand& Branding::brand(const std::string& org) const {
  const auto found = brands_.find(org);
  return found != brands_.end() ? found->second : brands_.at("");
}

const Asset* Branding::find(std::string_view path) const {
  const auto found = assets_.find(path);
  return found != assets_.end() ? &found->second : nullptr;
}

}  // namespace sm::portal
