// Who is away, as far as this process knows. Every thread has its own connection and breaker; people want one
// line in the log when a store goes and one when it is back, not one per thread. Any thread.
#pragma once

#include <map>
#include <mutex>
#include <string>

namespace ai_proxy::stores {

class AwayBoard {
 public:
  static AwayBoard& of_process();

  // True for the first who misses it.
  bool leave(const std::string& address);
  // True for the last who has it back.
  bool come_back(const std::string& address);

 private:
  std::mutex mutex_;
  std::map<std::string, int> missing_;
};

}  // namespace ai_proxy::stores
