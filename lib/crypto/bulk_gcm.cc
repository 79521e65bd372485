#include "crypto/bulk_gcm.h"

#if __has_include(<intel-ipsec-mb.h>)
#include <cstdlib>
#include <new>

#include <intel-ipsec-mb.h>

#include "base/late_library.h"

namespace sm::crypto {

/// What the library keeps for one key: the expanded key, and where it is in a message.
struct BulkGcm::State {
  gcm_key_data key;
  gcm_context_data context;
};

namespace {

/// Its functions, found once; the table that holds them keeps no state of ours.
const IMB_MGR* find_library() {
  LateLibrary library("libIPSec_MB.so.1", "libipsec-mb1");
  decltype(&alloc_mb_mgr) alloc = nullptr;
  decltype(&init_mb_mgr_auto) init = nullptr;
  library.find(alloc, "alloc_mb_mgr");
  library.find(init, "init_mb_mgr_auto");
  if (alloc == nullptr || init == nullptr) return nullptr;
  IMB_MGR* manager = alloc(0);
  if (manager == nullptr) return nullptr;
  IMB_ARCH architecture = IMB_ARCH_NONE;
  init(manager, &architecture);
  constexpr std::uint64_t kWanted = IMB_FEATURE_VAES | IMB_FEATURE_VPCLMULQDQ;
  const bool is_fast = (manager->features & kWanted) == kWanted;
  return is_fast && manager->gcm256_pre != nullptr ? manager : nullptr;
}

const IMB_MGR* library() {
  static const IMB_MGR* const found = find_library();
  return found;
}

}  // namespace

std::unique_ptr<BulkGcm> BulkGcm::make(std::span<const std::uint8_t, 32> key) {
  if (library() == nullptr) return nullptr;
  auto* state = new State;
  library()->gcm256_pre(key.data(), &state->key);
  return std::unique_ptr<BulkGcm>(new BulkGcm(state));
}

BulkGcm::~BulkGcm() {
  wipe(state_, sizeof *state_);
  delete state_;
}

void BulkGcm::seal(std::span<const std::uint8_t, 12> nonce, Bytes aad, Bytes plaintext,
                   std::uint8_t* out) {
  library()->gcm256_enc(&state_->key, &state_->context, out, plaintext.data(), plaintext.size(),
                        nonce.data(), aad.data(), aad.size(), out + plaintext.size(), 16);
}

void BulkGcm::open(std::span<const std::uint8_t, 12> nonce, Bytes aad, Bytes ciphertext,
                   std::uint8_t* out, std::span<std::uint8_t, 16> tag) {
  library()->gcm256_dec(&state_->key, &state_->context, out, ciphertext.data(), ciphertext.size(),
                        nonce.data(), aad.data(), aad.size(), tag.data(), tag.size());
}

}  // namespace sm::crypto

#else

namespace sm::crypto {

struct BulkGcm::State {};
std::unique_ptr<BulkGcm> BulkGcm::make(std::span<const std::uint8_t, 32>) {
  return nullptr;
}
BulkGcm::~BulkGcm() = default;
void BulkGcm::seal(std::span<const std::uint8_t, 12>, Bytes, Bytes, std::uint8_t*) {}
void BulkGcm::open(std::span<const std::uint8_t, 12>, Bytes, Bytes, std::uint8_t*,
                   std::span<std::uint8_t, 16>) {}

}  // namespace sm::crypto

#endif
