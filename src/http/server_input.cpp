// How a session reads, and how it notices that its client has gone.
#include <boost/asio/buffer.hpp>
#include <new>
#include <utility>

#include "http/server_session.h"

namespace ai_proxy::http {
void Session::start_read() {
  if (reading_ || gone_ || half_closed_ || pending_.size() - pending_begin_ >= limits_->head_bytes_max)
    return;
  reading_ = true;
  socket_.async_read_some(
      asio::buffer(inbox_),
      [self = shared_from_this()](const error_code& ec, std::size_t bytes) { self->on_read(ec, bytes); });
}

void Session::on_read(const error_code& ec, std::size_t bytes) {
  reading_ = false;
  const bool half_closed = ec == asio::error::eof && phase_ == Phase::answer && limits_->allow_half_close;
  if (ec && !half_closed) return on_gone();
  inbox_full_ = bytes == inbox_.size();
  if (phase_ != Phase::answer) {
    fresh_ = {inbox_.data(), bytes};
    return input_.wake();
  }
  try {
    if (half_closed) return on_half_close();
    pending_.append(inbox_.data(), bytes);
    start_read();
  } catch (const std::bad_alloc&) {
    close_now();
  }
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
  if (writing_) socket_.cancel(ec);
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

}  // namespace ai_proxy::http
