// One request to a provider and its answer: takes a connection or opens one, sends, reads, and gives the
// connection back. Every wait of it ends by data, by one of its deadlines, or by the client's going away;
// whatever ends it closes the connection, and `stop_` says why. One thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/cancellation.h"
#include "http/client.h"
#include "http/client_connections.h"
#include "http/client_resolver.h"
#include "http/connection_race.h"
#include "http/deadline.h"
#include "http/reply_reader.h"

namespace ai_proxy::http {

class Exchange;

// What all requests of a thread share.
struct ClientShared {
  ClientShared(asio::io_context& context, const ClientLimits& the_limits, std::string the_ca_file);
  ~ClientShared();

  // Made when it is first asked for: it takes megabytes. Throws std::runtime_error when nothing is there to
  // be trusted.
  TlsContext& tls();

  static constexpr std::size_t kSpareMax = 1024;
  static constexpr std::size_t kScratchBytes = 16 * 1024;

  asio::io_context& io;
  ClientLimits limits;
  std::string ca_file;
  std::unique_ptr<TlsContext> tls_context;
  Deadlines deadlines;
  HostResolver resolver;
  Connections connections;
  std::vector<std::unique_ptr<Exchange>> spare;  // finished ones, with their memory; room for all is reserved
  // Where bytes are read to be looked at. Nothing stays in it while anybody waits, so that a connection that
  // waits for long holds no buffer.
  std::array<char, kScratchBytes> scratch;
};

class Exchange {
 public:
  explicit Exchange(ClientShared& shared);
  virtual ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  // Belongs to `home` until release().
  void settle(std::shared_ptr<ClientShared> home) { home_ = std::move(home); }
  Task<Result<void>> send(const Origin& origin, const OutgoingRequest& request, Cancellation& cancellation);
  Task<Result<std::string_view>> read_some();
  Task<Result<std::string>> read_all(std::size_t bytes_max);
  void expect_event_within(milliseconds time);
  void event_seen() { event_deadline_.disarm(); }

  void watch(Cancellation& cancellation) { cancellation_ = &cancellation; }
  int status() const { return reader_.status(); }
  const Headers& headers() const { return reader_.headers(); }
  bool reused_connection() const { return reused_; }

  // Lets go of everything but memory; the result is where it belongs. Closes the connection, unless the end
  // of the answer is at hand.
  std::shared_ptr<ClientShared> release() noexcept;

 private:
  // What may end a wait: the deadline of its phase, and the cancellation. Ends both with the scope.
  struct Watch;
  enum class Stop : unsigned char {
    none,
    cancelled,
    pool_wait,
    lookup,
    connect,
    tunnel,
    handshake,
    sending,
    first_byte,
    first_event,
    silence,
    total
  };

  // client_exchange.cpp: sending and reading.
  void build_head(const Origin& origin, const OutgoingRequest& request);
  Task<Result<void>> converse(std::string_view body);
  Task<Result<void>> write_rest(std::string_view body, std::size_t sent);
  Task<Transfer> receive(Stop phase, std::span<char> into);
  Result<void> take_head_bytes(std::span<const char> bytes);
  std::span<char> take_unread();
  Result<std::string_view> take_body_bytes(std::span<char> bytes);
  Result<std::string_view> take_body_bytes(std::span<char> into, Transfer transfer);
  // A coroutine keeps every Result that stands in it for as long as it lives: these look at them.
  [[gnu::noinline]] bool awaits_content();
  [[gnu::noinline]] void take_content(Transfer transfer);
  void note_content(Result<std::string_view> content);
  [[gnu::noinline]] Result<std::string_view> outcome();
  [[gnu::noinline]] void begin_whole(std::string& body, std::size_t bytes_max);
  [[gnu::noinline]] std::span<char> room_in(std::string& body, std::size_t bytes_max);
  [[gnu::noinline]] void take_into(std::string& body, std::span<char> room, Transfer transfer);
  [[gnu::noinline]] Result<std::string> whole(std::string body, std::size_t bytes_max);
  bool ends_at_once();
  void finish();
  std::unexpected<Error> fail(Error error);
  void disarm_all();

  // client_connect.cpp: getting a connection, and why a wait ended.
  Task<Result<void>> open(Slot slot);
  Task<Result<Slot>> queue_for_slot();
  Task<Result<Addresses>> find_addresses();
  Task<Result<Addresses>> look_up(const std::string& host);
  Task<Result<Socket>> connect(const Addresses& addresses);
  std::string_view peer() const;  // whom we connect to, for messages
  Task<Result<void>> shake_hands();
  Task<void> wait_for(Signal& signal);
  void begin_phase(Stop phase, milliseconds time);
  void end_phase() { phase_deadline_.disarm(); }
  void stop(Stop reason);
  bool stopped();
  Error stop_error() const;

  // client_tunnel.cpp: a proxy on the way.
  Task<Result<void>> open_tunnel();
  Task<Result<int>> ask_for_tunnel(std::string_view request);
  static Error refused_by_proxy(int status);

  std::shared_ptr<ClientShared> home_;  // null while spare
  ClientLimits limits_;
  OriginConnections* origin_ = nullptr;
  std::string_view credential_;  // the caller's, while send() runs
  std::unique_ptr<PooledConnection> connection_;
  Cancellation* cancellation_ = nullptr;
  Signal* signal_ = nullptr;  // what open() waits for, if it waits
  milliseconds event_time_{};
  ReplyReader reader_;
  std::string head_;              // of the request
  std::string unread_;            // what came behind the answer's head
  std::string_view content_;      // what the last read brought, or
  std::unique_ptr<Error> fault_;  // why it brought nothing
  Deadline phase_deadline_;
  Deadline event_deadline_;
  Deadline total_deadline_;
  Stop phase_ = Stop::none;
  Stop stop_ = Stop::none;
  bool reused_ = false;
  bool sent_ = false;      // a byte of the request has left
  bool written_ = false;   // the request has left completely
  bool answered_ = false;  // a byte of an answer has come
  bool failed_ = false;    // the reader of the body has been told so
};

}  // namespace ai_proxy::http
