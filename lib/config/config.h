#pragma once
// The configuration, smtools.yaml(5): where the state is, how the network is reached, what the
// policy demands, and which organisations send.
//
// Two files matter. The *binding* file, /etc/smtools/smtools.yaml, belongs to the machine's
// administrator: its `policy:` can be tightened by every other source (another file, an
// organisation's own section, a flag, the environment) and loosened by none. The *chosen* file is
// what the user named, or the binding file itself. Loosening is Errc::denied ("policy-forbids",
// 77); a file that is wrong is Errc::configuration with file, line and column (78). A binding file
// that exists and cannot be read is an error too: a policy that is not known is not absent.
//
// Nothing here reads the environment or the command line; lib/cli does and passes values.

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "name/domain.h"

namespace sm::config {

inline constexpr std::string_view kBindingFile = "/etc/smtools/smtools.yaml";
inline constexpr std::string_view kDefaultState = "/var/lib/smtools";
/// The organisation where no configuration names one.
inline constexpr std::string_view kDefaultOrganisation = "default";

/// The least that a destination must reach before a message goes there.
enum class Minimum { trusted, verified };
/// How a recipient of a sealed message proves who they are.
enum class Method { sms, email, password };
/// What becomes of a sealed message that was read to its end.
enum class AfterRetrieval { keep, destroy };

/// What a source says about the policy; what it does not mention stays as it is.
struct PolicyLayer {
  std::optional<Minimum> minimum;
  std::optional<bool> requiretls;
  std::optional<std::set<Method>> methods;
  std::optional<std::chrono::days> longest_expiry;
  std::optional<bool> escrow;
  std::optional<AfterRetrieval> after_retrieval;
  std::optional<bool> registered_senders;
  std::optional<std::vector<ServerAddress>> resolvers;
  std::optional<std::vector<std::string>> trust_anchors;
  std::optional<std::string> ca_file;
};

/// The policy in force.
struct Policy {
  Minimum minimum = Minimum::trusted;
  bool requiretls = false;  ///< every message asks for REQUIRETLS (RFC 8689)
  std::set<Method> methods = {Method::sms, Method::email, Method::password};
  std::chrono::days longest_expiry{90};  ///< 1 to 90
  std::optional<bool> escrow;            ///< the organisation can open what was sealed; unset: no
  AfterRetrieval after_retrieval = AfterRetrieval::keep;
  bool registered_senders = false;         ///< only those whom smcontact registered may send
  std::vector<ServerAddress> resolvers;    ///< the only ones allowed; empty: any
  std::vector<std::string> trust_anchors;  ///< the only files allowed; empty: any
  std::optional<std::string> ca_file;      ///< the only one allowed
};

/// The policy with a further source's wishes. Errc::denied where one of them is looser than what is
/// in force; `source` names it in the message ("a flag", "/home/x/smtools.yaml").
Result<Policy> tightened(const Policy& policy, const PolicyLayer& layer, const std::string& source);

struct Network {
  std::vector<ServerAddress> resolvers;    ///< empty: those of /etc/resolv.conf
  std::vector<std::string> trust_anchors;  ///< files; empty: /usr/share/dns/root.key
  std::optional<std::string> ca_file;      ///< PEM; unset: the system's
  bool trust_ad = false;                   ///< believe the AD bit; every resolver is loopback then
  std::vector<IpPrefix> allow_addresses;   ///< may be connected to although not public
  std::optional<name::Domain> helo;        ///< name in EHLO; unset: the host's
  std::uint16_t port = 25;                 ///< SMTP
  std::chrono::seconds deadline{300};      ///< for one delivery or one probe, over all
};

/// One key pair that signs for a domain (smsign).
struct DkimKey {
  name::Domain domain;
  std::string selector;
  std::string key;                       ///< file or pkcs11: URI
  std::optional<std::string> selector2;  ///< with key2: a second signature
  std::optional<std::string> key2;
};

/// What becomes of a recipient's reply.
enum class Replies {
  deliver,  ///< to the sender's mailbox where its domain verifies, else as notify
  notify,   ///< the sender is told that there is one
  off,      ///< the portal offers none
};

/// The sealed channel: messages that wait in the portal.
struct Sealing {
  bool is_enabled = true;
  std::string portal;           ///< base URL without a slash at the end; empty: there is none
  Method method = Method::sms;  ///< of a fallback, where nobody chose
  std::chrono::days expiry{7};  ///< where nobody chose
  std::string language = "en";  ///< "en", "nl": where the recipient's is not known
  std::string from;             ///< address of notifications; empty: noreply@ the first domain
  bool shows_opened = true;     ///< senders see that a message was opened
  bool names_sender = true;     ///< notifications name the sender beside the organisation
  std::uint64_t attachment_limit = 50'000'000;  ///< octets of one attachment; large files: none
  Replies replies = Replies::deliver;
  std::uint64_t reply_limit = 200'000'000;  ///< octets of all replies of one recipient to a message
  std::chrono::days unread_notice{2};       ///< the sender is told so long before the expiry
  /// A portal is configured and nobody switched the channel off.
  [[nodiscard]] bool is_available() const { return is_enabled && !portal.empty(); }
};

/// Where text messages go out. In `url`, `body` and headers `{to}` is the number as +31…,
/// `{digits}` the same without the plus, `{text}` the text, `{from}` and `{key}` as below; each is
/// escaped for the place where it stands (URL, JSON, form).
struct SmsGateway {
  std::string url;           ///< empty where a command is used
  std::string body;          ///< empty: GET
  std::string content_type;  ///< of the body
  std::vector<std::pair<std::string, std::string>> headers;
  std::vector<std::string> command;  ///< program and arguments; the number follows, text on stdin
  std::string from;                  ///< originator shown on the phone
  std::string key_file;              ///< the gateway's secret; empty: none
  std::chrono::seconds timeout{20};
};

/// How the portal and the notifications look.
struct Branding {
  std::string colour = "#1d4f91";  ///< "#rrggbb"
  std::string logo;                ///< file, PNG or JPEG; empty: the name alone
  std::string phone;               ///< whom a recipient asks; each may be empty
  std::string email;
  std::string website;
};

/// The queue: mail that was accepted and waits (smsend --queue, -q).
struct Queue {
  std::chrono::seconds lifetime{std::chrono::days(5)};  ///< then it is sealed, or returned
  /// The sender is told once that it waits still; unset: never.
  std::optional<std::chrono::seconds> warn_after;
  unsigned parallel = 8;  ///< destinations at a time
  /// What users without rights seal to: a line of `smkey export-public` for each organisation.
  std::string public_keys = "/etc/smtools/public-keys";
  std::uint64_t message_limit = 50'000'000;  ///< octets of a message taken from the drop or by -bs
  std::uint64_t user_messages = 1000;        ///< of one user, at a time
  std::uint64_t user_limit = 1'000'000'000;  ///< octets of one user's messages, at a time
};

/// Names of this machine, which programs that call sendmail(8) write without a domain.
struct Local {
  std::optional<name::Domain> domain;  ///< completes them; unset: submission/local.h finds one
  std::string aliases = "/etc/aliases";
};

/// Batches (smsend --batch).
struct Batch {
  std::chrono::days keep_keys{400};  ///< since nothing happened to them; then they may come again
  unsigned per_destination = 8;      ///< connections at a time
};

struct Organisation {
  std::string id;                     ///< [a-z0-9][a-z0-9.-]{0,62}
  std::string name;                   ///< as people read it
  std::vector<name::Domain> domains;  ///< that it sends from; no domain is in two organisations
  std::vector<DkimKey> dkim;
  Policy policy;             ///< the installation's, tightened by its own section
  std::string audit_origin;  ///< of its log; empty: <host name>/smtools/<id>
  Sealing sealing;           ///< the installation's, with its own section's changes
  std::optional<SmsGateway> sms;
  Branding branding;
};

struct Config {
  std::optional<std::string> file;  ///< the chosen file; unset where there is none
  std::string state{kDefaultState};
  Network network;
  Policy policy;
  std::vector<Organisation> organisations;
  std::string audit_origin;  ///< of the only log; empty: <host name>/smtools/<id>
  Sealing sealing;           ///< of the installation
  std::optional<SmsGateway> sms;
  Branding branding;
  Queue queue;
  Local local;
  Batch batch;
  std::optional<std::string> nta7516_header;  ///< name of the header field that marks NTA 7516 mail

  /// The organisation that sends from this domain; null where none does.
  [[nodiscard]] const Organisation* organisation_of(const name::Domain& sender) const;
  [[nodiscard]] const Organisation* find_organisation(std::string_view id) const;
  /// What stands for the organisation where no organisation is configured at all.
  [[nodiscard]] Organisation default_organisation() const;
};

/// Where a configuration comes from, in the order of INTERFACES: a flag beats the environment beats
/// the file.
struct Sources {
  std::optional<std::string> flag_file;           ///< --config
  std::optional<std::string> environment_file;    ///< SMTOOLS_CONFIG
  std::optional<std::string> user_config_folder;  ///< smtools/smtools.yaml in it, where it exists
  std::optional<std::string> flag_state;          ///< --state
  std::optional<std::string> environment_state;   ///< SMTOOLS_STATE
  std::string binding_file{kBindingFile};
};

/// What flags change. Unset or empty: as configured.
struct Overrides {
  std::vector<ServerAddress> resolvers;
  std::vector<std::string> trust_anchors;
  std::optional<std::string> ca_file;
  std::optional<std::uint16_t> port;
  std::optional<std::chrono::seconds> deadline;
  std::optional<std::string>
      dns_file;        ///< answers from here: only where the policy names no source
  PolicyLayer policy;  ///< --minimum and the like
  std::optional<bool> is_sealing_enabled;  ///< SECURE_MAIL_ENABLED
};

/// Reads the binding file and the chosen one, and applies the flags, to every organisation too.
/// Errc::no_input where a file that was named does not exist.
Result<Config> load(const Sources& sources, const Overrides& overrides = {});

/// True for [a-z0-9][a-z0-9.-]{0,62}.
bool is_organisation_id(std::string_view text);

}  // namespace sm::config
