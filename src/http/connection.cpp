#include "http/connection.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <string>
#include <utility>

namespace ai_proxy::http {
namespace {

constexpr asio::use_awaitable_t<Executor> kAwait;
constexpr std::size_t kRecordBytesMax = 16 * 1024;

Transfer transfer_of(const error_code& fault, std::size_t bytes) {
  if (!fault) return {Progress::done, bytes};
  return {fault == asio::error::eof ? Progress::end : Progress::failed, 0};
}

}  // namespace

// A socket that has waited to be connected is watched for being writable ever after (Asio's epoll reactor),
// and so would wake us once for nothing at every wait: it is put under watch anew.
Connection::Connection(Socket socket) : socket_(socket.get_executor()) {
  error_code ignored;
  const tcp protocol = socket.local_endpoint(ignored).protocol();
  const int descriptor = socket.release(ignored);
  error_code fault;
  socket_.assign(protocol, descriptor, fault);
  if (fault) ::close(descriptor);
  socket_.set_option(tcp::no_delay(true), ignored);
  Socket::tell_rest(socket_);
  socket_.non_blocking(true, ignored);
}

Connection::~Connection() = default;

TlsStream& Connection::start_tls(TlsContext& context, const Origin& origin, TlsSession& session) {
  const TlsStream::Trust trust = origin.tls_verify ? TlsStream::Trust::verified : TlsStream::Trust::blind;
  return tls_.emplace(context, socket_, origin.host, session, trust);
}

Transfer Connection::write(std::string_view head, std::string_view body, std::size_t sent) {
  if (!socket_.is_open()) return {Progress::failed, 0};
  if (tls_) return write_tls(head, body, sent);
  const std::size_t of_head = std::min(sent, head.size());
  const auto head_rest = asio::buffer(head.substr(of_head));
  const std::array<asio::const_buffer, 2> rest{head_rest, asio::buffer(body.substr(sent - of_head))};
  error_code fault;
  const std::size_t bytes =
      body.empty() ? socket_.write_some(head_rest, fault) : socket_.write_some(rest, fault);
  if (fault == asio::error::would_block || fault == asio::error::try_again) return {Progress::want_write, 0};
  return transfer_of(fault, bytes);
}

Transfer Connection::write_tls(std::string_view head, std::string_view body, std::size_t sent) {
  if (sent >= head.size()) return tls_->write(body.substr(sent - head.size()));
  // One record, and so one segment, for the head and the beginning of the body. A second try builds the same
  // one.
  thread_local std::string record;
  record.assign(head.substr(sent));
  if (record.size() < kRecordBytesMax) record.append(body.substr(0, kRecordBytesMax - record.size()));
  return tls_->write(record);
}

Transfer Connection::read(std::span<char> into) {
  if (!socket_.is_open()) return {Progress::failed, 0};
  if (tls_) return tls_->read(into);
  error_code fault;
  const std::size_t bytes = socket_.read_now(into.data(), into.size(), fault);
  if (fault == asio::error::would_block) return {Progress::want_read, 0};
  return transfer_of(fault, bytes);
}

// No coroutines of their own: one of them waits in every open stream.
Task<void> Connection::readable() {
  return socket_.readable();
}

Task<void> Connection::writable() {
  return socket_.async_wait(Socket::wait_write, asio::redirect_error(kAwait, ignored_));
}

Task<void> Connection::readable_or_writable() {
  if (!socket_.is_open()) co_return;
  auto group =
      asio::experimental::make_parallel_group(socket_.async_wait(Socket::wait_read, asio::deferred),
                                              socket_.async_wait(Socket::wait_write, asio::deferred));
  co_await std::move(group).async_wait(asio::experimental::wait_for_one(), kAwait);
  socket_.look_again();
}

bool Connection::quiet() {
  char byte;
  if (!socket_.is_open()) return false;
  const auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
  if (got == 0 || !tls_) return false;
  socket_.look_again();
  return takes_all();
}

bool Connection::at_rest() {
  return !has_pending() || takes_all();
}

// It may be a session ticket: lets TLS take it. Is nothing else left?
bool Connection::takes_all() {
  char byte;
  return tls_->read(std::span(&byte, 1)).progress == Progress::want_read;
}

void Connection::close() {
  error_code ignored;
  socket_.close(ignored);
}

void Connection::shut_down() {
  if (tls_ && socket_.is_open()) tls_->shut_down();
  close();
}

}  // namespace ai_proxy::http
