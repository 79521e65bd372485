#include "intake.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include <pwd.h>
#include <unistd.h>

#include "base/text.h"
#include "message/reader.h"
#include "message/source.h"
#include "personality.h"
#include "submission/local.h"

namespace sm::smsend {
namespace {

/// `requiretls=yes` among -O and -o; every other sendmail option is of no consequence here.
Result<bool> requires_tls(const std::vector<std::string>& options) {
  bool is_required = false;
  for (const auto& option : options) {
    if (!starts_with_ignoring_case(option, "requiretls=")) continue;
    const auto value = to_lower(option.substr(std::string_view("requiretls=").size()));
    if (value != "yes" && value != "no") {
      return fail(Errc::usage, "-O requiretls takes yes or no, not " + printable(value));
    }
    is_required = value == "yes";
  }
  return is_required;
}

Result<smtp::Returned> returned_of(const std::string& part) {
  if (equal_ignoring_case(part, "full")) return smtp::Returned::full;
  if (equal_ignoring_case(part, "hdrs")) return smtp::Returned::headers;
  return fail(Errc::usage, "-R takes full or hdrs, not " + printable(part));
}

/// Each address once, in the order given.
void add(std::vector<smtp::Recipient>& recipients, const name::Mailbox& mailbox,
         const std::optional<smtp::Notify>& notify) {
  const bool is_known = std::any_of(recipients.begin(), recipients.end(),
                                    [&](const auto& r) { return r.mailbox == mailbox; });
  if (!is_known) recipients.push_back({.mailbox = mailbox, .notify = notify});
}

struct Asked {
  smtp::Envelope envelope;
  std::optional<smtp::Notify> notify;
  bool names_sender = false;
};

using Names = std::optional<submission::LocalNames>;

/// Whoever calls sendmail may write names of this machine; to smsend, addresses.
Result<Names> local_names(const config::Config& config) {
  if (!is_sendmail()) return Names();
  auto names = submission::LocalNames::of(config);
  if (!names) return fail(std::move(names).error());
  return Names(std::move(*names));
}

Result<std::vector<name::Mailbox>> recipients_of(const std::string& word, const Names& names) {
  if (names) return names->read(word);
  auto mailbox = name::Mailbox::parse(word);
  if (!mailbox) return fail(std::move(mailbox).error());
  return std::vector{*mailbox};
}

/// "root" is root at this machine's domain; no alias stands for who sends.
Result<name::ReversePath> sender_of(const std::string& word, const Names& names) {
  auto sender = name::ReversePath::parse(word);
  if (sender || !names) return sender;
  auto completed = name::ReversePath::parse(word + "@" + names->domain().text());
  return completed ? completed : sender;
}

Result<Asked> read_envelope(const Options& options, const Names& names) {
  Asked asked;
  auto tls = requires_tls(options.sendmail_options);
  if (!tls) return fail(std::move(tls).error());
  asked.envelope.requires_tls = *tls;
  if (options.notify) {
    auto notify = smtp::Notify::parse(*options.notify);
    if (!notify) return fail(Errc::usage, "-N: " + notify.error().what);
    asked.notify = *notify;
  }
  if (options.returned) {
    auto returned = returned_of(*options.returned);
    if (!returned) return fail(std::move(returned).error());
    asked.envelope.returned = *returned;
  }
  if (options.envelope_id) {
    auto id = smtp::EnvelopeId::parse(*options.envelope_id);
    if (!id) return fail(Errc::usage, "-V: " + id.error().what);
    asked.envelope.id = *id;
  }
  if (options.envelope_sender) {
    auto sender = sender_of(*options.envelope_sender, names);
    if (!sender) return fail(std::move(sender).error(), "the envelope sender");
    asked.envelope.sender = *sender;
    asked.names_sender = true;
  }
  for (const auto& recipient : options.recipients) {
    auto mailboxes = recipients_of(recipient, names);
    if (!mailboxes) return fail(std::move(mailboxes).error());
    for (const auto& mailbox : *mailboxes)
      add(asked.envelope.recipients, mailbox, asked.notify);
  }
  return asked;
}

Result<void> check_usage(const Options& options) {
  if (options.mode && *options.mode != "m") {
    return fail(Errc::usage, "there is no mode -b" + printable(*options.mode),
                "-bm, a message from stdin; -bp, the queue; -bs, SMTP on stdin");
  }
  if (options.recipients.empty() && !options.takes_header_recipients) {
    return fail(Errc::usage, "no recipient", "name one, or take those of the header with -t");
  }
  return {};
}

/// Who writes where the message does not say: the envelope sender, else the user at this host.
std::optional<message::Address> author_of(const Options& options, const Asked& asked,
                                          const config::Config& config, const Names& names,
                                          const std::string& account) {
  const std::string name = options.full_name.value_or("");
  if (const auto& sender = asked.envelope.sender.mailbox()) return message::Address{name, *sender};
  const auto domain = names ? std::optional(names->domain()) : config.network.helo;
  if (!domain) return std::nullopt;
  auto mailbox = name::Mailbox::parse(account + "@" + domain->text());
  if (!mailbox) return std::nullopt;
  return message::Address{name, *mailbox};
}

}  // namespace

std::string login_name() {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found) {
    return found->pw_name;
  }
  return "uid" + std::to_string(::getuid());
}

message::ScratchSpace scratch_space() {
  const char* folder = std::getenv("TMPDIR");
  message::ScratchSpace space;
  if (folder != nullptr && *folder == '/') space.folder = folder;
  return space;
}

Result<submission::Mail> take_in(const Options& options, const config::Config& config) {
  if (auto checked = check_usage(options); !checked) return fail(std::move(checked).error());
  const auto names = local_names(config);
  if (!names) return fail(names.error());
  auto asked = read_envelope(options, *names);
  if (!asked) return fail(std::move(asked).error());
  const std::string account = login_name();

  const auto stdin_source = message::read_descriptor(STDIN_FILENO, "stdin");
  auto read = message::read_message(*stdin_source, message::Purpose::submission, scratch_space());
  if (!read) return fail(std::move(read).error());

  message::PrepareOptions preparing;
  preparing.author = author_of(options, *asked, config, *names, account);
  if (*names) preparing.name_domain = (*names)->domain();
  preparing.takes_recipients = options.takes_header_recipients;
  preparing.space = scratch_space();
  for (const auto& file : options.attachments)
    preparing.attachments.push_back({.path = file});
  auto prepared = message::prepare(std::move(*read), preparing);
  if (!prepared) return fail(std::move(prepared).error());

  smtp::Envelope envelope = std::move(asked->envelope);
  // The author answers for the message where nobody else is named (RFC 5321 §4.4 leaves it to us).
  if (!asked->names_sender) envelope.sender = prepared->from().mailbox;
  for (const auto& mailbox : prepared->recipients()) {
    auto meant = prepared->completed_names().contains(mailbox)
                     ? (*names)->find(mailbox.local_part())
                     : Result<std::vector<name::Mailbox>>(std::vector{mailbox});
    if (!meant) return fail(std::move(meant).error());
    for (const auto& one : *meant)
      add(envelope.recipients, one, asked->notify);
  }
  envelope.needs_8bitmime = prepared->is_8bit();
  envelope.needs_smtputf8 = prepared->needs_smtputf8();
  submission::Mail mail{std::move(*prepared), std::move(envelope), account, ::getuid()};
  for (const auto& file : options.large_files)
    mail.files.push_back({.path = file});
  return mail;
}

}  // namespace sm::smsend
