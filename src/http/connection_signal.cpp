#include "http/connection_signal.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ai_proxy::http {

// A timer that never ends, but can be cancelled, is Asio's way to park a coroutine.
Signal::Signal(const Executor& executor) : timer_(executor, Clock::time_point::max()) {}

void Signal::raise() {
  raised_ = true;
  timer_.cancel();
}

Task<void> Signal::wait() {
  while (!raised_) {
    error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable_t<Executor>(), ignored));
  }
}

}  // namespace ai_proxy::http
