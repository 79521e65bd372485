#include "audit/slots.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <mutex>

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "audit/layout.h"
#include "crypto/random.h"

namespace sm::audit {

/// 64 bytes, written by the slot's process alone.
struct Slots::Header {
  std::uint64_t id = 0;      ///< 0: nothing waits
  std::uint32_t length = 0;  ///< of the payload
  std::uint32_t spends = 0;
  std::uint32_t reserved = 0;
  std::uint32_t is_used = 0;  ///< 1 once any process had this slot
  Hash check{};               ///< SHA-256 of id and payload
  std::uint64_t unused = 0;
};

/// The slot of this process: reservations come and go in one thread while another waits.
struct Slots::Own {
  std::size_t slot = 0;
  std::uint64_t next_id = 0;
  std::mutex mutex;  ///< guards next_id and header
  Header header;
};

/// One word for each slot, shared by all processes: it changes, and its futex(2) wakes, when there
/// is something to look at.
struct Slots::Bells {
  std::uint32_t* words = nullptr;
  Bells() = default;
  Bells(const Bells&) = delete;
  Bells& operator=(const Bells&) = delete;
  ~Bells() {
    if (words != nullptr) ::munmap(words, kSlots * sizeof(std::uint32_t));
  }
  [[nodiscard]] std::atomic_ref<std::uint32_t> word(std::size_t slot) const {
    return std::atomic_ref(words[slot]);
  }
};

namespace {

/// 64 bytes, written by whoever holds the log's lock.
struct AnswerBytes {
  std::uint64_t id = 0;
  std::uint64_t first_seq = 0;
  std::uint32_t count = 0;
  std::uint32_t is_done = 0;
  Hash last_leaf{};
  std::uint64_t unused = 0;
};

constexpr std::size_t kEntry = 64;
constexpr std::size_t kBells = Slots::kSlots * sizeof(std::uint32_t);  // at the file's beginning
constexpr off_t kHeaders = off_t{kBells};
constexpr off_t kAnswers = kHeaders + off_t{Slots::kSlots * kEntry};
constexpr off_t kPayloads = kAnswers + off_t{Slots::kSlots * kEntry};
constexpr off_t kLocks = off_t{1} << 40;  // byte locks lie beyond anything that is stored

static_assert(sizeof(AnswerBytes) == kEntry);

off_t payload_at(std::size_t slot) {
  return kPayloads + static_cast<off_t>(slot * Slots::kMostPayload);
}

Hash check_of(std::uint64_t id, std::string_view payload) {
  const std::string prefix(reinterpret_cast<const char*>(&id), sizeof id);
  return crypto::sha256(as_bytes(prefix), as_bytes(payload));
}

template <class T>
std::string_view bytes_of(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

bool put(int fd, std::string_view bytes, off_t at) {
  return ::pwrite(fd, bytes.data(), bytes.size(), at) == static_cast<ssize_t>(bytes.size());
}

struct flock byte_lock(std::size_t slot) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = kLocks + static_cast<off_t>(slot);
  lock.l_len = 1;
  return lock;
}

}  // namespace

Slots::Slots(UniqueFd fd, std::unique_ptr<Bells> bells)
    : fd_(std::move(fd)), bells_(std::move(bells)) {}
Slots::Slots(Slots&&) noexcept = default;
Slots::~Slots() = default;

Result<Slots> Slots::open(const std::string& path) {
  static_assert(sizeof(Header) == kEntry);
  auto fd = open_shared(path, O_RDWR);
  if (!fd) return fail(std::move(fd).error());
  // The page must be on disk before it is mapped: a full disk is found here, not by a SIGBUS.
  std::unique_ptr<Bells> bells;
  if (::fallocate(fd->get(), 0, 0, off_t{kBells}) == 0) {
    void* const page = ::mmap(nullptr, kBells, PROT_READ | PROT_WRITE, MAP_SHARED, fd->get(), 0);
    if (page != MAP_FAILED) {
      bells = std::make_unique<Bells>();
      bells->words = static_cast<std::uint32_t*>(page);
    }
  }
  return Slots(std::move(*fd), std::move(bells));
}

std::uint32_t Slots::bell() const {
  return bells_ && own_ ? bells_->word(own_->slot).load() : 0;
}

void Slots::wait(std::uint32_t seen, std::chrono::milliseconds most) const {
  if (!bells_ || !own_) {
    constexpr timespec kShort{0, 500'000};
    (void)::nanosleep(&kShort, nullptr);
    return;
  }
  const timespec time{static_cast<time_t>(most.count() / 1000),
                      static_cast<long>(most.count() % 1000 * 1'000'000)};
  (void)::syscall(SYS_futex, bells_->words + own_->slot, FUTEX_WAIT, seen, &time, nullptr, 0);
}

void Slots::ring(std::size_t slot) const {
  if (!bells_) return;
  bells_->word(slot).fetch_add(1);
  (void)::syscall(SYS_futex, bells_->words + slot, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

void Slots::wake_one() const {
  const auto slots = waiting_slots();
  if (!slots.empty()) ring(slots.front());
}

Result<bool> Slots::claim() {
  if (own_) return true;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    struct flock lock = byte_lock(slot);
    if (::fcntl(fd_.get(), F_OFD_SETLK, &lock) != 0) {
      if (errno == EAGAIN || errno == EACCES) continue;
      return fail_errno("taking a place among the log's writers", errno);
    }
    own_ = std::make_unique<Own>();
    own_->slot = slot;
    // Odd and random: an answer to the slot's last holder answers nobody now, and none is 0.
    crypto::fill_random({reinterpret_cast<std::uint8_t*>(&own_->next_id), sizeof own_->next_id});
    own_->next_id |= 1;
    own_->header.is_used = 1;
    if (write_header(own_->header)) return true;
    const int error = errno;
    own_.reset();
    lock.l_type = F_UNLCK;
    (void)::fcntl(fd_.get(), F_OFD_SETLK, &lock);
    return fail_errno(Errc::temporary, "taking a place among the log's writers", error);
  }
  return false;
}

bool Slots::write_header(const Header& header) {
  return put(fd_.get(), bytes_of(header), kHeaders + static_cast<off_t>(own_->slot * kEntry));
}

std::optional<std::uint64_t> Slots::publish(std::string_view payload, std::uint32_t spends) {
  if (!own_ || payload.size() > kMostPayload) return std::nullopt;
  const std::lock_guard lock(own_->mutex);
  const std::uint64_t id = own_->next_id;
  own_->next_id += 2;
  Header header = own_->header;
  header.id = id;
  header.length = static_cast<std::uint32_t>(payload.size());
  header.spends = spends;
  header.check = check_of(id, payload);
  if (!put(fd_.get(), payload, payload_at(own_->slot)) || !write_header(header)) {
    return std::nullopt;  // no space for the board: everyone writes for himself
  }
  own_->header = header;
  return id;
}

void Slots::withdraw() {
  if (!own_) return;
  const std::lock_guard lock(own_->mutex);
  own_->header.id = 0;
  (void)write_header(own_->header);
}

std::uint32_t Slots::own_reserved() const {
  if (!own_) return 0;
  const std::lock_guard lock(own_->mutex);
  return own_->header.reserved;
}

std::optional<Slots::Answer> Slots::answer_to(std::uint64_t id) const {
  AnswerBytes bytes;
  const auto at = kAnswers + static_cast<off_t>(own_->slot * kEntry);
  if (::pread(fd_.get(), &bytes, sizeof bytes, at) != sizeof bytes || bytes.id != id) {
    return std::nullopt;
  }
  return Answer{bytes.id, bytes.is_done == 1, bytes.first_seq, bytes.count, bytes.last_leaf};
}

void Slots::answer(std::size_t slot, const Answer& answer) {
  const AnswerBytes bytes{
      answer.id, answer.first_seq, answer.count, answer.is_done ? 1u : 0u, answer.last_leaf, 0};
  (void)put(fd_.get(), bytes_of(bytes), kAnswers + static_cast<off_t>(slot * kEntry));
  if (answer.is_done) ring(slot);
}

std::vector<Slots::Header> Slots::headers() const {
  constexpr std::size_t kAtOnce = 64;
  std::vector<Header> all;
  for (std::size_t first = 0; first < kSlots; first += kAtOnce) {
    std::array<Header, kAtOnce> some{};
    const auto n =
        ::pread(fd_.get(), some.data(), sizeof some, kHeaders + static_cast<off_t>(first * kEntry));
    if (n <= 0) break;
    const auto whole = static_cast<std::size_t>(n) / kEntry;
    all.insert(all.end(), some.begin(), some.begin() + static_cast<std::ptrdiff_t>(whole));
    // Slots are taken from the front: an unused one has only unused ones behind it.
    if (whole < kAtOnce || some[kAtOnce - 1].is_used == 0) break;
  }
  return all;
}

bool Slots::is_alive(std::size_t slot) const {
  if ((own_ && own_->slot == slot)) return true;
  struct flock lock = byte_lock(slot);
  if (::fcntl(fd_.get(), F_OFD_GETLK, &lock) != 0) return true;
  return lock.l_type != F_UNLCK;
}

std::vector<std::size_t> Slots::waiting_slots() const {
  std::vector<std::size_t> slots;
  const auto all = headers();
  for (std::size_t slot = 0; slot < all.size(); ++slot) {
    const Header& header = all[slot];
    if (header.id == 0 || header.length > kMostPayload || (own_ && own_->slot == slot)) continue;
    AnswerBytes answered;
    const auto at = kAnswers + static_cast<off_t>(slot * kEntry);
    const bool has_answer = ::pread(fd_.get(), &answered, sizeof answered, at) == sizeof answered;
    if (!has_answer || answered.id != header.id) slots.push_back(slot);
  }
  return slots;
}

std::vector<Slots::Request> Slots::waiting() const {
  std::vector<Request> requests;
  for (const std::size_t slot : waiting_slots()) {
    Header header;
    const auto at = kHeaders + static_cast<off_t>(slot * kEntry);
    if (::pread(fd_.get(), &header, sizeof header, at) != sizeof header) continue;
    if (header.id == 0 || header.length > kMostPayload) continue;
    Request request{slot, header.id, header.spends, std::string(header.length, '\0')};
    const auto n = ::pread(fd_.get(), request.payload.data(), header.length, payload_at(slot));
    if (n != static_cast<ssize_t>(header.length)) continue;
    // Half of an old request and half of a new one are no request.
    if (check_of(header.id, request.payload) != header.check || !is_alive(slot)) continue;
    requests.push_back(std::move(request));
  }
  return requests;
}

Result<void> Slots::scrub() {
  while (::ftruncate(fd_.get(), kPayloads) != 0) {
    if (errno != EINTR) return fail_errno("clearing the log's board", errno);
  }
  return sync_file_data(fd_.get(), "the log's board");
}

Result<void> Slots::set_reserved(std::uint32_t records) {
  if (!own_) return fail(Errc::temporary, "all places among the log's writers are taken");
  const std::lock_guard lock(own_->mutex);
  Header header = own_->header;
  header.reserved = records;
  if (!write_header(header)) {
    return fail_errno(Errc::temporary, "keeping space in the log", errno);
  }
  own_->header = header;
  return {};
}

std::uint64_t Slots::total_reserved(bool is_exact) const {
  std::uint64_t total = 0;
  const auto all = headers();
  for (std::size_t slot = 0; slot < all.size(); ++slot) {
    if (all[slot].reserved == 0 || (is_exact && !is_alive(slot))) continue;
    total += all[slot].reserved;
  }
  return total;
}

}  // namespace sm::audit
