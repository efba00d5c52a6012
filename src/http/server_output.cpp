// How a session writes: every answer's head and body, and every chunk, leave in one write, tried without
// waiting first.
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <charconv>
#include <ctime>
#include <new>
#include <utility>

#include "base/ascii.h"
#include "http/server_session.h"

namespace ai_proxy::http {
namespace {

// Up to here copying a body behind its head is cheaper than a gathering write.
constexpr std::size_t kCopiedBytes = 4096;

void append_chunk_size(std::string& out, std::size_t bytes) {
  char digits[16];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, bytes, 16).ptr).append("\r\n");
}

}  // namespace

// What the kernel takes while a wait is under way fills up what the client acknowledges: it must not hide
// that.
template <class Buffers>
std::size_t Session::write_some(const Buffers& buffers, error_code& ec) {
  const std::size_t written = socket_.write_some(buffers, ec);
  unacknowledged_ += written;
  return written;
}

Task<bool> Session::send(int status, std::string_view content_type, std::string_view fields,
                         std::string_view body) {
  if (gone_ || answer_ != Answer::none) co_return false;
  begin_head(status, content_type, fields);
  std::string& out = core_->out;
  if (!is_bodiless(status)) {
    out.append("Content-Length: ");
    append_integer(out, body.size());
    out.append("\r\n");
  }
  append_connection_field();
  out.append("\r\n");
  if (sends_no_body(status)) body = {};
  if (body.size() <= kCopiedBytes) {
    out.append(body);
    body = {};
  }
  Outgoing outgoing{{asio::buffer(out), asio::buffer(body)}};
  answer_ = Answer::ending;
  if (!put_now(outgoing) && !co_await put(outgoing)) co_return false;
  answer_ = Answer::complete;
  co_return true;
}

// Leaves the head and the first bytes in core_->out.
void Session::build_stream_head(int status, std::string_view content_type, std::string_view fields,
                                std::string_view first) {
  chunked_ = !exchange_->reader.head().http_1_0;
  if (!chunked_) closes_after_ = true;  // the end of the connection is the end of the body
  begin_head(status, content_type, fields);
  std::string& out = core_->out;
  if (chunked_) out.append("Transfer-Encoding: chunked\r\n");
  append_connection_field();
  out.append("\r\n");
  if (!sends_no_body(status)) append_chunk(out, first);
  answer_ = Answer::streaming;
}

Task<bool> Session::begin_stream(int status, std::string_view content_type, std::string_view fields,
                                 std::string_view first) {
  if (gone_ || answer_ != Answer::none) co_return false;
  const bool copied = first.size() <= kCopiedBytes || sends_no_body(status);
  build_stream_head(status, content_type, fields, copied ? first : std::string_view());
  if (!copied && chunked_) append_chunk_size(core_->out, first.size());
  Outgoing outgoing{{asio::buffer(core_->out)}};
  if (!copied) {
    outgoing.pieces[1] = asio::buffer(first);
    outgoing.pieces[2] = asio::buffer(std::string_view(chunked_ ? "\r\n" : ""));
  }
  if (put_now(outgoing)) co_return true;
  co_return co_await put(outgoing);
}

bool Session::begin_stream_now(int status, std::string_view content_type, std::string_view fields,
                               std::string_view first) {
  if (gone_ || answer_ != Answer::none) return false;
  build_stream_head(status, content_type, fields, first);
  return offer(core_->out);
}

bool Session::fill_silence(std::string_view bytes) {
  if (gone_ || answer_ != Answer::streaming) return false;
  if (writing_ || !owed_.empty() || bytes.empty() || sends_no_body(200)) return true;
  std::string chunk;
  append_chunk(chunk, bytes);
  return offer(chunk);
}

bool Session::offer(std::string_view bytes) {
  error_code ec;
  const std::size_t written = write_some(asio::buffer(bytes), ec);
  if (ec && ec != asio::error::would_block) {
    on_gone();
    return false;
  }
  owe(bytes.substr(written));
  return !gone_;
}

// What the kernel takes by now. False: the client is gone.
bool Session::pay_owed() {
  if (owed_.empty() || gone_) return !gone_;
  error_code ec;
  paid_ += write_some(asio::buffer(owed_) + paid_, ec);
  if (ec && ec != asio::error::would_block) on_gone();
  if (owed_bytes() == 0) {
    forget_owed();
  } else if (paid_ > owed_.size() / 2) {  // seldom enough that all is moved once
    owed_.erase(0, std::exchange(paid_, 0));
  }
  return !gone_;
}

void Session::forget_owed() {
  std::string().swap(owed_);
  paid_ = 0;
}

// Without memory for the rest of what has begun, only closing is honest.
void Session::owe(std::string_view bytes) {
  if (bytes.empty()) return;
  try {
    owed_.append(bytes);
    start_paying();
  } catch (const std::bad_alloc&) {
    close_now();
  }
}

void Session::start_paying() {
  if (paying_ || gone_) return;
  if (!write_deadline_) write_deadline_.emplace(core_->deadlines, [this] { on_write_late(); });
  socket_.async_wait(Socket::wait_write,
                     [self = shared_from_this()](const error_code& ec) { self->on_payable(ec); });
  paying_ = true;
  unacknowledged_ = unacknowledged();
  write_deadline_->arm(limits_->write_stall_time);
}

void Session::on_payable(const error_code& ec) {
  paying_ = false;
  if (!writing_) write_deadline_->disarm();
  if (ec && !gone_) on_gone();
  try {
    if (pay_owed() && !owed_.empty()) return start_paying();
  } catch (const std::bad_alloc&) {
    close_now();
  }
  if (settled_ != nullptr) settled_->raise();
}

// The next piece of a stream, with what frames it in core_->out.
Session::Outgoing Session::build_chunk(std::string_view bytes) {
  std::string& out = core_->out;
  out.clear();
  Outgoing outgoing;
  if (bytes.size() <= kCopiedBytes) {
    append_chunk(out, bytes);
    outgoing.pieces = {asio::buffer(out)};
  } else if (chunked_) {
    append_chunk_size(out, bytes.size());
    outgoing.pieces = {asio::buffer(out), asio::buffer(bytes), asio::buffer(std::string_view("\r\n"))};
  } else {
    outgoing.pieces = {asio::buffer(bytes)};
  }
  return outgoing;
}

bool Session::write_now(std::string_view bytes) {
  if (gone_ || answer_ != Answer::streaming) return false;
  // An empty chunk would end the stream.
  if (bytes.empty() || sends_no_body(200)) return true;
  if (!pay_owed()) return false;
  Outgoing outgoing = build_chunk(bytes);
  if (put_now(outgoing)) return true;
  if (gone_) return false;
  for (const asio::const_buffer& piece : outgoing.pieces)
    owe({static_cast<const char*>(piece.data()), piece.size()});
  return !gone_;
}

Task<bool> Session::settle() {
  if (owed_.empty() || gone_) co_return !gone_;
  const auto begin = Clock::now();
  Signal settled(core_->io.get_executor());
  // Also where the wait finds no memory to begin.
  struct Settling {
    Session& session;
    ~Settling() { session.settled_ = nullptr; }
  };
  const Settling settling{*this};
  settled_ = &settled;
  co_await settled.wait();
  time_waited_ += Clock::now() - begin;
  co_return !gone_;
}

Task<bool> Session::write(std::string_view bytes) {
  if (!write_now(bytes)) co_return false;
  co_return co_await settle();
}

Task<bool> Session::end_stream() {
  if (gone_ || answer_ != Answer::streaming) co_return false;
  answer_ = Answer::ending;
  const bool last_chunk = chunked_ && !sends_no_body(200);
  Outgoing outgoing{{asio::buffer(std::string_view(last_chunk ? "0\r\n\r\n" : ""))}};
  if (!put_now(outgoing) && !co_await put(outgoing)) co_return false;
  answer_ = Answer::complete;
  co_return true;
}

void Session::abort() {
  if (answer_ == Answer::aborted || gone_) return;
  answer_ = Answer::aborted;
  forget_owed();
  error_code ec;
  if (chunked_) {
    // The missing last chunk tells the client; what was written before still arrives.
    socket_.shutdown(Socket::shutdown_send, ec);
    return;
  }
  // Here an orderly end would look like the end of the body. With no time to linger, closing sends a reset.
  socket_.set_option(asio::socket_base::linger(true, 0), ec);
  gone_ = true;
  socket_.close(ec);
}

void Session::begin_head(int status, std::string_view content_type, std::string_view fields) {
  core_->begin_out();
  append_head(core_->out, status, core_->date.at(std::time(nullptr)), content_type, fields);
}

void Session::append_connection_field() {
  if (closing()) {
    closes_after_ = true;  // said is done, even if the cause passes
    core_->out.append("Connection: close\r\n");
  } else if (exchange_->reader.head().http_1_0) {
    core_->out.append("Connection: keep-alive\r\n");
  }
}

void Session::append_chunk(std::string& out, std::string_view bytes) const {
  if (!chunked_) {
    out.append(bytes);
  } else if (!bytes.empty()) {
    append_chunk_size(out, bytes.size());
    out.append(bytes).append("\r\n");
  }
}

bool Session::sends_no_body(int status) const {
  return is_bodiless(status) || exchange_->reader.head().method == "HEAD";
}

// True: all of it is with the kernel. False: the rest has to wait, or the client is gone (then put() says
// so).
bool Session::put_now(Outgoing& outgoing) {
  if (gone_ || !owed_.empty()) return false;
  error_code ec;
  const bool single = outgoing.pieces[1].size() == 0 && outgoing.pieces[2].size() == 0;
  const std::size_t written = single ? write_some(outgoing.pieces[0], ec) : write_some(outgoing.pieces, ec);
  if (ec && ec != asio::error::would_block) {
    on_gone();
    return false;
  }
  outgoing.consume(written);
  return outgoing.empty();
}

Task<bool> Session::put(Outgoing outgoing) {
  if (gone_) co_return false;
  // While this one waits, the thread's buffer is others'.
  asio::const_buffer& first = outgoing.pieces[0];
  const std::string kept(static_cast<const char*>(first.data()), first.size());
  first = asio::buffer(kept);
  while (!owed_.empty()) {
    if (!co_await settle()) co_return false;
  }
  co_return co_await put_slowly(outgoing);
}

Task<bool> Session::put_slowly(Outgoing outgoing) {
  if (!write_deadline_) write_deadline_.emplace(core_->deadlines, [this] { on_write_late(); });
  writing_ = true;
  const auto begin = Clock::now();
  error_code ec;
  while (!gone_ && !ec && !outgoing.empty()) {
    unacknowledged_ = unacknowledged();
    write_deadline_->arm(limits_->write_stall_time);
    const std::size_t written = co_await socket_.async_write_some(
        outgoing.pieces, asio::redirect_error(asio::use_awaitable_t<Executor>(), ec));
    outgoing.consume(written);
  }
  writing_ = false;
  time_waited_ += Clock::now() - begin;
  write_deadline_->disarm();
  if (ec && !gone_) on_gone();
  co_return !gone_;
}

// The kernel wants more only when half of kUnsentBytesMax is gone, which takes a slow reader longer than it
// may stall. Whether it stalls is told by what it acknowledges.
void Session::on_write_late() {
  const std::size_t left = unacknowledged();
  if (left < std::exchange(unacknowledged_, left)) return write_deadline_->arm(limits_->write_stall_time);
  error_code ignored;
  socket_.cancel(ignored);
}

std::size_t Session::unacknowledged() {
  int bytes = 0;
  return ::ioctl(socket_.native_handle(), SIOCOUTQ, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool Session::Outgoing::empty() const {
  return std::ranges::all_of(pieces, [](const asio::const_buffer& piece) { return piece.size() == 0; });
}

void Session::Outgoing::consume(std::size_t bytes) {
  for (asio::const_buffer& piece : pieces) {
    const std::size_t part = std::min(bytes, piece.size());
    piece += part;
    bytes -= part;
  }
}

}  // namespace ai_proxy::http
