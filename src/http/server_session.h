// One connection: reads requests, hands them to the handler, writes the answers. A coroutine owns it.
//
// Input is always waited for, also while the handler runs: that is how a client that goes away is noticed,
// and the next request needs that wait anyway. What comes is read through the thread's scratch buffer, or
// straight into the body: a session that waits holds no buffer.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "http/asio.h"
#include "http/connection_signal.h"
#include "http/deadline.h"
#include "http/server.h"
#include "http/server_core.h"
#include "http/server_wake.h"
#include "http/socket.h"

namespace ai_proxy::http {

class Session final : public ResponseWriter, public std::enable_shared_from_this<Session> {
 public:
  // `place` is set where clients are counted. `beyond_max`: this connection is one too many; it is told so.
  Session(std::shared_ptr<ServerCore> core, Socket socket, const tcp::endpoint& client,
          std::optional<ClientCounts::Place> place, bool beyond_max);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // The life of the connection.
  static Task<void> run(std::shared_ptr<Session> self);

  bool handling() const { return handling_; }
  // The server drains: when nothing has come, and nothing comes soon, this is over.
  void end_soon();
  void cancel_request();
  void close_now();
  // Memory that its request is known to hold.
  std::size_t held_bytes() const;
  // Ends the request because memory runs out: see Server::shed().
  void end_for_memory();
  // Destroys the coroutine if it waits for input: for a server that goes away with its io_context at rest.
  void abandon();

  Task<bool> send(int status, std::string_view content_type, std::string_view fields,
                  std::string_view body) override;
  Task<bool> begin_stream(int status, std::string_view content_type, std::string_view fields,
                          std::string_view first) override;
  bool begin_stream_now(int status, std::string_view content_type, std::string_view fields,
                        std::string_view first) override;
  bool write_now(std::string_view bytes) override;
  std::size_t owed_bytes() const override { return owed_.size() - paid_; }
  Task<bool> settle() override;
  void let_owe() override {
    if (settled_ != nullptr) settled_->raise();
  }
  bool fill_silence(std::string_view bytes) override;
  Task<bool> write(std::string_view bytes) override;
  Task<bool> end_stream() override;
  void abort() override;
  Cancellation& cancellation() override { return exchange_->cancellation; }
  Clock::duration time_waited() const override { return time_waited_; }
  bool closing() const override {
    return closes_after_ || core_->draining || core_->pressure() != Pressure::none;
  }

 private:
  // Reads in a row for one connection before others get their turn.
  static constexpr int kReadsInARow = 16;

  class Handling;
  enum class Phase : std::uint8_t { idle, head, body, answer, linger };
  // Complete: the kernel has all of it. One that is left streaming or ending is broken off.
  enum class Answer : std::uint8_t { none, streaming, ending, complete, aborted };
  // Up to three pieces that leave together.
  struct Outgoing {
    std::array<asio::const_buffer, 3> pieces;
    bool empty() const;
    void consume(std::size_t bytes);
  };

  Task<void> serve();
  Task<bool> read_request();
  Task<bool> answer_request();
  RequestFault ask_gate();
  bool takes_too_much();
  void release_exchange();
  Task<void> refuse(RequestFault fault);
  Task<void> linger();

  // Input (server_input.cpp).
  void start_read();
  void on_readable(const error_code& ec);
  bool is_full() const;
  void read_ahead();
  void look_for_end();
  void feed_reader();
  void read_input();
  std::size_t read_now(char* space, std::size_t room);
  bool has_input() const { return readable_ || pending_begin_ < pending_.size(); }
  void await_request_phase();
  void on_half_close();
  void on_gone();

  // Time (server_session.cpp).
  void set_phase(Phase phase, milliseconds limit);
  milliseconds idle_time() const;
  void on_deadline();

  // Output (server_output.cpp).
  void begin_head(int status, std::string_view content_type, std::string_view fields);
  void append_connection_field();
  void append_chunk(std::string& out, std::string_view bytes) const;
  bool sends_no_body(int status) const;
  void build_stream_head(int status, std::string_view content_type, std::string_view fields,
                         std::string_view first);
  Outgoing build_chunk(std::string_view bytes);
  bool offer(std::string_view bytes);
  void start_paying();
  void on_payable(const error_code& ec);
  bool pay_owed();
  void forget_owed();
  void owe(std::string_view bytes);
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& ec);
  bool put_now(Outgoing& outgoing);
  Task<bool> put(Outgoing outgoing);
  Task<bool> put_slowly(Outgoing outgoing);
  void on_write_late();
  std::size_t unacknowledged();  // bytes that the client has not acknowledged

  std::shared_ptr<ServerCore> core_;
  std::shared_ptr<const ServerLimits> limits_;
  std::size_t index_;  // in core_->sessions
  Socket socket_;
  std::string client_address_;
  std::optional<ClientCounts::Place> place_;
  bool beyond_max_;
  Clock::time_point accepted_;
  std::size_t requests_ = 0;

  Phase phase_ = Phase::idle;
  Clock::time_point body_begin_;
  Deadline deadline_;
  std::optional<Deadline> write_deadline_;  // made when a write first has to wait
  std::size_t unacknowledged_ = 0;          // when the wait began, and what was written since
  Wake input_;

  bool reading_ = false;
  bool writing_ = false;
  bool handling_ = false;     // the handler runs
  bool gone_ = false;         // no byte can be read any more: closed by the client, or by us
  bool half_closed_ = false;  // the client sends no more, but may still read
  bool expired_ = false;      // the phase took too long
  bool shed_ = false;         // the request that is being read is given up for its memory
  bool admitted_ = false;     // the gate has let it in
  bool readable_ = false;     // there may be something to read

  std::unique_ptr<ServerExchange> exchange_;
  std::size_t held_at_begin_ = 0;  // by exchange_, from requests before
  std::size_t taken_ = 0;          // from ServerCounters::room
  Answer answer_ = Answer::none;
  bool closes_after_ = false;
  bool chunked_ = false;

  Clock::duration time_waited_{};
  std::size_t paid_ = 0;       // of owed_, which is empty once all is paid
  std::string owed_;           // offered bytes that the kernel has not taken: they go before all others
  bool paying_ = false;        // the loop tells when the kernel has room for them
  Signal* settled_ = nullptr;  // of settle(), while it waits

  std::string pending_;  // what came before it could be used: pipelined requests
  std::size_t pending_begin_ = 0;
};

}  // namespace ai_proxy::http
