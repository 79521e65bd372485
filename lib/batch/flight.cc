#include "batch/flight.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/encoding.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace sm::batch {
namespace {

// "smtools-flight/v1 <boot id>", padded with spaces, LF; then the slots.
constexpr std::size_t kHead = 128;
constexpr std::string_view kMagic = "smtools-flight/v1 ";

enum Slot : std::uint8_t { kUntouched = 0, kInDoubt = 1, kEnded = 2 };

// An end: its size (4 octets, this machine's order), SHA-256, records. Behind the slots, each
// slot's at its own place; what is not used takes no space.
constexpr std::size_t kEndSize = 8192;
constexpr std::size_t kEndHead = sizeof(std::uint32_t) + sizeof(crypto::Sha256);

std::uint64_t place_of_end(std::uint32_t slot) {
  return kHead + Flight::kSlots + std::uint64_t{slot} * kEndSize;
}

std::string folder_in(const std::string& state) {
  return state + "/batch";
}

std::string head_of(const Clock& clock) {
  std::string head = std::string(kMagic) + clock.boot_id();
  head.resize(kHead - 1, ' ');
  return head + '\n';
}

}  // namespace

Flight::Flight(std::string path, std::string run, FileLock lock, std::uint8_t* slots)
    : path_(std::move(path)), run_(std::move(run)), lock_(std::move(lock)), slots_(slots) {
  for (std::uint32_t slot = kSlots; slot > 0; --slot)
    free_.push_back(slot - 1);
}

Flight::Flight(Flight&& other) noexcept
    : path_(std::move(other.path_)),
      run_(std::move(other.run_)),
      lock_(std::move(other.lock_)),
      slots_(std::exchange(other.slots_, nullptr)),
      is_kept_(other.is_kept_),
      mutex_(std::move(other.mutex_)),
      free_(std::move(other.free_)) {}

Flight::~Flight() {
  if (slots_ == nullptr) return;
  (void)::munmap(slots_ - kHead, kHead + kSlots);
  if (free_.size() == kSlots && !is_kept_) (void)::unlink(path_.c_str());
}

Result<Flight> Flight::begin(const std::string& state, const Clock& clock) {
  if (auto made = make_folders(folder_in(state)); !made) return fail(std::move(made).error());
  const std::string run = to_hex(crypto::random_bytes<8>());
  const std::string path = folder_in(state) + "/" + run;
  auto lock = FileLock::acquire(path);
  if (!lock) return fail(std::move(lock).error());
  const auto refuse = [&](int error) {
    (void)::unlink(path.c_str());
    return fail_errno("making " + path, error);
  };
  // Written, not only allotted: a mapped page without space would end the process.
  std::string whole = head_of(clock) + std::string(kSlots, '\0');
  if (auto written = write_all(lock->fd(), as_bytes(whole), path); !written) {
    (void)::unlink(path.c_str());
    return fail(std::move(written).error());
  }
  if (::fsync(lock->fd()) != 0) return refuse(errno);
  if (auto synced = sync_folder(folder_in(state)); !synced) return fail(std::move(synced).error());
  void* mapped = ::mmap(nullptr, kHead + kSlots, PROT_READ | PROT_WRITE, MAP_SHARED, lock->fd(), 0);
  if (mapped == MAP_FAILED) return refuse(errno);
  return Flight(path, run, std::move(*lock), static_cast<std::uint8_t*>(mapped) + kHead);
}

std::optional<std::uint32_t> Flight::take() {
  const std::lock_guard lock(*mutex_);
  if (free_.empty()) return std::nullopt;
  const auto slot = free_.back();
  free_.pop_back();
  return slot;
}

void Flight::mark(std::uint32_t slot) noexcept {
  // The store must not move behind the write(2) that follows it.
  __atomic_store_n(&slots_[slot], kInDoubt, __ATOMIC_SEQ_CST);
}

void Flight::keep_end(std::uint32_t slot, std::string_view prepared) noexcept {
  if (prepared.empty() || prepared.size() > kEndSize - kEndHead) return;
  std::array<std::uint8_t, kEndSize> end;
  const auto size = static_cast<std::uint32_t>(prepared.size());
  const auto digest = crypto::sha256(as_bytes(prepared));
  std::memcpy(end.data(), &size, sizeof size);
  std::memcpy(end.data() + sizeof size, digest.data(), digest.size());
  std::memcpy(end.data() + kEndHead, prepared.data(), prepared.size());
  const auto written = pwrite_all(lock_.fd(), Bytes(end).first(kEndHead + prepared.size()),
                                  place_of_end(slot), path_);
  if (written) __atomic_store_n(&slots_[slot], kEnded, __ATOMIC_SEQ_CST);
}

void Flight::give_back(std::uint32_t slot) {
  __atomic_store_n(&slots_[slot], kUntouched, __ATOMIC_SEQ_CST);
  const std::lock_guard lock(*mutex_);
  free_.push_back(slot);
}

Result<std::optional<Wreck>> Wreck::board(const std::string& state, const std::string& run,
                                          const Clock& clock) {
  const std::string path = folder_in(state) + "/" + run;
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0 && errno == ENOENT) {
    return std::optional(Wreck(path, std::nullopt, std::nullopt));
  }
  auto lock = FileLock::try_acquire(path);
  if (!lock) return fail(std::move(lock).error());
  if (!*lock) return std::optional<Wreck>();
  std::string text(kHead + Flight::kSlots, '\0');
  auto read =
      pread_full((*lock)->fd(), reinterpret_cast<std::uint8_t*>(text.data()), text.size(), 0, path);
  if (!read) return fail(std::move(read).error());
  const bool is_of_this_life = *read == text.size() && text.substr(0, kHead) == head_of(clock);
  std::optional<std::string> slots;
  if (is_of_this_life) slots = text.substr(kHead);
  return std::optional(Wreck(path, std::move(*lock), std::move(slots)));
}

bool Wreck::is_in_doubt(std::uint32_t slot) const {
  return !slots_ || slot >= slots_->size() || (*slots_)[slot] != kUntouched;
}

std::optional<std::string> Wreck::end_of(std::uint32_t slot) const {
  const bool is_kept = lock_ && slots_ && slot < slots_->size() && (*slots_)[slot] == kEnded;
  if (!is_kept) return std::nullopt;
  std::array<std::uint8_t, kEndSize> end{};
  const auto read = pread_full(lock_->fd(), end.data(), end.size(), place_of_end(slot), path_);
  if (!read || *read < kEndHead) return std::nullopt;
  std::uint32_t size = 0;
  std::memcpy(&size, end.data(), sizeof size);
  if (size > *read - kEndHead) return std::nullopt;
  const auto records = Bytes(end).subspan(kEndHead, size);
  const auto digest = crypto::sha256(records);
  if (!std::equal(digest.begin(), digest.end(), end.data() + sizeof size)) return std::nullopt;
  return std::string(as_text(records));
}

void Wreck::clear() {
  (void)::unlink(path_.c_str());
}

}  // namespace sm::batch
