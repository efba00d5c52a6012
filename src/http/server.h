// The HTTP/1.1 server: one per thread, each with its own listener (SO_REUSEPORT). It reads and checks
// requests, keeps connections alive, answers what is no proper request itself, and hands the rest to a
// handler.
//
// Faults it answers, then closes: 400, 408, 413, 414, 415, 417, 431, 501, 503, 505, and 500 for a handler
// that throws (503: for want of memory) or does not answer; each with a JSON body
// {"error":"…","details":{"code":"…"}}. Protocol source: RFC 9110, RFC 9112.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/asio.h"
#include "http/cancellation.h"
#include "http/client_counts.h"
#include "http/headers.h"
#include "http/limits.h"
#include "http/request_fault.h"

namespace ai_proxy::http {

// A complete request. Views live until the handler returns.
struct Request {
  std::string_view method;
  std::string_view path;   // as sent, before the '?'; not percent-decoded
  std::string_view query;  // after the '?', not decoded
  Headers headers;
  std::string body;                 // has json::kPadding spare capacity
  std::string_view client_address;  // "127.0.0.1"
  Clock::time_point received;       // when the last byte of it was there
};

// A part of a path. A % that begins no escape stands for itself, as every decoder has it.
std::string percent_decoded(std::string_view text);
// "a=1&b" -> value of `name`, percent-decoded; nullopt when absent, "" when it has no value.
std::optional<std::string> query_value(std::string_view query, std::string_view name);

// How the handler answers. Exactly one of send() and begin_stream() … end_stream().
class ResponseWriter {
 public:
  virtual ~ResponseWriter() = default;

  // `fields` are finished header lines ("x-cache: MISS\r\n…"); Content-Length, Connection and Date are added
  // here. Head and body leave in one write. False: the client is gone.
  virtual Task<bool> send(int status, std::string_view content_type, std::string_view fields,
                          std::string_view body) = 0;

  // Starts a chunked answer with its first bytes (may be empty) in the same write; then any number of
  // write()s. write() returns when the kernel took the bytes (back-pressure). False: the client is gone or
  // stalled.
  virtual Task<bool> begin_stream(int status, std::string_view content_type, std::string_view fields,
                                  std::string_view first) = 0;
  virtual Task<bool> write(std::string_view bytes) = 0;
  // The same two without waiting. What the kernel does not take at once is owed: it goes out as soon as it
  // can, before the next bytes, and settle() waits for that, or for let_owe(). False: the client is gone.
  virtual bool begin_stream_now(int status, std::string_view content_type, std::string_view fields,
                                std::string_view first) = 0;
  virtual bool write_now(std::string_view bytes) = 0;
  virtual std::size_t owed_bytes() const = 0;
  virtual Task<bool> settle() = 0;
  virtual void let_owe() = 0;
  // write_now() from outside the handler's own coroutine, while that one waits for something else: nothing is
  // written to a client that has not even taken what came before.
  virtual bool fill_silence(std::string_view bytes) = 0;
  virtual Task<bool> end_stream() = 0;
  // Breaks the connection without the closing chunk: the client must not take the answer for complete.
  virtual void abort() = 0;

  // Raised when the client closes or resets while the handler runs. (Bytes of a next request do not raise
  // it.)
  virtual Cancellation& cancellation() = 0;
  // How long this answer has waited for its client to take it.
  virtual Clock::duration time_waited() const = 0;
  // The connection will close after this answer (asked for, or draining).
  virtual bool closing() const = 0;
};

using Handler = std::function<Task<void>(Request&, ResponseWriter&)>;

// A request that no handler saw, because it is none (or its handler failed), and how it is answered.
struct Refused {
  int status = 0;
  std::string_view code;     // malformed_request, body_too_large, …
  std::string_view message;  // a sentence a person can act on; a constant
  std::string_view method;   // empty, like path, when the head was not understood
  std::string_view path;
  std::string_view client_address;
};
struct Refusal {
  std::string fields;  // finished header lines
  std::string body;    // JSON; empty: the server's own {"error":"…","details":{"code":"…"}}
  int status = 0;      // 0: as it is
};
// Words the refusal. Must not throw.
using Refuser = std::function<Refusal(const Refused&)>;

// How long an idle connection lives on when the server drains, unless it is told otherwise.
constexpr milliseconds kDrainIdle(300);

// Asked when a request's head is there and its body is not yet: a fault refuses it unread. `beyond_max`: its
// connection is one of kConnectionsBeyondMax; then it is asked about every request. Must not throw.
using Gate = std::function<RequestFault(std::string_view path, bool beyond_max)>;

// How short memory is. Each step includes those before it.
enum class Pressure : std::uint8_t {
  none,
  saving,    // a connection closes after its answer
  refusing,  // no new requests; this one is for the handler and the gate to keep
  shedding,  // the largest running requests are ended: shed()
};

// Shared by all threads' servers.
struct ServerCounters {
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> requests_running{0};
  std::atomic<std::uint64_t> connections_refused{0};  // a client's that had too many; never goes down
  std::atomic<Pressure> pressure{Pressure::none};
  // Bytes that bodies may still take: whoever watches memory sets it, bodies take from it as they grow and
  // give back what they release. A body for which there is none left is refused (503), between two looks too.
  std::atomic<std::int64_t> room{std::numeric_limits<std::int64_t>::max() / 2};
  ClientCounts clients;
};

// All members are to be called on the thread that runs the io_context, or while none does.
class Server {
 public:
  Server(asio::io_context& io, const ServerLimits& limits, Handler handler, ServerCounters& counters);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Binds and listens. `reuse_port` lets several threads listen on one port. The port that was really bound
  // (for port 0) comes back. An error: the address is not ours, or taken.
  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port, bool reuse_port);
  // Listens on a bound socket that others may hold too: whoever started us, or a program that takes over.
  // Owns the descriptor from now on.
  Result<std::uint16_t> listen_on(int descriptor);

  // From now on every answer says Connection: close, and a connection on which nothing comes ends after
  // `idle`: soon, but with time for a request that is on its way to be answered.
  void drain(milliseconds idle = kDrainIdle);
  // Closes the port. Who waits in its queue is let in first, unless others hold the socket and will do that.
  void stop_accepting();
  // Raises Cancellation::Reason::draining in every running request.
  void cancel_all();
  // Closes every connection at once.
  void close_all();
  // Ends the requests that hold the most, until they held so many bytes: Cancellation::Reason::overloaded
  // where one runs, 503 where one is still being read, a reset where its client is slow to take the answer.
  void shed(std::size_t bytes);
  // Without one, refusals carry a fresh x-request-id and the server's own body. Before the first listen().
  void set_refuser(Refuser refuser);
  // Without one, nothing is refused but what comes beyond the maximum. Before the first listen().
  void set_gate(Gate gate);
  // Applies to connections accepted from now on.
  void set_limits(const ServerLimits& limits);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ai_proxy::http
