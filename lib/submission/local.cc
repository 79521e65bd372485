#include "submission/local.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "message/addresses.h"

namespace sm::submission {
namespace {

constexpr std::size_t kMostAliases = std::size_t{1} << 20;  // octets of the file
constexpr std::size_t kMostName = 1024;                     // of /etc/mailname

std::optional<name::Domain> domain_in(const std::string& file) {
  const auto text = read_file(file, kMostName);
  if (!text) return std::nullopt;
  const auto line = trimmed(std::string_view(*text).substr(0, text->find('\n')));
  auto domain = name::Domain::parse(line);
  if (!domain) return std::nullopt;
  return *domain;
}

void add_once(std::vector<name::Mailbox>& all, const name::Mailbox& mailbox) {
  if (std::find(all.begin(), all.end(), mailbox) == all.end()) all.push_back(mailbox);
}

/// Logical lines (aliases(5)): a line that begins with a blank goes on with the one before.
struct AliasLine {
  std::string text;
  std::size_t number = 0;
};
std::vector<AliasLine> alias_lines(std::string_view text) {
  std::vector<AliasLine> lines;
  std::size_t number = 0;
  for (const auto line : split(text, '\n')) {
    ++number;
    const auto content = trimmed(line, " \t\r");
    if (content.empty() || content.front() == '#') continue;
    const bool goes_on = (line.front() == ' ' || line.front() == '\t') && !lines.empty();
    if (goes_on) {
      lines.back().text += " " + std::string(content);
    } else {
      lines.push_back({std::string(content), number});
    }
  }
  return lines;
}

std::string_view unquoted(std::string_view name) {
  const bool is_quoted = name.size() >= 2 && name.starts_with('"') && name.ends_with('"');
  return is_quoted ? name.substr(1, name.size() - 2) : name;
}

/// aliases(5): what begins with these is a command, a file, an included list.
bool is_delivered_here(std::string_view value) {
  for (const auto part : split(value, ',')) {
    const auto target = unquoted(trimmed(part));
    if (target.starts_with('|') || target.starts_with('/') || target.starts_with(":include:")) {
      return true;
    }
  }
  return false;
}

}  // namespace

Result<LocalNames> LocalNames::of(const config::Config& config, const std::string& mail_name) {
  auto domain = config.local.domain;
  if (!domain) {
    domain = domain_in(mail_name);
    const bool is_own = domain && config.organisation_of(*domain) != nullptr;
    if (!is_own) domain.reset();
  }
  if (!domain && config.organisations.size() == 1) {
    domain = config.organisations.front().domains.front();
  }
  if (!domain) {
    return fail(Errc::configuration, "no domain is known for names of this machine",
                "set local.domain, or write one of an organisation's domains into " + mail_name);
  }
  LocalNames names(*domain);
  if (auto read = names.read_aliases(config.local.aliases); !read) return fail(read.error());
  return names;
}

Result<void> LocalNames::read_aliases(const std::string& file) {
  const auto text = read_file(file, kMostAliases);
  if (!text && text.error().code == Errc::no_input) return {};
  if (!text) return fail(Errc::configuration, text.error().what);
  for (const auto& line : alias_lines(*text)) {
    const std::string place = file + ":" + std::to_string(line.number);
    const bool is_quoted = line.text.front() == '"';
    const auto colon = line.text.find(':', is_quoted ? line.text.find('"', 1) : 0);
    if (colon == line.text.npos) {
      return fail(Errc::configuration, place + ": expected name: address");
    }
    const std::string_view whole = line.text;
    const auto name = unquoted(trimmed(whole.substr(0, colon)));
    aliases_.try_emplace(to_lower(name),
                         Entry{std::string(trimmed(whole.substr(colon + 1))), place});
  }
  return {};
}

Result<std::vector<name::Mailbox>> LocalNames::find(std::string_view name) const {
  std::vector<name::Mailbox> found;
  std::map<std::string, Progress> progress;
  if (auto done = follow(std::string(name), progress, found); !done) return fail(done.error());
  return found;
}

Result<void> LocalNames::follow(const std::string& name, std::map<std::string, Progress>& progress,
                                std::vector<name::Mailbox>& found) const {
  const auto entry = aliases_.find(to_lower(name));
  const auto known = progress.find(to_lower(name));
  if (known != progress.end() && known->second == Progress::done) return {};
  // An alias that names itself means the name without the alias, as in sendmail(8).
  if (entry == aliases_.end() || known != progress.end()) {
    auto mailbox = message::complete_address_list(name, domain_);
    if (!mailbox || mailbox->list.addresses.size() != 1) {
      return fail(Errc::malformed, "'" + printable(name) + "' is no name of this machine");
    }
    add_once(found, mailbox->list.addresses.front().mailbox);
    return {};
  }
  const auto& [value, place] = entry->second;
  if (is_delivered_here(value)) {
    return fail(Errc::configuration,
                place + ": " + entry->first +
                    " is a file, a command or a list: nothing is delivered"
                    " on this machine",
                "name an address: " + entry->first + ": somebody@" + domain_.text());
  }
  progress[entry->first] = Progress::begun;
  const auto list = message::complete_address_list(value, domain_);
  if (!list) return fail(Errc::configuration, place + ": " + list.error().what);
  for (const auto& address : list->list.addresses) {
    const auto& mailbox = address.mailbox;
    const bool is_name = std::binary_search(list->names.begin(), list->names.end(), mailbox);
    if (!is_name) {
      add_once(found, mailbox);
    } else if (auto done = follow(mailbox.local_part(), progress, found); !done) {
      return done;
    }
  }
  progress[entry->first] = Progress::done;
  return {};
}

Result<std::vector<name::Mailbox>> LocalNames::read(std::string_view word) const {
  const auto list = message::complete_address_list(word, domain_);
  if (!list) return fail(list.error());
  std::vector<name::Mailbox> all;
  for (const auto& address : list->list.addresses) {
    const auto& mailbox = address.mailbox;
    if (!std::binary_search(list->names.begin(), list->names.end(), mailbox)) {
      add_once(all, mailbox);
      continue;
    }
    auto found = find(mailbox.local_part());
    if (!found) return found;
    for (const auto& one : *found)
      add_once(all, one);
  }
  if (all.empty()) return fail(Errc::malformed, "'" + printable(word) + "' names nobody");
  return all;
}

}  // namespace sm::submission
