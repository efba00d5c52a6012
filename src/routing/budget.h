// How many retries a process can afford. Time is an argument.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "routing/health.h"

namespace ai_proxy::routing {

struct BudgetPolicy {
  double share = 0.2;       // of the requests of the last ten seconds
  unsigned per_second = 3;  // and at least so many
};

// Retries as a share of requests, over the last ten seconds. Any thread, no lock.
class RetryBudget {
 public:
  void count_request(Time now);
  // May there be one more now?
  bool has(const BudgetPolicy& policy, Time now) const;
  // False: no more for now. True: it is counted.
  bool take(const BudgetPolicy& policy, Time now);
  // What was taken then has not been used.
  void give_back(Time taken);

 private:
  static constexpr std::size_t kSeconds = 10;
  struct Second {
    std::atomic<std::int64_t> stamp{-1};
    std::atomic<std::uint32_t> requests{0};
    std::atomic<std::uint32_t> retries{0};
  };
  Second& at(std::int64_t second);
  std::array<Second, 16> seconds_;
};

}  // namespace ai_proxy::routing
