#include "dns/resolver.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "dns/ad_resolver.h"
#include "dns/file_resolver.h"
#include "dns/unbound_resolver.h"

namespace sm::dns {
namespace {

constexpr std::size_t kMaxDnsFile = 16 << 20;

Result<std::unique_ptr<Resolver>> open_dns_file(const std::string& path) {
  const auto text = read_file(path, kMaxDnsFile);
  if (!text) return fail(text.error());
  auto table = parse_dns_file(*text);
  if (!table) return fail(table.error(), path);
  return std::unique_ptr<Resolver>(std::make_unique<FileResolver>(*std::move(table)));
}

/// Longer than a name or a label may be, and nothing else wrong with it.
bool cannot_exist(std::string_view labels, const name::DnsName& name) {
  if (labels.size() + 1 + name.text().size() > name::DnsName::kMaxText) return true;
  const auto pieces = split(labels, '.');
  return std::any_of(pieces.begin(), pieces.end(), [](std::string_view label) {
    return label.size() > name::DnsName::kMaxLabel;
  });
}

/// The answer about a name that cannot be asked for.
Answer unaskable(std::string_view labels, const Question& question, const std::string& why) {
  Answer answer{.question = question, .outcome = Outcome::failure};
  answer.canonical = question.name.text();
  if (cannot_exist(labels, question.name)) {
    // RFC 1035 §2.3.4: no zone can hold such a name, so its absence needs no proof.
    answer.outcome = Outcome::no_such_name;
    answer.security = Security::secure;
    answer.rcode = 3;
    return answer;
  }
  answer.failure = FailureKind::local;
  answer.why = why;
  return answer;
}

}  // namespace

std::vector<Answer> Resolver::lookup_all(std::span<const Question> questions) {
  std::vector<Answer> answers;
  answers.reserve(questions.size());
  for (const auto& question : questions) {
    answers.push_back(lookup(question));
  }
  return answers;
}

void Resolver::prefetch(const Question&) {}
void Resolver::ask_ahead(const Question&, Then) {}

void Resolver::prefetch_under(std::string_view labels, const name::DnsName& name, Type type) {
  if (auto full = name.prefixed(labels)) prefetch({*std::move(full), type});
}

void Resolver::ask_ahead_under(std::string_view labels, const name::DnsName& name, Type type) {
  if (auto full = name.prefixed(labels)) ask_ahead({*std::move(full), type});
}

Answer Resolver::lookup_under(std::string_view labels, const name::DnsName& name, Type type) {
  const Question question{name, type};
  return std::move(lookup_all_under(labels, {&question, 1}).front());
}

std::vector<Answer> Resolver::lookup_all_under(std::string_view labels,
                                               std::span<const Question> questions) {
  std::vector<Question> possible;
  std::vector<std::optional<Answer>> impossible;
  for (const auto& question : questions) {
    auto full = question.name.prefixed(labels);
    if (full) {
      possible.push_back({*std::move(full), question.type});
      impossible.emplace_back();
    } else {
      impossible.emplace_back(unaskable(labels, question, full.error().what));
    }
  }
  auto found = lookup_all(possible);
  std::vector<Answer> answers;
  for (std::size_t next = 0; auto& answer : impossible) {
    answers.push_back(answer ? *std::move(answer) : std::move(found[next++]));
  }
  return answers;
}

std::vector<ServerAddress> parse_resolv_conf(std::string_view text) {
  std::vector<ServerAddress> servers;
  for (const auto line : split(text, '\n')) {
    const auto content = trimmed(line, " \t\r");
    constexpr std::string_view kKeyword = "nameserver";
    if (!content.starts_with(kKeyword)) continue;
    const auto value = trimmed(content.substr(kKeyword.size()));
    const auto server = ServerAddress::parse(value.substr(0, value.find_first_of(" \t")), 53);
    if (server && value.size() + kKeyword.size() < content.size()) servers.push_back(*server);
  }
  if (servers.empty()) servers.push_back(*ServerAddress::parse("127.0.0.1", 53));
  return servers;
}

Result<std::vector<ServerAddress>> servers_of(const ResolverOptions& options) {
  if (!options.servers.empty()) return options.servers;
  constexpr std::size_t kMaxResolvConf = 1 << 20;
  auto text = read_file(options.resolv_conf, kMaxResolvConf);
  // resolv.conf(5): without the file, the name server is on the local machine.
  if (!text && text.error().code == Errc::no_input) return parse_resolv_conf("");
  if (!text) return fail(std::move(text).error());
  return parse_resolv_conf(*text);
}

Result<std::unique_ptr<Resolver>> begin_resolver(const ResolverOptions& options) {
  if (!options.dns_file.empty()) return open_dns_file(options.dns_file);
  if (options.trust_ad_bit) return AdResolver::open(options);
  return UnboundResolver::open(options);
}

Result<std::unique_ptr<Resolver>> open_resolver(const ResolverOptions& options) {
  auto resolver = begin_resolver(options);
  if (!resolver) return resolver;
  if (auto ready = (*resolver)->check(); !ready) return fail(std::move(ready).error());
  return resolver;
}

}  // namespace sm::dns
