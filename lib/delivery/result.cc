#include "delivery/result.h"

#include <algorithm>

#include "base/json_writer.h"
#include "base/text.h"

namespace sm::delivery {
namespace {

bool is_done(Status status) {
  return status == Status::delivered || status == Status::sealed || status == Status::pending ||
         status == Status::queued;
}

std::optional<std::string> or_null(std::string_view text) {
  if (text.empty()) return std::nullopt;
  return std::string(text);
}

bool has_level(const RecipientResult& result) {
  return result.level != Verdict::undetermined;
}

}  // namespace

std::string_view text(Status status) {
  switch (status) {
    case Status::delivered:
      return "delivered";
    case Status::sealed:
      return "sealed";
    case Status::pending:
      return "pending";
    case Status::queued:
      return "queued";
    case Status::deferred:
      return "deferred";
    case Status::refused:
      return "refused";
    case Status::failed:
      return "failed";
    case Status::uncertain:
      return "uncertain";
  }
  return "uncertain";
}

std::string json_line(const RecipientResult& result) {
  JsonObject line;
  if (result.row) line.add("row", *result.row);
  if (result.key) line.add("key", *result.key);
  line.add("message", or_null(result.message))
      .add("recipient", result.recipient)
      .add("status", text(result.status))
      .add("level", has_level(result) ? or_null(text(result.level)) : std::nullopt)
      .add("mechanism", or_null(text(result.mechanism)))
      .add("mx", or_null(result.mx))
      .add("tls", or_null(result.tls))
      .add("reply", or_null(result.reply))
      .add("reason", or_null(text(result.reason)))
      .add("detail", or_null(result.detail))
      .add_seconds("seconds", static_cast<double>(result.took.count()) / 1000);
  return line.text();
}

std::string plain_line(const RecipientResult& result) {
  std::string facts;
  const auto add = [&](std::string_view fact) {
    if (fact.empty()) return;
    if (!facts.empty()) facts += ", ";
    facts += fact;
  };
  if (has_level(result)) add(text(result.level));
  add(text(result.mechanism));
  add(result.mx);
  add(result.tls);
  add(text(result.reason));
  std::string line = printable(result.recipient) + ": " + std::string(text(result.status));
  if (!facts.empty()) line += " (" + facts + ")";
  if (!result.detail.empty()) line += ": " + result.detail;
  return line;
}

int exit_status(std::span<const RecipientResult> results) {
  const auto any = [&](auto is_such) {
    return std::any_of(results.begin(), results.end(), is_such);
  };
  if (!any([](const auto& r) { return !is_done(r.status); })) return 0;
  if (any([](const auto& r) {
        return r.status == Status::deferred || r.status == Status::uncertain;
      })) {
    return 75;
  }
  for (const int status : {67, 69, 77, 65}) {
    if (any([&](const auto& r) { return !is_done(r.status) && r.exit_if_failed == status; })) {
      return status;
    }
  }
  return 70;
}

}  // namespace sm::delivery
