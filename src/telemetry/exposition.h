// The text that Prometheus scrapes. Protocol source: Prometheus text exposition format 0.0.4. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/money.h"
#include "telemetry/counters.h"

namespace ai_proxy::telemetry {

inline constexpr std::string_view kExpositionType = "text/plain; version=0.0.4; charset=utf-8";

// Names are ours ([a-z_]); values may be any text, and are made to fit.
class Labels {
 public:
  Labels() = default;
  Labels(std::string_view name, std::string_view value) { add(name, value); }
  Labels& add(std::string_view name, std::string_view value);
  Labels with(std::string_view name, std::string_view value) const { return Labels(*this).add(name, value); }
  const std::string& text() const { return text_; }  // a="1",b="2"

 private:
  std::string text_;
};

// An integer that counts parts of a unit, in decimal and exactly: 1500 with 6 decimals is 0.0015.
std::string decimal(std::uint64_t value, int decimals);

class Exposition {
 public:
  enum class Kind : std::uint8_t { counter, gauge, histogram };

  // What the samples behind it belong to; each family once, with all its samples.
  void family(std::string_view name, Kind kind, std::string_view help);
  void sample(const Labels& labels, std::uint64_t value) { append_sample("", labels, decimal(value, 0)); }
  void sample(const Labels& labels, std::string_view number) { append_sample("", labels, number); }
  void sample(const Labels& labels, const Counter& counter) { sample(labels, counter.value()); }
  void sample(const Labels& labels, const MoneyCounter& money) {
    append_sample("", labels, format_usd(money.value()));
  }
  // `decimals`: its values count parts of the unit it is shown in (6: microseconds as seconds).
  template <const auto& kBounds>
  void histogram(const Labels& labels, const Histogram<kBounds>& histogram, int decimals) {
    std::vector<std::uint64_t> counts(kBounds.size() + 1);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = histogram.count_in(i);
    append_histogram(labels, kBounds, counts, histogram.sum(), decimals);
  }

  std::string take() { return std::move(text_); }

 private:
  void append_sample(std::string_view suffix, const Labels& labels, std::string_view number);
  void append_histogram(const Labels& labels, std::span<const std::int64_t> bounds,
                        std::span<const std::uint64_t> counts, std::uint64_t sum, int decimals);

  std::string text_;
  std::string_view name_;  // of the family; a constant
};

}  // namespace ai_proxy::telemetry
