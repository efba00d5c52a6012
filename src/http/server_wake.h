// One coroutine waits, somebody wakes it. One thread.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <utility>

#include "http/asio.h"

namespace ai_proxy::http {

class Wake {
 public:
  // Requires: nobody waits yet. A wake() that comes before is not remembered: check the condition first.
  Task<void> wait() {
    return asio::async_initiate<const Token, void()>(
        [this](auto waiter) { waiter_.emplace(std::move(waiter)); }, kToken);
  }

  // Resumes the waiting coroutine, if any, before it returns.
  void wake() {
    if (!waiter_) return;
    Waiter waiter = std::move(*waiter_);
    waiter_.reset();
    std::move(waiter)();
  }

  // Destroys the waiting coroutine (on its executor) instead of resuming it.
  void drop() { waiter_.reset(); }

 private:
  using Token = asio::use_awaitable_t<Executor>;
  using Waiter = asio::async_result<Token, void()>::handler_type;
  static constexpr Token kToken{};

  std::optional<Waiter> waiter_;
};

}  // namespace ai_proxy::http
