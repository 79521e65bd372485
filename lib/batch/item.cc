#include "batch/item.h"

#include <algorithm>

#include <fcntl.h>
#include <sys/stat.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"
#include "message/addresses.h"
#include "message/source.h"
#include "submission/submit.h"

namespace sm::batch {
namespace {

using delivery::Reason;

constexpr std::size_t kMostKey = 255;
constexpr std::size_t kMostSenders = 1000;

std::string place(const Row& row) {
  return "line " + std::to_string(row.line) + ": ";
}

std::vector<std::string> paths_of(const std::string& cell) {
  std::vector<std::string> paths;
  for (const auto piece : split(cell, '|')) {
    if (const auto path = trimmed(piece); !path.empty()) paths.emplace_back(path);
  }
  return paths;
}

/// A flag's value, unless the row has its own.
void overlay(std::optional<std::string>& wish, const Row& row, std::string_view column) {
  if (auto value = row.value(column); !value.empty()) wish = std::move(value);
}

Reason reason_of(const Error& error) {
  if (error.what.find("header-injection") != std::string::npos) return Reason::header_injection;
  if (error.what.find("Bcc") != std::string::npos) return Reason::bcc_present;
  if (error.code == Errc::denied) return Reason::policy_forbids;
  return Reason::message_invalid;
}

class ContentHash {
 public:
  ContentHash() { add("smtools-batch/v1"); }
  /// Each piece with its length, so that no two contents run together alike.
  void add(std::string_view text) {
    add_size(text.size());
    stream_.update(as_bytes(text));
  }
  Result<void> add_file(const std::string& path) {
    auto fd = open_file(path, O_RDONLY);
    if (!fd) return fail(std::move(fd).error());
    crypto::Sha256Stream file;
    std::vector<std::uint8_t> block(65536);
    for (;;) {
      auto read = read_full(fd->get(), block.data(), block.size(), path);
      if (!read) return fail(std::move(read).error());
      file.update(Bytes(block.data(), *read));
      if (*read < block.size()) break;
    }
    const auto digest = file.finish();
    stream_.update(digest);
    return {};
  }
  crypto::Sha256 finish() { return stream_.finish(); }

 private:
  void add_size(std::uint64_t size) {
    std::array<std::uint8_t, 8> octets{};
    for (auto it = octets.rbegin(); it != octets.rend(); ++it, size >>= 8)
      *it = static_cast<std::uint8_t>(size);
    stream_.update(octets);
  }
  crypto::Sha256Stream stream_;
};

}  // namespace

void refuse(Item& item, Reason reason, std::string detail) {
  item.result.status = delivery::Status::refused;
  item.result.reason = reason;
  item.result.detail = place(item.row) + std::move(detail);
  item.result.enhanced = reason == Reason::policy_forbids ? "5.7.1" : "5.6.0";
  item.result.exit_if_failed = reason == Reason::policy_forbids ? 77 : 65;
}

Result<const config::Organisation*> Senders::find(const smtp::Envelope& envelope,
                                                  const name::Mailbox& author) {
  const auto who = envelope.sender.text() + " " + author.text();
  const std::lock_guard lock(mutex_);
  const auto known = known_.find(who);
  if (known != known_.end()) return known->second;
  if (known_.size() >= kMostSenders) known_.clear();
  auto found = submission::organisation_of(*config_, envelope, author);
  if (!found) {
    // A policy's no is an answer; trouble with the state is not.
    if (found.error().code == Errc::denied) known_.emplace(who, fail(found.error()));
    return fail(std::move(found).error());
  }
  auto& kept = organisations_[found->id];
  if (!kept) kept = std::make_unique<config::Organisation>(std::move(*found));
  known_.emplace(who, static_cast<const config::Organisation*>(kept.get()));
  return static_cast<const config::Organisation*>(kept.get());
}

Result<Composer> Composer::create(const Setting& setting, Senders& senders) {
  auto parsed = Template::parse(setting.template_text);
  if (!parsed) return fail(std::move(parsed).error());
  return Composer(setting, senders, std::move(*parsed));
}

bool Composer::check_address(Item& item) const {
  const auto to = item.row.value("to");
  item.result.recipient = to;
  item.result.row = item.row.number;
  auto mailbox = name::Mailbox::parse(trimmed(to));
  if (!mailbox) {
    refuse(item, Reason::address_invalid, "column 'to': " + mailbox.error().what);
    return false;
  }
  item.result.recipient = mailbox->text();
  item.envelope.recipients = {{.mailbox = std::move(*mailbox)}};
  item.key = item.row.value("key");
  item.result.key = item.key;
  const bool is_key = !item.key.empty() && item.key.size() <= kMostKey &&
                      item.key == printable(item.key) && trimmed(item.key) == item.key;
  if (is_key || (item.key.empty() && !setting_->needs_key)) return true;
  refuse(item, Reason::row_invalid,
         item.key.empty() ? "column 'key': it is empty"
                          : "column 'key': 1 to 255 printable characters on one line");
  return false;
}

bool Composer::check_files(Item& item) const {
  item.attachments = setting_->attachments;
  for (auto& path : paths_of(item.row.value("attach")))
    item.attachments.push_back({.path = std::move(path)});
  for (auto& path : paths_of(item.row.value("link")))
    item.files.push_back({.path = std::move(path)});
  std::vector<std::string> paths;
  for (const auto& attachment : item.attachments)
    paths.push_back(attachment.path);
  for (const auto& file : item.files)
    paths.push_back(file.path);
  for (const auto& path : paths) {
    struct stat is {};
    auto opened = open_file(path, O_RDONLY | O_NONBLOCK);
    if (!opened || ::fstat(opened->get(), &is) != 0 || !S_ISREG(is.st_mode)) {
      refuse(item, Reason::attachment_unreadable,
             opened ? printable(path) + " is no file" : opened.error().what);
      return false;
    }
    item.octets += static_cast<std::uint64_t>(is.st_size);
  }
  return true;
}

bool Composer::check_sender(Item& item) {
  const auto* from = item.read->header().first("From");
  auto authors = from != nullptr ? message::parse_address_list(from->value)
                                 : Result<message::AddressList>(message::AddressList());
  if (!authors || authors->addresses.size() != 1) {
    refuse(item, Reason::message_invalid,
           authors ? "the message has no author, or several" : "From: " + authors.error().what);
    return false;
  }
  const auto& author = authors->addresses.front().mailbox;
  item.author = author;
  item.envelope.sender = setting_->sender.value_or(name::ReversePath(author));
  auto organisation = senders_->find(item.envelope, author);
  if (!organisation) {
    if (organisation.error().code != Errc::denied) {
      refuse(item, Reason::internal_error, organisation.error().what);
      item.result.status = delivery::Status::deferred;
      return false;
    }
    refuse(item, Reason::policy_forbids, organisation.error().what);
    return false;
  }
  item.organisation = *organisation;
  return true;
}

bool Composer::check_terms(Item& item) const {
  auto request = setting_->sealing;
  overlay(request.method, item.row, "method");
  overlay(request.password_file, item.row, "password_file");
  overlay(request.phone, item.row, "phone");
  overlay(request.expires, item.row, "expires");
  request.insists = request.insists || !item.files.empty();
  auto terms = sealing::agree_terms(request, *item.organisation);
  if (!terms) {
    const bool is_forbidden = terms.error().code == Errc::denied;
    refuse(item, is_forbidden ? Reason::policy_forbids : Reason::row_invalid, terms.error().what);
    return false;
  }
  item.terms = std::move(*terms);
  item.on_insecure = submission::on_insecure_of(setting_->on_insecure, *item.organisation);
  return true;
}

Result<void> Composer::hash_content(Item& item, std::string_view rendered) const {
  ContentHash hash;
  hash.add(item.envelope.sender.text());
  hash.add(item.envelope.recipients.front().mailbox.text());
  hash.add(rendered);
  for (const auto& attachment : item.attachments) {
    hash.add("attach");
    hash.add(attachment.path.substr(attachment.path.rfind('/') + 1));
    if (auto added = hash.add_file(attachment.path); !added) return added;
  }
  for (const auto& file : item.files) {
    hash.add("link");
    hash.add(file.path.substr(file.path.rfind('/') + 1));
    if (auto added = hash.add_file(file.path); !added) return added;
  }
  item.content = hash.finish();
  return {};
}

void Composer::compose(Item& item) {
  if (!check_address(item) || !check_files(item)) return;
  auto rendered = template_.render(item.row);
  if (!rendered) return refuse(item, reason_of(rendered.error()), rendered.error().what);
  const auto source = message::read_memory(*rendered);
  auto read = message::read_message(*source, message::Purpose::submission, setting_->space);
  if (!read) return refuse(item, reason_of(read.error()), read.error().what);
  item.octets += rendered->size();
  if (message::hides_recipients(read->header())) {
    return refuse(item, Reason::bcc_present, "recipients may not be hidden: no Bcc");
  }
  item.read = std::move(*read);
  if (!check_sender(item) || !check_terms(item)) return;
  if (auto hashed = hash_content(item, *rendered); !hashed) {
    refuse(item, Reason::attachment_unreadable, hashed.error().what);
  }
}

}  // namespace sm::batch
