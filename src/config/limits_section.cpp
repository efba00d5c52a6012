// Every bound and every time of http/limits.h, under the names of docs/configuration.md. A test checks that
// the two agree.
#include <optional>

#include "base/ascii.h"
#include "config/sections.h"
#include "config/units.h"

namespace ai_proxy::config {
namespace {

using namespace std::chrono_literals;
using http::ClientLimits;
using http::ServerLimits;
using std::chrono::milliseconds;

enum class Unit : std::uint8_t { count, bytes };

// What a limit may be: below the least it would make the gateway useless, above the most it would be none.
template <class Limits>
struct Amount {
  std::string_view key;
  std::size_t Limits::* member;
  Unit unit;
  std::uint64_t least;
  std::uint64_t most;
};

template <class Limits>
struct Time {
  std::string_view key;
  milliseconds Limits::* member;
  milliseconds least;
  milliseconds most;
};

constexpr std::uint64_t KiB = 1024;
constexpr std::uint64_t MiB = 1024 * KiB;

constexpr Amount<ServerLimits> kServerAmounts[] = {
    {"connections", &ServerLimits::connections_max, Unit::count, 1, 1'000'000},
    {"connections_per_client", &ServerLimits::connections_per_client_max, Unit::count, 0, 1'000'000},
    {"requests", &ServerLimits::requests_max, Unit::count, 0, 1'000'000},
    {"head", &ServerLimits::head_bytes_max, Unit::bytes, KiB, MiB},
    {"target", &ServerLimits::target_bytes_max, Unit::bytes, 64, MiB},
    {"fields", &ServerLimits::fields_max, Unit::count, 8, 10'000},
    {"body", &ServerLimits::body_bytes_max, Unit::bytes, KiB, 1024 * MiB},
    {"chunk_overhead", &ServerLimits::chunk_overhead_bytes, Unit::bytes, KiB, MiB},
    {"body_rate", &ServerLimits::body_bytes_per_second_min, Unit::bytes, 0, 1024 * MiB},
    {"requests_per_connection", &ServerLimits::requests_per_connection_max, Unit::count, 1, 1'000'000'000},
};

constexpr Time<ServerLimits> kServerTimes[] = {
    {"head_time", &ServerLimits::head_time, 100ms, 1h},
    {"body_time", &ServerLimits::body_time, 100ms, 24h},
    {"idle", &ServerLimits::idle_time, 100ms, 24h},
    {"connection_age", &ServerLimits::connection_age_max, 1s, 24h * 365},
    {"write_stall", &ServerLimits::write_stall_time, 100ms, 24h},
    {"linger", &ServerLimits::linger_time, 0ms, 1min},
    {"loop_delay", &ServerLimits::loop_delay_max, 0ms, 1min},
};

constexpr Amount<ClientLimits> kClientAmounts[] = {
    {"head", &ClientLimits::head_bytes_max, Unit::bytes, KiB, 16 * MiB},
    {"body", &ClientLimits::body_bytes_max, Unit::bytes, KiB, 1024 * MiB},
    {"interim_answers", &ClientLimits::interim_answers_max, Unit::count, 0, 1000},
    {"connections", &ClientLimits::pool_per_origin_max, Unit::count, 1, 1'000'000},
    {"queue", &ClientLimits::pool_queue_max, Unit::count, 0, 1'000'000},
    {"uses", &ClientLimits::pool_uses_max, Unit::count, 1, 1'000'000'000},
};

constexpr Time<ClientLimits> kClientTimes[] = {
    {"connect", &ClientLimits::connect_time, 10ms, 10min},
    {"first_byte", &ClientLimits::first_byte_time, 100ms, 24h},
    {"first_event", &ClientLimits::first_event_time, 100ms, 24h},
    {"silence", &ClientLimits::silence_time, 100ms, 24h},
    {"total", &ClientLimits::total_time, 100ms, 24h},
    {"wait", &ClientLimits::pool_wait_time, 0ms, 10min},
    {"idle", &ClientLimits::pool_idle_time, 0ms, 24h},
    {"age", &ClientLimits::pool_age_max, 1s, 24h},
};

// A size, 0 for none, or "auto".
Parsed<std::optional<std::size_t>> parse_memory(std::string_view text) {
  if (ascii_iequals(ascii_trim(text), "auto")) return std::nullopt;
  const auto bytes = parse_size(text, 0, 1024 * 1024 * MiB);
  if (!bytes) return std::unexpected(bytes.error());
  if (*bytes != 0 && *bytes < 64 * MiB) return std::unexpected("must be auto, 0, or at least 64MiB.");
  return static_cast<std::size_t>(*bytes);
}

template <class Limits, class Rows>
void read_amounts(Section& section, Limits& limits, const Rows& rows, Faults& faults) {
  for (const auto& row : rows) {
    assign(limits.*row.member, section.text(row.key), faults, [&](std::string_view text) {
      return row.unit == Unit::bytes ? parse_size(text, row.least, row.most)
                                     : parse_count(text, row.least, row.most);
    });
  }
}

template <class Limits, class Rows>
void read_times(Section& section, Limits& limits, const Rows& rows, Faults& faults) {
  for (const auto& row : rows) {
    assign(limits.*row.member, section.text(row.key), faults,
           [&](std::string_view text) { return parse_duration(text, row.least, row.most); });
  }
}

}  // namespace

void read_limits(Reading& reading) {
  Section section = reading.root.section("limits");
  read_amounts(section, reading.settings.server, kServerAmounts, reading.faults);
  read_times(section, reading.settings.server, kServerTimes, reading.faults);
  assign(reading.settings.memory_bytes_max, section.text("memory"), reading.faults, parse_memory);
  assign(reading.settings.server.allow_half_close, section.text("allow_half_close"), reading.faults,
         parse_truth);

  Section provider = section.section("provider");
  read_amounts(provider, reading.settings.client, kClientAmounts, reading.faults);
  read_times(provider, reading.settings.client, kClientTimes, reading.faults);
  provider.finish();
  section.finish();

  // A target longer than the head that holds it can never come in whole: 431 would hide the 414.
  if (reading.settings.server.target_bytes_max > reading.settings.server.head_bytes_max) {
    reading.faults.add(section.place("target"), "must not be more than limits.head.");
  }
}

}  // namespace ai_proxy::config
