#include <algorithm>
#include <mutex>

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/version.h"
#include "cli/settings.h"
#include "keys/key_store.h"
#include "listen.h"
#include "options.h"
#include "portal/portal.h"
#include "portal/server.h"
#include "sealing/code_sender.h"
#include "sealing/premises.h"
#include "state/sts_cache.h"

namespace sm::smportal {
namespace {

constexpr std::size_t kMostPem = std::size_t{1} << 20;
constexpr std::chrono::seconds kDrain{25};
constexpr std::size_t kMostConnections = 1000;
/// Threads' databases, logs, gateways.
constexpr rlim_t kOwnDescriptors = 200;
/// A connection's socket, and the envelope that it downloads.
constexpr rlim_t kDescriptorsEach = 3;
constexpr rlim_t kMostDescriptors = 8192;

Result<std::size_t> connections_that_fit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return fail_errno("the limit on files", errno);
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kMostDescriptors));
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return fail_errno("the limit on files", errno);
  if (limit.rlim_cur < kOwnDescriptors + 16 * kDescriptorsEach) {
    return fail(Errc::unavailable, "too few files may be open: " + std::to_string(limit.rlim_cur),
                "raise the limit (ulimit -n, LimitNOFILE=) to 4096");
  }
  return std::min<std::size_t>(kMostConnections,
                               (limit.rlim_cur - kOwnDescriptors) / kDescriptorsEach);
}

/// Clients come to us directly, from addresses of their own.
bool knows_addresses(const std::vector<UniqueFd>& listeners) {
  return std::all_of(listeners.begin(), listeners.end(), [](const UniqueFd& fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    return ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
           (address.ss_family == AF_INET || address.ss_family == AF_INET6);
  });
}

Result<portal::Server::Options> server_options(const Options& options) {
  portal::Server::Options server;
  if (options.tls_cert.has_value() != options.tls_key.has_value()) {
    return fail(Errc::usage, "--tls-cert and --tls-key belong together");
  }
  auto passed = take_passed_sockets();
  if (!passed) return fail(std::move(passed).error());
  server.listeners = std::move(*passed);
  if (options.listen || options.socket) {
    if (!server.listeners.empty()) {
      return fail(Errc::usage, "the service manager passed a socket: no --listen or --socket then");
    }
    auto fd = options.listen ? listen_tcp(*options.listen) : listen_unix(*options.socket);
    if (!fd) return fail(std::move(fd).error());
    server.listeners.push_back(std::move(*fd));
  }
  if (server.listeners.empty()) {
    return fail(Errc::usage, "where to listen?", "--listen 127.0.0.1:8080, or --socket PATH");
  }
  if (options.tls_cert) {
    auto certificates = read_file(*options.tls_cert, kMostPem);
    if (!certificates) return fail(std::move(certificates).error());
    auto key =
        read_secret_file(*options.tls_key, kMostPem,
                         options.tls_key->starts_with(
                             options.common.environment.credentials_directory.value_or("\n")));
    if (!key) return fail(std::move(key).error());
    server.certificates = std::move(*certificates);
    server.key = std::move(*key);
  }
  // Behind a proxy all come from one address, which says nothing; a proxy speaks without TLS.
  server.knows_addresses = options.tls_cert.has_value() && knows_addresses(server.listeners);
  auto connections = connections_that_fit();
  if (!connections) return fail(std::move(connections).error());
  server.most_connections = *connections;
  return server;
}

sigset_t ending_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

/// Until one of the signals comes.
void serve(portal::Server& server, const sigset_t& signals) {
  const timespec second{1, 0};
  for (;;) {
    if (::sigtimedwait(&signals, nullptr, &second) > 0) return;
    server.tick();
  }
}

}  // namespace

Result<cli::Verdict> run(const Options& options) {
  // Before any thread begins: they all leave these to this one.
  const auto signals = ending_signals();
  (void)::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  auto config = cli::load_config(options.common, options.network);
  if (!config) return fail(std::move(config).error());
  const auto& environment = options.common.environment;
  sealing::Premises::Options own{.tool = "smportal/" + std::string(kVersion),
                                 .credentials_directory = environment.credentials_directory};
  if (environment.master_key) {
    own.environment_key = &*environment.master_key;
    options.common.diagnostics().warning(keys::kEnvironmentWarning);
  }
  auto pages = portal::Portal::make(*config);
  if (!pages) return fail(std::move(pages).error());
  auto server_with = server_options(options);
  if (!server_with) return fail(std::move(server_with).error());
  auto premises = sealing::Premises::open(*config, own);
  if (!premises) return fail(std::move(premises).error());
  auto sts = store::Index::open((*premises)->config().state);
  if (!sts) return fail(std::move(sts).error());
  auto equipment = delivery::Equipment::make(
      (*premises)->config(),
      {.patience = delivery::Patience::delivery, .dns_file = options.network.dns_file},
      std::make_unique<state::StsCache>(std::move(*sts)));
  if (!equipment) return fail(std::move(equipment).error());

  sealing::CodeSender channel((*premises)->config(), **equipment, system_clock());
  sealing::PasswordGate gate;
  std::mutex speaking;
  const portal::House house{premises->get(), &channel, &gate, equipment->get(),
                            [&](const Error& error) {
                              const std::lock_guard lock(speaking);
                              options.common.diagnostics().error(error);
                            }};
  auto server = portal::Server::start(**pages, house, std::move(*server_with));
  if (!server) return fail(std::move(server).error());
  tell_supervisor("READY=1");
  serve(**server, signals);
  tell_supervisor("STOPPING=1");
  // What is still under way after that is durable as far as it got, and what is not counts for
  // nothing.
  if (!(*server)->drain(kDrain)) ::_exit(0);
  return cli::Verdict::yes;
}

}  // namespace sm::smportal
