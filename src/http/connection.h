// One open connection to a provider, plain or TLS, and the coroutines' ways to wait for it. One thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "http/asio.h"
#include "http/socket.h"
#include "http/tls.h"
#include "http/url.h"

namespace ai_proxy::http {

class Connection {
 public:
  // `socket` is connected.
  explicit Connection(Socket socket);
  ~Connection();

  // Begins TLS; co_await nothing else before the handshake is done.
  TlsStream& start_tls(TlsContext& context, const Origin& origin, TlsSession& session);
  bool is_tls() const { return tls_.has_value(); }

  // Sends what follows the first `sent` bytes of head and body, as one piece, without waiting.
  Transfer write(std::string_view head, std::string_view body, std::size_t sent);
  // Reads without waiting; what has come since the last read left nothing may be overlooked until a wait has
  // told of it, unless look_again() comes before.
  Transfer read(std::span<char> into);
  void look_again() { socket_.look_again(); }

  // Ends for close() too; read() or write() then says what has come of it. One of each at a time.
  Task<void> readable();
  Task<void> writable();
  Task<void> readable_or_writable();

  // Nothing has come on an idle connection, not even its end.
  bool quiet();
  // Bytes that were read from the socket but not asked for yet.
  bool has_pending() const { return tls_ && tls_->pending(); }
  // Nothing is left of what was read but what is TLS's own.
  bool at_rest();
  // At once; every wait ends.
  void close();
  bool is_open() const { return socket_.is_open(); }
  // As close(), but says goodbye first.
  void shut_down();

  // For the pool.
  Clock::time_point opened = Clock::now();
  Clock::time_point idle_since{};
  std::size_t uses = 0;

 private:
  bool takes_all();
  Transfer write_tls(std::string_view head, std::string_view body, std::size_t sent);

  Socket socket_;
  std::optional<TlsStream> tls_;
  error_code ignored_;
};

}  // namespace ai_proxy::http
