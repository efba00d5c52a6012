// The life of a connection: input, time and the order of things. Output is in server_output.cpp.
#include "http/server_session.h"

#include "base/ids.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <utility>

namespace ai_proxy::http {
namespace {

// Reads in a row for one connection before others get their turn.
constexpr int kReadsInARow = 16;

std::string address_text(const tcp::endpoint& endpoint) {
  const asio::ip::address& address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string();
  }
  return address.to_string();
}

}  // namespace

Session::Session(std::shared_ptr<ServerCore> core, Socket socket, const tcp::endpoint& client)
    : core_(std::move(core)),
      limits_(core_->limits),
      index_(core_->sessions.size()),
      socket_(std::move(socket)),
      client_address_(address_text(client)),
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
  if (core_->counters != nullptr) --core_->counters->connections;
}

Task<void> Session::run(std::shared_ptr<Session> self) {
  try {
    co_await self->serve();
  } catch (...) {
    // Out of memory, most likely: this connection ends, no other does.
  }
  self->close_now();
}

Task<void> Session::serve() {
  bool going = true;
  while (going && co_await read_request()) going = co_await answer_request();
  if (answer_ != Answer::aborted || chunked_) co_await linger();
}

// True: exchange_ holds a complete request. False: the connection is over; what was to say has been said.
Task<bool> Session::read_request() {
  if (exchange_ && has_input()) {
    exchange_->reader.begin(*limits_);
  } else if (exchange_) {
    core_->give_back(std::move(exchange_));
  }
  set_phase(Phase::idle, limits_->idle_time);
  bool continue_sent = false;
  while (true) {
    while (has_input()) {
      feed_reader();
      const RequestReader& reader = exchange_->reader;
      if (reader.state() == RequestReader::State::complete) co_return true;
      if (reader.state() == RequestReader::State::fault) {
        co_await refuse(reader.fault());
        co_return false;
      }
    }
    if (gone_) co_return false;
    if (expired_) {
      if (phase_ != Phase::idle) co_await refuse(phase_ == Phase::head ? kHeadTimeout : kBodyTimeout);
      co_return false;
    }
    await_request_phase();
    if (phase_ == Phase::idle && core_->draining) co_return false;
    if (exchange_ && !continue_sent && exchange_->reader.awaits_continue()) {
      continue_sent = true;
      Outgoing interim{{asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n"))}};
      if (!put_now(interim) && !co_await put(interim)) co_return false;
    }
    start_read();
    co_await input_.wait();
  }
}

// Which wait comes next, with the time it may take.
void Session::await_request_phase() {
  if (!exchange_ || exchange_->reader.empty()) {
    if (exchange_) core_->give_back(std::move(exchange_));
    if (phase_ != Phase::idle) set_phase(Phase::idle, limits_->idle_time);
  } else if (exchange_->reader.state() == RequestReader::State::head) {
    if (phase_ != Phase::head) set_phase(Phase::head, limits_->head_time);
  } else if (phase_ != Phase::body) {
    body_begin_ = Clock::now();
    set_phase(Phase::body, std::min(limits_->body_time, kBodyRateGrace));
  }
}

Task<bool> Session::answer_request() {
  phase_ = Phase::answer;  // no deadline of ours; a late one of the last phase finds nothing to do
  Request& request = exchange_->reader.request();
  request.client_address = client_address_;
  request.received = Clock::now();
  ++requests_;
  closes_after_ = !exchange_->reader.head().keep_alive || requests_ >= limits_->requests_per_connection_max ||
                  request.received - accepted_ >= limits_->connection_age_max;
  answer_ = Answer::none;
  owed_.clear();
  chunked_ = false;
  exchange_->cancellation = {};
  if (gone_) exchange_->cancellation.request(Cancellation::Reason::client_gone);
  start_read();

  const std::shared_ptr<ServerCore> core = core_;
  handling_ = true;
  if (core->counters != nullptr) ++core->counters->requests_running;
  try {
    co_await core->handler(request, *this);
  } catch (...) {
    // Told apart below: what was not answered is answered with 500, what was begun is broken off.
  }
  handling_ = false;
  if (core->counters != nullptr) --core->counters->requests_running;

  if (answer_ == Answer::none && !gone_) {
    co_await refuse(
        {500, "internal", "The request failed inside this server. Try again; the server's log says more."});
    co_return false;
  }
  if (answer_ == Answer::streaming) abort();
  co_return answer_ == Answer::complete && !gone_ && !closing();
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
  begin_head(fault.status, "application/json", refusal.fields);
  std::string& out = exchange_->out;
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
  if (gone_) co_return;
  error_code ec;
  socket_.shutdown(Socket::shutdown_send, ec);
  pending_.clear();  // a full one would stop the reading
  pending_begin_ = 0;
  set_phase(Phase::linger, limits_->linger_time);
  while (!gone_ && !expired_) {
    for (int i = 0; inbox_full_ && i < kReadsInARow; ++i) {
      inbox_full_ = read_now(core_->scratch.get(), ServerCore::kScratchBytes) == ServerCore::kScratchBytes;
    }
    start_read();
    co_await input_.wait();
  }
}

void Session::cancel_request() {
  if (phase_ == Phase::answer) exchange_->cancellation.request(Cancellation::Reason::draining);
}

// A coroutine that waits for input has a read outstanding; its failure wakes it.
void Session::close_now() {
  gone_ = true;
  error_code ec;
  socket_.close(ec);
  cancel_request();
}

void Session::abandon() {
  close_now();
  input_.drop();
}

// --- input ---

void Session::start_read() {
  if (reading_ || gone_ || pending_.size() - pending_begin_ >= limits_->head_bytes_max) return;
  reading_ = true;
  socket_.async_read_some(
      asio::buffer(inbox_),
      [self = shared_from_this()](const error_code& ec, std::size_t bytes) { self->on_read(ec, bytes); });
}

void Session::on_read(const error_code& ec, std::size_t bytes) {
  reading_ = false;
  if (ec) return on_gone();
  inbox_full_ = bytes == inbox_.size();
  if (phase_ != Phase::answer) {
    fresh_ = {inbox_.data(), bytes};
    return input_.wake();
  }
  pending_.append(inbox_.data(), bytes);
  start_read();
}

void Session::on_gone() {
  gone_ = true;
  if (phase_ != Phase::answer) return input_.wake();
  error_code ec;
  if (writing_) socket_.cancel(ec);
  exchange_->cancellation.request(Cancellation::Reason::client_gone);
}

// Hands the reader what has come; what it does not take waits as the next request.
void Session::feed_reader() {
  if (!exchange_) {
    exchange_ = core_->take_exchange();
    exchange_->reader.begin(*limits_);
  }
  RequestReader& reader = exchange_->reader;
  if (pending_begin_ < pending_.size()) {
    pending_begin_ += reader.feed(std::string_view(pending_).substr(pending_begin_));
    if (pending_begin_ < pending_.size()) return;
    std::string().swap(pending_);  // rare enough, and idle connections should hold nothing
    pending_begin_ = 0;
    return;
  }
  const std::string_view bytes = std::exchange(fresh_, {});
  pending_.assign(bytes.substr(reader.feed(bytes)));
  if (inbox_full_ && pending_.empty()) fetch_more();
}

// A full inbox: more is probably there already.
void Session::fetch_more() {
  RequestReader& reader = exchange_->reader;
  bool more = true;
  for (int i = 0; more && i < kReadsInARow && pending_.empty(); ++i) {
    if (reader.wants_body_bytes()) {
      reader.fill_body([&](char* space, std::size_t room) {
        const std::size_t got = read_now(space, room);
        more = got == room;
        return got;
      });
    } else if (reader.state() <= RequestReader::State::body) {
      const std::size_t got = read_now(core_->scratch.get(), ServerCore::kScratchBytes);
      const std::string_view bytes(core_->scratch.get(), got);
      pending_.assign(bytes.substr(reader.feed(bytes)));
      more = got == ServerCore::kScratchBytes;
    } else {
      return;
    }
  }
}

std::size_t Session::read_now(char* space, std::size_t room) {
  error_code ec;
  const std::size_t got = socket_.read_some(asio::buffer(space, room), ec);
  if (ec && ec != asio::error::would_block) gone_ = true;
  return ec ? 0 : got;
}

// --- time ---

void Session::set_phase(Phase phase, milliseconds limit) {
  phase_ = phase;
  expired_ = false;
  deadline_.arm(limit);
}

void Session::on_deadline() {
  if (phase_ == Phase::answer) return;
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
