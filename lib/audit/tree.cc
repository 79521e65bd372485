// The low-level SHA-256 calls are deprecated in OpenSSL 3 but not gone. A log of millions of lines
// is millions of small digests, and the EVP calls around each cost as much as its hashing does.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "audit/tree.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include <openssl/sha.h>

namespace sm::audit {
namespace {

/// The largest power of two below n, n ≥ 2 (RFC 6962 §2.1).
std::uint64_t split_point(std::uint64_t n) {
  return std::bit_floor(n - 1);
}

Hash of_state(const SHA256_CTX& state) {
  Hash out;
  for (std::size_t i = 0; i < 8; ++i) {
    for (std::size_t j = 0; j < 4; ++j) {
      out[4 * i + j] = static_cast<std::uint8_t>(state.h[i] >> (24 - 8 * j));
    }
  }
  return out;
}

Result<void> add_path(std::uint64_t index, std::uint64_t begin, std::uint64_t end,
                      const RangeRoot& root_of, std::vector<Hash>& path) {
  if (end - begin == 1) return {};
  const std::uint64_t middle = begin + split_point(end - begin);
  const bool is_left = index < middle;
  auto below = is_left ? add_path(index, begin, middle, root_of, path)
                       : add_path(index, middle, end, root_of, path);
  if (!below) return below;
  auto sibling = is_left ? root_of(middle, end) : root_of(begin, middle);
  if (!sibling) return fail(std::move(sibling).error());
  path.push_back(*sibling);
  return {};
}

// RFC 6962 §2.1.2, SUBPROOF(m, D[begin:end], b), m counted from `begin`.
Result<void> add_subproof(std::uint64_t m, std::uint64_t begin, std::uint64_t end, bool is_whole,
                          const RangeRoot& root_of, std::vector<Hash>& proof) {
  if (m == end - begin) {
    if (is_whole) return {};
    auto root = root_of(begin, end);
    if (!root) return fail(std::move(root).error());
    proof.push_back(*root);
    return {};
  }
  const std::uint64_t k = split_point(end - begin);
  const bool is_left = m <= k;
  auto below = is_left ? add_subproof(m, begin, begin + k, is_whole, root_of, proof)
                       : add_subproof(m - k, begin + k, end, false, root_of, proof);
  if (!below) return below;
  auto other = is_left ? root_of(begin + k, end) : root_of(begin, begin + k);
  if (!other) return fail(std::move(other).error());
  proof.push_back(*other);
  return {};
}

}  // namespace

Hash leaf_hash(Bytes line) {
  // The first block is put together here, so that the rest is hashed where it lies.
  std::array<std::uint8_t, SHA256_CBLOCK> first;
  first[0] = 0x00;
  const std::size_t head = std::min(line.size(), first.size() - 1);
  if (head > 0) std::memcpy(first.data() + 1, line.data(), head);
  SHA256_CTX state;
  SHA256_Init(&state);
  SHA256_Update(&state, first.data(), head + 1);
  if (line.size() > head) SHA256_Update(&state, line.data() + head, line.size() - head);
  Hash out;
  SHA256_Final(out.data(), &state);
  return out;
}

Hash node_hash(const Hash& left, const Hash& right) {
  // Always 65 bytes: two blocks, whose padding (FIPS 180-4 §5.1.1) is known.
  constexpr std::size_t kBits = 65 * 8;
  std::array<std::uint8_t, 2 * SHA256_CBLOCK> blocks{};
  blocks[0] = 0x01;
  std::memcpy(&blocks[1], left.data(), left.size());
  std::memcpy(&blocks[33], right.data(), right.size());
  blocks[65] = 0x80;
  blocks[126] = kBits >> 8;
  blocks[127] = kBits & 0xff;
  SHA256_CTX state;
  SHA256_Init(&state);
  SHA256_Transform(&state, blocks.data());
  SHA256_Transform(&state, blocks.data() + SHA256_CBLOCK);
  return of_state(state);
}

std::optional<Frontier> Frontier::from(std::uint64_t size, std::vector<Hash> subtrees) {
  if (static_cast<std::size_t>(std::popcount(size)) != subtrees.size()) return std::nullopt;
  Frontier frontier;
  frontier.size_ = size;
  frontier.subtrees_ = std::move(subtrees);
  return frontier;
}

void Frontier::add_subtree(const Hash& root, unsigned level) {
  Hash hash = root;
  for (std::uint64_t bit = std::uint64_t{1} << level; (size_ & bit) != 0; bit <<= 1) {
    hash = node_hash(subtrees_.back(), hash);
    subtrees_.pop_back();
  }
  subtrees_.push_back(hash);
  size_ += std::uint64_t{1} << level;
}

Hash Frontier::root() const {
  if (subtrees_.empty()) return crypto::sha256({});
  Hash hash = subtrees_.back();
  for (auto left = std::next(subtrees_.rbegin()); left != subtrees_.rend(); ++left) {
    hash = node_hash(*left, hash);
  }
  return hash;
}

bool verify_inclusion(std::uint64_t index, std::uint64_t size, const Hash& leaf,
                      std::span<const Hash> proof, const Hash& root) {
  if (index >= size) return false;
  std::uint64_t fn = index, sn = size - 1;
  Hash hash = leaf;
  for (const Hash& sibling : proof) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      hash = node_hash(sibling, hash);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && hash == root;
}

bool verify_consistency(std::uint64_t size1, std::uint64_t size2, const Hash& root1,
                        const Hash& root2, std::span<const Hash> proof) {
  // RFC 9162 §2.1.4.1: 0 < first. Every log begins with the empty one: that proves nothing.
  if (size1 == 0 || size1 > size2) return false;
  if (size1 == size2) return proof.empty() && root1 == root2;
  std::vector<Hash> path(proof.begin(), proof.end());
  if (std::has_single_bit(size1)) path.insert(path.begin(), root1);
  if (path.empty()) return false;
  std::uint64_t fn = size1 - 1, sn = size2 - 1;
  while ((fn & 1) != 0) {
    fn >>= 1;
    sn >>= 1;
  }
  Hash first = path[0], second = path[0];
  for (std::size_t i = 1; i < path.size(); ++i) {
    if (sn == 0) return false;
    if ((fn & 1) != 0 || fn == sn) {
      first = node_hash(path[i], first);
      second = node_hash(path[i], second);
      while ((fn & 1) == 0 && fn != 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else {
      second = node_hash(second, path[i]);
    }
    fn >>= 1;
    sn >>= 1;
  }
  return sn == 0 && first == root1 && second == root2;
}

Result<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size,
                                          const RangeRoot& root_of) {
  std::vector<Hash> path;
  auto done = add_path(index, 0, size, root_of, path);
  if (!done) return fail(std::move(done).error());
  return path;
}

Result<std::vector<Hash>> consistency_proof(std::uint64_t size1, std::uint64_t size2,
                                            const RangeRoot& root_of) {
  std::vector<Hash> proof;
  auto done = add_subproof(size1, 0, size2, true, root_of, proof);
  if (!done) return fail(std::move(done).error());
  return proof;
}

}  // namespace sm::audit
