#include "config/schema.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "base/text.h"
#include "base/yaml.h"
#include "name/mailbox.h"

namespace sm::config {
namespace {

using yaml::Map;
using yaml::Node;

constexpr std::uint16_t kDnsPort = 53;
constexpr std::uint64_t kMostDays = 90;
constexpr std::uint64_t kMostSeconds = 86'400;

/// Reads a section: each row of its table is a key and what to do with its value.
struct Key {
  std::string_view name;
  std::function<Result<void>(const Node&)> read;
  bool is_required = false;
};

Result<void> read_section(const Node& node, const std::vector<Key>& keys) {
  auto map = Map::of(node);
  if (!map) return fail(map.error());
  // Unknown keys first: a missing one is most often a misspelt one.
  std::vector<const Node*> values;
  values.reserve(keys.size());
  for (const auto& key : keys)
    values.push_back(map->find(key.name));
  if (auto known = map->finish(); !known) return known;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (values[i] != nullptr) {
      if (auto read = keys[i].read(*values[i]); !read) return read;
    } else if (keys[i].is_required) {
      return node.fail("'" + std::string(keys[i].name) + "' is missing");
    }
  }
  return {};
}

/// A reader that puts what `parse` makes of the value into `into`.
template <class Into, class Parse>
std::function<Result<void>(const Node&)> into(Into& target, Parse parse) {
  return [&target, parse](const Node& node) -> Result<void> {
    auto value = parse(node);
    if (!value) return fail(std::move(value).error());
    target = std::move(*value);
    return {};
  };
}

/// A list, each item read by `parse`; empty only where that means something.
template <class Parse>
auto list_of(Parse parse) {
  using Item = typename decltype(parse(std::declval<const Node&>()))::value_type;
  return [parse](const Node& node) -> Result<std::vector<Item>> {
    const auto nodes = node.items();
    if (!nodes) return fail(nodes.error());
    if (nodes->empty()) return node.fail("the list is empty", "leave the key out");
    std::vector<Item> items;
    for (const auto* item : *nodes) {
      auto value = parse(*item);
      if (!value) return fail(std::move(value).error());
      items.push_back(std::move(*value));
    }
    return items;
  };
}

Result<bool> boolean(const Node& node) {
  return node.boolean();
}

Result<std::string> line_of_text(const Node& node) {
  auto text = node.text();
  if (!text) return text;
  const bool has_control = std::any_of(text->begin(), text->end(),
                                       [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  if (text->empty() || has_control) return node.fail("expected one line of text");
  return text;
}

/// A relative path would mean another file in every folder that a tool is started in.
Result<std::string> path(const Node& node) {
  auto text = line_of_text(node);
  if (text && !text->starts_with('/')) return node.fail("expected a path from / on");
  return text;
}

Result<std::string> key_source(const Node& node) {
  auto text = line_of_text(node);
  if (text && text->starts_with("pkcs11:")) return text;
  if (text && !text->starts_with('/')) {
    return node.fail("expected a path from / on, or a pkcs11: URI");
  }
  return text;
}

Result<name::Domain> domain(const Node& node) {
  const auto text = node.text();
  if (!text) return fail(text.error());
  auto parsed = name::Domain::parse(*text);
  if (!parsed) return node.fail(parsed.error().what);
  return parsed;
}

Result<std::string> selector(const Node& node) {
  const auto text = node.text();
  if (!text) return fail(text.error());
  const auto parsed = name::DnsName::parse(*text);
  if (!parsed) return node.fail("expected a DKIM selector");
  return parsed->text();
}

Result<ServerAddress> resolver(const Node& node) {
  const auto text = node.text();
  if (!text) return fail(text.error());
  const auto parsed = ServerAddress::parse(*text, kDnsPort);
  if (!parsed) return node.fail("expected ADDRESS or ADDRESS@PORT");
  return *parsed;
}

Result<IpPrefix> prefix(const Node& node) {
  const auto text = node.text();
  if (!text) return fail(text.error());
  const auto parsed = IpPrefix::parse(*text);
  if (!parsed) return node.fail("expected an IP address, or a network as 10.1.0.0/16");
  return *parsed;
}

Result<Minimum> minimum(const Node& node) {
  const auto index = node.one_of({"trusted", "verified"});
  if (!index) return fail(index.error());
  return *index == 0 ? Minimum::trusted : Minimum::verified;
}

Result<Method> method(const Node& node) {
  constexpr std::array kMethods = {Method::sms, Method::email, Method::password};
  const auto index = node.one_of({"sms", "email", "password"});
  if (!index) return fail(index.error());
  return kMethods.at(*index);
}

Result<std::set<Method>> methods(const Node& node) {
  const auto list = list_of(method)(node);
  if (!list) return fail(list.error());
  return std::set<Method>(list->begin(), list->end());
}

Result<std::chrono::days> expiry(const Node& node) {
  const auto text = node.text();
  if (!text) return fail(text.error());
  if (text->ends_with('d')) {
    const auto days = parse_decimal(std::string_view(*text).substr(0, text->size() - 1), kMostDays);
    if (days && *days > 0) return std::chrono::days(*days);
  }
  return node.fail("expected a number of days from 1d to 90d");
}

Result<AfterRetrieval> after_retrieval(const Node& node) {
  const auto index = node.one_of({"keep", "destroy"});
  if (!index) return fail(index.error());
  return *index == 0 ? AfterRetrieval::keep : AfterRetrieval::destroy;
}

Result<bool> registered_senders(const Node& node) {
  const auto index = node.one_of({"off", "required"});
  if (!index) return fail(index.error());
  return *index == 1;
}

Result<std::chrono::seconds> seconds(const Node& node) {
  const auto number = node.number(1, kMostSeconds);
  if (!number) return fail(number.error());
  return std::chrono::seconds(*number);
}

Result<std::uint16_t> port(const Node& node) {
  const auto number = node.number(1, 65535);
  if (!number) return fail(number.error());
  return static_cast<std::uint16_t>(*number);
}

/// RFC 5322 §3.6.8: printable ASCII without the colon.
Result<std::string> header_name(const Node& node) {
  auto text = line_of_text(node);
  if (!text) return text;
  const bool is_name = std::all_of(text->begin(), text->end(),
                                   [](char c) { return c > ' ' && c <= '~' && c != ':'; });
  if (!is_name) return node.fail("expected the name of a header field");
  return text;
}

/// C2SP signed-note: a key's name is not empty and has neither space nor plus.
Result<std::string> origin(const Node& node) {
  auto text = line_of_text(node);
  if (!text) return text;
  if (text->find_first_of(" +") != text->npos) {
    return node.fail("an origin has neither space nor +");
  }
  return text;
}

Result<void> read_network(const Node& node, Network& network) {
  if (auto read =
          read_section(node, {{"resolvers", into(network.resolvers, list_of(resolver))},
                              {"trust_anchors", into(network.trust_anchors, list_of(path))},
                              {"ca_file", into(network.ca_file, path)},
                              {"trust_ad", into(network.trust_ad, boolean)},
                              {"allow_addresses", into(network.allow_addresses, list_of(prefix))},
                              {"helo", into(network.helo, domain)},
                              {"port", into(network.port, port)},
                              {"deadline", into(network.deadline, seconds)}});
      !read) {
    return read;
  }
  const bool is_local =
      !network.resolvers.empty() &&
      std::all_of(network.resolvers.begin(), network.resolvers.end(),
                  [](const ServerAddress& server) { return server.address.is_loopback(); });
  if (network.trust_ad && !is_local) {
    return node.fail(
        "trust_ad believes what a resolver says, so every one of `resolvers` must be "
        "on this machine",
        "list loopback addresses, or leave trust_ad out");
  }
  return {};
}

std::vector<Key> policy_keys(PolicyLayer& layer) {
  return {{"minimum", into(layer.minimum, minimum)},
          {"requiretls", into(layer.requiretls, boolean)},
          {"methods", into(layer.methods, methods)},
          {"longest_expiry", into(layer.longest_expiry, expiry)},
          {"escrow", into(layer.escrow, boolean)},
          {"registered_senders", into(layer.registered_senders, registered_senders)},
          {"after_retrieval", into(layer.after_retrieval, after_retrieval)}};
}

Result<void> read_policy(const Node& node, PolicyLayer& layer) {
  auto keys = policy_keys(layer);
  keys.push_back({"resolvers", into(layer.resolvers, list_of(resolver))});
  keys.push_back({"trust_anchors", into(layer.trust_anchors, list_of(path))});
  keys.push_back({"ca_file", into(layer.ca_file, path)});
  return read_section(node, keys);
}

/// The portal's base URL: https, a host, no slash at the end, nothing that a link could not follow.
Result<std::string> base_url(const Node& node) {
  auto text = line_of_text(node);
  if (!text) return text;
  constexpr std::string_view kScheme = "https://";
  const std::string_view rest =
      std::string_view(*text).substr(text->starts_with(kScheme) ? kScheme.size() : text->size());
  const bool is_clean = std::all_of(rest.begin(), rest.end(), [](char c) {
    return is_alnum(c) || c == '.' || c == '-' || c == '_' || c == ':' || c == '/';
  });
  if (rest.empty() || !is_clean || rest.front() == '/' || rest.back() == '/') {
    return node.fail("expected an https:// URL without a slash at the end");
  }
  return text;
}

/// Where text messages are taken; http only to what is on this machine, or where it is allowed.
Result<std::string> gateway_url(const Node& node) {
  auto text = line_of_text(node);
  if (text && !text->starts_with("https://") && !text->starts_with("http://")) {
    return node.fail("expected an https:// URL");
  }
  return text;
}

Result<std::string> language(const Node& node) {
  const auto index = node.one_of({"en", "nl"});
  if (!index) return fail(index.error());
  return std::string(*index == 0 ? "en" : "nl");
}

Result<std::string> mailbox(const Node& node) {
  const auto text = node.text();
  if (!text) return fail(text.error());
  const auto parsed = name::Mailbox::parse(*text);
  if (!parsed) return node.fail(parsed.error().what);
  return parsed->text();
}

Result<Replies> replies(const Node& node) {
  constexpr std::array kReplies = {Replies::deliver, Replies::notify, Replies::off};
  const auto index = node.one_of({"deliver", "notify", "off"});
  if (!index) return fail(index.error());
  return kReplies.at(*index);
}

/// "50MB": decimal, as mail systems advertise it.
Result<std::uint64_t> megabytes(const Node& node) {
  const auto text = node.text();
  if (!text) return fail(text.error());
  constexpr std::uint64_t kMost = 5'000'000;  // 5 TB
  if (text->ends_with("MB")) {
    const auto number = parse_decimal(std::string_view(*text).substr(0, text->size() - 2), kMost);
    if (number && *number > 0) return *number * 1'000'000;
  }
  return node.fail("expected a size as 50MB");
}

Result<std::string> colour(const Node& node) {
  auto text = line_of_text(node);
  if (!text) return text;
  const auto is_hex = [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
  };
  const bool is_colour = text->size() == 7 && text->front() == '#' &&
                         std::all_of(text->begin() + 1, text->end(), is_hex);
  if (!is_colour) return node.fail("expected a colour as \"#1d4f91\"");
  return text;
}

Result<void> read_sealing(const Node& node, Sealing& sealing) {
  return read_section(node, {{"enabled", into(sealing.is_enabled, boolean)},
                             {"portal", into(sealing.portal, base_url)},
                             {"method", into(sealing.method, method)},
                             {"expires", into(sealing.expiry, expiry)},
                             {"language", into(sealing.language, language)},
                             {"from", into(sealing.from, mailbox)},
                             {"shows_opened", into(sealing.shows_opened, boolean)},
                             {"names_sender", into(sealing.names_sender, boolean)},
                             {"attachment_limit", into(sealing.attachment_limit, megabytes)},
                             {"replies", into(sealing.replies, replies)},
                             {"reply_limit", into(sealing.reply_limit, megabytes)},
                             {"unread_notice", into(sealing.unread_notice, expiry)}});
}

/// Gateways whose requests we know; `url` may still point elsewhere.
Result<SmsGateway> sms_preset(const Node& node) {
  const auto index = node.one_of({"cmcom", "spryng"});
  if (!index) return fail(index.error());
  SmsGateway gateway;
  gateway.content_type = "application/json";
  if (*index == 0) {
    gateway.url = "https://gw.cmtelecom.com/v1.0/message";
    gateway.headers = {{"X-CM-PRODUCTTOKEN", "{key}"}};
    gateway.body =
        R"({"messages":{"msg":[{"allowedChannels":["SMS"],"from":"{from}",)"
        R"("to":[{"number":"00{digits}"}],"body":{"type":"auto","content":"{text}"}}]}})";
  } else {
    gateway.url = "https://rest.spryngsms.com/v1/messages";
    gateway.headers = {{"Authorization", "Bearer {key}"}};
    gateway.body = R"({"body":"{text}","encoding":"auto","originator":"{from}",)"
                   R"("recipients":["{digits}"],"route":"business"})";
  }
  return gateway;
}

Result<std::vector<std::pair<std::string, std::string>>> header_fields(const Node& node) {
  const auto entries = node.entries();
  if (!entries) return fail(entries.error());
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& entry : *entries) {
    const auto name = header_name(*entry.key);
    const auto value = line_of_text(*entry.value);
    if (!name || !value) return fail(name ? value.error() : name.error());
    fields.emplace_back(*name, *value);
  }
  return fields;
}

Result<void> read_sms(const Node& node, std::optional<SmsGateway>& into_gateway) {
  SmsGateway preset;
  std::optional<SmsGateway> chosen;
  std::optional<std::string> url;
  std::optional<std::string> body;
  std::optional<std::string> content_type;
  std::optional<std::vector<std::pair<std::string, std::string>>> headers;
  SmsGateway own;
  if (auto read = read_section(node, {{"preset", into(chosen, sms_preset)},
                                      {"url", into(url, gateway_url)},
                                      {"body", into(body, line_of_text)},
                                      {"content_type", into(content_type, line_of_text)},
                                      {"headers", into(headers, header_fields)},
                                      {"command", into(own.command, list_of(line_of_text))},
                                      {"from", into(own.from, line_of_text)},
                                      {"key_file", into(own.key_file, path)},
                                      {"timeout", into(own.timeout, seconds)}});
      !read) {
    return read;
  }
  if (chosen) preset = *chosen;
  own.url = url.value_or(preset.url);
  own.body = body.value_or(preset.body);
  own.content_type = content_type.value_or(preset.content_type);
  own.headers = headers.value_or(preset.headers);
  if (own.url.empty() == own.command.empty()) {
    return node.fail("expected one of preset, url and command");
  }
  if (!own.command.empty() && !own.command.front().starts_with('/')) {
    return node.fail("the command is a path from / on");
  }
  if (!own.body.empty() && own.content_type.empty()) {
    return node.fail("a body needs its content_type");
  }
  into_gateway = std::move(own);
  return {};
}

Result<void> read_branding(const Node& node, Branding& branding) {
  return read_section(node, {{"colour", into(branding.colour, colour)},
                             {"logo", into(branding.logo, path)},
                             {"phone", into(branding.phone, line_of_text)},
                             {"email", into(branding.email, mailbox)},
                             {"website", into(branding.website, line_of_text)}});
}

/// "5d", "4h", "90m", "30s".
Result<std::chrono::seconds> duration(const Node& node) {
  const auto text = node.text();
  if (!text) return fail(text.error());
  constexpr std::array<std::pair<char, std::uint64_t>, 4> kUnits = {
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86'400}}};
  for (const auto& [unit, length] : kUnits) {
    if (!text->ends_with(unit)) continue;
    const auto number = parse_decimal(std::string_view(*text).substr(0, text->size() - 1),
                                      kMostDays * 86'400 / length);
    if (number && *number > 0) return std::chrono::seconds(*number * length);
  }
  return node.fail("expected a time as 5d, 4h, 30m or 90s");
}

/// A number from 1 to `most`.
template <class Number>
auto number_to(std::uint64_t most) {
  return [most](const Node& node) -> Result<Number> {
    const auto number = node.number(1, most);
    if (!number) return fail(number.error());
    return static_cast<Number>(*number);
  };
}

Result<void> read_queue(const Node& node, Queue& queue) {
  constexpr std::uint64_t kMostParallel = 256;
  constexpr std::uint64_t kMostMessages = 10'000'000;
  return read_section(
      node, {{"lifetime", into(queue.lifetime, duration)},
             {"warn_after", into(queue.warn_after, duration)},
             {"parallel", into(queue.parallel, number_to<unsigned>(kMostParallel))},
             {"public_keys", into(queue.public_keys, path)},
             {"message_limit", into(queue.message_limit, megabytes)},
             {"user_messages", into(queue.user_messages, number_to<std::uint64_t>(kMostMessages))},
             {"user_limit", into(queue.user_limit, megabytes)}});
}

Result<void> read_local(const Node& node, Local& local) {
  return read_section(
      node, {{"domain", into(local.domain, domain)}, {"aliases", into(local.aliases, path)}});
}

Result<std::chrono::days> memory(const Node& node) {
  constexpr std::uint64_t kLeast = 30;
  constexpr std::uint64_t kMost = 3650;
  const auto text = node.text();
  if (!text) return fail(text.error());
  if (text->ends_with('d')) {
    const auto days = parse_decimal(std::string_view(*text).substr(0, text->size() - 1), kMost);
    if (days && *days >= kLeast) return std::chrono::days(*days);
  }
  return node.fail("expected a number of days from 30d to 3650d");
}

Result<void> read_batch(const Node& node, Batch& batch) {
  constexpr std::uint64_t kMostConnections = 64;
  return read_section(node, {{"keep_keys", into(batch.keep_keys, memory)},
                             {"per_destination",
                              into(batch.per_destination, number_to<unsigned>(kMostConnections))}});
}

Result<void> read_audit(const Node& node, std::string& audit_origin) {
  return read_section(node, {{"origin", into(audit_origin, origin)}});
}

Result<DkimKey> dkim_key(const Node& node) {
  std::optional<name::Domain> signs_for;
  std::string first_selector;
  std::string first_key;
  std::optional<std::string> second_selector;
  std::optional<std::string> second_key;
  if (auto read = read_section(node, {{"domain", into(signs_for, domain), true},
                                      {"selector", into(first_selector, selector), true},
                                      {"key", into(first_key, key_source), true},
                                      {"selector2", into(second_selector, selector)},
                                      {"key2", into(second_key, key_source)}});
      !read) {
    return fail(read.error());
  }
  if (second_selector.has_value() != second_key.has_value()) {
    return node.fail("selector2 and key2 belong together");
  }
  return DkimKey{*signs_for, first_selector, first_key, second_selector, second_key};
}

/// A key signs for a domain of its own organisation only: one of those listed, one below, or the
/// one above that shares its policy (relaxed alignment, RFC 7489 §3.1.1).
Result<void> check_dkim_domains(const Node& node, const Organisation& organisation) {
  for (const auto& key : organisation.dkim) {
    const bool is_own =
        std::any_of(organisation.domains.begin(), organisation.domains.end(), [&](const auto& own) {
          return key.domain.is_at_or_under(own) || own.is_at_or_under(key.domain);
        });
    if (!is_own) {
      return node.fail("dkim: " + key.domain.text() + " is no domain of this organisation");
    }
  }
  return {};
}

Result<OrganisationText> read_organisation(const yaml::Node::Entry& entry, const FileText& file) {
  if (!is_organisation_id(entry.name)) {
    return entry.key->fail("'" + printable(entry.name) +
                           "' is no organisation: 1 to 63 of a-z, 0-9, dot and hyphen");
  }
  OrganisationText text;
  Organisation& organisation = text.organisation;
  organisation.id = entry.name;
  organisation.name = entry.name;
  organisation.sealing = file.sealing;
  organisation.sms = file.sms;
  organisation.branding = file.branding;
  const auto policy = [&](const Node& node) {
    return read_section(node, policy_keys(text.policy));
  };
  const auto audit = [&](const Node& node) { return read_audit(node, organisation.audit_origin); };
  const auto sealed = [&](const Node& node) { return read_sealing(node, organisation.sealing); };
  const auto sms = [&](const Node& node) { return read_sms(node, organisation.sms); };
  const auto branding = [&](const Node& node) {
    return read_branding(node, organisation.branding);
  };
  if (auto read = read_section(*entry.value,
                               {{"name", into(organisation.name, line_of_text)},
                                {"domains", into(organisation.domains, list_of(domain)), true},
                                {"dkim", into(organisation.dkim, list_of(dkim_key))},
                                {"policy", policy},
                                {"audit", audit},
                                {"sealed", sealed},
                                {"sms", sms},
                                {"branding", branding}});
      !read) {
    return fail(read.error());
  }
  if (auto checked = check_dkim_domains(*entry.value, organisation); !checked) {
    return fail(checked.error());
  }
  return text;
}

/// After the installation's own sections, which organisations inherit.
Result<void> read_organisations(const Node& node, FileText& file) {
  if (node.is_null()) return {};
  const auto entries = node.entries();
  if (!entries) return fail(entries.error());
  std::set<name::Domain> taken;
  for (const auto& entry : *entries) {
    auto organisation = read_organisation(entry, file);
    if (!organisation) return fail(std::move(organisation).error());
    for (const auto& own : organisation->organisation.domains) {
      if (!taken.insert(own).second) {
        return entry.value->fail("the domain " + own.text() + " is listed twice");
      }
    }
    file.organisations.push_back(std::move(*organisation));
  }
  return {};
}

/// One origin for several logs would make their checkpoints look like forks of one another.
Result<void> settle_origins(const Node& root, FileText& file) {
  if (!file.audit_origin.empty() && file.organisations.size() > 1) {
    return root.fail("audit.origin names one log, and there are several organisations",
                     "give each organisation its own `audit:`");
  }
  std::set<std::string> taken;
  for (auto& text : file.organisations) {
    auto& own = text.organisation.audit_origin;
    if (own.empty()) own = file.audit_origin;
    if (!own.empty() && !taken.insert(own).second) {
      return root.fail("the audit origin " + own + " is given twice");
    }
  }
  return {};
}

}  // namespace

bool is_organisation_id(std::string_view text) {
  const auto is_word = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c); };
  return !text.empty() && text.size() <= 63 && is_word(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return is_word(c) || c == '.' || c == '-'; });
}

Result<FileText> parse_file(std::string_view text, const std::string& name) {
  const auto document = yaml::Document::parse(text, name);
  if (!document) return fail(document.error());
  FileText file;
  const auto nta7516 = [&](const Node& node) {
    return read_section(node, {{"header", into(file.nta7516_header, header_name)}});
  };
  const Node& root = document->root();
  if (auto read = read_section(
          root,
          {{"state", into(file.state, path)},
           {"network", [&](const Node& node) { return read_network(node, file.network); }},
           {"policy", [&](const Node& node) { return read_policy(node, file.policy); }},
           {"audit", [&](const Node& node) { return read_audit(node, file.audit_origin); }},
           {"nta7516", nta7516},
           {"sealed", [&](const Node& node) { return read_sealing(node, file.sealing); }},
           {"sms", [&](const Node& node) { return read_sms(node, file.sms); }},
           {"branding", [&](const Node& node) { return read_branding(node, file.branding); }},
           {"queue", [&](const Node& node) { return read_queue(node, file.queue); }},
           {"local", [&](const Node& node) { return read_local(node, file.local); }},
           {"batch", [&](const Node& node) { return read_batch(node, file.batch); }},
           {"organisations", [&](const Node& node) { return read_organisations(node, file); }}});
      !read) {
    return fail(read.error());
  }
  if (auto settled = settle_origins(root, file); !settled) return fail(settled.error());
  return file;
}

}  // namespace sm::config
