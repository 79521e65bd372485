#include "dns/unbound_resolver.h"

#include <algorithm>
#include <thread>

#include <fcntl.h>
#include <sys/resource.h>
#include <unbound-event.h>

#include "base/file.h"
#include "base/text.h"
#include "dns/records.h"

namespace sm::dns {
namespace {

Answer failed(const Question& question, FailureKind kind, std::string why) {
  return {.question = question,
          .outcome = Outcome::failure,
          .canonical = question.name.text(),
          .rcode = 2,
          .failure = kind,
          .why = std::move(why)};
}

std::vector<std::string_view> words_of(std::string_view line) {
  constexpr std::string_view kBlanks = " \t\r";
  std::vector<std::string_view> words;
  while (true) {
    const auto begin = line.find_first_not_of(kBlanks);
    if (begin == line.npos) return words;
    line.remove_prefix(begin);
    const auto end = std::min(line.find_first_of(kBlanks), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

/// Without a trust anchor nothing would ever be validated and every answer would be insecure: a
/// missing or empty file must be noticed here, since libunbound takes it silently.
Result<void> check_trust_anchor(const std::string& path) {
  constexpr std::size_t kMaxAnchorFile = 1 << 20;
  const std::string hint =
      "install the package dns-root-data, or name the file with --trust-anchor";
  const auto text = read_file(path, kMaxAnchorFile);
  if (!text) {
    return fail(Errc::configuration, "the DNSSEC trust anchor: " + text.error().what, hint);
  }
  for (const auto line : split(*text, '\n')) {
    for (const auto word : words_of(line.substr(0, line.find(';')))) {
      if (word == "DNSKEY" || word == "DS") return {};
    }
  }
  return fail(Errc::configuration, "the DNSSEC trust anchor " + path + " holds no DNSKEY or DS",
              hint);
}

struct Option {
  const char* name;
  std::string value;
};

/// What differs from libunbound's own defaults.
std::vector<Option> context_options(unsigned parallel, const std::vector<ServerAddress>& servers) {
  const auto has = [&](bool is_v4) {
    return std::any_of(servers.begin(), servers.end(), [&](const ServerAddress& server) {
      return server.address.is_v4() == is_v4;
    });
  };
  return {
      // Only the servers are talked to; for each family libunbound makes a table of its ports.
      {"do-ip4:", has(true) ? "yes" : "no"},
      {"do-ip6:", has(false) ? "yes" : "no"},
      // A context has one thread: caches in several parts, each with its lock, are for many.
      {"msg-cache-slabs:", "1"},
      {"rrset-cache-slabs:", "1"},
      {"infra-cache-slabs:", "1"},
      {"key-cache-slabs:", "1"},
      {"module-config:", "validator iterator"},
      // Lookups share the context's one thread; each may need several more for keys and denials.
      {"num-queries-per-thread:", std::to_string(std::max(64u, parallel * 4))},
      {"outgoing-range:", std::to_string(std::clamp(parallel * 2, 16u, 512u))},
      {"outgoing-num-tcp:", "10"},
      // libunbound makes a table of the ports that it may send from; this is Linux's own range.
      {"outgoing-port-avoid:", "0-65535"},
      {"outgoing-port-permit:", "32768-60999"},
      {"msg-cache-size:", "8m"},
      {"rrset-cache-size:", "16m"},
      {"key-cache-size:", "4m"},
      // A forwarder that was slow for one name must not be thought dead for all others.
      {"infra-host-ttl:", "5"},
      {"infra-keep-probing:", "yes"},
      {"do-not-query-localhost:", "no"},
      // RFC 8145 tells the root's operators which anchors we have: not our business.
      {"trust-anchor-signaling:", "no"},
      {"prefetch-key:", "yes"},
      // Saves the making of some fifty reverse zones that nobody here asks for.
      {"unblock-lan-zones:", "yes"},
  };
}

FailureKind kind_of(int rcode) {
  constexpr int kFormErr = 1;
  constexpr int kRefused = 5;
  if (rcode == kRefused) return FailureKind::refused;
  return rcode == kFormErr ? FailureKind::malformed : FailureKind::servfail;
}

Answer refused_by(const Question& question, int rcode) {
  return failed(question, kind_of(rcode),
                "the resolver answered with code " + std::to_string(rcode));
}

Answer answer_of(const Question& question, const UbResult& result) {
  constexpr int kNoError = 0;
  constexpr int kNxDomain = 3;
  if (result.is_bogus) {
    return {.question = question,
            .outcome = Outcome::bogus,
            .canonical = question.name.text(),
            .rcode = 2,
            .why = result.why_bogus.empty() ? "validation failed" : printable(result.why_bogus)};
  }
  if (result.rcode != kNoError) return refused_by(question, result.rcode);
  const auto message = parse_message(result.message);
  if (!message) return failed(question, FailureKind::malformed, message.error().what);
  if (message->rcode != kNoError && message->rcode != kNxDomain) {
    return refused_by(question, message->rcode);
  }
  return answer_from(question, *message, result.is_secure ? Security::secure : Security::insecure);
}

/// libunbound does not tell where it gets no descriptor: there must be enough before it is asked.
Result<void> check_descriptors(std::size_t engines) {
  const std::size_t needed = 16 + 8 * engines;
  const UniqueFd lowest(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  rlimit limit{};
  const bool is_known = ::getrlimit(RLIMIT_NOFILE, &limit) == 0;
  if (lowest && is_known && limit.rlim_cur >= needed + static_cast<rlim_t>(lowest.get())) return {};
  return fail(Errc::temporary, "too few file descriptors for the resolver",
              "raise the limit (ulimit -n) to 64 at least");
}

/// A context of its own for each engine: settings, forwarders, trust anchor.
Result<UbContext> make_context(const ResolverOptions& options,
                               const std::vector<ServerAddress>& servers) {
  UbContext made;
  made.loop.reset(event_base_new());
  if (made.loop) made.context.reset(ub_ctx_create_event(made.loop.get()));
  if (!made.context) return fail(Errc::temporary, "libunbound could not start: out of memory");
  ub_ctx* context = made.context.get();
  ub_ctx_debugout(context, nullptr);  // what fails is in the answers
  int error = 0;
  for (const auto& option : context_options(options.parallel, servers)) {
    if (error == 0) error = ub_ctx_set_option(context, option.name, option.value.c_str());
  }
  for (const auto& server : servers) {
    if (error == 0) error = ub_ctx_set_fwd(context, server.text().c_str());
  }
  if (error == 0) error = ub_ctx_add_ta_file(context, options.trust_anchor_file.c_str());
  if (error == 0) return made;
  return fail(Errc::configuration, std::string("setting libunbound up: ") + ub_strerror(error));
}

/// libunbound validates on one thread a context. Whoever wants many lookups at once gets several.
std::size_t engines_for(unsigned parallel) {
  constexpr unsigned kManyLookups = 64;
  constexpr unsigned kMostEngines = 4;
  if (parallel < kManyLookups) return 1;
  return std::clamp(std::thread::hardware_concurrency(), 1u, kMostEngines);
}

}  // namespace

UnboundResolver::UnboundResolver(std::vector<std::unique_ptr<UnboundEngine>> engines,
                                 std::string servers, std::chrono::milliseconds timeout)
    : servers_(std::move(servers)), timeout_(timeout), engines_(std::move(engines)) {}
UnboundResolver::~UnboundResolver() = default;

Result<std::unique_ptr<Resolver>> UnboundResolver::open(const ResolverOptions& options) {
  auto anchor = check_trust_anchor(options.trust_anchor_file);
  if (!anchor) return fail(std::move(anchor).error());
  const auto servers = servers_of(options);
  if (!servers) return fail(servers.error());
  const std::size_t count = engines_for(options.parallel);
  if (auto enough = check_descriptors(count); !enough) return fail(std::move(enough).error());

  std::vector<std::unique_ptr<UnboundEngine>> engines;
  for (std::size_t i = 0; i < count; ++i) {
    const auto share = static_cast<unsigned>(options.parallel / count);
    engines.push_back(std::make_unique<UnboundEngine>(
        [=, servers = *servers] { return make_context(options, servers); }, options.timeout,
        share));
  }
  std::vector<std::string> names;
  for (const auto& server : *servers) {
    names.push_back(server.text());
  }
  return std::unique_ptr<Resolver>(
      new UnboundResolver(std::move(engines), join(names, ", "), options.timeout));
}

Result<void> UnboundResolver::check() {
  for (const auto& engine : engines_) {
    if (auto done = engine->await_setup(); !done) return done;
  }
  return {};
}

Answer UnboundResolver::conclude(const Question& question, const UnboundEngine::Job& job) const {
  if (!job.is_done) {
    return failed(
        question, FailureKind::timeout,
        "no answer from " + servers_ + " within " + std::to_string(timeout_.count()) + " ms");
  }
  if (job.result.error != 0) {
    return failed(question, FailureKind::local,
                  std::string("libunbound: ") + ub_strerror(job.result.error));
  }
  auto answer = answer_of(question, job.result);
  if (answer.outcome == Outcome::failure) answer.why += ", asked of " + servers_;
  return answer;
}

/// Names under the same two last labels go to the same engine, since they mostly share a zone, and
/// each engine has its own cache of keys.
UnboundEngine& UnboundResolver::home_of(const name::DnsName& name) const {
  const std::string& text = name.text();
  const auto last = text.rfind('.');
  const auto before = last == text.npos || last == 0 ? text.npos : text.rfind('.', last - 1);
  const auto zone = std::string_view(text).substr(before == text.npos ? 0 : before + 1);
  return *engines_[std::hash<std::string_view>()(zone) % engines_.size()];
}

void UnboundResolver::prefetch(const Question& question) {
  home_of(question.name).submit(question, {});
}

void UnboundResolver::ask_ahead(const Question& question, Then then) {
  const auto take = [this, question, then = std::move(then)](const UbResult& result) {
    if (result.error != 0) return;
    const Answer answer = answer_of(question, result);
    if (!answer.is_unknown()) keep(answer);
    if (then) then(answer);
  };
  home_of(question.name).submit(question, take);
}

void UnboundResolver::keep(const Answer& answer) {
  constexpr std::size_t kMost = 64;
  constexpr std::chrono::seconds kFresh(5);
  const auto now = std::chrono::steady_clock::now();
  const auto until = now + std::min(kFresh, std::chrono::seconds(answer.ttl));
  const std::lock_guard lock(kept_mutex_);
  std::erase_if(kept_, [&](const Kept& kept) { return kept.until < now; });
  if (kept_.size() < kMost) kept_.push_back({answer, until});
  is_any_kept_ = true;
}

std::optional<Answer> UnboundResolver::take_kept(const Question& question) {
  const std::lock_guard lock(kept_mutex_);
  const auto found = std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return kept.answer.question == question && kept.until >= std::chrono::steady_clock::now();
  });
  if (found == kept_.end()) return std::nullopt;
  Answer answer = std::move(found->answer);
  kept_.erase(found);
  return answer;
}

std::vector<Answer> UnboundResolver::lookup_all(std::span<const Question> questions) {
  auto answers = is_any_kept_ ? take_or_ask(questions) : ask(questions);
  for (auto& answer : answers)
    judge_chain(answer);
  return answers;
}

std::vector<Answer> UnboundResolver::take_or_ask(std::span<const Question> questions) {
  std::vector<std::optional<Answer>> kept;
  std::vector<Question> open;
  for (const auto& question : questions) {
    kept.push_back(take_kept(question));
    if (!kept.back()) open.push_back(question);
  }
  auto asked = ask(open);
  std::vector<Answer> answers;
  answers.reserve(questions.size());
  for (auto next = asked.begin(); auto& one : kept)
    answers.push_back(one ? *std::move(one) : std::move(*next++));
  return answers;
}

std::vector<Answer> UnboundResolver::ask(std::span<const Question> questions) {
  std::vector<Answer> answers;
  answers.reserve(questions.size());
  const auto waiter = std::make_shared<UnboundEngine::Waiter>();
  std::vector<UnboundEngine::Job> jobs(questions.size());
  const auto conclude_next = [&] {
    const std::size_t next = answers.size();
    jobs[next].engine->await(jobs[next]);
    answers.push_back(conclude(questions[next], jobs[next]));
  };
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    UnboundEngine& engine = home_of(questions[i].name);
    jobs[i].engine = &engine;
    jobs[i].waiter = waiter;
    // Whoever has lookups under way ends the oldest before waiting for others to end theirs: only
    // so is every wait bounded by the time-out of one lookup.
    bool has_slot = engine.try_take_slot();
    while (!has_slot && answers.size() < i) {
      conclude_next();
      has_slot = engine.try_take_slot();
    }
    if (!has_slot) engine.wait_for_slot();
    engine.submit(questions[i], jobs[i]);
  }
  // From the end: by the time that the last has come, the others mostly have, and wake nobody.
  for (std::size_t i = jobs.size(); i > answers.size(); --i) {
    jobs[i - 1].engine->await(jobs[i - 1]);
  }
  while (answers.size() < jobs.size()) {
    answers.push_back(conclude(questions[answers.size()], jobs[answers.size()]));
  }
  return answers;
}

/// RFC 7672 §2.1.3: an insecure CNAME taints all that follows it, nothing before it. libunbound
/// tells of the whole only; it still has each CNAME in its cache.
void UnboundResolver::judge_chain(Answer& answer) {
  if (answer.is_unknown() || answer.is_secure()) return;
  for (auto& hop : answer.chain) {
    const auto owner = name::DnsName::parse(hop.owner);
    if (!owner) return;
    const Answer alias = lookup(Question{*owner, Type::cname});
    if (!alias.has_data() || !alias.is_secure()) return;
    hop.security = Security::secure;
  }
}

Answer UnboundResolver::lookup(const Question& question) {
  return std::move(lookup_all({&question, 1}).front());
}

}  // namespace sm::dns
