#include "audit/segment_index.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <thread>

#include <unistd.h>

#include "audit/segment_lines.h"
#include "base/encoding.h"
#include "base/file.h"

namespace sm::audit {
namespace {

constexpr std::uint64_t kChunk = 256;  // leaves of one subtree whose root is kept
constexpr std::uint64_t kChunks = kSegmentRecords / kChunk;
constexpr std::array<char, 8> kIndexMagic = {'s', 'm', 'i', 'n', 'd', 'e', 'x', '1'};
constexpr std::size_t kMostIndex = std::size_t{8} << 20;

/// A message and the number of a record in the segment.
struct Mention {
  std::array<std::uint8_t, 12> message{};
  std::array<std::uint8_t, 2> index{};
  auto operator<=>(const Mention&) const = default;
};
static_assert(sizeof(Mention) == 14);

/// The message id of a line, without parsing it: the first `"message":"` of a record is its own,
/// since what stands before it holds no such text.
std::optional<MessageId> message_of(std::string_view line) {
  constexpr std::string_view kField = "\"message\":\"";
  const auto at = line.substr(0, 400).find(kField);
  return at == line.npos ? std::nullopt : MessageId::parse(line.substr(at + kField.size(), 16));
}

std::string index_file(const Layout& layout, std::uint64_t number) {
  return layout.cache_folder() + '/' + segment_name(number) + ".index";
}

}  // namespace

struct SegmentIndex {
  std::array<Hash, kChunks> roots{};             ///< of the chunks
  std::array<std::uint64_t, kChunks> offsets{};  ///< of their first lines
  std::vector<Mention> mentions;                 ///< sorted

  static Result<SegmentIndex> build(const Layout& layout, std::uint64_t number);
  static std::optional<SegmentIndex> read(const Layout& layout, std::uint64_t number);
  void write(const Layout& layout, std::uint64_t number) const;
  /// Whether it was made of the segment that lies there now, and not of one that a backup replaced:
  /// its last lines are the same, and their chain commits to all before them.
  [[nodiscard]] bool is_of_what_is_there(const Layout& layout, std::uint64_t number) const;
};

Result<SegmentIndex> SegmentIndex::build(const Layout& layout, std::uint64_t number) {
  auto lines = SegmentLines::open(layout.segment(number));
  if (!lines) return fail(std::move(lines).error());
  SegmentIndex segment;
  for (std::uint64_t chunk = 0; chunk < kChunks; ++chunk) {
    segment.offsets[chunk] = lines->offset();
    Frontier frontier;
    for (std::uint64_t i = 0; i < kChunk; ++i) {
      const auto line = lines->next();
      if (!line) return fail(line.error());
      if (!*line) {
        return fail(Errc::malformed, layout.segment(number) + " has fewer records than it should");
      }
      frontier.add(leaf_hash(as_bytes(**line)));
      const auto message = message_of(**line);
      if (!message) continue;
      const auto index = chunk * kChunk + i;
      segment.mentions.push_back(
          {message->bytes(),
           {static_cast<std::uint8_t>(index >> 8), static_cast<std::uint8_t>(index & 0xff)}});
    }
    segment.roots[chunk] = frontier.root();
  }
  std::sort(segment.mentions.begin(), segment.mentions.end());
  return segment;
}

void SegmentIndex::write(const Layout& layout, std::uint64_t number) const {
  std::string bytes(kIndexMagic.begin(), kIndexMagic.end());
  bytes.append(reinterpret_cast<const char*>(roots.data()), sizeof roots);
  bytes.append(reinterpret_cast<const char*>(offsets.data()), sizeof offsets);
  bytes.append(reinterpret_cast<const char*>(mentions.data()), mentions.size() * sizeof(Mention));
  const Hash check = crypto::sha256(as_bytes(bytes));
  bytes.append(reinterpret_cast<const char*>(check.data()), check.size());
  // A reader without rights to the folder goes on without a cache.
  if (make_shared_folder(layout.cache_folder())) {
    (void)publish_file(index_file(layout, number), as_bytes(bytes)).has_value();
  }
}

std::optional<SegmentIndex> SegmentIndex::read(const Layout& layout, std::uint64_t number) {
  const auto bytes = read_file(index_file(layout, number), kMostIndex);
  constexpr std::size_t kHead = kIndexMagic.size() + sizeof(roots) + sizeof(offsets);
  if (!bytes || bytes->size() < kHead + 32 ||
      !std::equal(kIndexMagic.begin(), kIndexMagic.end(), bytes->begin())) {
    return std::nullopt;
  }
  const std::size_t end = bytes->size() - 32;
  const Hash check = crypto::sha256(as_bytes(std::string_view(*bytes).substr(0, end)));
  if (std::memcmp(check.data(), bytes->data() + end, check.size()) != 0 ||
      (end - kHead) % sizeof(Mention) != 0) {
    return std::nullopt;
  }
  SegmentIndex segment;
  const char* at = bytes->data() + kIndexMagic.size();
  std::memcpy(segment.roots.data(), at, sizeof segment.roots);
  std::memcpy(segment.offsets.data(), at + sizeof segment.roots, sizeof segment.offsets);
  segment.mentions.resize((end - kHead) / sizeof(Mention));
  std::memcpy(segment.mentions.data(), bytes->data() + kHead, end - kHead);
  return segment;
}

bool SegmentIndex::is_of_what_is_there(const Layout& layout, std::uint64_t number) const {
  auto lines = SegmentLines::open(layout.segment(number), offsets[kChunks - 1]);
  Frontier frontier;
  while (lines && frontier.size() < kChunk) {
    const auto line = lines->next();
    if (!line || !*line) return false;
    frontier.add(leaf_hash(as_bytes(**line)));
  }
  return lines && frontier.root() == roots[kChunks - 1];
}

LogIndex::LogIndex(Layout layout) : layout_(std::move(layout)) {}
LogIndex::~LogIndex() = default;

void index_segment(const Layout& layout, std::uint64_t number) {
  const auto is_there = exists(index_file(layout, number));
  if (!is_there || *is_there) return;
  if (const auto segment = SegmentIndex::build(layout, number)) segment->write(layout, number);
}

Result<void> LogIndex::load_full(unsigned threads) {
  const std::uint64_t count = size_ / kSegmentRecords;
  full_.resize(count);
  std::atomic<std::uint64_t> next = 0;
  std::vector<Result<void>> results(std::max(threads, 1u));
  const auto work = [&](Result<void>& result) {
    for (std::uint64_t number = next++; number < count && result; number = next++) {
      auto cached = SegmentIndex::read(layout_, number);
      if (cached && cached->is_of_what_is_there(layout_, number)) {
        full_[number] = std::move(*cached);
        continue;
      }
      auto built = SegmentIndex::build(layout_, number);
      if (!built) {
        result = fail(std::move(built).error());
        return;
      }
      built->write(layout_, number);
      full_[number] = std::move(*built);
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < results.size(); ++i)
    others.emplace_back(work, std::ref(results[i]));
  work(results[0]);
  for (std::thread& other : others)
    other.join();
  for (Result<void>& result : results) {
    if (!result) return std::move(result);
  }
  return {};
}

Result<void> LogIndex::load_partial() {
  partial_.clear();
  if (size_ % kSegmentRecords == 0) return {};
  auto lines = SegmentLines::open(layout_.segment(segment_of(size_)));
  if (!lines) return fail(std::move(lines).error());
  while (partial_.size() < size_ % kSegmentRecords) {
    const auto line = lines->next();
    if (!line) return fail(line.error());
    if (!*line) return fail(Errc::malformed, "the log is shorter than its checkpoint");
    partial_.push_back(leaf_hash(as_bytes(**line)));
  }
  return {};
}

Result<void> LogIndex::load(std::uint64_t size, unsigned threads) {
  size_ = size;
  if (threads == 0) threads = std::clamp(std::thread::hardware_concurrency(), 1u, 16u);
  auto done = load_full(static_cast<unsigned>(
      std::min<std::uint64_t>(threads, std::max<std::uint64_t>(size / kSegmentRecords, 1))));
  return done ? load_partial() : done;
}

Result<void> LogIndex::rebuild() {
  for (std::uint64_t number = 0; number < full_.size(); ++number)
    (void)::unlink(index_file(layout_, number).c_str());
  chunks_.clear();
  return load(size_);
}

Result<std::vector<Found>> LogIndex::find(const MessageId& message) {
  std::vector<Found> found;
  const Mention first{message.bytes(), {0, 0}};
  for (std::uint64_t number = 0; number < full_.size(); ++number) {
    const auto& mentions = full_[number].mentions;
    for (auto at = std::lower_bound(mentions.begin(), mentions.end(), first);
         at != mentions.end() && at->message == message.bytes(); ++at) {
      const std::uint64_t index = std::uint64_t{at->index[0]} << 8 | at->index[1];
      auto lines =
          SegmentLines::open(layout_.segment(number), full_[number].offsets[index / kChunk]);
      if (!lines) return fail(std::move(lines).error());
      for (std::uint64_t i = 0; i < index % kChunk; ++i) {
        const auto skipped = lines->next();
        if (!skipped) return fail(skipped.error());
      }
      const auto line = lines->next();
      if (!line) return fail(line.error());
      if (*line) found.push_back({number * kSegmentRecords + index, std::string(**line)});
    }
  }
  // Behind the full segments, what is not signed yet included: who asks shall know of it.
  for (std::uint64_t number = full_.size();; ++number) {
    const auto is_there = exists(layout_.segment(number));
    if (!is_there) return fail(is_there.error());
    if (!*is_there) return found;
    auto lines = SegmentLines::open(layout_.segment(number));
    if (!lines) return fail(std::move(lines).error());
    for (std::uint64_t seq = number * kSegmentRecords;; ++seq) {
      const auto line = lines->next();
      if (!line) return fail(line.error());
      if (!*line) break;
      if (message_of(**line) == message) found.push_back({seq, std::string(**line)});
    }
  }
}

Result<const std::vector<Hash>*> LogIndex::leaves_of_chunk(std::uint64_t chunk) {
  const auto known = chunks_.find(chunk);
  if (known != chunks_.end()) return &known->second;
  const std::uint64_t number = chunk / kChunks;
  auto lines = SegmentLines::open(layout_.segment(number), full_[number].offsets[chunk % kChunks]);
  if (!lines) return fail(std::move(lines).error());
  std::vector<Hash> leaves;
  while (leaves.size() < kChunk) {
    const auto line = lines->next();
    if (!line) return fail(line.error());
    if (!*line) return fail(Errc::malformed, layout_.segment(number) + " is too short");
    leaves.push_back(leaf_hash(as_bytes(**line)));
  }
  return &chunks_.emplace(chunk, std::move(leaves)).first->second;
}

/// The root over 2^k leaves that are one subtree of the whole.
Result<Hash> LogIndex::perfect_root(std::uint64_t begin, std::uint64_t count) {
  const std::uint64_t number = segment_of(begin);
  if (number >= full_.size()) {
    if (count == 1) return partial_[begin - number * kSegmentRecords];
  } else if (count == kChunk) {
    return full_[number].roots[begin % kSegmentRecords / kChunk];
  } else if (count == 1) {
    const auto leaves = leaves_of_chunk(begin / kChunk);
    if (!leaves) return fail(leaves.error());
    return (**leaves)[begin % kChunk];
  }
  const auto left = perfect_root(begin, count / 2);
  if (!left) return left;
  const auto right = perfect_root(begin + count / 2, count / 2);
  if (!right) return right;
  return node_hash(*left, *right);
}

Result<Hash> LogIndex::range_root(std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t count = end - begin;
  if (count != 0 && std::has_single_bit(count) && begin % count == 0) {
    return perfect_root(begin, count);
  }
  const std::uint64_t middle = begin + std::bit_floor(count - 1);
  const auto left = range_root(begin, middle);
  if (!left) return left;
  const auto right = range_root(middle, end);
  if (!right) return right;
  return node_hash(*left, *right);
}

}  // namespace sm::audit
