// Numbers that one thread counts and any thread may read: no lock, and nothing dearer than a plain addition.
// A reader sees a recent value of each, and none of them ever goes down (but a Gauge).
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "base/money.h"

namespace ai_proxy::telemetry {

class Counter {
 public:
  void add(std::uint64_t amount = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void add(const Counter& other) { add(other.value()); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
  std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::int64_t> value_{0};
};

// Money, exactly. Whole dollars and what is left of them are summed apart, without a carry from one to the
// other: so a reader on another thread never sees the sum go down. Stays at its greatest value rather than
// turn over.
class MoneyCounter {
 public:
  // What is not positive is not counted.
  void add(PicoUsd amount) {
    if (amount <= 0) return;
    if (amount >= kPicoPerUsd) {
      add_to(dollars_, static_cast<std::uint64_t>(std::min<PicoUsd>(amount / kPicoPerUsd, kMost)));
      amount %= kPicoPerUsd;
    }
    add_to(picos_, static_cast<std::uint64_t>(amount));
  }
  void add(const MoneyCounter& other) {
    add_to(dollars_, other.dollars_.value());
    add_to(picos_, other.picos_.value());
  }
  PicoUsd value() const { return PicoUsd(dollars_.value()) * kPicoPerUsd + picos_.value(); }

 private:
  static constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  static void add_to(Counter& counter, std::uint64_t amount) {
    counter.add(std::min(amount, kMost - counter.value()));
  }

  Counter dollars_;
  Counter picos_;
};

// How values are spread. kBounds: an array of std::int64_t, ascending; each is the greatest value of its
// bucket, and one more bucket takes what is beyond the last.
template <const auto& kBounds>
class Histogram {
 public:
  static constexpr const auto& kUpper = kBounds;

  // A negative value counts as 0, one beyond 2^48 as that.
  void observe(std::int64_t value) {
    value = std::clamp<std::int64_t>(value, 0, kValueMax);
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && value > kBounds[bucket]) ++bucket;
    buckets_[bucket].add();
    sum_.add(static_cast<std::uint64_t>(value));
  }
  void add(const Histogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i].add(other.buckets_[i]);
    sum_.add(other.sum_);
  }

  // One bucket's own, not cumulative.
  std::uint64_t count_in(std::size_t bucket) const { return buckets_[bucket].value(); }
  std::uint64_t count() const {
    std::uint64_t all = 0;
    for (const Counter& bucket : buckets_) all += bucket.value();
    return all;
  }
  std::uint64_t sum() const { return sum_.value(); }

 private:
  static constexpr std::int64_t kValueMax = std::int64_t{1} << 48;
  std::array<Counter, kBounds.size() + 1> buckets_;
  Counter sum_;
};

}  // namespace ai_proxy::telemetry
