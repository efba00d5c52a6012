// How a session reads, and how it notices that its client has gone.
#include <poll.h>

#include <algorithm>
#include <new>
#include <utility>

#include "http/server_session.h"

namespace ai_proxy::http {
namespace {

constexpr milliseconds kLookForEnd(50);

}  // namespace

void Session::start_read() {
  if (reading_ || gone_ || half_closed_) return;
  if (is_full()) return deadline_.arm(kLookForEnd);
  socket_.async_readable([self = shared_from_this()](const error_code& ec) { self->on_readable(ec); });
  reading_ = true;
}

void Session::on_readable(const error_code& ec) {
  reading_ = false;
  if (ec) return on_gone();
  if (phase_ != Phase::answer) {
    readable_ = true;
    return input_.wake();
  }
  try {
    read_ahead();
    start_read();
  } catch (const std::bad_alloc&) {
    close_now();
  }
}

// No more is read while an answer is under way.
bool Session::is_full() const {
  return pending_.size() - pending_begin_ >= limits_->head_bytes_max;
}

// While an answer is under way: the next requests, or the client's end.
void Session::read_ahead() {
  const std::size_t held = pending_.size() - pending_begin_;
  // A pipeline that is kept full is never empty. Seldom enough that all is moved once.
  if (pending_begin_ >= held) pending_.erase(0, std::exchange(pending_begin_, 0));
  const std::size_t room = std::min(limits_->head_bytes_max - held, ServerCore::kScratchBytes);
  error_code ec;
  const std::size_t got = socket_.read_now(core_->scratch.get(), room, ec);
  if (ec == asio::error::eof && limits_->allow_half_close) return on_half_close();
  if (ec && ec != asio::error::would_block) return on_gone();
  pending_.append(core_->scratch.get(), got);
}

// Who has sent so much ahead that nothing is read is looked after now and then: no read tells of the end.
void Session::look_for_end() {
  if (reading_ || gone_ || half_closed_ || !is_full()) return;
  pollfd look{.fd = socket_.native_handle(), .events = POLLRDHUP, .revents = 0};
  const bool told = ::poll(&look, 1, 0) > 0;
  const bool has_reset = (look.revents & (POLLERR | POLLHUP)) != 0;
  if (told && (has_reset || !limits_->allow_half_close)) return on_gone();
  deadline_.arm(kLookForEnd);
}

// Nothing is left to read, but its reset must still be noticed.
void Session::on_half_close() {
  half_closed_ = true;
  socket_.async_wait(Socket::wait_error, [self = shared_from_this()](const error_code& ec) {
    if (!ec) self->on_gone();
  });
}

void Session::on_gone() {
  gone_ = true;
  if (phase_ != Phase::answer) return input_.wake();
  error_code ec;
  if (writing_ || paying_) socket_.cancel(ec);
  exchange_->cancellation.request(Cancellation::Reason::client_gone);
}

// Hands the reader what has come; what it does not take waits as the next request.
void Session::feed_reader() {
  if (!exchange_) {
    exchange_ = core_->take_exchange();
    exchange_->reader.begin(*limits_);
    held_at_begin_ = exchange_->reader.held_bytes();
  }
  RequestReader& reader = exchange_->reader;
  if (pending_begin_ < pending_.size()) {
    pending_begin_ += reader.feed(std::string_view(pending_).substr(pending_begin_));
    if (pending_begin_ < pending_.size()) return;
    std::string().swap(pending_);  // rare enough, and idle connections should hold nothing
    pending_begin_ = 0;
    return;
  }
  readable_ = false;
  read_input();
}

// A little at a time: others want their turn.
void Session::read_input() {
  RequestReader& reader = exchange_->reader;
  for (int i = 0; i < kReadsInARow && !gone_ && !socket_.drained() && pending_.empty(); ++i) {
    if (reader.wants_body_bytes()) {
      reader.fill_body([&](char* space, std::size_t room) { return read_now(space, room); });
    } else if (reader.state() <= RequestReader::State::body) {
      const std::size_t got = read_now(core_->scratch.get(), ServerCore::kScratchBytes);
      const std::string_view bytes(core_->scratch.get(), got);
      pending_.assign(bytes.substr(reader.feed(bytes)));
    } else {
      return;
    }
  }
}

std::size_t Session::read_now(char* space, std::size_t room) {
  error_code ec;
  const std::size_t got = socket_.read_now(space, room, ec);
  if (ec && ec != asio::error::would_block) gone_ = true;
  return got;
}

}  // namespace ai_proxy::http
