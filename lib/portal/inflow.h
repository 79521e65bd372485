#pragma once
// A body on its way in: the network's thread pours, a worker's thread drinks, and neither waits
// with the other's work in its hands. When the vessel is full the connection is told to pause.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <span>

#include "base/result.h"
#include "base/secret.h"

namespace sm::portal {

/// Bytes from front to end.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Some bytes; 0 only at the end.
  virtual Result<std::size_t> read(std::span<std::uint8_t> into) = 0;
};

/// Stops and starts a connection. Both are safe to call from any thread; stop() by the network's
/// thread only.
class Valve {
 public:
  virtual ~Valve() = default;
  virtual void stop() = 0;
  virtual void start() = 0;
};

class Inflow final : public ByteStream {
 public:
  explicit Inflow(Valve& valve) : valve_(valve), vessel_(kRoom) {}

  // The network's side.
  /// Takes some of the bytes; where it does not take all, the valve was stopped. Once the worker is
  /// done, all are taken and poured away.
  std::size_t pour(Bytes bytes);
  /// The body is whole. True: the worker is done already; else the valve was stopped until it is.
  bool end();
  /// The client is gone.
  void abort();

  // The worker's side.
  Result<std::size_t> read(std::span<std::uint8_t> into) override;
  /// The answer is ready. After this the Inflow may be gone.
  void done();

 private:
  static constexpr std::size_t kRoom = std::size_t{256} << 10;
  static constexpr std::chrono::seconds kPatience{60};
  void restart();
  Valve& valve_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Secret vessel_;  ///< a ring
  std::size_t first_ = 0;
  std::size_t held_ = 0;
  bool is_stopped_ = false;
  bool has_ended_ = false;
  bool is_aborted_ = false;
  bool is_done_ = false;
};

}  // namespace sm::portal
