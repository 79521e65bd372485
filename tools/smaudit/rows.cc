#include "rows.h"

#include <algorithm>
#include <array>

#include "audit/tree.h"
#include "base/encoding.h"
#include "base/json_writer.h"
#include "base/spreadsheet.h"
#include "base/text.h"

namespace sm::smaudit {
namespace {

using audit::Disclosure;
using audit::Fact;
using audit::ParsedRecord;

std::string leaf_hex(std::string_view line) {
  return to_hex(audit::leaf_hash(as_bytes(line)));
}

/// All texts of that name, with ", " between them.
std::string disclosed_text(const std::vector<Disclosure>& disclosures, std::string_view name) {
  std::vector<std::string> texts;
  for (const Disclosure& one : disclosures) {
    if (one.name == name) texts.push_back(one.text);
  }
  return join(texts, ", ");
}

/// Where a CSV column's value comes from.
enum class From { record, fact, disclosure };
struct Column {
  std::string_view header;
  From from;
  std::string_view name;
};

constexpr std::array kColumns = {
    Column{"seq", From::record, "seq"},
    Column{"ts", From::record, "ts"},
    Column{"event", From::record, "event"},
    Column{"message", From::record, "message"},
    Column{"recipient", From::record, "recipient"},
    Column{"outcome", From::fact, "outcome"},
    Column{"reason", From::fact, "reason"},
    Column{"level", From::fact, "level"},
    Column{"mechanism", From::fact, "mechanism"},
    Column{"tls_version", From::fact, "tls_version"},
    Column{"tls_cipher", From::fact, "tls_cipher"},
    Column{"reply_code", From::fact, "reply_code"},
    Column{"enhanced_status", From::fact, "enhanced_status"},
    Column{"sender", From::disclosure, "sender"},
    Column{"recipient_address", From::disclosure, "recipient"},
    Column{"mx_host", From::disclosure, "mx_host"},
    Column{"remote_address", From::disclosure, "remote_address"},
    Column{"reply", From::disclosure, "reply"},
    Column{"queue_id", From::disclosure, "queue_id"},
    Column{"message_id", From::disclosure, "message_id"},
    Column{"key", From::disclosure, "key"},
    Column{"size", From::disclosure, "size"},
    Column{"tool", From::record, "tool"},
    Column{"host", From::record, "host"},
    Column{"leaf", From::record, "leaf"},
};

bool is_column(From from, std::string_view name) {
  return std::any_of(kColumns.begin(), kColumns.end(), [&](const Column& column) {
    return column.from == from && column.name == name;
  });
}

std::string field_of(const ParsedRecord& record, std::string_view name) {
  if (name == "seq") return std::to_string(record.seq);
  if (name == "ts") return record.ts;
  if (name == "event") return std::string(text(record.event));
  if (name == "message") return record.message;
  if (name == "recipient") return record.recipient;
  if (name == "tool") return record.tool;
  if (name == "host") return record.host;
  return leaf_hex(record.line);
}

/// What no column shows.
std::string rest_of(const ParsedRecord& record, const std::vector<Disclosure>& disclosures) {
  JsonObject object;
  for (const Fact& fact : record.facts) {
    if (!is_column(From::fact, fact.name)) object.add_raw(fact.name, fact.json);
  }
  std::vector<Disclosure> others;
  std::copy_if(disclosures.begin(), disclosures.end(), std::back_inserter(others),
               [](const Disclosure& one) { return !is_column(From::disclosure, one.name); });
  if (!others.empty()) object.add_raw("disclosed", disclosed_object(others));
  return object.text();
}

void add_text(JsonObject& object, std::string_view key, const std::string& value) {
  if (!value.empty()) object.add(key, value);
}

/// Adds an object unless it is empty.
void add_object(JsonObject& object, std::string_view key, const JsonObject& inner) {
  if (inner.text() != "{}") object.add_raw(key, inner.text());
}

std::string ecs_outcome(const ParsedRecord& record) {
  using audit::Event;
  const std::string outcome = record.fact("outcome");
  if (outcome == "success") return "success";
  if (!outcome.empty()) return "failure";
  switch (record.event) {
    case Event::refused:
    case Event::failed:
    case Event::returned:
      return "failure";
    case Event::deferred:
    case Event::uncertain:
      return "unknown";
    default:
      return "success";
  }
}

JsonObject ecs_event(const ParsedRecord& record) {
  JsonObject event;
  event.add("kind", "event").add_raw("category", R"(["email"])").add_raw("type", R"(["info"])");
  event.add("module", "smtools").add("dataset", "smtools.audit");
  event.add("action", text(record.event)).add("outcome", ecs_outcome(record));
  event.add("sequence", record.seq).add("id", leaf_hex(record.line));
  event.add("hash", leaf_hex(record.line));
  add_text(event, "reason", record.fact("reason"));
  return event;
}

std::string addresses(const std::vector<Disclosure>& disclosures, std::string_view name) {
  JsonArray array;
  for (const Disclosure& one : disclosures) {
    if (one.name == name) array.add(one.text);
  }
  return JsonObject().add_raw("address", array.text()).text();
}

JsonObject ecs_email(const ParsedRecord& record, const std::vector<Disclosure>& disclosures) {
  JsonObject email;
  add_text(email, "local_id", record.message);
  add_text(email, "message_id", disclosed(disclosures, "message_id"));
  if (!disclosed(disclosures, "sender").empty()) {
    email.add_raw("from", addresses(disclosures, "sender"));
  }
  if (!disclosed(disclosures, "recipient").empty()) {
    email.add_raw("to", addresses(disclosures, "recipient"));
  }
  return email;
}

/// "TLSv1.3" as ECS says it: 1.3.
JsonObject ecs_tls(const ParsedRecord& record, const std::vector<Disclosure>& disclosures) {
  JsonObject tls;
  const std::string version = record.fact("tls_version");
  if (version.starts_with("TLSv")) {
    tls.add("version", version.substr(4)).add("version_protocol", "tls");
  }
  add_text(tls, "cipher", record.fact("tls_cipher"));
  std::string digest = disclosed(disclosures, "certificate_sha256");
  std::transform(digest.begin(), digest.end(), digest.begin(),
                 [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
  if (!digest.empty()) {
    tls.add_raw("server", R"({"hash":{"sha256":)" + json_quote(digest) + "}}");
  }
  return tls;
}

void add_endpoint(JsonObject& row, std::string_view key, const std::string& domain,
                  const std::string& address, const std::string& port) {
  JsonObject endpoint;
  add_text(endpoint, "domain", domain);
  add_text(endpoint, "ip", address);
  if (!port.empty()) endpoint.add_raw("port", port);
  add_object(row, key, endpoint);
}

JsonObject smtools_rest(const ParsedRecord& record, const std::vector<Disclosure>& disclosures) {
  JsonObject facts;
  for (const Fact& fact : record.facts) {
    facts.add_raw(fact.name, fact.json);
  }
  JsonObject rest;
  add_text(rest, "recipient", record.recipient);
  rest.add("prev", record.prev).add("boot", record.boot).add("mono", record.mono);
  add_object(rest, "facts", facts);
  if (!disclosures.empty()) rest.add_raw("disclosed", disclosed_object(disclosures));
  return rest;
}

}  // namespace

std::string disclosed_object(const std::vector<Disclosure>& disclosures) {
  JsonObject object;
  for (auto one = disclosures.begin(); one != disclosures.end(); ++one) {
    const auto is_same = [&](const Disclosure& other) { return other.name == one->name; };
    if (std::any_of(disclosures.begin(), one, is_same)) continue;
    if (std::none_of(std::next(one), disclosures.end(), is_same)) {
      object.add_raw(one->name, one->json);
      continue;
    }
    JsonArray array;
    for (const Disclosure& other : disclosures) {
      if (is_same(other)) array.add_raw(other.json);
    }
    object.add_raw(one->name, array.text());
  }
  return object.text();
}

std::string ndjson_row(std::string_view line, const std::vector<Disclosure>& disclosures) {
  std::string row(line.substr(0, line.size() - 1));
  row += ",\"disclosed\":" + disclosed_object(disclosures);
  return row + ",\"leaf\":\"" + leaf_hex(line) + "\"}";
}

std::string csv_cell(std::string_view text) {
  std::string cell = begins_like_formula(text) ? "\"'" : "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c == '\n' || c == '\r' ? ' ' : c;
  }
  return cell + '"';
}

std::string csv_header() {
  std::string line;
  for (const Column& column : kColumns) {
    line += std::string(column.header) + ',';
  }
  return line + "other\r\n";
}

std::string csv_row(const ParsedRecord& record, const std::vector<Disclosure>& disclosures) {
  std::string line;
  for (const Column& column : kColumns) {
    switch (column.from) {
      case From::record:
        line += csv_cell(field_of(record, column.name));
        break;
      case From::fact:
        line += csv_cell(record.fact(column.name));
        break;
      case From::disclosure:
        line += csv_cell(disclosed_text(disclosures, column.name));
        break;
    }
    line += ',';
  }
  return line + csv_cell(rest_of(record, disclosures)) + "\r\n";
}

std::string ecs_row(const ParsedRecord& record, const std::vector<Disclosure>& disclosures) {
  JsonObject row;
  row.add("@timestamp", record.ts).add_raw("ecs", R"({"version":"8.11.0"})");
  row.add_raw("event", ecs_event(record).text());
  add_object(row, "email", ecs_email(record, disclosures));
  const auto slash = record.tool.find('/');
  JsonObject agent;
  agent.add("type", "smtools").add("name", record.tool.substr(0, slash));
  if (slash != std::string::npos) agent.add("version", record.tool.substr(slash + 1));
  row.add_raw("agent", agent.text());
  row.add_raw("host", JsonObject().add("name", record.host).text());
  JsonObject user;
  add_text(user, "name", disclosed(disclosures, "account"));
  add_text(user, "id", disclosed(disclosures, "uid"));
  add_object(row, "user", user);
  add_endpoint(row, "source", "", disclosed(disclosures, "client_address"),
               disclosed(disclosures, "client_port"));
  add_endpoint(row, "destination", disclosed(disclosures, "mx_host"),
               disclosed(disclosures, "remote_address"), disclosed(disclosures, "remote_port"));
  add_object(row, "tls", ecs_tls(record, disclosures));
  row.add_raw("smtools", smtools_rest(record, disclosures).text());
  return row.text();
}

}  // namespace sm::smaudit
