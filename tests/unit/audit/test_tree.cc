#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "audit/tree.h"
#include "base/encoding.h"
#include "unit/audit/vectors.h"

using namespace sm;
using namespace sm::audit;

namespace {

std::string hex(const Hash& hash) {
  return to_hex(hash);
}

Hash leaf(std::uint64_t i) {
  return leaf_hash(as_bytes("line " + std::to_string(i)));
}

/// RFC 6962 §2.1, straight from its definition.
Hash naive_root(std::uint64_t begin, std::uint64_t end) {
  if (begin == end) return crypto::sha256({});
  if (end - begin == 1) return leaf(begin);
  std::uint64_t k = 1;
  while (k * 2 < end - begin)
    k *= 2;
  return node_hash(naive_root(begin, begin + k), naive_root(begin + k, end));
}

Result<Hash> range_root(std::uint64_t begin, std::uint64_t end) {
  return naive_root(begin, end);
}

/// A base64 value of a vector. Where it is no 32 bytes ("don't care"), a stand-in that is equal
/// only to another of its kind: the type has no room for a hash of another length.
Hash hash_of(const nlohmann::json& value, std::string_view kind) {
  const auto bytes = from_base64(value.get<std::string>());
  REQUIRE(bytes);
  if (bytes->size() != 32) return crypto::sha256(as_bytes(kind), *bytes);
  Hash hash;
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

struct Vector {
  nlohmann::json json;

  explicit Vector(const std::filesystem::path& path) {
    json = nlohmann::json::parse(std::ifstream(path));
  }
  std::uint64_t number(const char* key) { return json.at(key).get<std::uint64_t>(); }
  bool is_error() { return json.at("wantErr").get<bool>(); }
  Hash hash(const char* key) { return hash_of(json.at(key), std::string_view(key).substr(0, 4)); }
  std::vector<Hash> proof() {
    std::vector<Hash> hashes;
    if (json.at("proof").is_null()) return hashes;
    for (const auto& one : json.at("proof"))
      hashes.push_back(hash_of(one, "proof"));
    return hashes;
  }
};

template <class Check>
std::size_t for_each_vector(const std::filesystem::path& folder, Check check) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    INFO(entry.path());
    Vector vector(entry.path());
    check(vector);
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("leaf and node hashes are those of RFC 6962", "[audit]") {
  // The reference values of the Certificate Transparency log's own tests.
  CHECK(hex(Frontier().root()) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hex(leaf_hash({})) == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  CHECK(node_hash(leaf(1), leaf(2)) == [] {
    std::vector<std::uint8_t> bytes{0x01};
    for (const Hash& hash : {leaf(1), leaf(2)})
      bytes.insert(bytes.end(), hash.begin(), hash.end());
    return crypto::sha256(bytes);
  }());
  for (const std::size_t size : {0u, 1u, 62u, 63u, 64u, 65u, 127u, 128u, 5000u}) {
    const std::string line(size, 'x');
    CHECK(leaf_hash(as_bytes(line)) ==
          crypto::sha256(as_bytes(std::string_view("\0", 1)), as_bytes(line)));
  }
}

TEST_CASE("the frontier's root is the tree's at every size", "[audit]") {
  Frontier frontier;
  for (std::uint64_t size = 0; size <= 130; ++size) {
    CHECK(frontier.size() == size);
    CHECK(frontier.root() == naive_root(0, size));
    const auto again = Frontier::from(size, frontier.subtrees());
    REQUIRE(again);
    CHECK(again->root() == frontier.root());
    CHECK_FALSE(Frontier::from(size * 2 + 1, frontier.subtrees()));
    frontier.add(leaf(size));
  }
}

TEST_CASE("whole subtrees can be added to a frontier", "[audit]") {
  Frontier frontier;
  frontier.add_subtree(naive_root(0, 8), 3);
  frontier.add_subtree(naive_root(8, 16), 3);
  frontier.add_subtree(naive_root(16, 20), 2);
  frontier.add(leaf(20));
  CHECK(frontier.root() == naive_root(0, 21));
}

TEST_CASE("inclusion proofs that we make verify, and no other does", "[audit]") {
  for (std::uint64_t size = 1; size <= 40; ++size) {
    for (std::uint64_t index = 0; index < size; ++index) {
      const auto proof = inclusion_proof(index, size, range_root);
      REQUIRE(proof);
      const Hash root = naive_root(0, size);
      CHECK(verify_inclusion(index, size, leaf(index), *proof, root));
      CHECK_FALSE(verify_inclusion(index, size, leaf(index + 1), *proof, root));
      CHECK_FALSE(verify_inclusion(size, size, leaf(index), *proof, root));
      if (size > 1)
        CHECK_FALSE(verify_inclusion((index + 1) % size, size, leaf(index), *proof, root));
      auto longer = *proof;
      longer.push_back(root);
      CHECK_FALSE(verify_inclusion(index, size, leaf(index), longer, root));
    }
  }
}

TEST_CASE("consistency proofs that we make verify, and no other does", "[audit]") {
  for (std::uint64_t size2 = 1; size2 <= 40; ++size2) {
    for (std::uint64_t size1 = 1; size1 <= size2; ++size1) {
      const auto proof = consistency_proof(size1, size2, range_root);
      REQUIRE(proof);
      const Hash root1 = naive_root(0, size1), root2 = naive_root(0, size2);
      CHECK(verify_consistency(size1, size2, root1, root2, *proof));
      CHECK_FALSE(verify_consistency(size1, size2, root2, leaf(7), *proof));
      if (size1 < size2) CHECK_FALSE(verify_consistency(size1, size2, root2, root1, *proof));
    }
  }
}

TEST_CASE("transparency-dev's inclusion vectors come out as they say", "[audit]") {
  const auto folder = test::vectors("merkle/inclusion");
  if (!folder) {
    WARN("SKIP: no vectors/merkle");
    return;
  }
  const auto count = for_each_vector(*folder, [](Vector& vector) {
    const Hash root = vector.hash("root"), leaf_of = vector.hash("leafHash");
    const auto proof = vector.proof();
    const bool is_good =
        verify_inclusion(vector.number("leafIdx"), vector.number("treeSize"), leaf_of, proof, root);
    CHECK(is_good == !vector.is_error());
  });
  CHECK(count > 50);
}

TEST_CASE("transparency-dev's consistency vectors come out as they say", "[audit]") {
  const auto folder = test::vectors("merkle/consistency");
  if (!folder) {
    WARN("SKIP: no vectors/merkle");
    return;
  }
  const auto count = for_each_vector(*folder, [](Vector& vector) {
    const Hash root1 = vector.hash("root1"), root2 = vector.hash("root2");
    const auto proof = vector.proof();
    const bool is_good =
        verify_consistency(vector.number("size1"), vector.number("size2"), root1, root2, proof);
    CHECK(is_good == !vector.is_error());
  });
  CHECK(count > 50);
}
