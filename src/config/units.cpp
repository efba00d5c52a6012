#include "config/units.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/ascii.h"
#include "base/money.h"

namespace ai_proxy::config {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;  // as it is shown
  std::uint64_t factor;
};

constexpr std::array kSizes = std::to_array<Unit>({{"B", 1},
                                                   {"KB", 1'000},
                                                   {"MB", 1'000'000},
                                                   {"GB", 1'000'000'000},
                                                   {"KiB", 1ull << 10},
                                                   {"MiB", 1ull << 20},
                                                   {"GiB", 1ull << 30}});

constexpr std::array kDurations =
    std::to_array<Unit>({{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}});

struct Split {
  std::string_view number;
  std::string_view unit;
};

// "10 MiB" -> "10", "MiB".
Split split(std::string_view text) {
  text = ascii_trim(text);
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  return {text.substr(0, end), ascii_trim(text.substr(end))};
}

std::string in_sizes(std::uint64_t bytes) {
  std::string text;
  const Unit* best = &kSizes.front();
  for (const Unit& unit : kSizes) {
    if (unit.name.size() == 3 && bytes != 0 && bytes % unit.factor == 0) best = &unit;
  }
  append_integer(text, bytes / best->factor);
  return best->factor == 1 ? text.append(" bytes") : text.append(best->name);
}

std::string in_durations(milliseconds time) {
  const auto count = static_cast<std::uint64_t>(time.count());
  const Unit* best = &kDurations[count == 0 ? 1 : 0];
  for (const Unit& unit : kDurations) {
    if (count != 0 && count % unit.factor == 0) best = &unit;
  }
  std::string text;
  append_integer(text, count / best->factor);
  return text.append(best->name);
}

std::unexpected<std::string> refused(std::string_view wanted, std::string_view text) {
  return std::unexpected(
      std::string("must be ").append(wanted).append(", not ").append(shown(text)).append("."));
}

}  // namespace

Parsed<std::uint64_t> parse_count(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto value = parse_integer<std::uint64_t>(ascii_trim(text));
  if (value && *value >= least && *value <= most) return *value;
  std::string wanted = "a whole number from ";
  append_integer(wanted, least);
  wanted.append(" to ");
  append_integer(wanted, most);
  return refused(wanted, text);
}

Parsed<std::uint64_t> parse_size(std::string_view text, std::uint64_t least, std::uint64_t most) {
  const auto [digits, name] = split(text);
  const auto number = parse_integer<std::uint64_t>(digits);
  const auto unit = name.empty() ? kSizes.begin() : std::ranges::find_if(kSizes, [&](const Unit& known) {
    return ascii_iequals(known.name, name);
  });
  if (number && unit != kSizes.end() && *number <= std::numeric_limits<std::uint64_t>::max() / unit->factor) {
    const std::uint64_t bytes = *number * unit->factor;
    if (bytes >= least && bytes <= most) return bytes;
  }
  return refused("a size from " + in_sizes(least) + " to " + in_sizes(most) +
                     " (bytes, or with KB, MB, GB, KiB, MiB, GiB)",
                 text);
}

Parsed<milliseconds> parse_duration(std::string_view text, milliseconds least, milliseconds most) {
  const auto [digits, name] = split(text);
  // Exact to the microsecond before it is rounded down to milliseconds; no floating point.
  const auto millionths = parse_decimal(digits, 6);
  const auto unit = std::ranges::find(kDurations, name.empty() ? "s" : name, &Unit::name);
  constexpr PicoUsd kMillionthsMax = PicoUsd{1'000'000'000} * 1'000'000;  // far above every bound
  if (millionths && unit != kDurations.end() && *millionths >= 0 && *millionths <= kMillionthsMax) {
    const milliseconds time(
        static_cast<std::int64_t>(*millionths * static_cast<std::int64_t>(unit->factor) / 1'000'000));
    if (time >= least && time <= most) return time;
  }
  return refused("a duration from " + in_durations(least) + " to " + in_durations(most) +
                     " (seconds, or with ms, s, m, h, d)",
                 text);
}

Parsed<bool> parse_truth(std::string_view text) {
  for (const std::string_view word : {"true", "yes", "on", "1"}) {
    if (ascii_iequals(word, ascii_trim(text))) return true;
  }
  for (const std::string_view word : {"false", "no", "off", "0"}) {
    if (ascii_iequals(word, ascii_trim(text))) return false;
  }
  return refused("true or false", text);
}

}  // namespace ai_proxy::config
