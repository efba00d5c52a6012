// Series by number. Who is counted (a provider and its model) gets a number once, where that is looked up
// anyway; what counts finds its place by the number alone.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "telemetry/exposition.h"

namespace ai_proxy::telemetry {

// There are no more, whatever is configured and reconfigured.
inline constexpr std::size_t kSeriesMax = 1024;

// Labels and numbers for the life of the process: a number never gets other labels. One thread.
class SeriesNames {
 public:
  static constexpr std::uint32_t kNobody = 0;  // "none": no provider was chosen
  static constexpr std::uint32_t kOthers = 1;  // "other": whoever came when all numbers were given out

  SeriesNames();
  // The same names, the same number; so for names that look the same as labels.
  std::uint32_t number_of(std::string_view provider, std::string_view model);
  std::uint32_t size() const { return static_cast<std::uint32_t>(labels_.size()); }
  const Labels& labels(std::uint32_t number) const { return labels_[number]; }

 private:
  std::map<std::string, std::uint32_t, std::less<>> numbers_;  // by the labels' text
  std::deque<Labels> labels_;
};

// What one thread counts under each number. Its own thread makes the places, at their first use, and counts
// in them; any thread may look at them. They stay until the table goes.
template <class Counts>
class SeriesTable {
 public:
  SeriesTable() = default;
  ~SeriesTable() {
    for (const std::atomic<Counts*>& place : places_) delete place.load(std::memory_order_relaxed);
  }
  SeriesTable(const SeriesTable&) = delete;
  SeriesTable& operator=(const SeriesTable&) = delete;

  // The owner's. Numbers are below kSeriesMax.
  Counts& at(std::uint32_t number) {
    Counts* counts = places_[number].load(std::memory_order_relaxed);
    if (counts != nullptr) return *counts;
    counts = std::make_unique<Counts>().release();
    places_[number].store(counts, std::memory_order_release);
    return *counts;
  }
  // Null: nothing has been counted.
  const Counts* find(std::uint32_t number) const { return places_[number].load(std::memory_order_acquire); }

 private:
  std::array<std::atomic<Counts*>, kSeriesMax> places_{};
};

}  // namespace ai_proxy::telemetry
