#include "timeline.h"

#include <algorithm>
#include <map>

#include "audit/reader.h"
#include "base/text.h"

namespace sm::smaudit {
namespace {

using audit::Event;

/// The address of each recipient id, as far as the log still tells.
using Addresses = std::map<std::string, std::string>;

std::string value(const Step& step, std::string_view name) {
  return printable(disclosed(step.disclosures, name));
}

std::string all_values(const Step& step, std::string_view name) {
  std::vector<std::string> values;
  for (const audit::Disclosure& one : step.disclosures) {
    if (one.name == name) values.push_back(printable(one.text));
  }
  return join(values, ", ");
}

std::string fact(const Step& step, std::string_view name) {
  return printable(step.record.fact(name));
}

/// " word value", or nothing without a value.
std::string with(const std::string& word, const std::string& value_text) {
  return value_text.empty() ? "" : ' ' + word + ' ' + value_text;
}

std::string quoted(const std::string& text) {
  return text.empty() ? "" : '"' + text + '"';
}

std::string whom(const Step& step, const Addresses& addresses) {
  const std::string own = value(step, "recipient");
  if (!own.empty()) return own;
  const auto known = addresses.find(step.record.recipient);
  if (known != addresses.end()) return known->second;
  return step.record.recipient.empty() ? "" : "recipient " + step.record.recipient;
}

std::string of_submitted(const Step& step) {
  std::string text = "handed in" + with("by", value(step, "account"));
  text += with("by uid", value(step, "uid")) + with("from", value(step, "client_address"));
  const std::string recipients = all_values(step, "recipient");
  return text + with("for", recipients.empty() ? "recipients that were erased" : recipients);
}

std::string of_delivered(const Step& step, const std::string& to) {
  std::string text = "delivered" + with("to", to) + with("at", value(step, "mx_host"));
  text += with("level", fact(step, "level")) + with("by", fact(step, "mechanism"));
  text += with("over", fact(step, "tls_version"));
  const std::string reply = quoted(value(step, "reply"));
  return reply.empty() ? text : text + "; the server said " + reply;
}

/// deferred, failed, refused, uncertain, returned.
std::string of_trouble(const Step& step, const std::string& what, const std::string& to) {
  std::string text = what + with("for", to) + with("at", value(step, "mx_host"));
  const std::string reason = fact(step, "reason");
  if (!reason.empty()) text += ": " + reason;
  const std::string detail = value(step, "detail"), reply = quoted(value(step, "reply"));
  if (!detail.empty()) text += ", " + detail;
  return reply.empty() ? text : text + "; the server said " + reply;
}

std::string of_others(const Step& step, const std::string& to) {
  std::string text(audit::text(step.record.event));
  std::replace(text.begin(), text.end(), '_', ' ');
  text += with("for", to);
  const std::string outcome = fact(step, "outcome"), reason = fact(step, "reason");
  if (!outcome.empty() && outcome != "success") text += ", " + outcome;
  if (!reason.empty()) text += ": " + reason;
  return text + with("on the ground", value(step, "ground")) +
         with("authorised by", value(step, "authorised_by"));
}

std::string sentence(const Step& step, const Addresses& addresses) {
  const std::string to = whom(step, addresses);
  switch (step.record.event) {
    case Event::submitted:
      return of_submitted(step);
    case Event::delivered:
      return of_delivered(step, to);
    case Event::deferred:
      return of_trouble(step, "not now", to);
    case Event::failed:
      return of_trouble(step, "failed for good", to);
    case Event::refused:
      return of_trouble(step, "refused", to);
    case Event::uncertain:
      return of_trouble(step, "uncertain, the connection was lost at the end,", to);
    case Event::returned:
      return of_trouble(step, "the sender was told", to);
    case Event::queued:
      return "queued, to be delivered later" + with("to", to);
    case Event::sealed:
      return "sealed" + with("for", to);
    default:
      return of_others(step, to);
  }
}

/// "2026-11-21 10:00:00".
std::string clock_text(const std::string& ts) {
  std::string text = ts.substr(0, 19);
  if (text.size() > 10) text[10] = ' ';
  return text;
}

std::string heading(const std::vector<Step>& steps) {
  const Step& first = steps.front();
  std::string text = "message " + first.record.message;
  for (const auto& [word, name] : {std::pair("from", "sender"), std::pair("key", "key"),
                                   std::pair("Message-ID", "message_id")}) {
    for (const Step& step : steps) {
      const std::string shown = value(step, name);
      if (shown.empty()) continue;
      text += with(word, shown);
      break;
    }
  }
  const std::string size = value(first, "size");
  return size.empty() ? text : text + ", " + size + " bytes";
}

}  // namespace

std::string timeline(const std::vector<Step>& steps) {
  Addresses addresses;
  for (const Step& step : steps) {
    const std::string address = value(step, "recipient");
    if (!step.record.recipient.empty() && !address.empty()) {
      addresses[step.record.recipient] = address;
    }
  }
  std::string text = heading(steps) + '\n';
  for (const Step& step : steps) {
    text += "  " + clock_text(step.record.ts) + " UTC  " + sentence(step, addresses) +
            "  [record " + std::to_string(step.record.seq) + "]\n";
  }
  return text + '\n';
}

}  // namespace sm::smaudit
