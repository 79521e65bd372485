#include "base/secret.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace sm {

void wipe(void* bytes, std::size_t size) {
  if (size != 0) explicit_bzero(bytes, size);
}

bool equal_constant_time(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  }
  return difference == 0;
}

Secret::Secret(std::size_t size) {
  resize(size);
}

Secret::Secret(Bytes bytes) {
  append(bytes);
}

Secret::Secret(Secret&& other) noexcept
    : bytes_(std::exchange(other.bytes_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      capacity_(std::exchange(other.capacity_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  if (this != &other) other.resize(0);
  return *this;
}

Secret::~Secret() {
  if (bytes_ == nullptr) return;
  wipe(bytes_, capacity_);
  ::operator delete(bytes_);
}

void Secret::reserve(std::size_t capacity) {
  if (capacity <= capacity_) return;
  capacity = std::max<std::size_t>({capacity, capacity_ * 2, 64});
  auto* grown = static_cast<std::uint8_t*>(::operator new(capacity));
  if (bytes_ != nullptr) {
    std::memcpy(grown, bytes_, size_);
    wipe(bytes_, capacity_);
    ::operator delete(bytes_);
  }
  bytes_ = grown;
  capacity_ = capacity;
}

void Secret::append(Bytes bytes) {
  if (bytes.empty()) return;
  reserve(size_ + bytes.size());
  std::copy(bytes.begin(), bytes.end(), bytes_ + size_);
  size_ += bytes.size();
}

void Secret::resize(std::size_t size) {
  if (size > size_) {
    reserve(size);
    std::memset(bytes_ + size_, 0, size - size_);
  } else if (size < size_) {
    wipe(bytes_ + size, size_ - size);
  }
  size_ = size;
}

}  // namespace sm
