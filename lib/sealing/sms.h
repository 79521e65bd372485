#pragma once
// Text messages, through a gateway that the organisation has: an HTTP request made of a template
// (presets for CM.com and Spryng), or a command that gets the number as its argument and the text
// on its stdin. The text has the organisation's name, the code, its reference, "never share it",
// and nothing else.

#include <string>

#include "config/config.h"
#include "dns/resolver.h"
#include "http/fetch.h"
#include "sealing/code.h"

namespace sm::sealing {

/// "De Linde: 123456 is your code (reference K7P4). Never share it."
Secret sms_text(const config::Organisation& organisation, const CodeMessage& message);

/// The request that a gateway is sent; for http::fetch, without addresses. `key` is the gateway's
/// secret, from its file.
http::Request sms_request(const config::SmsGateway& gateway, const std::string& phone, Bytes text,
                          Bytes key);

/// Sends and waits for the gateway's answer. A gateway that does not answer in time is `uncertain`.
CodeSent send_sms(const config::SmsGateway& gateway, const std::string& phone, Bytes text,
                  dns::Resolver& resolver, const std::optional<std::string>& ca_file);

}  // namespace sm::sealing
