// One coroutine waits for something that another part of the same thread will tell it.
#pragma once

#include "http/asio.h"

namespace ai_proxy::http {

class Signal {
 public:
  explicit Signal(const Executor& executor);
  // Ends the wait, or the next one at once. Idempotent.
  void raise();
  bool raised() const { return raised_; }
  Task<void> wait();

 private:
  Timer timer_;
  bool raised_ = false;
};

}  // namespace ai_proxy::http
