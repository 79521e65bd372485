#include "dns/unbound_resolver.h"

#include <algorithm>
#include <condition_variable>
#include <thread>

#include <fcntl.h>
#include <unbound.h>

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
std::vector<Option> context_options(unsigned parallel) {
  return {
      {"module-config:", "validator iterator"},
      // Lookups share the context's one thread; each may need several more for keys and denials.
      {"num-queries-per-thread:", std::to_string(std::max(64u, parallel * 4))},
      {"outgoing-range:", std::to_string(std::clamp(parallel * 2, 16u, 512u))},
      {"outgoing-num-tcp:", "10"},
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

/// The CNAMEs that led to the answer, all marked as secure as the whole.
Result<std::vector<Hop>> chain_of(const Question& question, const ub_result& result,
                                  Security security) {
  if (question.type == Type::cname || result.answer_packet == nullptr) return std::vector<Hop>{};
  const auto message = parse_message({static_cast<const std::uint8_t*>(result.answer_packet),
                                      static_cast<std::size_t>(result.answer_len)});
  if (!message) return fail(message.error());
  return follow_cnames(question.name, message->answers, security);
}

std::vector<Record> records_of(Type type, const ub_result& result) {
  std::vector<Record> records;
  for (std::size_t i = 0; result.data != nullptr && result.data[i] != nullptr; ++i) {
    records.push_back(read_rdata(type, {reinterpret_cast<const std::uint8_t*>(result.data[i]),
                                        static_cast<std::size_t>(result.len[i])}));
  }
  return records;
}

Answer bogus_answer(const Question& question, const ub_result& result) {
  return {.question = question,
          .outcome = Outcome::bogus,
          .canonical = question.name.text(),
          .rcode = result.rcode,
          .why = result.why_bogus == nullptr ? "validation failed" : printable(result.why_bogus)};
}

Answer answer_of(const Question& question, const ub_result& result) {
  constexpr int kNoError = 0;
  constexpr int kNxDomain = 3;
  if (result.bogus != 0) return bogus_answer(question, result);
  if (result.rcode != kNoError && result.rcode != kNxDomain) {
    return failed(question, kind_of(result.rcode),
                  "the resolver answered with code " + std::to_string(result.rcode));
  }
  const auto security = result.secure != 0 ? Security::secure : Security::insecure;
  auto chain = chain_of(question, result, security);
  if (!chain) return failed(question, FailureKind::malformed, chain.error().what);
  Answer answer{.question = question, .outcome = Outcome::no_data, .security = security};
  answer.canonical = chain->empty() ? question.name.text() : chain->back().target;
  answer.chain = *std::move(chain);
  answer.rcode = result.rcode;
  answer.ttl = static_cast<std::uint32_t>(std::max(result.ttl, 0));
  if (result.nxdomain != 0 || result.rcode == kNxDomain) {
    answer.outcome = Outcome::no_such_name;
    return answer;
  }
  if (result.havedata != 0) answer.records = records_of(question.type, result);
  if (!answer.records.empty()) answer.outcome = Outcome::data;
  return answer;
}

}  // namespace

namespace {

/// libevent, under libunbound, ends the process with status 1 ("no") where it gets no descriptor
/// for its loop: there must be enough for it before it is asked.
Result<void> check_descriptors(std::size_t engines) {
  const std::size_t needed = 16 + 8 * engines;
  std::vector<UniqueFd> spare;
  for (std::size_t i = 0; i < needed; ++i) {
    auto opened = open_file("/dev/null", O_RDONLY);
    if (!opened) {
      return fail(Errc::temporary, "too few file descriptors for the resolver",
                  "raise the limit (ulimit -n) to 64 at least");
    }
    spare.push_back(std::move(*opened));
  }
  return {};
}

/// A context of its own for each engine: settings, forwarders, trust anchor.
Result<UbContext> make_context(const ResolverOptions& options,
                               const std::vector<ServerAddress>& servers) {
  UbContext context(ub_ctx_create());
  if (!context) return fail(Errc::temporary, "libunbound could not start: out of memory");
  ub_ctx_debugout(context.get(), nullptr);  // what fails is in the answers
  int error = ub_ctx_async(context.get(), 1);
  for (const auto& option : context_options(options.parallel)) {
    if (error == 0) error = ub_ctx_set_option(context.get(), option.name, option.value.c_str());
  }
  for (const auto& server : servers) {
    if (error == 0) error = ub_ctx_set_fwd(context.get(), server.text().c_str());
  }
  if (error == 0) error = ub_ctx_add_ta_file(context.get(), options.trust_anchor_file.c_str());
  if (error == 0) return context;
  return fail(Errc::configuration, std::string("setting libunbound up: ") + ub_strerror(error));
}

/// libunbound validates on one thread a context. Whoever wants many lookups at once gets several.
std::size_t engines_for(unsigned parallel) {
  constexpr unsigned kManyLookups = 64;
  constexpr unsigned kMostEngines = 4;
  if (parallel < kManyLookups) return 1;
  return std::clamp(std::thread::hardware_concurrency(), 1u, kMostEngines);
}

/// Names under the same two last labels go to the same engine, since they mostly share a zone, and
/// each engine has its own cache of keys.
std::size_t home_of(const name::DnsName& name, std::size_t engines) {
  const std::string& text = name.text();
  const auto last = text.rfind('.');
  const auto before = last == text.npos || last == 0 ? text.npos : text.rfind('.', last - 1);
  const auto zone = std::string_view(text).substr(before == text.npos ? 0 : before + 1);
  return std::hash<std::string_view>()(zone) % engines;
}

}  // namespace

UnboundResolver::UnboundResolver(std::vector<std::unique_ptr<UnboundEngine>> engines,
                                 std::string servers, std::chrono::milliseconds timeout)
    : engines_(std::move(engines)), servers_(std::move(servers)), timeout_(timeout) {}
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
    auto context = make_context(options, *servers);
    if (!context) return fail(std::move(context).error());
    const auto share = static_cast<unsigned>(options.parallel / count);
    engines.push_back(std::make_unique<UnboundEngine>(*std::move(context), options.timeout, share));
    if (const auto& failure = engines.back()->start_failure()) {
      return fail(Errc::temporary, *failure);
    }
  }
  std::vector<std::string> names;
  for (const auto& server : *servers) {
    names.push_back(server.text());
  }
  return std::unique_ptr<Resolver>(
      new UnboundResolver(std::move(engines), join(names, ", "), options.timeout));
}

Answer UnboundResolver::conclude(const Question& question, const UnboundEngine::Job& job) const {
  if (!job.is_done) {
    return failed(
        question, FailureKind::timeout,
        "no answer from " + servers_ + " within " + std::to_string(timeout_.count()) + " ms");
  }
  if (job.error != 0 || job.result == nullptr) {
    return failed(question, FailureKind::local,
                  std::string("libunbound: ") + ub_strerror(job.error));
  }
  auto answer = answer_of(question, *job.result);
  if (answer.outcome == Outcome::failure) answer.why += ", asked of " + servers_;
  return answer;
}

std::vector<Answer> UnboundResolver::lookup_all(std::span<const Question> questions) {
  std::vector<Answer> answers;
  answers.reserve(questions.size());
  std::condition_variable changed;
  std::vector<UnboundEngine::Job> jobs(questions.size());
  const auto conclude_next = [&] {
    const std::size_t next = answers.size();
    jobs[next].engine->await(jobs[next]);
    answers.push_back(conclude(questions[next], jobs[next]));
  };
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    UnboundEngine& engine = *engines_[home_of(questions[i].name, engines_.size())];
    jobs[i].engine = &engine;
    jobs[i].changed = &changed;
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
  while (answers.size() < jobs.size()) {
    conclude_next();
  }
  for (auto& answer : answers) {
    judge_chain(answer);
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
