#include "sealing/session.h"

#include <algorithm>
#include <chrono>

#include "base/encoding.h"
#include "base/text.h"
#include "crypto/hkdf.h"
#include "crypto/random.h"

namespace sm::sealing {
namespace {

constexpr std::string_view kSalt = "smtools-portal/v1";
constexpr std::chrono::hours kNonceLife{24};

SecretKey<32> key_for(const SecretKey<32>& secret, std::string_view purpose) {
  SecretKey<32> key;
  crypto::hkdf_sha512(as_bytes(kSalt), secret.reveal(), as_bytes(purpose), key.writable());
  return key;
}

}  // namespace

CookieSecret CookieSecret::fresh() {
  return CookieSecret(crypto::random_key<32>());
}

std::optional<CookieSecret> CookieSecret::parse(std::string_view text) {
  auto bytes = from_base64url(text);
  if (!bytes || bytes->size() != 32) return std::nullopt;
  SecretKey<32> secret(std::span<const std::uint8_t, 32>(bytes->data(), 32));
  wipe(bytes->data(), bytes->size());
  return CookieSecret(std::move(secret));
}

Secret CookieSecret::text() const {
  std::string encoded = to_base64url(secret_.reveal());
  Secret text(as_bytes(encoded));
  wipe(encoded.data(), encoded.size());
  return text;
}

crypto::Sha256 CookieSecret::id() const {
  const auto key = key_for(secret_, "id");
  return crypto::sha256(key.reveal());
}

crypto::Sha256 CookieSecret::mac(std::string_view purpose, Bytes bytes) const {
  const auto key = key_for(secret_, "mac " + std::string(purpose));
  return crypto::hmac_sha256(key.reveal(), bytes);
}

std::vector<std::uint8_t> CookieSecret::wrap(const envelope::MessageKey& mk,
                                             std::string_view context) const {
  const auto nonce = crypto::random_bytes<crypto::kXaesNonceSize>();
  const auto sealed =
      crypto::xaes_seal(key_for(secret_, "wrap"), nonce, as_bytes(context), mk.reveal());
  std::vector<std::uint8_t> wrapped(nonce.size() + sealed.size());
  std::copy(sealed.begin(), sealed.end(), std::copy(nonce.begin(), nonce.end(), wrapped.begin()));
  return wrapped;
}

std::optional<envelope::MessageKey> CookieSecret::unwrap(Bytes wrapped,
                                                         std::string_view context) const {
  if (wrapped.size() != crypto::kXaesNonceSize + 32 + crypto::kTagSize) return std::nullopt;
  const auto opened =
      crypto::xaes_open(key_for(secret_, "wrap"), wrapped.first<crypto::kXaesNonceSize>(),
                        as_bytes(context), wrapped.subspan(crypto::kXaesNonceSize));
  if (!opened || opened->size() != 32) return std::nullopt;
  return envelope::MessageKey(opened->reveal().first<32>());
}

std::string CookieSecret::form_nonce(std::string_view purpose, const Clock& clock) const {
  const auto random = crypto::random_bytes<12>();
  const auto minutes =
      std::chrono::floor<std::chrono::minutes>(clock.now().time_since_epoch()).count();
  const std::string front = to_base64url(random) + "." + std::to_string(minutes);
  return front + "." + to_base64url(mac("form " + std::string(purpose), as_bytes(front)));
}

bool CookieSecret::is_form_nonce(std::string_view nonce, std::string_view purpose,
                                 const Clock& clock) const {
  const auto last = nonce.rfind('.');
  const auto first = nonce.find('.');
  if (last == nonce.npos || first == last) return false;
  const auto front = nonce.substr(0, last);
  const auto given = from_base64url(nonce.substr(last + 1));
  const auto right = mac("form " + std::string(purpose), as_bytes(front));
  if (!given || !equal_constant_time(*given, right)) return false;
  const auto minutes = parse_decimal(front.substr(first + 1));
  if (!minutes) return false;
  const auto made = WallTime(std::chrono::minutes(static_cast<std::int64_t>(*minutes)));
  return std::chrono::abs(clock.now() - made) <= kNonceLife;
}

}  // namespace sm::sealing
