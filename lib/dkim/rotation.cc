#include "dkim/rotation.h"

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "dkim/publish.h"

namespace sm::dkim {
namespace {

constexpr std::string_view kFormat = "smtools-dkim-rotation/v1";

std::string key_json(const RotationKey& key) {
  return JsonObject()
      .add("selector", key.selector)
      .add("key", key.key)
      .add("record", key.record)
      .text();
}

std::optional<RotationPhase> parse_phase(std::string_view word) {
  for (const auto phase : {RotationPhase::publish, RotationPhase::overlap, RotationPhase::revoke,
                           RotationPhase::done}) {
    if (word == text(phase)) return phase;
  }
  return std::nullopt;
}

/// Reads values of one object; the first that is missing or of another kind spoils it all.
class ObjectReader {
 public:
  explicit ObjectReader(const nlohmann::json& object) : object_(object) {}

  std::string string(const char* key) {
    const auto* value = find(key);
    if (value && value->is_string()) return value->get<std::string>();
    is_good_ = false;
    return {};
  }
  std::chrono::sys_seconds time(const char* key) {
    const auto parsed = parse_utc(string(key));
    is_good_ = is_good_ && parsed;
    return std::chrono::floor<std::chrono::seconds>(parsed.value_or(WallTime()));
  }
  std::uint64_t number(const char* key) {
    const auto* value = find(key);
    if (value && value->is_number_unsigned()) return value->get<std::uint64_t>();
    is_good_ = false;
    return 0;
  }
  RotationKey key(const char* name) {
    const auto* value = find(name);
    if (!value || !value->is_object()) {
      is_good_ = false;
      return {};
    }
    ObjectReader reader(*value);
    RotationKey key{reader.string("selector"), reader.string("key"), reader.string("record")};
    is_good_ = is_good_ && reader.is_good();
    return key;
  }
  std::vector<std::string> strings(const char* key) {
    std::vector<std::string> all;
    const auto* value = find(key);
    if (!value || !value->is_array()) {
      is_good_ = false;
      return all;
    }
    for (const auto& one : *value) {
      if (one.is_string()) {
        all.push_back(one.get<std::string>());
      } else {
        is_good_ = false;
      }
    }
    return all;
  }
  [[nodiscard]] bool has(const char* key) const {
    const auto* value = find(key);
    return value && !value->is_null();
  }
  [[nodiscard]] bool is_good() const { return is_good_; }
  void spoil() { is_good_ = false; }

 private:
  [[nodiscard]] const nlohmann::json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  const nlohmann::json& object_;
  bool is_good_ = true;
};

}  // namespace

std::string_view text(RotationPhase phase) {
  switch (phase) {
    case RotationPhase::publish:
      return "publish";
    case RotationPhase::overlap:
      return "overlap";
    case RotationPhase::revoke:
      return "revoke";
    case RotationPhase::done:
      return "done";
  }
  return "done";
}

std::optional<std::chrono::sys_seconds> Rotation::overlap_ends() const {
  if (!switched) return std::nullopt;
  return *switched + overlap;
}

std::string rotation_name(const name::Domain& domain, crypto::KeyType type) {
  return domain.text() + "." + std::string(key_tag(type));
}

std::string to_json(const Rotation& rotation) {
  JsonArray earlier;
  for (const std::string& selector : rotation.earlier)
    earlier.add(selector);
  std::optional<std::string> switched;
  if (rotation.switched) switched = utc_text(*rotation.switched);
  return JsonObject()
      .add("format", kFormat)
      .add("domain", rotation.domain.text())
      .add("type", key_tag(rotation.type))
      .add("phase", text(rotation.phase))
      .add_raw("old", key_json(rotation.old_key))
      .add_raw("new", key_json(rotation.new_key))
      .add_raw("earlier", earlier.text())
      .add("started", utc_text(rotation.started))
      .add("switched", switched)
      .add("overlap", rotation.overlap.count())
      .text();
}

Result<Rotation> parse_rotation(std::string_view json, const std::string& name) {
  const auto wrong = [&] {
    return fail(Errc::configuration, name + " is not the state of a rotation");
  };
  const auto value = parse_json(json, name);
  if (!value) return fail(Errc::configuration, value.error().what);
  ObjectReader reader(*value);
  const auto domain = name::Domain::parse(reader.string("domain"));
  const auto phase = parse_phase(reader.string("phase"));
  const std::string type = reader.string("type");
  const bool is_known = reader.string("format") == kFormat && (type == "rsa" || type == "ed25519");
  if (!domain || !phase || !is_known) return wrong();
  Rotation rotation{.domain = *domain,
                    .type = type == "rsa" ? crypto::KeyType::rsa : crypto::KeyType::ed25519,
                    .phase = *phase,
                    .old_key = reader.key("old"),
                    .new_key = reader.key("new"),
                    .earlier = reader.strings("earlier"),
                    .started = reader.time("started")};
  if (reader.has("switched")) rotation.switched = reader.time("switched");
  rotation.overlap = std::chrono::seconds(static_cast<std::int64_t>(
      std::min<std::uint64_t>(reader.number("overlap"), 100'000'000'000)));
  // Only a rotation that has not switched has no time of it.
  const bool is_whole = rotation.switched.has_value() == (*phase != RotationPhase::publish);
  if (!reader.is_good() || !is_whole) return wrong();
  return rotation;
}

std::optional<RotationKey> active_key(const Rotation& rotation, std::string_view selector) {
  const bool is_concerned = rotation.old_key.selector == selector ||
                            rotation.new_key.selector == selector ||
                            std::find(rotation.earlier.begin(), rotation.earlier.end(), selector) !=
                                rotation.earlier.end();
  if (!is_concerned) return std::nullopt;
  return rotation.active();
}

Result<std::optional<RotationKey>> find_active_key(const std::string& folder,
                                                   const name::Domain& domain,
                                                   std::string_view selector) {
  constexpr std::size_t kMost = 65536;
  for (const auto type : {crypto::KeyType::rsa, crypto::KeyType::ed25519}) {
    const std::string path = folder + "/" + rotation_name(domain, type);
    if (::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) continue;
    const auto text = read_file(path, kMost);
    if (!text) return fail(text.error());
    const auto rotation = parse_rotation(*text, path);
    if (!rotation) return fail(rotation.error());
    if (auto key = active_key(*rotation, selector)) return key;
  }
  return std::optional<RotationKey>();
}

std::string fresh_selector(std::chrono::sys_seconds now, const std::vector<std::string>& taken) {
  std::string day = "s";
  for (const char c : utc_text(now).substr(0, 10)) {
    if (c != '-') day += c;
  }
  std::string selector = day;
  for (char letter = 'b'; letter <= 'z'; ++letter) {
    if (std::find(taken.begin(), taken.end(), selector) == taken.end()) break;
    selector = day + letter;
  }
  return selector;
}

bool shows_key(const KeyAnswer& answer, const crypto::PublicKey& key) {
  return answer.record && answer.record->key == key;
}

bool shows_revocation(const KeyAnswer& answer) {
  return answer.state == KeyState::revoked || answer.state == KeyState::none;
}

}  // namespace sm::dkim
