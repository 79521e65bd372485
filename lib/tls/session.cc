#include "tls/session.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <limits>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

namespace sm::tls {
namespace {

constexpr std::size_t kMaxRecord = 16384;

struct FreeSsl {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct FreeStoreContext {
  void operator()(X509_STORE_CTX* context) const { X509_STORE_CTX_free(context); }
};

// Octets of the connection: what came in and was not read yet, what is to go out.
struct Pipe {
  std::string in;
  std::size_t read = 0;
  bool has_ended = false;
  std::string out;
};

// A BIO over a Pipe. OpenSSL's memory BIO would do, but moves what remains at every short read.
int pipe_write(BIO* bio, const char* octets, int size) {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  static_cast<Pipe*>(BIO_get_data(bio))->out.append(octets, static_cast<std::size_t>(size));
  return size;
}

int pipe_read(BIO* bio, char* into, int size) {
  BIO_clear_retry_flags(bio);
  auto* pipe = static_cast<Pipe*>(BIO_get_data(bio));
  const std::size_t available = pipe->in.size() - pipe->read;
  if (available == 0) {
    if (pipe->has_ended) return 0;
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t taken = std::min(available, static_cast<std::size_t>(std::max(size, 0)));
  std::memcpy(into, pipe->in.data() + pipe->read, taken);
  pipe->read += taken;
  if (pipe->read == pipe->in.size()) {
    pipe->in.clear();
    pipe->read = 0;
  }
  return static_cast<int>(taken);
}

long pipe_control(BIO* bio, int command, long, void*) {
  const auto* pipe = static_cast<const Pipe*>(BIO_get_data(bio));
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return pipe->has_ended && pipe->read == pipe->in.size() ? 1 : 0;
    case BIO_CTRL_PENDING:
      return static_cast<long>(pipe->in.size() - pipe->read);
    default:
      return 0;
  }
}

int pipe_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* pipe_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "smtools pipe");
    if (made != nullptr && BIO_meth_set_write(made, pipe_write) == 1 &&
        BIO_meth_set_read(made, pipe_read) == 1 && BIO_meth_set_ctrl(made, pipe_control) == 1 &&
        BIO_meth_set_create(made, pipe_create) == 1) {
      return made;
    }
    BIO_meth_free(made);
    return static_cast<BIO_METHOD*>(nullptr);
  }();
  return method;
}

CertificateFault fault_of(int error) {
  switch (error) {
    case X509_V_ERR_HOSTNAME_MISMATCH:
      return CertificateFault::host_mismatch;
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return CertificateFault::expired;
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return CertificateFault::not_yet_valid;
    case X509_V_ERR_DANE_NO_MATCH:
      return CertificateFault::no_dane_match;
    case X509_V_ERR_UNSPECIFIED:
    case X509_V_ERR_OUT_OF_MEM:
    case X509_V_ERR_INVALID_CALL:
    case X509_V_ERR_STORE_LOOKUP:
      return CertificateFault::other;
    default:
      return CertificateFault::not_trusted;
  }
}

// A chain that nobody vouches for is graver than a date that has passed, and both are graver than a
// name: an owner who mends them in this order never fixes the same certificate twice.
int gravity(CertificateFault fault) {
  switch (fault) {
    case CertificateFault::not_trusted:
      return 0;
    case CertificateFault::no_dane_match:
      return 1;
    case CertificateFault::other:
      return 2;
    case CertificateFault::expired:
      return 3;
    case CertificateFault::not_yet_valid:
      return 4;
    case CertificateFault::host_mismatch:
      return 5;
  }
  return 0;
}

// What a verification said: its final word and every error on the way.
struct Findings {
  bool is_ok = false;
  std::vector<int> errors{};
  std::string matched_name{};
};

ChainVerdict verdict_of(Findings findings) {
  ChainVerdict verdict;
  if (findings.is_ok && findings.errors.empty()) {
    verdict.state = ChainVerdict::State::good;
    verdict.matched_name = std::move(findings.matched_name);
    return verdict;
  }
  verdict.state = ChainVerdict::State::bad;
  if (findings.errors.empty()) findings.errors.push_back(X509_V_ERR_UNSPECIFIED);
  std::stable_sort(findings.errors.begin(), findings.errors.end(),
                   [](int a, int b) { return gravity(fault_of(a)) < gravity(fault_of(b)); });
  verdict.words = X509_verify_cert_error_string(findings.errors.front());
  for (const int error : findings.errors) {
    if (verdict.faults.empty() || verdict.faults.back() != fault_of(error)) {
      verdict.faults.push_back(fault_of(error));
    }
  }
  return verdict;
}

std::string text_or_empty(const char* text) {
  return text != nullptr ? text : "";
}

bool expect_names(X509_VERIFY_PARAM* param, const std::vector<name::Domain>& names) {
  // RFC 7672 §3.2.1: a wildcard is a whole first label. A common name counts only where there is no
  // DNS name: OpenSSL's default.
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return std::all_of(names.begin(), names.end(), [&](const name::Domain& name) {
    return X509_VERIFY_PARAM_add1_host(param, name.text().c_str(), name.text().size()) == 1;
  });
}

void expect_time(X509_VERIFY_PARAM* param, const Clock& clock) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(clock.now()).time_since_epoch();
  X509_VERIFY_PARAM_set_time(param, static_cast<time_t>(seconds.count()));
}

std::string last_error_words(unsigned long error) {
  const char* words = ERR_reason_error_string(error);
  return words != nullptr ? words : "TLS error " + std::to_string(error);
}

HandshakeFailure failure_of(SSL* ssl, int result) {
  using Kind = HandshakeFailure::Kind;
  const int kind = SSL_get_error(ssl, result);
  const unsigned long error = ERR_peek_last_error();
  if (kind != SSL_ERROR_SSL) return {Kind::lost, "the connection ended during the handshake"};
  const int reason = ERR_GET_REASON(error);
  if (ERR_GET_LIB(error) == ERR_LIB_SSL) {
    if (reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      return {Kind::lost, "the connection ended during the handshake"};
    }
    if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) {
      return {Kind::alert, last_error_words(error)};
    }
  }
  if (reason == ERR_R_MALLOC_FAILURE || reason == ERR_R_INTERNAL_ERROR) {
    return {Kind::local, last_error_words(error)};
  }
  return {Kind::protocol, last_error_words(error)};
}

}  // namespace

bool Handshake::is_satisfied() const {
  switch (demand) {
    case Demand::none:
      return false;
    case Demand::pkix:
      return pkix.is_good();
    case Demand::dane:
      return dane.is_good() && dane.record.has_value() && dane.depth >= 0;
  }
  return false;
}

struct Session::State {
  Context context;
  Expectations expectations;
  Pipe pipe{};
  std::unique_ptr<SSL, FreeSsl> ssl{};
  bool judges_dane = false;
  bool is_established = false;
  bool is_satisfied = false;
  std::vector<int> errors{};            // of the verification inside the handshake
  std::vector<int>* collect = &errors;  // where the callback writes

  State(const Context& shared, const Expectations& expected)
      : context(shared), expectations(expected) {}

  Result<void> prepare();
  bool prepare_dane();
  bool prepare_pkix();
  static int on_verify(int is_ok, X509_STORE_CTX* store_context);
  Findings verify_pkix_now();
  std::optional<Handshake> judge();
  void judge_chain(Handshake& handshake);
};

// Errors are collected and passed over where PKIX is judged, so that all of them can be told. DANE
// is left to decide by itself: its first error ends it.
int Session::State::on_verify(int is_ok, X509_STORE_CTX* store_context) {
  if (is_ok == 1) return 1;
  auto* ssl = static_cast<SSL*>(
      X509_STORE_CTX_get_ex_data(store_context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* state = static_cast<State*>(SSL_get_app_data(ssl));
  const int error = X509_STORE_CTX_get_error(store_context);
  state->collect->push_back(error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error);
  const bool is_dane = state->judges_dane && state->collect == &state->errors;
  constexpr std::size_t kEnough = 100;
  return is_dane || state->collect->size() > kEnough ? 0 : 1;
}

bool Session::State::prepare_dane() {
  // SSL_dane_enable also sets SNI and makes the base domain the first reference name.
  if (SSL_dane_enable(ssl.get(), expectations.server_name.text().c_str()) <= 0) return false;
  // RFC 7672 §3.1.1: with DANE-EE(3) names and dates of the certificate do not count.
  SSL_dane_set_flags(ssl.get(), DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  for (const DaneRecord& record : expectations.dane_records) {
    if (!record.is_usable()) continue;
    const int added =
        SSL_dane_tlsa_add(ssl.get(), record.usage, record.selector, record.matching_type,
                          record.data.data(), record.data.size());
    if (added < 0) return false;
    judges_dane = judges_dane || added > 0;
  }
  // RFC 7672 §3.1.2: the anchor is in the server's chain. No root of ours may stand in for it.
  X509_STORE* none = X509_STORE_new();
  if (none == nullptr || SSL_set0_verify_cert_store(ssl.get(), none) != 1) return false;
  return expect_names(SSL_get0_param(ssl.get()), expectations.dane_ta_names);
}

bool Session::State::prepare_pkix() {
  return expect_names(SSL_get0_param(ssl.get()), expectations.pkix_names);
}

Result<void> Session::State::prepare() {
  const auto no_memory = [] {
    ERR_clear_error();
    return fail(Errc::temporary, "OpenSSL could not make a TLS session");
  };
  if (!expectations.pkix_names.empty()) {
    if (auto roots = context.need_roots(); !roots) return roots;
  }
  ssl.reset(SSL_new(context.native()));
  BIO* bio = pipe_method() != nullptr ? BIO_new(pipe_method()) : nullptr;
  if (!ssl || bio == nullptr) {
    BIO_free(bio);
    return no_memory();
  }
  BIO_set_data(bio, &pipe);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_app_data(ssl.get(), this);
  SSL_set_connect_state(ssl.get());
  // NONE: the handshake goes on so that the verdict can be told; on_verify hears every error.
  SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, on_verify);
  expect_time(SSL_get0_param(ssl.get()), context.clock());
  std::string sni = expectations.server_name.text();
  if (SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, sni.data()) !=
      1) {
    return no_memory();
  }
  const bool has_usable =
      std::any_of(expectations.dane_records.begin(), expectations.dane_records.end(),
                  [](const DaneRecord& record) { return record.is_usable(); });
  if (has_usable && !prepare_dane()) return no_memory();
  if (!judges_dane) {
    // A DANE set-up without one record that OpenSSL took would be judged as PKIX: begin anew.
    if (has_usable) {
      expectations.dane_records.clear();
      return prepare();
    }
    if (!prepare_pkix()) return no_memory();
  }
  if (expectations.demand == Demand::dane && !judges_dane) {
    return fail(Errc::bug, "DANE was demanded, and no TLSA record is usable");
  }
  if (expectations.demand == Demand::pkix && expectations.pkix_names.empty()) {
    return fail(Errc::bug, "a trusted certificate was demanded, and no name to match");
  }
  return {};
}

Session::Session(std::unique_ptr<State> state) : state_(std::move(state)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::start(const Context& context, const Expectations& expectations) {
  auto state = std::make_unique<State>(context, expectations);
  auto prepared = state->prepare();
  if (!prepared) return fail(std::move(prepared).error());
  return Session(std::move(state));
}

void Session::receive(std::string_view ciphertext) {
  state_->pipe.in.append(ciphertext);
}

void Session::receive_end() {
  state_->pipe.has_ended = true;
}

std::string Session::take_output() {
  return std::exchange(state_->pipe.out, {});
}

bool Session::has_output() const {
  return !state_->pipe.out.empty();
}

// PKIX beside DANE: the same chain, the same roots, once more.
Findings Session::State::verify_pkix_now() {
  Findings findings;
  const std::unique_ptr<X509_STORE_CTX, FreeStoreContext> verification(X509_STORE_CTX_new());
  X509_STORE* store = SSL_CTX_get_cert_store(context.native());
  if (!verification ||
      X509_STORE_CTX_init(verification.get(), store, SSL_get0_peer_certificate(ssl.get()),
                          SSL_get_peer_cert_chain(ssl.get())) != 1 ||
      X509_STORE_CTX_set_default(verification.get(), "ssl_server") != 1 ||
      X509_STORE_CTX_set_ex_data(verification.get(), SSL_get_ex_data_X509_STORE_CTX_idx(),
                                 ssl.get()) != 1) {
    return findings;
  }
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(verification.get());
  expect_time(param, context.clock());
  X509_VERIFY_PARAM_set_auth_level(param, SSL_get_security_level(ssl.get()));
  if (!expect_names(param, expectations.pkix_names)) return findings;
  collect = &findings.errors;
  X509_STORE_CTX_set_verify_cb(verification.get(), on_verify);
  findings.is_ok = X509_verify_cert(verification.get()) == 1 &&
                   X509_STORE_CTX_get_error(verification.get()) == X509_V_OK;
  findings.matched_name = text_or_empty(X509_VERIFY_PARAM_get0_peername(param));
  collect = &errors;
  return findings;
}

void Session::State::judge_chain(Handshake& handshake) {
  Findings findings{SSL_get_verify_result(ssl.get()) == X509_V_OK, errors,
                    text_or_empty(SSL_get0_peername(ssl.get()))};
  if (!judges_dane) {
    if (!expectations.pkix_names.empty()) handshake.pkix = verdict_of(std::move(findings));
    return;
  }
  // A depth below zero means that no record matched, whatever the result says.
  const int depth = SSL_get0_dane_authority(ssl.get(), nullptr, nullptr);
  findings.is_ok = findings.is_ok && depth >= 0;
  static_cast<ChainVerdict&>(handshake.dane) = verdict_of(std::move(findings));
  if (handshake.dane.is_good()) {
    DaneRecord record;
    const unsigned char* data = nullptr;
    std::size_t size = 0;
    SSL_get0_dane_tlsa(ssl.get(), &record.usage, &record.selector, &record.matching_type, &data,
                       &size);
    if (data != nullptr) record.data.assign(data, data + size);
    handshake.dane.record = std::move(record);
    handshake.dane.depth = depth;
  }
  if (!expectations.pkix_names.empty()) handshake.pkix = verdict_of(verify_pkix_now());
}

std::optional<Handshake> Session::State::judge() {
  Handshake handshake;
  handshake.version = SSL_get_version(ssl.get());
  handshake.cipher = SSL_get_cipher_name(ssl.get());
  handshake.demand = expectations.demand;
  STACK_OF(X509)* chain = SSL_get_peer_cert_chain(ssl.get());
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    auto certificate = crypto::certificate_of(sk_X509_value(chain, i));
    if (certificate) {
      handshake.chain.push_back(std::move(*certificate));
    } else if (i == 0) {
      return std::nullopt;
    }
  }
  if (handshake.chain.empty()) return std::nullopt;
  handshake.leaf = handshake.chain.front();
  judge_chain(handshake);
  return handshake;
}

std::variant<Session::NeedsMore, Handshake, HandshakeFailure> Session::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(state_->ssl.get());
  if (result != 1) {
    if (SSL_get_error(state_->ssl.get(), result) == SSL_ERROR_WANT_READ) return NeedsMore{};
    auto failure = failure_of(state_->ssl.get(), result);
    ERR_clear_error();
    return failure;
  }
  auto handshake = state_->judge();
  ERR_clear_error();
  if (!handshake) {
    return HandshakeFailure{HandshakeFailure::Kind::protocol,
                            "the server's certificate cannot be read"};
  }
  state_->is_satisfied = !state_->is_established && handshake->is_satisfied();
  state_->is_established = true;
  return std::move(*handshake);
}

std::optional<VerifiedPeer> Session::take_verified_peer() {
  if (!std::exchange(state_->is_satisfied, false)) return std::nullopt;
  return VerifiedPeer(state_->expectations.demand);
}

Session::ReadState Session::read(std::string& into) {
  std::array<char, kMaxRecord> block;
  while (true) {
    ERR_clear_error();
    std::size_t size = 0;
    const int result = SSL_read_ex(state_->ssl.get(), block.data(), block.size(), &size);
    if (result == 1) {
      into.append(block.data(), size);
      continue;
    }
    const int kind = SSL_get_error(state_->ssl.get(), result);
    const int reason = ERR_GET_REASON(ERR_peek_last_error());
    ERR_clear_error();
    if (kind == SSL_ERROR_WANT_READ) return ReadState::open;
    if (kind == SSL_ERROR_ZERO_RETURN) return ReadState::closed;
    // RFC 8446 §6.1: an end without close_notify may be an attacker's.
    if (kind == SSL_ERROR_SYSCALL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      return ReadState::truncated;
    }
    return ReadState::broken;
  }
}

bool Session::write(std::string_view plaintext) {
  while (!plaintext.empty()) {
    ERR_clear_error();
    std::size_t written = 0;
    if (SSL_write_ex(state_->ssl.get(), plaintext.data(), plaintext.size(), &written) != 1) {
      ERR_clear_error();
      return false;
    }
    plaintext.remove_prefix(written);
  }
  return true;
}

void Session::close() {
  ERR_clear_error();
  SSL_shutdown(state_->ssl.get());
  ERR_clear_error();
}

}  // namespace sm::tls
