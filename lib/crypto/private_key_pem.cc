#include "crypto/private_key_pem.h"

#include <array>
#include <cstdlib>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "crypto/owned.h"

namespace sm::crypto {
namespace {

using Number = std::unique_ptr<BIGNUM, Freer<BN_clear_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freer<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Freer<OSSL_PARAM_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freer<PKCS8_PRIV_KEY_INFO_free>>;

/// Takes one DER element of this tag off the front of `der`; nothing where another stands there.
std::optional<Bytes> take_element(int tag, Bytes& der) {
  constexpr int kFailed = 0x80;
  constexpr int kIndefiniteLength = 0x01;  // BER, not DER: X.690 §10.1
  const unsigned char* at = der.data();
  long length = 0;
  int found = 0;
  int space = 0;
  const int form = ASN1_get_object(&at, &length, &found, &space, static_cast<long>(der.size()));
  const bool is_constructed = (form & V_ASN1_CONSTRUCTED) != 0;
  if ((form & (kFailed | kIndefiniteLength)) != 0 || found != tag || space != V_ASN1_UNIVERSAL ||
      is_constructed != (tag == V_ASN1_SEQUENCE)) {
    return std::nullopt;
  }
  const Bytes content(at, static_cast<std::size_t>(length));
  der = der.subspan(static_cast<std::size_t>(at - der.data()) + content.size());
  return content;
}

/// A non-negative INTEGER in its one right form (X.690 §8.3.2).
std::optional<Bytes> take_number(Bytes& der) {
  constexpr std::uint8_t kSign = 0x80;
  const auto number = take_element(V_ASN1_INTEGER, der);
  if (!number || number->empty() || (number->front() & kSign) != 0) return std::nullopt;
  const bool is_padded = number->size() > 1 && number->front() == 0;
  if (is_padded && ((*number)[1] & kSign) == 0) return std::nullopt;
  return number;
}

/// RFC 8017 A.1.2: version, then these.
constexpr std::array kRsaNumbers = {
    OSSL_PKEY_PARAM_RSA_N,         OSSL_PKEY_PARAM_RSA_E,           OSSL_PKEY_PARAM_RSA_D,
    OSSL_PKEY_PARAM_RSA_FACTOR1,   OSSL_PKEY_PARAM_RSA_FACTOR2,     OSSL_PKEY_PARAM_RSA_EXPONENT1,
    OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};

SharedPkey rsa_key(Bytes der) {
  auto fields = take_element(V_ASN1_SEQUENCE, der);
  if (!fields || !der.empty()) return nullptr;
  const auto version = take_number(*fields);
  if (!version || version->size() != 1 || version->front() != 0) return nullptr;  // two primes
  const Builder builder(OSSL_PARAM_BLD_new());
  std::array<Number, kRsaNumbers.size()> numbers;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = take_number(*fields);
    if (!number) return nullptr;
    numbers[i].reset(BN_secure_new());
    if (!builder || !numbers[i] ||
        !BN_bin2bn(number->data(), static_cast<int>(number->size()), numbers[i].get()) ||
        OSSL_PARAM_BLD_push_BN(builder.get(), kRsaNumbers[i], numbers[i].get()) != 1) {
      return nullptr;
    }
  }
  if (!fields->empty()) return nullptr;
  const Params params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1) {
    return nullptr;
  }
  return share(key);
}

/// RFC 8410 §7: an OCTET STRING with the seed, inside the one of PKCS#8.
SharedPkey ed25519_key(Bytes der) {
  const auto seed = take_element(V_ASN1_OCTET_STRING, der);
  if (!seed || seed->size() != 32 || !der.empty()) return nullptr;
  return share(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed->data(), seed->size()));
}

SharedPkey pkcs8_key(Bytes der) {
  const unsigned char* at = der.data();
  const Pkcs8 info(d2i_PKCS8_PRIV_KEY_INFO(nullptr, &at, static_cast<long>(der.size())));
  const ASN1_OBJECT* algorithm = nullptr;
  const unsigned char* key = nullptr;
  int size = 0;
  if (!info || at != der.data() + der.size() ||
      PKCS8_pkey_get0(&algorithm, &key, &size, nullptr, info.get()) != 1) {
    return nullptr;
  }
  const Bytes bytes(key, static_cast<std::size_t>(size));
  switch (OBJ_obj2nid(algorithm)) {
    case NID_rsaEncryption:
      return rsa_key(bytes);
    case NID_ED25519:
      return ed25519_key(bytes);
    default:
      return nullptr;
  }
}

/// The first block of the PEM, where it is one of the two usual forms.
SharedPkey read_usual(BIO* bio) {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  if (PEM_read_bio(bio, &name, &header, &data, &size) != 1) return nullptr;
  const std::string_view label = name;
  const Bytes der(data, static_cast<std::size_t>(size));
  SharedPkey key;
  if (*header == '\0' && label == PEM_STRING_PKCS8INF) key = read_usual_key(UsualForm::pkcs8, der);
  if (*header == '\0' && label == PEM_STRING_RSA) key = read_usual_key(UsualForm::pkcs1, der);
  OPENSSL_free(name);
  OPENSSL_free(header);
  OPENSSL_clear_free(data, der.size());
  return key;
}

/// OpenSSL would otherwise ask for the passphrase on the terminal.
int no_passphrase(char*, int, int, void*) {
  return -1;
}

}  // namespace

SharedPkey read_usual_key(UsualForm form, Bytes der) {
  SharedPkey key = form == UsualForm::pkcs8 ? pkcs8_key(der) : rsa_key(der);
  ERR_clear_error();
  return key;
}

SharedPkey read_private_key(Bytes pem, PemDefect& defect) {
  defect = PemDefect::none;
  const void* start = pem.empty() ? "" : static_cast<const void*>(pem.data());
  Bio bio(BIO_new_mem_buf(start, static_cast<int>(pem.size())));
  if (!bio) std::abort();  // memory ran out
  if (SharedPkey key = read_usual(bio.get())) return key;
  bio.reset(BIO_new_mem_buf(start, static_cast<int>(pem.size())));
  if (!bio) std::abort();
  SharedPkey key = share(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) {
    const bool is_encrypted = as_text(pem).find("ENCRYPTED") != std::string_view::npos;
    defect = is_encrypted ? PemDefect::encrypted : PemDefect::unreadable;
    return nullptr;
  }
  const int type = EVP_PKEY_get_base_id(key.get());
  if (type != EVP_PKEY_RSA && type != EVP_PKEY_ED25519) {
    defect = PemDefect::another_kind;
    return nullptr;
  }
  return key;
}

}  // namespace sm::crypto
