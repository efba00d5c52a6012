// Keeps what is no request at all from filling the log: so many lines a second, the others are counted.
// Shared by all threads; the clock is an argument.
#pragma once

#include <cstdint>
#include <mutex>

#include "http/asio.h"

namespace ai_proxy::gateway {

class RefusalLog {
 public:
  static constexpr int kLinesPerSecond = 10;

  // May this one have a line? If not, it is counted.
  bool may_log(http::Clock::time_point now);
  // How many had none since the last call.
  std::uint64_t take_unlogged();

 private:
  std::mutex mutex_;
  http::Clock::time_point second_;  // when the second began
  int lines_ = 0;                   // in it
  std::uint64_t unlogged_ = 0;
};

}  // namespace ai_proxy::gateway
