#include "dns/unbound_resolver.h"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unbound.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "dns/records.h"

namespace sm::dns {
namespace {

struct FreeResult {
  void operator()(ub_result* result) const { ub_resolve_free(result); }
};
using UbResult = std::unique_ptr<ub_result, FreeResult>;

struct FreeContext {
  void operator()(ub_ctx* context) const { ub_ctx_delete(context); }
};
using Context = std::unique_ptr<ub_ctx, FreeContext>;

/// Blocks all signals while threads are made, so that they reach the main thread only.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

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

/// The context and its two threads: libunbound's own, which works, and the dispatcher, which waits
/// for its results and wakes whoever asked.
class UnboundResolver::Engine {
 public:
  Engine(Context context, const ResolverOptions& options, std::string servers)
      : context_(std::move(context)),
        servers_(std::move(servers)),
        timeout_(options.timeout),
        parallel_(std::max(1u, options.parallel)) {
    start();
  }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  /// Nobody may be waiting any more.
  ~Engine();

  std::vector<Answer> ask(std::span<const Question> questions);

 private:
  struct Job {
    Engine* engine;
    std::condition_variable* changed;  ///< of the batch that waits
    int id = 0;                        ///< libunbound's number for it
    bool is_done = false;
    int error = 0;
    UbResult result{};
    std::chrono::steady_clock::time_point until{};
  };

  void start();
  void dispatch();
  void warm_up();
  /// False when `parallel_` lookups are under way.
  bool try_take_slot();
  void wait_for_slot();
  /// Puts the job under way, or ends it at once with job.error. A slot is taken already.
  void submit(const Question& question, Job& job);
  void await(Job& job);
  Answer conclude(const Question& question, Job& job);
  /// Which hops of an insecure answer's chain are secure by themselves.
  void judge_chain(Answer& answer);
  static void on_result(void* job, int error, ub_result* result);

  Context context_;
  std::string servers_;  ///< for messages
  std::chrono::milliseconds timeout_;
  unsigned parallel_;

  std::optional<std::string> start_failure_;  ///< why nothing can be asked
  UniqueFd stop_;
  std::thread dispatcher_;

  std::mutex mutex_;
  std::condition_variable slot_free_;
  unsigned under_way_ = 0;

  std::condition_variable warm_;
  Job warm_up_job_{};
};

UnboundResolver::Engine::~Engine() {
  if (!dispatcher_.joinable()) return;
  const std::uint64_t one = 1;
  while (::write(stop_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  dispatcher_.join();
}

void UnboundResolver::Engine::start() {
  stop_ = UniqueFd(::eventfd(0, EFD_CLOEXEC));
  if (!stop_) {
    start_failure_ = std::string("no descriptor for the resolver: ") + std::strerror(errno);
    return;
  }
  const SignalsBlocked blocked;
  try {
    dispatcher_ = std::thread([this] { dispatch(); });
  } catch (const std::system_error& error) {
    start_failure_ = std::string("no thread for the resolver: ") + error.what();
  }
}

/// libunbound sets itself up, for a millisecond, at the first question: one that it answers by
/// itself (RFC 6761 §6.3) has that done while the tool still reads its input.
void UnboundResolver::Engine::warm_up() {
  warm_up_job_.engine = this;
  warm_up_job_.changed = &warm_;
  {
    // Beyond the limit if need be: the dispatcher, who frees slots, cannot wait for one.
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  submit({*name::DnsName::parse("localhost"), Type::a}, warm_up_job_);
}

void UnboundResolver::Engine::dispatch() {
  warm_up();
  pollfd watched[] = {{ub_fd(context_.get()), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
  for (;;) {
    if (::poll(watched, 2, -1) < 0)
      continue;  // EINTR: signals are blocked, but a debugger's are not
    if (watched[1].revents != 0) return;
    // An error means that libunbound's thread is gone; whoever waits runs into the timeout.
    if (watched[0].revents != 0 && ub_process(context_.get()) != 0) return;
  }
}

void UnboundResolver::Engine::on_result(void* job_pointer, int error, ub_result* result) {
  auto& job = *static_cast<Job*>(job_pointer);
  Engine& engine = *job.engine;
  const std::lock_guard lock(engine.mutex_);
  job.error = error;
  job.result.reset(result);
  job.is_done = true;
  --engine.under_way_;
  engine.slot_free_.notify_one();
  job.changed->notify_one();  // under the lock: the batch may end as soon as it is released
}

bool UnboundResolver::Engine::try_take_slot() {
  const std::lock_guard lock(mutex_);
  if (under_way_ >= parallel_) return false;
  ++under_way_;
  return true;
}

void UnboundResolver::Engine::wait_for_slot() {
  std::unique_lock lock(mutex_);
  slot_free_.wait(lock, [this] { return under_way_ < parallel_; });
  ++under_way_;
}

void UnboundResolver::Engine::submit(const Question& question, Job& job) {
  job.until = std::chrono::steady_clock::now() + timeout_;
  constexpr int kClassIn = 1;
  const SignalsBlocked blocked;  // the first call makes libunbound's thread
  const int error =
      ub_resolve_async(context_.get(), question.name.text().c_str(),
                       static_cast<int>(question.type), kClassIn, &job, &on_result, &job.id);
  if (error == 0) return;
  const std::lock_guard lock(mutex_);
  job.error = error;
  job.is_done = true;
  --under_way_;
  slot_free_.notify_one();
}

void UnboundResolver::Engine::await(Job& job) {
  std::unique_lock lock(mutex_);
  if (job.changed->wait_until(lock, job.until, [&] { return job.is_done; })) return;
  lock.unlock();
  // Once cancelled, the callback is not called. UB_NOID: it is being called at this moment.
  const bool is_arriving = ub_cancel(context_.get(), job.id) == UB_NOID;
  lock.lock();
  if (is_arriving) {
    job.changed->wait(lock, [&] { return job.is_done; });
    return;
  }
  --under_way_;
  slot_free_.notify_one();
}

Answer UnboundResolver::Engine::conclude(const Question& question, Job& job) {
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

std::vector<Answer> UnboundResolver::Engine::ask(std::span<const Question> questions) {
  std::vector<Answer> answers;
  answers.reserve(questions.size());
  if (start_failure_) {
    for (const auto& question : questions) {
      answers.push_back(failed(question, FailureKind::local, *start_failure_));
    }
    return answers;
  }
  std::condition_variable changed;
  std::vector<Job> jobs(questions.size());
  const auto conclude_next = [&] {
    const std::size_t next = answers.size();
    await(jobs[next]);
    answers.push_back(conclude(questions[next], jobs[next]));
  };
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].engine = this;
    jobs[i].changed = &changed;
    // Whoever has lookups under way ends the oldest before waiting for others to end theirs: only
    // so is every wait bounded by the time-out of one lookup.
    bool has_slot = try_take_slot();
    while (!has_slot && answers.size() < i) {
      conclude_next();
      has_slot = try_take_slot();
    }
    if (!has_slot) wait_for_slot();
    submit(questions[i], jobs[i]);
  }
  while (answers.size() < jobs.size()) {
    conclude_next();
  }
  for (auto& answer : answers) {
    judge_chain(answer);
  }
  return answers;
}

void UnboundResolver::Engine::judge_chain(Answer& answer) {
  if (answer.is_unknown() || answer.is_secure()) return;
  // RFC 7672 §2.1.3: an insecure CNAME taints all that follows it, nothing before it. libunbound
  // tells of the whole only; it still has each CNAME in its cache.
  for (auto& hop : answer.chain) {
    const auto owner = name::DnsName::parse(hop.owner);
    if (!owner) return;
    const Question question{*owner, Type::cname};
    const Answer alias = ask({&question, 1}).front();
    if (!alias.has_data() || !alias.is_secure()) return;
    hop.security = Security::secure;
  }
}

namespace {

/// libevent, under libunbound, ends the process with status 1 ("no") where it gets no descriptor
/// for its loop: there must be enough for it before it is asked.
Result<void> check_descriptors() {
  constexpr std::size_t kNeeded = 24;
  std::vector<UniqueFd> spare;
  for (std::size_t i = 0; i < kNeeded; ++i) {
    auto opened = open_file("/dev/null", O_RDONLY);
    if (!opened) {
      return fail(Errc::temporary, "too few file descriptors for the resolver",
                  "raise the limit (ulimit -n) to 64 at least");
    }
    spare.push_back(std::move(*opened));
  }
  return {};
}

}  // namespace

UnboundResolver::UnboundResolver(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
UnboundResolver::~UnboundResolver() = default;

Result<std::unique_ptr<Resolver>> UnboundResolver::open(const ResolverOptions& options) {
  auto anchor = check_trust_anchor(options.trust_anchor_file);
  if (!anchor) return fail(std::move(anchor).error());
  const auto servers = servers_of(options);
  if (!servers) return fail(servers.error());

  if (auto enough = check_descriptors(); !enough) return fail(std::move(enough).error());
  Context context(ub_ctx_create());
  if (!context) return fail(Errc::temporary, "libunbound could not start: out of memory");
  ub_ctx_debugout(context.get(), nullptr);  // what fails is in the answers
  int error = ub_ctx_async(context.get(), 1);
  for (const auto& option : context_options(options.parallel)) {
    if (error == 0) error = ub_ctx_set_option(context.get(), option.name, option.value.c_str());
  }
  std::vector<std::string> names;
  for (const auto& server : *servers) {
    names.push_back(server.text());
    if (error == 0) error = ub_ctx_set_fwd(context.get(), server.text().c_str());
  }
  if (error == 0) error = ub_ctx_add_ta_file(context.get(), options.trust_anchor_file.c_str());
  if (error != 0) {
    return fail(Errc::configuration, std::string("setting libunbound up: ") + ub_strerror(error));
  }
  return std::unique_ptr<Resolver>(new UnboundResolver(
      std::make_unique<Engine>(std::move(context), options, join(names, ", "))));
}

Answer UnboundResolver::lookup(const Question& question) {
  return std::move(engine_->ask({&question, 1}).front());
}

std::vector<Answer> UnboundResolver::lookup_all(std::span<const Question> questions) {
  return engine_->ask(questions);
}

}  // namespace sm::dns
