// OpenSSL 3. Protocol source: RFC 8446, RFC 6125 (names), RFC 7301 (ALPN).
#include "http/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <new>
#include <stdexcept>
#include <utility>

#include "http/socket.h"

namespace ai_proxy::http {
namespace {

Socket& socket_of(BIO* bio) {
  return *static_cast<Socket*>(BIO_get_data(bio));
}

// OpenSSL's own socket BIO writes with write(): a connection that the provider has closed would raise
// SIGPIPE.
int socket_write(BIO* bio, const char* data, int size) {
  const auto sent = ::send(socket_of(bio).native_handle(), data, static_cast<std::size_t>(size),
                           MSG_NOSIGNAL | MSG_DONTWAIT);
  BIO_clear_retry_flags(bio);
  if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int socket_read(BIO* bio, char* data, int size) {
  error_code fault;
  const std::size_t got = socket_of(bio).read_now(data, static_cast<std::size_t>(size), fault);
  BIO_clear_retry_flags(bio);
  if (!fault) return static_cast<int>(got);
  if (fault == asio::error::would_block) BIO_set_retry_read(bio);
  if (fault != asio::error::eof) return -1;
  BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return 0;
}

long socket_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "non-blocking socket");
    if (made == nullptr) throw std::bad_alloc();
    BIO_meth_set_write(made, socket_write);
    BIO_meth_set_read(made, socket_read);
    BIO_meth_set_ctrl(made, socket_control);
    return made;
  }();
  return method;
}

std::string last_reason() {
  const unsigned long code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown reason" : reason;
}

bool is_address(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 || inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

bool expect_name(ssl_st& ssl, const std::string& host) {
  if (is_address(host)) return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(&ssl), host.c_str()) == 1;
  SSL_set_hostflags(&ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set_tlsext_host_name(&ssl, host.c_str()) == 1 && SSL_set1_host(&ssl, host.c_str()) == 1;
}

}  // namespace

TlsSession::~TlsSession() {
  SSL_SESSION_free(session_);
}

TlsContext::TlsContext(const std::string& ca_file)
    : certificates_(TrustedCertificates::with(ca_file)), context_(SSL_CTX_new(TLS_client_method())) {
  if (context_ == nullptr) throw std::runtime_error("OpenSSL cannot make a TLS context: " + last_reason());
  SSL_CTX_set_min_proto_version(context_, TLS1_2_VERSION);
  SSL_CTX_set_options(context_, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                 SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context_, 1);  // a record in one read, not in two
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER, nullptr);
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  SSL_CTX_set_alpn_protos(context_, kHttp11, sizeof kHttp11 - 1);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context_, [](SSL* ssl, SSL_SESSION* session) {
    auto* holder = static_cast<TlsSession*>(SSL_get_app_data(ssl));
    SSL_SESSION_free(std::exchange(holder->session_, session));
    return 1;
  });
}

TlsContext::~TlsContext() {
  SSL_CTX_free(context_);
}

ssl_st* TlsContext::make_stream() {
  if (!trusting_) SSL_CTX_set1_cert_store(context_, certificates_->store());
  trusting_ = true;
  return SSL_new(context_);
}

TlsStream::TlsStream(TlsContext& context, Socket& socket, const std::string& host, TlsSession& session,
                     Trust trust) {
  std::unique_ptr<ssl_st, decltype(&SSL_free)> ssl(context.make_stream(), &SSL_free);
  BIO* bio = ssl == nullptr ? nullptr : BIO_new(socket_method());
  if (bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, &socket);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_connect_state(ssl.get());
  if (trust == Trust::blind) SSL_set_verify(ssl.get(), SSL_VERIFY_NONE, nullptr);
  // A name that found no memory would not be checked.
  if (SSL_set_app_data(ssl.get(), &session) != 1 || !expect_name(*ssl, host)) throw std::bad_alloc();
  if (session.session_ != nullptr && SSL_SESSION_is_resumable(session.session_) == 1) {
    SSL_set_session(ssl.get(), session.session_);
  }
  ssl_ = ssl.release();
}

TlsStream::~TlsStream() {
  // Freed without this, the session would count as spoilt and could not be resumed.
  SSL_set_quiet_shutdown(ssl_, 1);
  if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
  SSL_free(ssl_);
  ERR_clear_error();
}

Progress TlsStream::progress_of(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return Progress::want_read;
    case SSL_ERROR_WANT_WRITE:
      return Progress::want_write;
    case SSL_ERROR_ZERO_RETURN:
      return Progress::end;
    default:
      return Progress::failed;
  }
}

Progress TlsStream::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    if (speaks_http11()) return Progress::done;
    failure_ = "it speaks another protocol than HTTP/1.1";
    return Progress::failed;
  }
  const Progress progress = progress_of(result);
  if (progress == Progress::want_read || progress == Progress::want_write) return progress;
  const long verdict = SSL_get_verify_result(ssl_);
  if (verdict != X509_V_OK && SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE) {
    failure_ = std::string("its certificate was refused: ") + X509_verify_cert_error_string(verdict);
  } else if (ERR_peek_last_error() == 0) {
    failure_ = "the connection was closed during the handshake";
  } else {
    failure_ = last_reason();
  }
  ERR_clear_error();
  return Progress::failed;
}

// What OpenSSL 3.0 does not check: that the protocol is the one we named. None at all is fine: not everyone
// answers ALPN.
bool TlsStream::speaks_http11() const {
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(ssl_, &name, &length);
  return length == 0 || std::string_view(reinterpret_cast<const char*>(name), length) == "http/1.1";
}

std::string TlsStream::failure() const {
  return failure_;
}

Transfer TlsStream::read(std::span<char> into) {
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_, into.data(), into.size(), &bytes);
  if (result == 1) return {Progress::done, bytes};
  return {progress_of(result), 0};
}

Transfer TlsStream::write(std::string_view bytes) {
  ERR_clear_error();
  std::size_t written = 0;
  const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &written);
  if (result == 1) return {Progress::done, written};
  return {progress_of(result), 0};
}

bool TlsStream::pending() const {
  return SSL_has_pending(ssl_) == 1;
}

void TlsStream::shut_down() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_) == 1) SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace ai_proxy::http
