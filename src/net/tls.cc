#include "net/tls.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.h"

namespace infbench::net {
namespace {

// What went wrong first; what follows from it comes later in OpenSSL's list.
std::string first_error() {
  const unsigned long code = ERR_peek_error();  // NOLINT(google-runtime-int)
  const char* reason = ERR_SYSTEM_ERROR(code) ? std::strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason != nullptr ? reason : "broken";
}

int no_password(char* /*text*/, int /*size*/, int /*writing*/, void* /*unused*/) { return -1; }

int length_of(std::string_view bytes) { return static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)); }

}  // namespace

std::string openssl_version() { return OpenSSL_version(OPENSSL_VERSION_STRING); }

TlsContext::TlsContext(ssl_ctx_st* context) : context_(context) {}
TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const std::string& certificate_file, const std::string& key_file) {
  ERR_clear_error();
  ssl_ctx_st* raw = SSL_CTX_new(TLS_server_method());
  INFBENCH_CHECK(raw != nullptr);
  auto context = std::make_shared<const TlsContext>(raw);
  SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_default_passwd_cb(raw, no_password);
  if (SSL_CTX_use_certificate_chain_file(raw, certificate_file.c_str()) != 1) {
    return fail(fmt::format("cannot use the certificate '{}': {}", certificate_file, first_error()),
                "give a file in PEM: the certificate, then those that vouch for it");
  }
  if (SSL_CTX_use_PrivateKey_file(raw, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(fmt::format("cannot use the key '{}': {}", key_file, first_error()),
                "give the certificate's key, a file in PEM without a password");
  }
  return context;
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context)
    : context_(std::move(context)), session_(SSL_new(context_->context_)) {
  INFBENCH_CHECK(session_ != nullptr);
  BIO* from_peer = BIO_new(BIO_s_mem());
  BIO* to_peer = BIO_new(BIO_s_mem());
  INFBENCH_CHECK(from_peer != nullptr && to_peer != nullptr);
  SSL_set_bio(session_, from_peer, to_peer);  // takes both
  SSL_set_accept_state(session_);
}

TlsSession::~TlsSession() { SSL_free(session_); }

TlsSession::Opened TlsSession::open(std::string_view bytes) {
  Opened opened;
  ERR_clear_error();
  for (std::string_view rest = bytes; !rest.empty();) {
    const int taken = BIO_write(SSL_get_rbio(session_), rest.data(), length_of(rest));
    INFBENCH_CHECK(taken > 0);  // memory takes all
    rest.remove_prefix(static_cast<std::size_t>(taken));
  }
  std::array<char, 16384> record;
  for (int count = 1; count > 0;) {
    count = SSL_read(session_, record.data(), static_cast<int>(record.size()));  // shakes hands first
    if (count > 0) opened.plain.append(record.data(), static_cast<std::size_t>(count));
    const int state = SSL_get_error(session_, count);
    opened.closed = state == SSL_ERROR_ZERO_RETURN;
    if (state == SSL_ERROR_SSL || state == SSL_ERROR_SYSCALL) opened.broken = "TLS: " + first_error();
  }
  if (!waiting_.empty() && SSL_is_init_finished(session_) == 1) write(std::exchange(waiting_, {}));
  opened.to_peer = outgoing();
  return opened;
}

std::string TlsSession::seal(std::span<const std::string_view> parts) {
  ERR_clear_error();
  for (const std::string_view part : parts) write(part);
  return outgoing();
}

std::string TlsSession::seal_end() {
  ERR_clear_error();
  if (SSL_is_init_finished(session_) == 1) SSL_shutdown(session_);
  return outgoing();
}

void TlsSession::write(std::string_view plain) {
  if (SSL_is_init_finished(session_) != 1) {
    waiting_ += plain;
    return;
  }
  while (!plain.empty()) {
    const int taken = SSL_write(session_, plain.data(), length_of(plain));
    if (taken <= 0) return;  // it broke before, as open() has said: nobody waits for these
    plain.remove_prefix(static_cast<std::size_t>(taken));
  }
}

std::string TlsSession::outgoing() {
  BIO* to_peer = SSL_get_wbio(session_);
  std::string bytes(BIO_ctrl_pending(to_peer), '\0');
  if (!bytes.empty()) {
    const int count = BIO_read(to_peer, bytes.data(), length_of(bytes));
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  }
  return bytes;
}

}  // namespace infbench::net
