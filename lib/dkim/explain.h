#pragma once
// Why a signature fails: the damages that mail is known to suffer are undone one by one, until the
// hash comes out as it was signed. What fits is named with its evidence; where nothing fits, that
// is said, with what was tried.
//
// The body's hash when it was signed is in the signature (bh=). For RSA the header's is too: the
// key opens b=. So a right guess is certain, not likely: there are no false findings.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dkim/verifier.h"
#include "message/header.h"

namespace sm::dkim {

/// A cause that was found.
struct Cause {
  std::string code;        ///< stable: "footer-appended", "field-added", "wrong-key", …
  std::string sentence;    ///< what happened
  std::string evidence{};  ///< the text or numbers that show it; may be empty
};

/// One damage that was undone, and what it proved if the hash then fitted.
struct Trial {
  std::string name;
  std::optional<Cause> cause{};
};

struct Explanation {
  std::vector<std::string> facts;  ///< sentences: the hashes, and how they compare
  std::vector<Cause> causes;       ///< at most one for each of key, body and header
  std::vector<std::string> tried;  ///< what was undone, in order
  bool is_unexplained = false;     ///< a hash differs, and nothing that was tried explains it
};

/// `body` has CRLF line ends. Takes at most some seconds: in large bodies fewer places are tried.
Explanation explain(const SignatureResult& result, const message::HeaderIndex& header,
                    std::string_view body);

/// Says whether a digest is that of the header that was signed.
class HeaderJudge {
 public:
  HeaderJudge(const crypto::PublicKey& key, const Signature& signature);
  [[nodiscard]] bool accepts(const crypto::Sha256& digest) const;
  /// What was signed, where that can be told: RSA, and made with this key.
  [[nodiscard]] const std::optional<crypto::Sha256>& signed_digest() const { return digest_; }

 private:
  const crypto::PublicKey* key_;
  const Signature* signature_;
  std::optional<crypto::Sha256> digest_;
};

/// Undoes damages to the body, up to the first after which it has the hash that was signed.
std::vector<Trial> try_body_damages(const Signature& signature, std::string_view body);

/// The same for the header. `own` is the DKIM-Signature field.
std::vector<Trial> try_header_damages(const Signature& signature,
                                      const message::HeaderIndex& header, const message::Field& own,
                                      const HeaderJudge& judge);

}  // namespace sm::dkim
