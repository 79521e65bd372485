#include "envelope/manifest.h"

#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "base/encoding.h"
#include "base/json.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "envelope/fixed_bytes.h"

namespace sm::envelope {
namespace {

using Json = nlohmann::json;

Unexpected damaged_manifest(const std::string& what) {
  return fail(Errc::malformed, "the envelope's manifest is not as it must be: " + what);
}

Result<void> check_sizes(const Manifest& manifest) {
  if (manifest.parts.empty() || manifest.parts.size() > kMaxParts) {
    return damaged_manifest("it lists " + std::to_string(manifest.parts.size()) +
                            " parts; 1 to 10,000 are possible");
  }
  for (std::size_t i = 0; i < manifest.parts.size(); ++i) {
    const auto& size = manifest.parts[i].info.size;
    if (!size && i + 1 < manifest.parts.size())
      return damaged_manifest("only a last part has no size");
    if (size.value_or(0) > crypto::kMaxChunkedSize)
      return damaged_manifest("a part is beyond 4 PiB");
  }
  return {};
}

bool has_only(const Json& object, std::initializer_list<std::string_view> keys) {
  if (!object.is_object() || object.size() != keys.size()) return false;
  for (const auto key : keys) {
    if (!object.contains(key)) return false;
  }
  return true;
}

std::optional<Role> parse_role(const Json& value) {
  if (value == "message") return Role::message;
  if (value == "file") return Role::file;
  return std::nullopt;
}

/// A JSON integer, not negative.
std::optional<std::uint64_t> unsigned_of(const Json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  return value.get<std::uint64_t>();
}

std::optional<Part> parse_part(const Json& json, std::size_t n) {
  if (!has_only(json, {"n", "role", "name", "type", "size", "sealed"})) return std::nullopt;
  const auto role = parse_role(json["role"]);
  const Json& name = json["name"];
  const Json& size = json["size"];
  if (unsigned_of(json["n"]) != n || !role || !json["type"].is_string() ||
      !json["sealed"].is_string() || !(name.is_string() || name.is_null()) ||
      !(size.is_null() || unsigned_of(size))) {
    return std::nullopt;
  }
  const auto sealed =
      fixed_from_base64<crypto::kChunkedPrefixSize>(json["sealed"].get_ref<const std::string&>());
  if (!sealed) return std::nullopt;
  Part part{{*role, std::nullopt, json["type"].get<std::string>(), unsigned_of(size)}, *sealed};
  if (name.is_string()) part.info.name = name.get<std::string>();
  return part;
}

/// "2026-11-21T10:00:00Z", and no other spelling of a time.
std::optional<std::chrono::sys_seconds> parse_created(const Json& value) {
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  const auto time = parse_utc(text);
  if (!time) return std::nullopt;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*time);
  if (utc_text(seconds) != text) return std::nullopt;
  return seconds;
}

JsonObject part_object(std::size_t n, const PartInfo& info) {
  JsonObject object;
  object.add("n", n)
      .add("role", text(info.role))
      .add("name", info.name)
      .add("type", info.type)
      .add("size", info.size);
  return object;
}

}  // namespace

std::string_view text(Role role) {
  return role == Role::message ? "message" : "file";
}

std::string part_json(std::size_t n, const PartInfo& info) {
  return part_object(n, info).text();
}

Result<std::string> Manifest::text() const {
  if (auto checked = check_sizes(*this); !checked) return fail(std::move(checked).error());
  JsonArray list;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    list.add_raw(
        part_object(i + 1, parts[i].info).add("sealed", to_base64(parts[i].sealed)).text());
  }
  std::string json = JsonObject()
                         .add("v", 1)
                         .add("created", utc_text(created))
                         .add_raw("parts", list.text())
                         .text();
  json.resize((json.size() + kManifestUnit - 1) / kManifestUnit * kManifestUnit, ' ');
  if (json.size() > kMaxManifestSize) {
    return fail(Errc::malformed,
                "the names of the parts are too long: the manifest would be "
                "larger than 4 MiB");
  }
  return json;
}

Result<Manifest> parse_manifest(std::string_view padded) {
  if (!is_manifest_size(padded.size())) return damaged_manifest("its size is no multiple of 1 KiB");
  const auto end = padded.find_last_not_of(' ');
  if (end == padded.npos || padded.size() - end - 1 >= kManifestUnit) {
    return damaged_manifest("it has more padding than it needs");
  }
  const JsonLimits limits{.depth = 3, .size = kMaxManifestSize};
  const auto json = parse_json(padded.substr(0, end + 1), "the manifest", limits);
  if (!json) return damaged_manifest(json.error().what);
  if (!has_only(*json, {"v", "created", "parts"})) return damaged_manifest("its keys are others");
  if (unsigned_of((*json)["v"]) != 1u) return damaged_manifest("its version is unknown");
  const auto created = parse_created((*json)["created"]);
  const Json& parts = (*json)["parts"];
  if (!created || !parts.is_array()) return damaged_manifest("its time or its list of parts");
  Manifest manifest{*created, {}};
  for (std::size_t i = 0; i < parts.size() && i <= kMaxParts; ++i) {
    auto part = parse_part(parts[i], i + 1);
    if (!part) return damaged_manifest("part " + std::to_string(i + 1));
    manifest.parts.push_back(std::move(*part));
  }
  if (auto checked = check_sizes(manifest); !checked) return fail(std::move(checked).error());
  return manifest;
}

}  // namespace sm::envelope
