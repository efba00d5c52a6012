// What becomes of a request whose provider fails: how often it is tried again, and when a provider is left
// alone.
#include "config/sections.h"
#include "config/units.h"

namespace ai_proxy::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

void read_time(Reading& reading, milliseconds& target, Section& section, std::string_view key,
               milliseconds most) {
  assign(target, section.text(key), reading.faults,
         [most](std::string_view text) { return parse_duration(text, 0ms, most); });
}

template <class Number>
void read_count(Reading& reading, Number& target, const std::optional<Text>& text, std::uint64_t most) {
  auto count = static_cast<std::uint64_t>(target);
  assign(count, text, reading.faults, [most](std::string_view word) { return parse_count(word, 0, most); });
  target = static_cast<Number>(count);
}

// A share as per cent.
void read_percent(Reading& reading, double& target, const std::optional<Text>& text) {
  if (!text) return;
  std::uint64_t percent = 0;
  read_count(reading, percent, text, 100);
  target = static_cast<double>(percent) / 100;
}

void read_breaker(Reading& reading, Section section) {
  routing::HealthPolicy& policy = reading.settings.routing.health;
  read_count(reading, policy.failures_in_a_row, section.text("failures"), 1000);
  read_percent(reading, policy.failure_share, section.text("percent"));
  read_count(reading, policy.outcomes_min, section.text("outcomes"), 100'000);
  read_time(reading, policy.window, section, "window", 1h);
  read_time(reading, policy.open_time, section, "open", 1h);
  read_time(reading, policy.open_time_max, section, "open_max", 24h);
  section.finish();
}

}  // namespace

void read_routing(Reading& reading) {
  Section section = reading.root.section("routing");
  routing::Policies& routing = reading.settings.routing;
  read_count(reading, routing.retry.retries, section.text("retries"), kRetriesMax);
  read_count(reading, routing.retry.retries, reading.environment.variable("AI_PROXY_RETRIES"), kRetriesMax);
  read_time(reading, routing.retry.backoff, section, "backoff", 1min);
  read_time(reading, routing.retry.backoff_max, section, "backoff_max", 10min);
  read_time(reading, routing.retry.added_wait_max, section, "added_wait", 1h);
  read_time(reading, routing.retry.rate_limit_wait, section, "rate_limit_wait", 1h);
  read_time(reading, routing.retry.retry_after_max, section, "retry_after_max", 24h);
  read_percent(reading, routing.budget.share, section.text("budget_percent"));
  read_count(reading, routing.budget.per_second, section.text("budget_per_second"), 100'000);
  reading.assign_both(routing.health.pause_when_limited, section, "pause_when_limited",
                      "AI_PROXY_PAUSE_WHEN_LIMITED", parse_truth);
  read_breaker(reading, section.section("breaker"));
  section.finish();
}

}  // namespace ai_proxy::config
