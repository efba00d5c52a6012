#include "gateway/refusal_log.h"

#include <chrono>
#include <utility>

namespace ai_proxy::gateway {

bool RefusalLog::may_log(http::Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (now - second_ >= std::chrono::seconds(1)) {
    second_ = now;
    lines_ = 0;
  }
  if (++lines_ <= kLinesPerSecond) return true;
  ++unlogged_;
  return false;
}

std::uint64_t RefusalLog::take_unlogged() {
  const std::lock_guard lock(mutex_);
  return std::exchange(unlogged_, 0);
}

}  // namespace ai_proxy::gateway
