#pragma once
// Secrets: bytes that are wiped when they die.
//
// A Secret cannot be copied, printed or compared by accident; its bytes are seen through the one
// greppable word reveal(). SecretKey<N> is the same for keys of a fixed size. Both are wiped on
// destruction, on move and on reallocation. Neither protects against a core dump: main_for turns
// those off.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

namespace sm {

using Bytes = std::span<const std::uint8_t>;

/// The bytes of text, and text of bytes: views, nothing is copied.
inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Overwrites with zeros in a way that the compiler cannot leave out.
void wipe(void* bytes, std::size_t size);

/// Equal in constant time; unequal sizes are unequal at once.
bool equal_constant_time(Bytes a, Bytes b);

/// Secret bytes of any size.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size);  ///< zero-filled
  explicit Secret(Bytes bytes);
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] Bytes reveal() const { return {bytes_, size_}; }
  [[nodiscard]] std::span<std::uint8_t> writable() { return {bytes_, size_}; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  void append(Bytes bytes);
  void resize(std::size_t size);  ///< shrinks (wiping the tail) or grows with zeros
  [[nodiscard]] Secret clone() const { return Secret(reveal()); }

 private:
  void reserve(std::size_t capacity);
  std::uint8_t* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// A secret key of N bytes, held in place.
template <std::size_t N>
class SecretKey {
 public:
  SecretKey() = default;
  explicit SecretKey(std::span<const std::uint8_t, N> bytes) {
    for (std::size_t i = 0; i < N; ++i)
      bytes_[i] = bytes[i];
  }
  SecretKey(SecretKey&& other) noexcept : bytes_(other.bytes_) { other.clear(); }
  SecretKey& operator=(SecretKey&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.clear();
    }
    return *this;
  }
  SecretKey(const SecretKey&) = delete;
  SecretKey& operator=(const SecretKey&) = delete;
  ~SecretKey() { clear(); }

  [[nodiscard]] std::span<const std::uint8_t, N> reveal() const { return bytes_; }
  [[nodiscard]] std::span<std::uint8_t, N> writable() { return bytes_; }
  [[nodiscard]] SecretKey clone() const { return SecretKey(reveal()); }

 private:
  void clear() { wipe(bytes_.data(), N); }
  std::array<std::uint8_t, N> bytes_{};
};

}  // namespace sm
