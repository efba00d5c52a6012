#include "http/socket.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>

namespace ai_proxy::http {
namespace {

// What the read has left, as the kernel told; the end counts as one byte. Not told: something.
bool leaves_something(const msghdr& message) {
  const cmsghdr* const told = CMSG_FIRSTHDR(&message);
  if (told == nullptr || told->cmsg_level != IPPROTO_TCP || told->cmsg_type != TCP_CM_INQ) return true;
  int bytes = 0;
  std::memcpy(&bytes, CMSG_DATA(told), sizeof bytes);
  return bytes != 0;
}

// What the loop was told of a descriptor the last time. Asio keeps it where it passes it on.
unsigned last_events(asio::detail::reactor::per_descriptor_data descriptor) {
  using Operation = asio::detail::scheduler_operation;
  struct Kept : Operation {
    static unsigned of(const Operation& operation) { return operation.*(&Kept::task_result_); }
  };
  return Kept::of(*(Operation*)descriptor);  // NOLINT: only this cast reaches a private base
}

}  // namespace

void Socket::Readiness::note_events() {
  broken = broken || (last_events(descriptor) & (EPOLLERR | EPOLLHUP)) != 0;
}

std::size_t Socket::read_now(void* space, std::size_t room, error_code& fault) {
  if (drained()) {
    fault = asio::error::would_block;
    return 0;
  }
  iovec piece{.iov_base = space, .iov_len = room};
  alignas(cmsghdr) char told[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = told;
  message.msg_controllen = sizeof told;
  ssize_t got = 0;
  do {
    got = ::recvmsg(native_handle(), &message, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    fault = {};
    if (readiness_) readiness_->drained = !readiness_->broken && !leaves_something(message);
    return static_cast<std::size_t>(got);
  }
  if (got == 0) {
    fault = asio::error::eof;
  } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
    fault = asio::error::would_block;
    if (readiness_) {
      readiness_->drained = true;
      readiness_->broken = false;
    }
  } else {
    fault = error_code(errno, boost::system::system_category());
  }
  return 0;
}

void Socket::start_wait() {
  asio::detail::reactor& reactor = readiness_->reactor;
  if (!readiness_->drained) return reactor.post_immediate_completion(readiness_.get(), false);
  auto& implementation = impl_.get_implementation();
  readiness_->descriptor = implementation.reactor_data_;
  reactor.start_op(asio::detail::reactor::read_op, implementation.socket_, implementation.reactor_data_,
                   readiness_.get(), false, true);
}

Task<void> Socket::readable() {
  using Token = asio::use_awaitable_t<Executor>;
  return asio::async_initiate<const Token, void()>(
      [this](auto waiter) {
        async_readable([waiter = std::move(waiter)](const error_code&) mutable { std::move(waiter)(); });
      },
      Token{});
}

}  // namespace ai_proxy::http
