#include "portal/portal.h"

#include "base/text.h"
#include "portal/call.h"

namespace sm::portal {

Portal::Address Portal::address_of(const std::string& portal) {
  constexpr std::string_view kScheme = "https://";
  const auto rest = std::string_view(portal).substr(kScheme.size());
  const auto slash = rest.find('/');
  return {canonical_host(rest.substr(0, slash)),
          slash == rest.npos ? std::string() : std::string(rest.substr(slash))};
}

Result<std::unique_ptr<Portal>> Portal::make(const config::Config& config) {
  auto branding = Branding::make(config);
  if (!branding) return fail(std::move(branding).error());
  auto portal = std::unique_ptr<Portal>(new Portal(config, std::move(*branding)));
  std::vector<const config::Sealing*> all = {&config.sealing};
  for (const auto& organisation : config.organisations)
    all.push_back(&organisation.sealing);
  for (const auto* sealing : all) {
    if (!sealing->is_available()) continue;
    const auto address = address_of(sealing->portal);
    const auto [found, is_new] = portal->prefixes_.emplace(address.host, address.prefix);
    if (!is_new && found->second != address.prefix) {
      return fail(Errc::configuration,
                  "two portals share the host " + address.host + " under different paths");
    }
  }
  if (portal->prefixes_.empty()) {
    return fail(Errc::configuration, "no portal is configured, or the sealed channel is off",
                "sealed.portal in smtools.yaml is the URL that recipients' links begin with");
  }
  return portal;
}

bool Portal::serves(const std::string& host) const {
  return prefixes_.contains(host);
}

namespace {

Place place_in(const Request& request, const std::string& prefix) {
  if (request.path == "/healthz") return {.kind = Place::Kind::health};
  if (!request.path.starts_with(prefix)) return {};
  return place_of(std::string_view(request.path).substr(prefix.size()));
}

}  // namespace

Lane Portal::lane_of(const Request& request) const {
  const auto prefix = prefixes_.find(request.host);
  if (prefix == prefixes_.end() || request.verb != Verb::post) return Lane::pages;
  const auto place = place_in(request, prefix->second);
  if (place.kind != Place::Kind::link) return Lane::pages;
  if (place.act == "password") return Lane::passwords;
  return place.act == "send" ? Lane::errands : Lane::pages;
}

bool Portal::is_upload(const Request& request) const {
  const auto prefix = prefixes_.find(request.host);
  if (prefix == prefixes_.end() || request.verb != Verb::post) return false;
  const auto place = place_in(request, prefix->second);
  return place.kind == Place::Kind::link && place.act == "reply" &&
         starts_with_ignoring_case(request.content_type, "multipart/form-data");
}

Answer Portal::answer(Staff& staff, const Request& request) {
  return Call(*this, staff, request).answer();
}

std::optional<Answer> Portal::refuse_upload(Staff& staff, const Request& request) {
  return Call(*this, staff, request).refuse_upload();
}

Answer Portal::take_upload(Staff& staff, const Request& request, ByteStream& body) {
  return Call(*this, staff, request).take_upload(body);
}

Answer Portal::refusal(unsigned status, const Request& request) const {
  Setting setting{.brand = &branding_.brand(""), .icon_path = branding_.icon_path()};
  if (const auto found = prefixes_.find(request.host); found != prefixes_.end()) {
    setting.prefix = found->second;
  }
  setting.language = preferred_language(request.accept_language) == "nl" ? "nl" : "en";
  setting.can_switch = false;
  View view;
  view.set("is_ours", status >= 500 && status != 505)
      .set("is_too_large", status == 413)
      .set("is_other", (status < 500 || status == 505) && status != 413);
  Answer answer = page(Template::problem, setting, std::move(view), status);
  if (status == 405) answer.header("Allow", "GET, HEAD, POST");
  if (status == 503) answer.header("Retry-After", "30");
  return answer;
}

bool Portal::begin_upload(const crypto::Sha256& session) {
  const std::lock_guard lock(mutex_);
  auto& count = uploads_[session];
  if (count >= kUploadsAtOnce) return false;
  ++count;
  return true;
}

void Portal::end_upload(const crypto::Sha256& session) {
  const std::lock_guard lock(mutex_);
  const auto found = uploads_.find(session);
  if (found != uploads_.end() && --found->second == 0) uploads_.erase(found);
}

}  // namespace sm::portal
