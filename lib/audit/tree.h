#pragma once
// The Merkle tree over the log's lines (RFC 6962 §2.1, RFC 9162 §2.1): one root commits to every
// line, a proof of some twenty hashes shows that one line is among them (inclusion), or that a
// longer log begins with a shorter one (consistency), without showing anything else.
//
// The tree is never held: a Frontier keeps the roots of the complete subtrees on its right edge, at
// most 64 hashes, and grows one leaf at a time.

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "crypto/digest.h"

namespace sm::audit {

using Hash = crypto::Sha256;

/// RFC 6962 §2.1: SHA-256(0x00 ‖ line). The line's raw bytes, without its LF.
Hash leaf_hash(Bytes line);
/// RFC 6962 §2.1: SHA-256(0x01 ‖ left ‖ right).
Hash node_hash(const Hash& left, const Hash& right);

class Frontier {
 public:
  Frontier() = default;
  /// `subtrees`: roots of the complete subtrees, largest (leftmost) first, one for each bit that is
  /// set in `size`. Nothing when their number does not fit.
  static std::optional<Frontier> from(std::uint64_t size, std::vector<Hash> subtrees);

  void add(const Hash& leaf) { add_subtree(leaf, 0); }
  /// Adds a complete subtree of 2^level leaves; size() must be a multiple of that.
  void add_subtree(const Hash& root, unsigned level);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Of nothing: SHA-256 of the empty string (RFC 6962 §2.1).
  [[nodiscard]] Hash root() const;
  [[nodiscard]] const std::vector<Hash>& subtrees() const { return subtrees_; }

 private:
  std::uint64_t size_ = 0;
  std::vector<Hash> subtrees_;
};

/// RFC 9162 §2.1.3.2: whether `leaf` is number `index` of the `size` leaves under `root`.
bool verify_inclusion(std::uint64_t index, std::uint64_t size, const Hash& leaf,
                      std::span<const Hash> proof, const Hash& root);
/// RFC 9162 §2.1.4.2: whether the tree of `size2` begins with the tree of `size1`, size1 > 0.
bool verify_consistency(std::uint64_t size1, std::uint64_t size2, const Hash& root1,
                        const Hash& root2, std::span<const Hash> proof);

/// The root over the leaves [begin, end), begin < end.
using RangeRoot = std::function<Result<Hash>(std::uint64_t begin, std::uint64_t end)>;
/// RFC 6962 §2.1.1: PATH(index, D[size]), index < size.
Result<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size,
                                          const RangeRoot& root_of);
/// RFC 6962 §2.1.2: PROOF(size1, D[size2]), 0 < size1 ≤ size2.
Result<std::vector<Hash>> consistency_proof(std::uint64_t size1, std::uint64_t size2,
                                            const RangeRoot& root_of);

}  // namespace sm::audit
