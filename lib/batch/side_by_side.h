#pragma once
// Work on many things that do not know of each other, on a few threads.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <future>
#include <thread>
#include <vector>

namespace sm::batch {

/// As many as there are processors, at most 8.
inline unsigned processors() {
  return std::clamp(std::thread::hardware_concurrency(), 1U, 8U);
}

/// Runs `work(thread, i)` for 0 to count; `thread` is below `threads`.
template <class Work>
void side_by_side(std::size_t count, unsigned threads, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto serve = [&](unsigned thread) {
    for (auto i = next++; i < count; i = next++)
      work(thread, i);
  };
  std::vector<std::future<void>> others;
  for (unsigned thread = 1; thread < threads && thread < count; ++thread)
    others.push_back(std::async(std::launch::async, serve, thread));
  serve(0);
  for (auto& other : others)
    other.get();
}

}  // namespace sm::batch
