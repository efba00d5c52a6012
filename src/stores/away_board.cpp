// The process-wide count behind "redis is away" and "redis is back".
#include "stores/away_board.h"

namespace ai_proxy::stores {

// Never destroyed: a thread may look at it while the process ends.
AwayBoard& AwayBoard::of_process() {
  static AwayBoard* const board = new AwayBoard;
  return *board;
}

bool AwayBoard::leave(const std::string& address) {
  const std::lock_guard lock(mutex_);
  return ++missing_[address] == 1;
}

bool AwayBoard::come_back(const std::string& address) {
  const std::lock_guard lock(mutex_);
  const auto found = missing_.find(address);
  if (found == missing_.end()) return false;
  if (--found->second > 0) return false;
  missing_.erase(found);
  return true;
}

}  // namespace ai_proxy::stores
