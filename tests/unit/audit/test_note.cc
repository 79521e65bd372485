#include <catch2/catch.hpp>

#include "audit/note.h"
#include "audit/proof.h"

using namespace sm;
using namespace sm::audit;

namespace {

// Key and note of the documentation of Go's golang.org/x/mod/sumdb/note.
constexpr const char* kSigner =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr const char* kVerifier =
    "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr const char* kText =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr const char* kSignature =
    "\n\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqd"
    "ngotpRZb6KE6RyyBwJnAM=\n";

SignerKey signer(const char* text) {
  auto key = SignerKey::parse(Secret(as_bytes(text)));
  REQUIRE(key);
  return std::move(*key);
}

}  // namespace

TEST_CASE("a note is signed exactly as Go's note package signs it", "[audit]") {
  const SignerKey key = signer(kSigner);
  CHECK(key.verifier().text() == kVerifier);
  CHECK(as_text(key.text().reveal()) == kSigner);
  CHECK(key.sign(kText) == std::string(kText) + kSignature);
}

TEST_CASE("Go's note verifies, and an altered one does not", "[audit]") {
  const auto key = VerifierKey::parse(kVerifier);
  REQUIRE(key);
  const std::vector<VerifierKey> keys{*key};
  const auto note = Note::parse(std::string(kText) + kSignature);
  REQUIRE(note);
  CHECK(note->text == kText);
  CHECK(note->verify(keys) == NoteVerdict::good);
  CHECK(note->verify({}) == NoteVerdict::unknown_key);
  auto altered = *note;
  altered.text[0] = 'i';
  CHECK(altered.verify(keys) == NoteVerdict::bad_signature);
}

TEST_CASE("verifier keys round-trip or are refused", "[audit]") {
  const auto key = SignerKey::generate("example.org/log").verifier();
  const auto again = VerifierKey::parse(key.text());
  REQUIRE(again);
  CHECK(*again == key);
  const std::string text = key.text();
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string altered = text;
    altered[i] = altered[i] == 'A' ? 'B' : 'A';
    INFO(altered);
    CHECK_FALSE(VerifierKey::parse(altered));
  }
  for (const char* bad : {"", "+", "a+b+c", "name+00000000+", "a b+c74f20a3+AQ=="}) {
    CHECK_FALSE(VerifierKey::parse(bad));
  }
}

TEST_CASE("key names hold no space of any kind, no plus and no control", "[audit]") {
  CHECK(is_key_name("mail.example.org/smtools/default"));
  CHECK(
      is_key_name("b\xc3\xbc"
                  "cher.example"));
  for (const char* bad : {"", "a b", "a+b", "a\tb", "a\nb",
                          "a\xc2\xa0"
                          "b",
                          "a\xe3\x80\x80"
                          "b",
                          "a\xff"}) {
    INFO(bad);
    CHECK_FALSE(is_key_name(bad));
  }
}

TEST_CASE("a checkpoint is exactly origin, size and root", "[audit]") {
  const SignerKey key = SignerKey::generate("example.org/log");
  const Hash root = leaf_hash(as_bytes("x"));
  const Checkpoint made = Checkpoint::sign(123, root, key);
  const auto read = Checkpoint::parse(made.note);
  REQUIRE(read);
  CHECK(read->origin == "example.org/log");
  CHECK(read->size == 123);
  CHECK(read->root == root);
  const std::vector<VerifierKey> keys{key.verifier()};
  CHECK(read->verify(keys) == NoteVerdict::good);

  const std::string base = "example.org/log\n123\n" + made.note.substr(20, 45);
  REQUIRE(Checkpoint::parse(key.sign(base)));
  CHECK_FALSE(Checkpoint::parse(key.sign(base + "an extension\n")));
  CHECK_FALSE(Checkpoint::parse(key.sign("example.org/log\n0123\n" + made.note.substr(20, 45))));
  CHECK_FALSE(Checkpoint::parse(key.sign("example.org/log\n-1\n" + made.note.substr(20, 45))));
  CHECK_FALSE(Checkpoint::parse(key.sign("example.org/log\n123\nAAAA\n")));
  CHECK_FALSE(Checkpoint::parse(made.note.substr(0, made.note.size() - 1)));
  CHECK_FALSE(Checkpoint::parse(base));
}

TEST_CASE("A90 an origin that is not the key's name is no good checkpoint", "[audit]") {
  const SignerKey key = SignerKey::generate("example.org/log");
  const Checkpoint made = Checkpoint::sign(1, leaf_hash({}), key);
  std::string text = made.note.substr(0, made.note.find("\n\n") + 1);
  text.replace(0, std::string("example.org/log").size(), "example.org/other");
  const auto read = Checkpoint::parse(key.sign(text));
  REQUIRE(read);
  const std::vector<VerifierKey> keys{key.verifier()};
  CHECK(read->verify(keys) == NoteVerdict::unknown_key);
}

TEST_CASE("a witness's cosignature does not disturb", "[audit]") {
  const SignerKey key = SignerKey::generate("example.org/log");
  const SignerKey witness = SignerKey::generate("witness.example");
  const Checkpoint made = Checkpoint::sign(1, leaf_hash({}), key);
  const std::string text = made.note.substr(0, made.note.find("\n\n") + 1);
  const std::string cosigned = made.note + witness.sign(text).substr(text.size() + 1);
  const auto read = Checkpoint::parse(cosigned);
  REQUIRE(read);
  const std::vector<VerifierKey> keys{key.verifier()};
  std::size_t index = 7;
  CHECK(read->verify(keys, &index) == NoteVerdict::good);
  CHECK(index == 0);
}

TEST_CASE("a tlog-proof reads back, and every cut of it is refused", "[audit]") {
  const SignerKey key = SignerKey::generate("example.org/log");
  const Hash a = leaf_hash(as_bytes("a")), b = leaf_hash(as_bytes("b"));
  TlogProof proof;
  proof.index = 1;
  proof.path = {a};
  proof.checkpoint = Checkpoint::sign(2, node_hash(a, b), key);
  const auto read = TlogProof::parse(proof.text());
  REQUIRE(read);
  CHECK(read->includes(b));
  CHECK_FALSE(read->includes(a));
  CHECK(read->checkpoint.note == proof.checkpoint.note);
  for (std::size_t size = 0; size < proof.text().size(); ++size) {
    CHECK_FALSE(TlogProof::parse(proof.text().substr(0, size)));
  }
  std::string extra = proof.text();
  extra.insert(extra.find("index"), "extra QUJD\n");
  CHECK(TlogProof::parse(extra));
  extra.replace(extra.find("QUJD"), 4, "****");
  CHECK_FALSE(TlogProof::parse(extra));
}
