#include "keys/rotation.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>
#include <system_error>
#include <thread>

#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"

namespace sm::keys {
namespace {

using envelope::EnvelopeId;
using envelope::HeadChange;

/// Each worker waits for the disk most of the time; the journal commits what many wait for at once.
constexpr unsigned kMostWorkers = 32;
constexpr unsigned kDescriptorsOfWorker = 4;

/// As many as there are descriptors for.
unsigned workers() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1;
  const rlim_t most = std::max<rlim_t>(limit.rlim_cur / kDescriptorsOfWorker, 4) - 3;
  return static_cast<unsigned>(std::min<rlim_t>(most, kMostWorkers));
}

class Renewal {
 public:
  Renewal(envelope::Store& store, const envelope::Keyring& keyring, envelope::Kek kek,
          envelope::PublicKey recipient, std::vector<EnvelopeId> ids)
      : store_(store),
        keyring_(keyring),
        kek_(std::move(kek)),
        recipient_(std::move(recipient)),
        ids_(std::move(ids)) {}

  void work(const Progress& progress = {}) {
    for (std::size_t i = next_++; i < ids_.size(); i = next_++) {
      if (progress) progress(i, ids_.size());
      const auto change = store_.rewrap(ids_[i], keyring_, kek_, recipient_);
      const std::lock_guard lock(mutex_);
      if (!change) {
        report_.failed.emplace_back(ids_[i], change.error());
      } else {
        ++(*change == HeadChange::done ? report_.renewed : report_.unchanged);
      }
    }
  }
  [[nodiscard]] std::size_t size() const { return ids_.size(); }
  RotationReport& report() { return report_; }

 private:
  envelope::Store& store_;
  const envelope::Keyring& keyring_;
  envelope::Kek kek_;
  envelope::PublicKey recipient_;
  std::vector<EnvelopeId> ids_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex mutex_;
  RotationReport report_;
};

}  // namespace

Result<RotationReport> renew_envelopes(envelope::Store& store, const envelope::Keyring& keyring,
                                       const std::string& org, const Progress& progress) {
  auto ids = store.list();
  if (!ids) return fail(std::move(ids).error());
  auto kek = keyring.active_kek(org);
  if (!kek) return fail(std::move(kek).error());
  auto recipient = keyring.current_public_key(org);
  if (!recipient) return fail(std::move(recipient).error());
  Renewal renewal(store, keyring, std::move(*kek), std::move(*recipient), std::move(*ids));
  {
    std::vector<std::jthread> threads;
    try {
      for (unsigned i = 1; i < workers() && i < renewal.size(); ++i)
        threads.emplace_back([&] { renewal.work(); });
    } catch (const std::system_error&) {
      // Those that are there do the work.
    }
    renewal.work(progress);
  }
  return std::move(renewal.report());
}

Result<std::size_t> count_uses(const envelope::Store& store, const std::string& org,
                               const std::string& kid) {
  const auto ids = store.list();
  if (!ids) return fail(ids.error());
  std::size_t uses = 0;
  for (const EnvelopeId& id : *ids) {
    const auto envelope = store.open(id);
    if (!envelope && envelope.error().code == Errc::no_input) continue;
    if (!envelope) return fail(envelope.error());
    for (const auto& stanza : envelope->header().stanzas) {
      if (envelope::kid_of(stanza, org) != kid) continue;
      ++uses;
      break;
    }
  }
  return uses;
}

Result<std::size_t> count_waiting(const std::string& state, const std::string& org,
                                  const std::string& kid) {
  std::size_t uses = 0;
  for (const char* folder : {"/spool", "/drop"}) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(state + folder, error)) {
      if (!entry.is_regular_file(error)) continue;
      const auto envelope = envelope::Envelope::open(entry.path());
      if (!envelope) {
        const auto code = envelope.error().code;
        if (code == Errc::malformed || code == Errc::no_input) continue;
        return fail(envelope.error());
      }
      const auto& stanzas = envelope->header().stanzas;
      const bool uses_it = std::any_of(stanzas.begin(), stanzas.end(), [&](const auto& stanza) {
        return envelope::kid_of(stanza, org) == kid;
      });
      if (uses_it) ++uses;
    }
    const bool is_absent = error == std::errc::no_such_file_or_directory;
    if (error && !is_absent) return fail_errno("reading " + state + folder, error.value());
  }
  return uses;
}

Result<std::optional<std::string>> RotationMarker::begun_from() const {
  if (::access(path_.c_str(), F_OK) != 0 && errno == ENOENT) return std::optional<std::string>();
  auto kid = read_file(path_, 64);
  if (!kid) return fail(std::move(kid).error());
  return std::optional(std::move(*kid));
}

Result<void> RotationMarker::begin(const std::string& old_kid) {
  return publish_file(path_, as_bytes(old_kid));
}

Result<void> RotationMarker::finish() {
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) {
    return fail_errno("removing " + path_, errno);
  }
  return {};
}

}  // namespace sm::keys
