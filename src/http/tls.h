// TLS 1.2 and 1.3 as a client, straight on OpenSSL over a non-blocking socket: no copies through memory
// buffers, and no buffers held while a connection is idle (asio::ssl::stream keeps some 70 KiB per
// connection). The other side's certificate is verified, and against its host name or address, unless it is
// told otherwise.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/trusted_certificates.h"

// OpenSSL's types; its headers stay in the .cpp.
struct ssl_ctx_st;
struct ssl_session_st;
struct ssl_st;

namespace ai_proxy::http {

class Socket;

// What a non-blocking call came to. want_read, want_write: nothing happened, try again when the socket is
// ready.
enum class Progress : unsigned char { done, want_read, want_write, end, failed };

struct Transfer {
  Progress progress = Progress::done;
  std::size_t bytes = 0;  // > 0 when done
};

// The last session of one provider, so that the next connection shakes hands in one round trip less.
class TlsSession {
 public:
  TlsSession() = default;
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;

 private:
  friend class TlsContext;
  friend class TlsStream;
  ssl_session_st* session_ = nullptr;
};

class TlsContext {
 public:
  // `ca_file`: certificates trusted beside the system's bundle. Throws std::runtime_error when neither is
  // there.
  explicit TlsContext(const std::string& ca_file);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

 private:
  friend class TlsStream;
  ssl_st* make_stream();

  std::shared_ptr<TrustedCertificates> certificates_;
  ssl_ctx_st* context_ = nullptr;
  bool trusting_ = false;  // the context has the certificates
};

class TlsStream {
 public:
  enum class Trust : unsigned char { verified, blind };

  // `socket` is connected and non-blocking and outlives the stream; so does `session`, which no stream of the
  // other trust may use.
  TlsStream(TlsContext& context, Socket& socket, const std::string& host, TlsSession& session,
            Trust trust = Trust::verified);
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  // Nothing but the handshake is sent before it is done. After `failed`, failure() says why, in words.
  Progress handshake();
  std::string failure() const;

  Transfer read(std::span<char> into);
  // A call after want_… must begin with the same bytes.
  Transfer write(std::string_view bytes);
  // Decrypted bytes are at hand.
  bool pending() const;
  // Tells the other side that we are done, if that needs no waiting.
  void shut_down();

 private:
  Progress progress_of(int result);
  bool speaks_http11() const;

  ssl_st* ssl_ = nullptr;
  std::string failure_;
};

}  // namespace ai_proxy::http
