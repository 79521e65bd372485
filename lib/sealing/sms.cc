#include "sealing/sms.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/file.h"
#include "base/json_writer.h"
#include "base/text.h"
#include "dns/mx.h"
#include "sealing/command.h"
#include "sealing/words.h"

namespace sm::sealing {
namespace {

enum class Place { url, json, form, header };

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
    if (is_plain) {
      out += c;
    } else {
      const auto octet = static_cast<std::uint8_t>(c);
      std::string hex = to_hex(Bytes(&octet, 1));
      std::transform(hex.begin(), hex.end(), hex.begin(), [](char digit) {
        return digit >= 'a' ? static_cast<char>(digit - 32) : digit;
      });
      out += "%" + hex;
    }
  }
  return out;
}

/// A value as it must stand in this place, so that it cannot say more than itself.
std::string escaped(std::string_view value, Place place) {
  switch (place) {
    case Place::url:
    case Place::form:
      return percent_encoded(value);
    case Place::json: {
      const std::string quoted = json_quote(value);
      return quoted.substr(1, quoted.size() - 2);
    }
    case Place::header:
      return std::string(value);
  }
  return {};
}

struct Values {
  std::string to, digits, text, from, key;
};

std::string filled(const std::string& pattern, const Values& values, Place place) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size();) {
    const auto end = pattern.find('}', at);
    const auto name =
        pattern[at] == '{' && end != pattern.npos ? pattern.substr(at + 1, end - at - 1) : "";
    const std::string* value = name == "to"       ? &values.to
                               : name == "digits" ? &values.digits
                               : name == "text"   ? &values.text
                               : name == "from"   ? &values.from
                               : name == "key"    ? &values.key
                                                  : nullptr;
    if (value == nullptr) {
      out += pattern[at++];
      continue;
    }
    out += escaped(*value, place);
    at = end + 1;
  }
  return out;
}

Place place_of_body(const std::string& content_type) {
  if (content_type.find("json") != content_type.npos) return Place::json;
  if (content_type.starts_with("application/x-www-form-urlencoded")) return Place::form;
  return Place::header;
}

/// The host of a URL, without brackets and port.
std::string host_of(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme != url.npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const auto at = url.rfind('@'); at != url.npos) url.remove_prefix(at + 1);
  if (url.starts_with('[')) return std::string(url.substr(1, url.find(']') - 1));
  return std::string(url.substr(0, url.find(':')));
}

/// The gateway's address is the organisation's own choice: no guard stands before it.
std::vector<IpAddress> addresses_of(const std::string& host, dns::Resolver& resolver) {
  if (auto address = IpAddress::parse(host)) return {*address};
  if (host == "localhost") return {*IpAddress::parse("127.0.0.1")};
  const auto domain = name::Domain::parse(host);
  if (!domain) return {};
  dns::AddressGuard anywhere;
  anywhere.allowed = {*IpPrefix::parse("0.0.0.0/0"), *IpPrefix::parse("::/0")};
  return dns::lookup_addresses(resolver, {*domain}, anywhere).front().addresses;
}

CodeSent failed(std::string reason, std::string detail) {
  return {CodeSent::State::failed, std::move(reason), std::move(detail)};
}

CodeSent from_outcome(const http::Outcome& outcome) {
  if (const auto* response = std::get_if<http::Response>(&outcome)) {
    if (response->status >= 200 && response->status < 300) return {};
    return failed("gateway-refused", "HTTP status " + std::to_string(response->status));
  }
  const auto& failure = std::get<http::Failed>(outcome);
  switch (failure.failure) {
    case http::Failure::timed_out:
    case http::Failure::protocol:
    case http::Failure::too_large:
      // The request went out: the gateway may have taken it.
      return {CodeSent::State::uncertain, "gateway-silent", std::string(text(failure.failure))};
    case http::Failure::connect:
    case http::Failure::tls_untrusted:
    case http::Failure::tls_name:
    case http::Failure::tls_expired:
    case http::Failure::tls:
      return failed("gateway-unreachable", std::string(text(failure.failure)));
  }
  return failed("gateway-unreachable", {});
}

Result<Secret> gateway_key(const config::SmsGateway& gateway) {
  constexpr std::size_t kMostKey = 4096;
  if (gateway.key_file.empty()) return Secret();
  auto key = read_secret_file(gateway.key_file, kMostKey);
  if (!key) return key;
  while (!key->empty() && (key->reveal().back() == '\n' || key->reveal().back() == '\r'))
    key->resize(key->size() - 1);
  return key;
}

}  // namespace

Secret sms_text(const config::Organisation& organisation, const CodeMessage& message) {
  std::string text = code_text(organisation, message);
  Secret secret(as_bytes(text));
  wipe(text.data(), text.size());
  return secret;
}

http::Request sms_request(const config::SmsGateway& gateway, const std::string& phone, Bytes text,
                          Bytes key) {
  const Values values{phone, phone.starts_with('+') ? phone.substr(1) : phone,
                      std::string(as_text(text)), gateway.from, std::string(as_text(key))};
  http::Request request;
  request.url = filled(gateway.url, values, Place::url);
  for (const auto& [name, pattern] : gateway.headers)
    request.headers.emplace_back(name, filled(pattern, values, Place::header));
  if (!gateway.body.empty()) {
    request.body = filled(gateway.body, values, place_of_body(gateway.content_type));
    request.headers.emplace_back("Content-Type", gateway.content_type);
  }
  request.time_limit = gateway.timeout;
  return request;
}

CodeSent send_sms(const config::SmsGateway& gateway, const std::string& phone, Bytes text,
                  dns::Resolver& resolver, const std::optional<std::string>& ca_file) {
  if (!gateway.command.empty()) return run_gateway(gateway, phone, text);
  auto key = gateway_key(gateway);
  if (!key) return failed("gateway-key", key.error().what);
  auto request = sms_request(gateway, phone, text, key->reveal());
  request.addresses = addresses_of(host_of(request.url), resolver);
  if (request.addresses.empty()) return failed("gateway-unreachable", "no address");
  request.ca_file = ca_file;
  request.allows_http = std::all_of(request.addresses.begin(), request.addresses.end(),
                                    [](const IpAddress& address) { return address.is_loopback(); });
  auto outcome = http::fetch(request);
  // The URL may carry the text: an error's words are not for the log.
  if (!outcome) return failed("gateway-configuration", "the request could not be made");
  return from_outcome(*outcome);
}

}  // namespace sm::sealing
