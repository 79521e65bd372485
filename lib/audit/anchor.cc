#include "audit/anchor.h"

#include <algorithm>
#include <memory>

#include <openssl/bn.h>
#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/ts.h>
#include <openssl/x509.h>

#include "audit/note.h"
#include "base/file.h"
#include "crypto/digest.h"
#include "crypto/random.h"

namespace sm::audit {
namespace {

constexpr std::size_t kMostAnswer = std::size_t{1} << 20;

template <class T, void (*kFree)(T*)>
struct Free {
  void operator()(T* object) const { kFree(object); }
};
using Request = std::unique_ptr<TS_REQ, Free<TS_REQ, TS_REQ_free>>;
using Response = std::unique_ptr<TS_RESP, Free<TS_RESP, TS_RESP_free>>;
using Imprint = std::unique_ptr<TS_MSG_IMPRINT, Free<TS_MSG_IMPRINT, TS_MSG_IMPRINT_free>>;
using Algorithm = std::unique_ptr<X509_ALGOR, Free<X509_ALGOR, X509_ALGOR_free>>;
using Integer = std::unique_ptr<ASN1_INTEGER, Free<ASN1_INTEGER, ASN1_INTEGER_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BIGNUM, BN_free>>;
using Context = std::unique_ptr<TS_VERIFY_CTX, Free<TS_VERIFY_CTX, TS_VERIFY_CTX_free>>;
using Store = std::unique_ptr<X509_STORE, Free<X509_STORE, X509_STORE_free>>;

Unexpected openssl_failure(const std::string& doing) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return fail(Errc::bug, doing + ": " + text.data());
}

bool fill(TS_REQ* request, Bytes message) {
  const auto digest = crypto::sha256(message);
  const auto nonce_bytes = crypto::random_bytes<8>();
  Imprint imprint(TS_MSG_IMPRINT_new());
  Algorithm algorithm(X509_ALGOR_new());
  Number number(BN_bin2bn(nonce_bytes.data(), static_cast<int>(nonce_bytes.size()), nullptr));
  Integer nonce(number ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr);
  if (!imprint || !algorithm || !nonce) return false;
  return X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_sha256), V_ASN1_NULL, nullptr) == 1 &&
         TS_MSG_IMPRINT_set_algo(imprint.get(), algorithm.get()) == 1 &&
         TS_MSG_IMPRINT_set_msg(imprint.get(), const_cast<unsigned char*>(digest.data()),
                                static_cast<int>(digest.size())) == 1 &&
         TS_REQ_set_version(request, 1) == 1 &&
         TS_REQ_set_msg_imprint(request, imprint.get()) == 1 &&
         TS_REQ_set_nonce(request, nonce.get()) == 1 && TS_REQ_set_cert_req(request, 1) == 1;
}

Response read_reply(Bytes reply) {
  const unsigned char* at = reply.data();
  Response response(d2i_TS_RESP(nullptr, &at, static_cast<long>(reply.size())));
  if (response && at != reply.data() + reply.size()) response.reset();
  ERR_clear_error();
  return response;
}

bool is_granted(const TS_RESP* response) {
  const ASN1_INTEGER* const status =
      TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(const_cast<TS_RESP*>(response)));
  const long value = ASN1_INTEGER_get(status);
  return value == TS_STATUS_GRANTED || value == TS_STATUS_GRANTED_WITH_MODS;
}

/// Whether the token is over these bytes: SHA-256 of them, by that algorithm.
bool is_over(TS_TST_INFO* info, Bytes message) {
  TS_MSG_IMPRINT* const imprint = TS_TST_INFO_get_msg_imprint(info);
  const ASN1_OBJECT* algorithm = nullptr;
  X509_ALGOR_get0(&algorithm, nullptr, nullptr, TS_MSG_IMPRINT_get_algo(imprint));
  const ASN1_OCTET_STRING* const digest = TS_MSG_IMPRINT_get_msg(imprint);
  const auto expected = crypto::sha256(message);
  return OBJ_obj2nid(algorithm) == NID_sha256 &&
         ASN1_STRING_length(digest) == static_cast<int>(expected.size()) &&
         std::equal(expected.begin(), expected.end(), ASN1_STRING_get0_data(digest));
}

std::optional<std::chrono::sys_seconds> time_of(const TS_TST_INFO* info) {
  tm parts{};
  if (ASN1_TIME_to_tm(TS_TST_INFO_get_time(info), &parts) != 1) return std::nullopt;
  const std::chrono::year_month_day day{std::chrono::year(parts.tm_year + 1900),
                                        std::chrono::month(unsigned(parts.tm_mon + 1)),
                                        std::chrono::day(unsigned(parts.tm_mday))};
  return std::chrono::sys_days(day) + std::chrono::hours(parts.tm_hour) +
         std::chrono::minutes(parts.tm_min) + std::chrono::seconds(parts.tm_sec);
}

/// The common name of whoever signed the token.
std::string authority_of(PKCS7* token) {
  STACK_OF(X509)* const signers = PKCS7_get0_signers(token, nullptr, 0);
  std::string name;
  if (signers != nullptr && sk_X509_num(signers) > 0) {
    std::array<char, 256> text{};
    const int n = X509_NAME_get_text_by_NID(X509_get_subject_name(sk_X509_value(signers, 0)),
                                            NID_commonName, text.data(), text.size());
    if (n > 0) name.assign(text.data(), static_cast<std::size_t>(n));
  }
  sk_X509_free(signers);
  ERR_clear_error();
  return name;
}

/// The signature alone, by the certificate that the token brings.
bool has_good_signature(PKCS7* token) {
  const bool is_good = PKCS7_verify(token, nullptr, nullptr, nullptr, nullptr, PKCS7_NOVERIFY) == 1;
  ERR_clear_error();
  return is_good;
}

/// Signature, chain and the purpose "time stamping" (RFC 3161 §2.3).
bool is_trusted(TS_RESP* response, Bytes message, const std::string& ca_file) {
  Context context(TS_VERIFY_CTX_new());
  Store store(X509_STORE_new());
  if (!context || !store || X509_STORE_load_file(store.get(), ca_file.c_str()) != 1) {
    ERR_clear_error();
    return false;
  }
  TS_VERIFY_CTX_set_flags(context.get(), TS_VFY_VERSION | TS_VFY_SIGNATURE | TS_VFY_DATA);
  TS_VERIFY_CTX_set_store(context.get(), store.release());
  BIO* const data = BIO_new_mem_buf(message.data(), static_cast<int>(message.size()));
  TS_VERIFY_CTX_set_data(context.get(), data);
  const bool is_good = TS_RESP_verify_response(context.get(), response) == 1;
  ERR_clear_error();
  return is_good;
}

bool has_nonce_of(TS_TST_INFO* info, Bytes query) {
  const unsigned char* at = query.data();
  const Request request(d2i_TS_REQ(nullptr, &at, static_cast<long>(query.size())));
  ERR_clear_error();
  if (!request) return false;
  const ASN1_INTEGER* const asked = TS_REQ_get_nonce(request.get());
  const ASN1_INTEGER* const given = TS_TST_INFO_get_nonce(info);
  if (asked == nullptr) return true;
  return given != nullptr && ASN1_INTEGER_cmp(asked, given) == 0;
}

std::string anchor_file(const Layout& layout, std::uint64_t size, const char* suffix) {
  const std::string name = layout.archived(size);
  return layout.anchors_folder() + name.substr(name.rfind('/')) + suffix;
}

Result<std::optional<std::string>> read_if_there(const std::string& path) {
  const auto is_there = exists(path);
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return std::optional<std::string>();
  auto bytes = read_regular(path, kMostAnswer);
  if (!bytes) return fail(std::move(bytes).error());
  return std::optional(std::move(*bytes));
}

}  // namespace

std::string_view text(TimestampVerdict verdict) {
  switch (verdict) {
    case TimestampVerdict::good:
      return "good";
    case TimestampVerdict::rejected:
      return "the authority granted no timestamp";
    case TimestampVerdict::other_message:
      return "the timestamp is over something else";
    case TimestampVerdict::bad_signature:
      return "the timestamp's signature is wrong";
    case TimestampVerdict::untrusted:
      return "the authority's certificate leads to no given root";
  }
  return "";
}

Result<std::vector<std::uint8_t>> timestamp_query(Bytes message) {
  const Request request(TS_REQ_new());
  if (!request || !fill(request.get(), message)) return openssl_failure("making a query");
  unsigned char* der = nullptr;
  const int size = i2d_TS_REQ(request.get(), &der);
  if (size <= 0) return openssl_failure("making a query");
  std::vector<std::uint8_t> bytes(der, der + size);
  OPENSSL_free(der);
  return bytes;
}

Result<TimestampAnswer> verify_timestamp(Bytes reply, Bytes message, const std::string& ca_file,
                                         Bytes query) {
  const Response response = read_reply(reply);
  if (!response) return fail(Errc::malformed, "this is no timestamp reply (RFC 3161)");
  TimestampAnswer answer;
  TS_TST_INFO* const info = TS_RESP_get_tst_info(response.get());
  PKCS7* const token = TS_RESP_get_token(response.get());
  if (!is_granted(response.get()) || info == nullptr || token == nullptr) {
    answer.verdict = TimestampVerdict::rejected;
    return answer;
  }
  const auto time = time_of(info);
  if (!time) return fail(Errc::malformed, "the timestamp has no time");
  answer.timestamp = {*time, authority_of(token)};
  if (!is_over(info, message) || (!query.empty() && !has_nonce_of(info, query))) {
    answer.verdict = TimestampVerdict::other_message;
  } else if (!has_good_signature(token)) {
    answer.verdict = TimestampVerdict::bad_signature;
  } else if (!ca_file.empty() && !is_trusted(response.get(), message, ca_file)) {
    answer.verdict = TimestampVerdict::untrusted;
  } else {
    answer.verdict = TimestampVerdict::good;
  }
  return answer;
}

Result<void> keep_query(const Layout& layout, std::uint64_t size, Bytes query) {
  auto done = make_shared_folder(layout.anchors_folder());
  return done ? publish_file(anchor_file(layout, size, ".tsq"), query, 0640) : done;
}

Result<void> keep_anchor(const Layout& layout, std::uint64_t size, Bytes reply, Bytes query) {
  auto done = make_shared_folder(layout.anchors_folder());
  if (done && !query.empty()) done = keep_query(layout, size, query);
  if (done) done = publish_file(anchor_file(layout, size, ".tsr"), reply, 0640);
  return done;
}

Result<std::optional<std::string>> query_over(const Layout& layout, std::uint64_t size) {
  return read_if_there(anchor_file(layout, size, ".tsq"));
}

Result<std::optional<std::string>> anchor_over(const Layout& layout, std::uint64_t size) {
  return read_if_there(anchor_file(layout, size, ".tsr"));
}

Result<Anchors> read_anchors(const Layout& layout, WallTime now, const std::string& ca_file) {
  Anchors anchors;
  const auto is_there = exists(layout.anchors_folder());
  if (!is_there) return fail(is_there.error());
  if (!*is_there) return anchors;
  const auto sizes = anchored_in(layout.anchors_folder());
  if (!sizes) return fail(sizes.error());
  for (const std::uint64_t size : *sizes) {
    const auto reply = anchor_over(layout, size);
    if (!reply) return fail(reply.error());
    const auto has_checkpoint = exists(layout.archived(size));
    if (!has_checkpoint) return fail(has_checkpoint.error());
    if (!*has_checkpoint) {
      anchors.bad.push_back({size, "its checkpoint is gone"});
      continue;
    }
    const auto note = read_regular(layout.archived(size), std::size_t{1} << 20);
    if (!note) return fail(note.error());
    const auto answer = verify_timestamp(as_bytes(reply->value_or("")), as_bytes(*note), ca_file);
    if (!answer || answer->verdict != TimestampVerdict::good) {
      anchors.bad.push_back(
          {size, answer ? std::string(text(answer->verdict)) : answer.error().what});
      continue;
    }
    const auto age = std::chrono::floor<std::chrono::seconds>(now) - answer->timestamp.time;
    anchors.newest = AnchorAge{size, answer->timestamp, age};
  }
  return anchors;
}

}  // namespace sm::audit
