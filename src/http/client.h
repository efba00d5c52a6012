// The HTTP/1.1 client: keep-alive connections per origin, one pool per thread, TLS with the system's CA
// bundle. Each phase has its own deadline, and the error names the phase that ran out. Never follows a
// redirect, never asks for a compressed answer. Protocol source: RFC 9110, RFC 9112.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/asio.h"
#include "http/cancellation.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/url.h"

namespace ai_proxy::http {

struct OutgoingRequest {
  std::string_view method = "POST";
  std::string_view path;    // appended to the origin's prefix: /v1/chat/completions
  std::string_view fields;  // finished header lines, each with CRLF; Host and Content-Length are added here
  std::string_view body;
  // May be sent again on a fresh connection when a pooled one turned out closed before a byte of an answer
  // came.
  bool replayable = true;
  std::optional<milliseconds> total_time = std::nullopt;  // in place of ClientLimits::total_time
  // Names the key it carries, and is not the key: requests of two keys never share a connection.
  std::string_view credential = {};
};

// An answer whose head has been read. Destroying it before the end closes the connection.
class ClientReply {
 public:
  ClientReply();
  ClientReply(ClientReply&&) noexcept;
  ClientReply& operator=(ClientReply&&) noexcept;
  ~ClientReply();

  int status() const;
  const Headers& headers() const;

  // The next bytes of the body, framing removed; an empty view is the end. Views live until the caller waits
  // for anything.
  // Errors: provider_timeout (first event, silence or total), stream_interrupted (the connection broke before
  // the end), cancelled.
  Task<Result<std::string_view>> read_some();
  // The whole rest, at most `bytes_max` (else provider_error); has json::kPadding spare capacity.
  Task<Result<std::string>> read_all(std::size_t bytes_max);
  // An event must come within `time` from now: bytes alone (a comment, half an event) are none. Reading fails
  // with provider_timeout when the time is over before event_seen() was said.
  void expect_event_within(milliseconds time);
  // From now on this cancellation ends it, in place of the one it was sent with.
  void watch(Cancellation& cancellation);
  void event_seen();
  // Was the connection taken from the pool, how often was it connected anew: for the log.
  bool reused_connection() const;

 private:
  friend class ClientPool;
  struct State;
  explicit ClientReply(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// One per thread.
class ClientPool {
 public:
  // `ca_file` empty: the system's bundle.
  ClientPool(asio::io_context& io, const ClientLimits& limits, const std::string& ca_file = {});
  ~ClientPool();
  ClientPool(const ClientPool&) = delete;
  ClientPool& operator=(const ClientPool&) = delete;

  // Sends head and body in one write and reads the answer's head. Errors: provider_unreachable (DNS, connect,
  // TLS; or closed before an answer), provider_timeout (connect, first byte), provider_error (no proper
  // HTTP), overloaded (the pool is full and stayed full, or too many wait for it; or this server is out of
  // what a connection takes), cancelled; each says whether a byte of the request had been sent.
  // `cancellation` is watched until the reply is gone.
  Task<Result<ClientReply>> send(const Origin& origin, const OutgoingRequest& request,
                                 Cancellation& cancellation);

  // Reads the trusted certificates (beside this thread) before a connection needs them. Throws
  // std::runtime_error when there are none.
  void prepare_tls();
  // Applies to requests from now on.
  void set_limits(const ClientLimits& limits);
  // The origins that may still be called: idle connections to others are closed, those in use after their
  // request.
  void keep_only(const std::vector<Origin>& origins);
  // Idle connections held, all origins: for tests and metrics.
  std::size_t idle_connections() const;

 private:
  friend class ClientReply;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ai_proxy::http
