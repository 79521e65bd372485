#include "smtp/envelope.h"

#include <algorithm>

#include "base/text.h"

namespace sm::smtp {

Result<EnvelopeId> EnvelopeId::parse(std::string_view text) {
  const bool is_printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
  if (text.empty() || text.size() > 100 || !is_printable) {
    return fail(Errc::malformed, "the envelope id \"" + printable(text) + "\" cannot be used",
                "it must be 1 to 100 printable ASCII characters without spaces");
  }
  return EnvelopeId(std::string(text));
}

std::string xtext(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (c > ' ' && c < '\x7f' && c != '+' && c != '=') {
      encoded += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    encoded += {'+', kHex[octet >> 4], kHex[octet & 15]};
  }
  return encoded;
}

Result<Notify> Notify::parse(std::string_view text) {
  Notify notify;
  if (equal_ignoring_case(text, "never")) return notify;
  for (const auto word : split(text, ',')) {
    if (equal_ignoring_case(word, "success")) {
      notify.on_success = true;
    } else if (equal_ignoring_case(word, "failure")) {
      notify.on_failure = true;
    } else if (equal_ignoring_case(word, "delay")) {
      notify.on_delay = true;
    } else {
      return fail(Errc::malformed, "\"" + printable(text) + "\" is no delivery notification",
                  "write never, or a comma list of success, failure and delay");
    }
  }
  return notify;
}

std::string Notify::text() const {
  std::vector<std::string> words;
  if (on_success) words.emplace_back("SUCCESS");
  if (on_failure) words.emplace_back("FAILURE");
  if (on_delay) words.emplace_back("DELAY");
  return words.empty() ? "NEVER" : join(words, ",");
}

bool Envelope::is_internationalized() const {
  return needs_smtputf8 || sender.needs_smtputf8() ||
         std::any_of(recipients.begin(), recipients.end(),
                     [](const Recipient& to) { return to.mailbox.needs_smtputf8(); });
}

}  // namespace sm::smtp
