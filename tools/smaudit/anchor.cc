// smaudit anchor: others witness the checkpoint. A timestamp authority over HTTPS, or by files that
// are carried to it; or an auditor by mail.

#include "audit/anchor.h"

#include <algorithm>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/encoding.h"
#include "base/file.h"
#include "base/text.h"
#include "commands.h"
#include "crypto/random.h"
#include "dns/resolver.h"
#include "http/fetch.h"
#include "name/mailbox.h"

namespace sm::smaudit {
namespace {

constexpr std::size_t kMostReply = std::size_t{1} << 20;

/// Signs what is there where this process may; the newest checkpoint in any case.
Result<audit::Checkpoint> current_checkpoint(const Place& place, const Options& options) {
  const std::string& org = place.orgs.front();
  auto log = OpenLog::open(place.config, org);
  if (log) {
    auto checkpoint = (*log)->sign_checkpoint();
    if (checkpoint || checkpoint.error().code != Errc::denied) return checkpoint;
  }
  options.common.diagnostics().detail("the log was not signed anew");
  const std::string path = place.layout(org).checkpoint();
  const auto is_there = audit::exists(path);
  if (!is_there) return fail(is_there.error());
  if (*is_there) return read_checkpoint(path);
  return fail(Errc::no_input, "the log has no checkpoint yet", "run smaudit checkpoint");
}

void tell(const Options& options, std::uint64_t size, const audit::Timestamp& timestamp) {
  options.common.diagnostics().detail("the first " + std::to_string(size) +
                                      " records are witnessed at " + utc_text(timestamp.time) +
                                      " by " + timestamp.authority);
}

/// Keeps a reply that is good.
Result<void> keep(const audit::Layout& layout, const audit::Checkpoint& checkpoint, Bytes reply,
                  Bytes query, const Options& options) {
  const auto answer =
      audit::verify_timestamp(reply, as_bytes(checkpoint.note), options.tsa_ca, query);
  if (!answer) return fail(answer.error());
  if (answer->verdict != audit::TimestampVerdict::good) {
    const bool is_trust = answer->verdict == audit::TimestampVerdict::untrusted;
    return fail(is_trust ? Errc::denied : Errc::protocol, std::string(text(answer->verdict)));
  }
  auto kept = audit::keep_anchor(layout, checkpoint.size, reply, query);
  if (kept) tell(options, checkpoint.size, answer->timestamp);
  return kept;
}

// ---- by file

Result<void> write_request(const Place& place, const Options& options) {
  const auto checkpoint = current_checkpoint(place, options);
  if (!checkpoint) return fail(checkpoint.error());
  const auto query = audit::timestamp_query(as_bytes(checkpoint->note));
  if (!query) return fail(query.error());
  auto kept = audit::keep_query(place.layout(place.orgs.front()), checkpoint->size, *query);
  if (!kept) return kept;
  if (options.request == "-") {
    options.common.out().print(as_text(*query));
    return {};
  }
  return publish_file(options.request, *query, 0644);
}

/// Which of the log's checkpoints the reply is over: those asked for first, the newest first.
Result<void> take_response(const Place& place, const Options& options) {
  const audit::Layout layout = place.layout(place.orgs.front());
  const auto reply =
      read_file(options.response == "-" ? "/dev/stdin" : options.response, kMostReply);
  if (!reply) return fail(reply.error());
  const auto sizes = audit::archived_in(layout.checkpoints_folder());
  if (!sizes) return fail(sizes.error());
  for (auto size = sizes->rbegin(); size != sizes->rend(); ++size) {
    const auto checkpoint = read_checkpoint(layout.archived(*size));
    if (!checkpoint) return fail(checkpoint.error());
    const auto answer = audit::verify_timestamp(as_bytes(*reply), as_bytes(checkpoint->note), "");
    if (!answer) return fail(answer.error());
    if (answer->verdict == audit::TimestampVerdict::rejected) {
      return fail(Errc::protocol, "the authority granted no timestamp");
    }
    if (answer->verdict == audit::TimestampVerdict::other_message) continue;
    const auto query = audit::query_over(layout, *size);
    if (!query) return fail(query.error());
    return keep(layout, *checkpoint, as_bytes(*reply), as_bytes(query->value_or("")), options);
  }
  return fail(Errc::malformed, "the timestamp is over none of this log's checkpoints");
}

// ---- over the network

/// The host of an http or https URL.
Result<std::string> host_of(const std::string& url) {
  const auto begin = url.find("://");
  if (begin == url.npos) return fail(Errc::usage, "'" + printable(url) + "' is no URL");
  const std::string rest = url.substr(begin + 3);
  if (rest.starts_with('[')) return rest.substr(1, rest.find(']') - 1);
  return rest.substr(0, rest.find_first_of(":/?"));
}

Result<std::vector<IpAddress>> addresses_of(const std::string& host, const Place& place,
                                            const Options& options) {
  if (const auto literal = IpAddress::parse(host)) return std::vector<IpAddress>{*literal};
  const auto domain = name::Domain::parse(host);
  if (!domain) return fail(domain.error());
  const auto& network = place.config.network;
  dns::ResolverOptions resolver_options;
  resolver_options.servers = network.resolvers;
  if (!network.trust_anchors.empty()) {
    resolver_options.trust_anchor_file = network.trust_anchors.front();
  }
  resolver_options.trust_ad_bit = network.trust_ad;
  resolver_options.dns_file = options.network.dns_file.value_or("");
  const auto resolver = dns::open_resolver(resolver_options);
  if (!resolver) return fail(resolver.error());
  std::vector<IpAddress> addresses;
  for (const dns::Type type : {dns::Type::a, dns::Type::aaaa}) {
    const auto found = (*resolver)->lookup(*domain, type).all<IpAddress>();
    addresses.insert(addresses.end(), found.begin(), found.end());
  }
  if (!addresses.empty()) return addresses;
  return fail(Errc::temporary, "no address is known of " + host);
}

Result<std::string> post(const std::string& url, Bytes query, const Place& place,
                         const Options& options) {
  const auto host = host_of(url);
  if (!host) return fail(host.error());
  auto addresses = addresses_of(*host, place, options);
  if (!addresses) return fail(std::move(addresses).error());
  http::Request request;
  request.url = url;
  request.addresses = std::move(*addresses);
  request.body = std::string(as_text(query));
  request.headers = {{"Content-Type", "application/timestamp-query"}};  // RFC 3161 §3.4
  request.ca_file = place.config.network.ca_file;
  request.size_limit = kMostReply;
  // The reply is signed: where an authority offers no HTTPS, nothing but silence can be forged.
  request.allows_http = url.starts_with("http://");
  if (options.network.deadline) request.time_limit = *options.network.deadline;
  const auto outcome = http::fetch(request);
  if (!outcome) return fail(outcome.error());
  if (const auto* failed = std::get_if<http::Failed>(&*outcome)) {
    return fail(Errc::unavailable, "asking " + url + ": " + failed->detail);
  }
  const auto& response = std::get<http::Response>(*outcome);
  if (response.status != 200) {
    return fail(Errc::unavailable, url + " answered " + std::to_string(response.status));
  }
  return response.body;
}

Result<void> ask(const Place& place, const Options& options) {
  const auto checkpoint = current_checkpoint(place, options);
  if (!checkpoint) return fail(checkpoint.error());
  const auto query = audit::timestamp_query(as_bytes(checkpoint->note));
  if (!query) return fail(query.error());
  const auto reply = post(options.tsa, *query, place, options);
  if (!reply) return fail(reply.error());
  return keep(place.layout(place.orgs.front()), *checkpoint, as_bytes(*reply), *query, options);
}

// ---- by mail

/// Who the mail is from: the organisation's own domain.
std::string sender_of(const Place& place) {
  const auto* organisation = place.config.find_organisation(place.orgs.front());
  if (organisation == nullptr || organisation->domains.empty()) return {};
  return "smtools-audit@" + organisation->domains.front().text();
}

std::string mail_of(const audit::Checkpoint& checkpoint, const std::string& sender,
                    const std::string& to) {
  const auto domain = sender.substr(sender.find('@') + 1);
  const auto now = std::chrono::floor<std::chrono::seconds>(system_clock().now());
  return "From: <" + sender + ">\nTo: <" + to + ">\nSubject: Audit log checkpoint, " +
         std::to_string(checkpoint.size) + " records\nDate: " + mail_date(now) + "\nMessage-ID: <" +
         to_base64url(crypto::random_bytes<15>()) + '@' + domain +
         ">\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
         "Content-Transfer-Encoding: base64\n"
         "Content-Disposition: attachment; filename=\"checkpoint\"\n\n" +
         [&] {
           std::string body, text = to_base64(as_bytes(checkpoint.note));
           for (std::size_t at = 0; at < text.size(); at += 76)
             body += text.substr(at, 76) + '\n';
           return body;
         }();
}

/// smsend beside this program.
std::string smsend_path() {
  std::array<char, 4096> self{};
  const auto n = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  return n > 0 ? folder_of(self.data()) + "/smsend" : "smsend";
}

/// Runs smsend with the message on its stdin; its exit status.
Result<int> run_smsend(std::vector<std::string> arguments, const std::string& message) {
  UniqueFd input(::memfd_create("message", MFD_CLOEXEC));
  if (!input) return fail_errno("preparing the mail", errno);
  auto written = write_all(input.get(), as_bytes(message), "the mail");
  if (!written) return fail(std::move(written).error());
  if (::lseek(input.get(), 0, SEEK_SET) != 0) return fail_errno("preparing the mail", errno);
  std::vector<char*> argv;
  for (std::string& argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0) return fail_errno("running smsend", ENOMEM);
  ::posix_spawn_file_actions_adddup2(&actions, input.get(), STDIN_FILENO);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail_errno(Errc::unavailable, "running " + arguments[0], error);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fail_errno("waiting for smsend", errno);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : exit_status(Errc::temporary);
}

Result<cli::Verdict> mail(const Place& place, const Options& options) {
  const auto to = name::Mailbox::parse(options.mail);
  if (!to) return fail(to.error());
  const std::string sender = sender_of(place);
  if (sender.empty()) {
    return fail(Errc::configuration, "the organisation has no domain to send from",
                "list one under organisations in smtools.yaml");
  }
  const auto checkpoint = current_checkpoint(place, options);
  if (!checkpoint) return fail(checkpoint.error());
  std::vector<std::string> arguments = {smsend_path(), "-i", "-f", sender};
  if (options.common.config)
    arguments.insert(arguments.end(), {"--config", *options.common.config});
  if (options.common.state) arguments.insert(arguments.end(), {"--state", *options.common.state});
  arguments.insert(arguments.end(), {"--", options.mail});
  const auto status = run_smsend(std::move(arguments), mail_of(*checkpoint, sender, options.mail));
  if (!status) return fail(status.error());
  return static_cast<cli::Verdict>(*status);
}

}  // namespace

Result<cli::Verdict> anchor(const Options& options) {
  const int ways = !options.tsa.empty() + !options.request.empty() + !options.response.empty() +
                   !options.mail.empty();
  if (ways != 1) {
    return fail(Errc::usage, "give one of --tsa, --request, --response and --mail");
  }
  const auto place = find_one(options);
  if (!place) return fail(place.error());
  if (!options.mail.empty()) return mail(*place, options);
  Result<void> done;
  if (!options.tsa.empty()) done = ask(*place, options);
  if (!options.request.empty()) done = write_request(*place, options);
  if (!options.response.empty()) done = take_response(*place, options);
  if (!done) return fail(std::move(done).error());
  return cli::Verdict::yes;
}

}  // namespace sm::smaudit
