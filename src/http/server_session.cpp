// The life of a connection: the order of things, and time. Input is in server_input.cpp, output in
// server_output.cpp.
#include "http/server_session.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <new>
#include <utility>

#include "base/ids.h"

namespace ai_proxy::http {
namespace {

std::string address_text(const tcp::endpoint& endpoint) {
  const asio::ip::address& address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

}  // namespace

Session::Session(std::shared_ptr<ServerCore> core, Socket socket, const tcp::endpoint& client,
                 std::optional<ClientCounts::Place> place, bool beyond_max)
    : core_(std::move(core)),
      limits_(beyond_max ? core_->limits_beyond_max : core_->limits),
      index_(core_->sessions.size()),
      socket_(std::move(socket)),
      client_address_(address_text(client)),
      place_(std::move(place)),
      beyond_max_(beyond_max),
      accepted_(Clock::now()),
      deadline_(core_->deadlines, [this] { on_deadline(); }) {
  core_->sessions.push_back(this);
  ++core_->counters->connections;
  error_code ec;
  socket_.non_blocking(true, ec);
}

Session::~Session() {
  core_->sessions.back()->index_ = index_;
  core_->sessions[index_] = core_->sessions.back();
  core_->sessions.pop_back();
  if (core_->counters == nullptr) return;
  --core_->counters->connections;
  core_->counters->room.fetch_add(static_cast<std::int64_t>(taken_), std::memory_order_relaxed);
}

Task<void> Session::run(std::shared_ptr<Session> self) {
  // However this ends: Asio destroys a coroutine whose operation finds no memory to begin.
  struct End {
    ~End() { session.close_now(); }
    Session& session;
  } const end{*self};
  try {
    co_await self->serve();
  } catch (...) {
    // Out of memory, most likely: this connection ends, no other does.
  }
}

Task<void> Session::serve() {
  bool going = true;
  while (going && co_await read_request()) going = co_await answer_request();
  if (answer_ != Answer::aborted || chunked_) co_await linger();
}

// True: exchange_ holds a complete request. False: the connection is over; what was to say has been said.
Task<bool> Session::read_request() {
  set_phase(Phase::idle, idle_time());  // first: the phase of an answer has an exchange
  if (exchange_ && has_input()) {
    exchange_->reader.begin(*limits_);
  } else if (exchange_) {
    release_exchange();
  }
  admitted_ = shed_ = false;
  bool continue_sent = false;
  while (true) {
    while (has_input()) {
      feed_reader();
      const RequestReader::State state = exchange_->reader.state();
      RequestFault fault = state == RequestReader::State::fault ? exchange_->reader.fault() : ask_gate();
      if (takes_too_much() && !fault) fault = kOverloaded;
      if (fault) {
        co_await refuse(fault);
        co_return false;
      }
      if (state == RequestReader::State::complete) co_return true;
    }
    if (gone_ || half_closed_) co_return false;
    if (shed_ && exchange_) {
      co_await refuse(kOverloaded);
      co_return false;
    }
    if (expired_) {
      if (phase_ != Phase::idle) co_await refuse(phase_ == Phase::head ? kHeadTimeout : kBodyTimeout);
      co_return false;
    }
    await_request_phase();
    if (exchange_ && !continue_sent && exchange_->reader.awaits_continue()) {
      continue_sent = true;
      Outgoing interim{{asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"))}};
      if (!put_now(interim) && !co_await put(interim)) co_return false;
      continue;  // much may have happened meanwhile
    }
    start_read();
    co_await input_.wait();
  }
}

// Once for each request: before its body is waited for, or, on a connection too many, when it is there.
RequestFault Session::ask_gate() {
  const RequestReader::State state = exchange_->reader.state();
  const bool due =
      state == RequestReader::State::body || (state == RequestReader::State::complete && beyond_max_);
  if (!due || std::exchange(admitted_, true)) return {};
  if (core_->gate) return core_->gate(exchange_->reader.head().path, beyond_max_);
  return beyond_max_ ? kOverloaded : RequestFault{};
}

bool Session::takes_too_much() {
  const std::size_t held = exchange_->reader.held_bytes();
  if (held <= held_at_begin_ + taken_ || core_->counters == nullptr) return false;
  const std::size_t more = held - held_at_begin_ - taken_;
  taken_ += more;
  const auto bytes = static_cast<std::int64_t>(more);
  return core_->counters->room.fetch_sub(bytes, std::memory_order_relaxed) < bytes;
}

void Session::release_exchange() {
  if (core_->counters != nullptr)
    core_->counters->room.fetch_add(static_cast<std::int64_t>(taken_), std::memory_order_relaxed);
  taken_ = 0;
  core_->give_back(std::move(exchange_));
}

// Which wait comes next, with the time it may take.
void Session::await_request_phase() {
  if (!exchange_ || exchange_->reader.empty()) {
    if (exchange_) release_exchange();
    if (phase_ != Phase::idle) set_phase(Phase::idle, idle_time());
  } else if (exchange_->reader.state() == RequestReader::State::head) {
    if (phase_ != Phase::head) set_phase(Phase::head, limits_->head_time);
  } else if (phase_ != Phase::body) {
    body_begin_ = Clock::now();
    set_phase(Phase::body, std::min(limits_->body_time, kBodyRateGrace));
  }
}

// While the handler runs.
class Session::Handling {
 public:
  explicit Handling(Session& session) : session_(session) {
    session_.handling_ = true;
    if (session_.core_->counters != nullptr) ++session_.core_->counters->requests_running;
  }
  ~Handling() {
    session_.handling_ = false;
    if (session_.core_->counters != nullptr) --session_.core_->counters->requests_running;
  }
  Handling(const Handling&) = delete;
  Handling& operator=(const Handling&) = delete;

 private:
  Session& session_;
};

Task<bool> Session::answer_request() {
  phase_ = Phase::answer;  // without a time limit of ours
  Request& request = exchange_->reader.request();
  request.client_address = client_address_;
  request.received = Clock::now();
  ++requests_;
  closes_after_ = !exchange_->reader.head().keep_alive || requests_ >= limits_->requests_per_connection_max ||
                  request.received - accepted_ >= limits_->connection_age_max;
  answer_ = Answer::none;
  forget_owed();
  time_waited_ = {};
  chunked_ = false;
  exchange_->cancellation = {};
  if (gone_) exchange_->cancellation.request(Cancellation::Reason::client_gone);
  start_read();

  // What was not answered is answered with this, what was begun is broken off.
  RequestFault failure{500, "internal",
                       "The request failed inside this server. Try again; the server's log says more."};
  try {
    const Handling handling(*this);
    co_await core_->handler(request, *this);
  } catch (const std::bad_alloc&) {
    failure = kOverloaded;
  } catch (...) {
    // The handler has logged it.
  }

  if (answer_ == Answer::none && !gone_) {
    co_await refuse(failure);
    co_return false;
  }
  if (answer_ == Answer::streaming || answer_ == Answer::ending) abort();
  // Not closing(): a connection that was not said to close stays, or the next request would meet its end.
  co_return answer_ == Answer::complete && !gone_ && !closes_after_;
}

Task<void> Session::refuse(RequestFault fault) {
  closes_after_ = true;
  const RequestHead& head = exchange_->reader.head();
  const Refused refused{fault.status, fault.code, fault.message, head.method, head.path, client_address_};
  Refusal refusal;
  if (core_->refuser) {
    refusal = core_->refuser(refused);
  } else {
    refusal.fields = "x-request-id: " + new_request_id() + "\r\n";
  }
  if (refusal.body.empty()) refusal.body = fault_body(fault);
  const std::string& body = refusal.body;
  const int status = refusal.status > 0 ? refusal.status : fault.status;
  begin_head(status, "application/json", refusal.fields);
  std::string& out = core_->out;
  out.append("Content-Length: ");
  append_integer(out, body.size());
  out.append("\r\n");
  append_connection_field();
  out.append("\r\n");
  if (exchange_->reader.head().method != "HEAD") out.append(body);
  answer_ = Answer::complete;
  Outgoing outgoing{{asio::buffer(out)}};
  if (!put_now(outgoing)) co_await put(outgoing);
}

// Closing with unread bytes would make the kernel send a reset, which may destroy the answer on its way.
Task<void> Session::linger() {
  if (gone_ || half_closed_) co_return;
  error_code ec;
  socket_.shutdown(Socket::shutdown_send, ec);
  pending_.clear();  // a full one would stop the reading
  pending_begin_ = 0;
  set_phase(Phase::linger, limits_->linger_time);
  if (exchange_) release_exchange();
  while (!gone_ && !expired_) {
    start_read();
    co_await input_.wait();
    for (int i = 0; i < kReadsInARow && !gone_ && !socket_.drained(); ++i)
      read_now(core_->scratch.get(), ServerCore::kScratchBytes);
  }
}

void Session::cancel_request() {
  if (phase_ == Phase::answer) exchange_->cancellation.request(Cancellation::Reason::draining);
}

// A coroutine that waits for input has a wait of the socket outstanding; its end wakes it.
void Session::close_now() {
  gone_ = true;
  error_code ec;
  socket_.close(ec);
  cancel_request();
}

std::size_t Session::held_bytes() const {
  if (!exchange_ || phase_ == Phase::linger) return 0;
  return exchange_->reader.held_bytes() + exchange_->cancellation.held_bytes + pending_.capacity() +
         owed_.capacity();
}

void Session::end_for_memory() {
  if (phase_ != Phase::answer) {
    shed_ = true;
    return input_.wake();
  }
  exchange_->cancellation.request(Cancellation::Reason::overloaded);
  if (writing_ || !owed_.empty()) close_now();
}

void Session::abandon() {
  place_.reset();
  close_now();
  input_.drop();
}

void Session::set_phase(Phase phase, milliseconds limit) {
  phase_ = phase;
  expired_ = false;
  deadline_.arm(limit);
}

milliseconds Session::idle_time() const {
  return core_->draining ? std::min(limits_->idle_time, core_->drain_idle) : limits_->idle_time;
}

void Session::end_soon() {
  if (phase_ == Phase::idle) deadline_.arm(idle_time());
}

void Session::on_deadline() {
  if (phase_ == Phase::answer) return look_for_end();
  // A request that waits to be read, on a machine with too much to do, is none that did not come.
  error_code ec;
  if (phase_ == Phase::idle && socket_.available(ec) > 0) return deadline_.arm(idle_time());
  if (phase_ == Phase::body) {
    const auto elapsed = Clock::now() - body_begin_;
    if (!is_body_late(exchange_->reader.body_bytes(), elapsed, *limits_)) {
      const auto left = std::chrono::ceil<milliseconds>(limits_->body_time - elapsed);
      return deadline_.arm(std::min<milliseconds>(left, seconds(1)));
    }
  }
  const std::shared_ptr<Session> self = shared_from_this();  // waking may end it
  expired_ = true;
  input_.wake();
}

}  // namespace ai_proxy::http
