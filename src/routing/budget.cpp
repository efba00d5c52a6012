#include "routing/budget.h"

#include <algorithm>
#include <chrono>

namespace ai_proxy::routing {
namespace {

std::int64_t seconds_of(Time now) {
  return std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
}

}  // namespace

// Counts that meet the turn of a slot may be lost: a budget can bear that.
RetryBudget::Second& RetryBudget::at(std::int64_t second) {
  Second& slot = seconds_[static_cast<std::size_t>(second) % seconds_.size()];
  if (slot.stamp.load(std::memory_order_relaxed) != second &&
      slot.stamp.exchange(second, std::memory_order_relaxed) != second) {
    slot.requests.store(0, std::memory_order_relaxed);
    slot.retries.store(0, std::memory_order_relaxed);
  }
  return slot;
}

void RetryBudget::count_request(Time now) {
  at(seconds_of(now)).requests.fetch_add(1, std::memory_order_relaxed);
}

bool RetryBudget::has(const BudgetPolicy& policy, Time now) const {
  const std::int64_t second = seconds_of(now);
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  for (const Second& slot : seconds_) {
    const std::int64_t age = second - slot.stamp.load(std::memory_order_relaxed);
    if (age < 0 || age >= static_cast<std::int64_t>(kSeconds)) continue;
    requests += slot.requests.load(std::memory_order_relaxed);
    retries += slot.retries.load(std::memory_order_relaxed);
  }
  const double allowed = std::max(policy.share * static_cast<double>(requests),
                                  static_cast<double>(policy.per_second * kSeconds));
  return static_cast<double>(retries) + 1 <= allowed;
}

bool RetryBudget::take(const BudgetPolicy& policy, Time now) {
  if (!has(policy, now)) return false;
  at(seconds_of(now)).retries.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void RetryBudget::give_back(Time taken) {
  const std::int64_t second = seconds_of(taken);
  Second& slot = seconds_[static_cast<std::size_t>(second) % seconds_.size()];
  if (slot.stamp.load(std::memory_order_relaxed) != second) return;  // forgotten by now
  std::uint32_t retries = slot.retries.load(std::memory_order_relaxed);
  while (retries > 0 &&
         !slot.retries.compare_exchange_weak(retries, retries - 1, std::memory_order_relaxed)) {
  }
}

}  // namespace ai_proxy::routing
