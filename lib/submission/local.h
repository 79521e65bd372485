#pragma once
// Names of this machine. cron, at and every old program of a Unix machine write "root" where an
// address belongs, and expect of sendmail(8) that it knows what is meant. There are no mailboxes
// here, so a name is one of two things:
//
//   an alias   what aliases(5) says, "root: operations@example.org"; an alias may name others
//   an address of the machine's domain, as Postfix's myorigin completes it, for its mail server
//
// What an alias file can ask for beyond that (a command, a file, an included list) would deliver
// here, unsealed and unseen by the log: it is an error, never passed over in silence.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "name/domain.h"
#include "name/mailbox.h"

namespace sm::submission {

/// Debian's file with the domain that programs put behind names (Debian Policy 11.6).
inline constexpr const char* kMailName = "/etc/mailname";

class LocalNames {
 public:
  /// The domain is the configured one; else that of `mail_name`, where an organisation sends from
  /// it; else the first of the only organisation. Errc::configuration: none of these, or the alias
  /// file cannot be read. A missing one has no aliases.
  static Result<LocalNames> of(const config::Config& config,
                               const std::string& mail_name = kMailName);

  [[nodiscard]] const name::Domain& domain() const { return domain_; }
  /// Whom this name means, each once; case does not count. Errc::configuration: its alias asks for
  /// what there is not here, or is no list of addresses.
  [[nodiscard]] Result<std::vector<name::Mailbox>> find(std::string_view name) const;
  /// A word of sendmail's command line: an address list, as Debian's cron passes MAILTO; names in
  /// it are found. Errc::malformed: it is none.
  [[nodiscard]] Result<std::vector<name::Mailbox>> read(std::string_view word) const;

 private:
  struct Entry {
    std::string value;
    std::string place;  ///< "/etc/aliases:12"
  };
  explicit LocalNames(name::Domain domain) : domain_(std::move(domain)) {}
  Result<void> read_aliases(const std::string& file);
  enum class Progress { begun, done };
  Result<void> follow(const std::string& name, std::map<std::string, Progress>& progress,
                      std::vector<name::Mailbox>& found) const;

  name::Domain domain_;
  std::map<std::string, Entry> aliases_;  ///< names in lower case
};

}  // namespace sm::submission
