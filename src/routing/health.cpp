#include "routing/health.h"

#include <algorithm>
#include <cmath>

namespace ai_proxy::routing {
namespace {

// A probe that says nothing for so long does not keep others away.
constexpr milliseconds kProbePatience{1'000};
constexpr std::chrono::duration<double> kLatencyMemory{10};
// A quick failure is no quick answer: else who fails at once would be asked first, again and again.
constexpr milliseconds kFailureLatency{5'000};
// While the first request finds out, others go where something is known.
constexpr double kUnknownLatencyMs = 1e6;

}  // namespace

Health::Standing Health::standing(const HealthPolicy& policy, Time now) const {
  const bool probe_runs = probe_begin_ != Time{} && now < probe_begin_ + kProbePatience;
  if (policy.pause_when_limited && paused_) {
    if (now < pause_end_ || probe_runs) return Standing::paused;
    // A limit is told at once: a probe that has not been told of it is only slow to be answered.
    if (breaker_ == Breaker::closed) return probe_begin_ == Time{} ? Standing::probe : Standing::usable;
  }
  if (breaker_ == Breaker::closed || policy.failures_in_a_row <= 0) return Standing::usable;
  if (now < open_end_) return Standing::open;
  return breaker_ == Breaker::probing && probe_runs ? Standing::open : Standing::probe;
}

Health::Request Health::begin(const HealthPolicy& policy, Time now) {
  ++under_way_;
  const bool probe = standing(policy, now) == Standing::probe;
  if (probe) {
    probe_begin_ = now;
    if (breaker_ == Breaker::open) breaker_ = Breaker::probing;
  }
  return {.begun = now, .probe = probe, .counted = true};
}

void Health::end(const HealthPolicy& policy, const Request& request, Verdict verdict,
                 std::optional<milliseconds> pause, std::optional<milliseconds> unanswered, Time now) {
  if (request.counted) under_way_ = std::max(0, under_way_ - 1);
  heard_at_ = now;
  roll(policy, now);
  if (unanswered) note_unanswered(verdict, *unanswered, now);
  switch (verdict) {
    case Verdict::good:
      ++current_.outcomes;
      note_answer(request);
      if (request.begun > paused_at_) limits_in_a_row_ = 0;
      if (request.begun > opened_at_) failures_in_a_row_ = openings_ = 0;
      break;
    case Verdict::bad:
      note_failure(policy, request, pause, now);
      break;
    case Verdict::limited:
      note_limit(policy, request, pause, now);
      break;
    case Verdict::none:
      end_probe(request);  // it told nothing: the next may be the probe
      break;
  }
}

void Health::end_probe(const Request& request) {
  if (request.probe && request.begun == probe_begin_) probe_begin_ = {};
}

// What began before the breaker opened, or the pause, says nothing of it.
void Health::note_answer(const Request& request) {
  end_probe(request);
  if (paused_ && request.begun > paused_at_) {
    paused_ = false;
    limits_in_a_row_ = 0;
  }
  if (breaker_ == Breaker::closed || request.begun <= opened_at_) return;
  breaker_ = Breaker::closed;
  open_end_ = {};
  recovered_at_ = request.begun;
  current_ = last_ = {};
  failures_in_a_row_ = 0;
}

void Health::note_failure(const HealthPolicy& policy, const Request& request,
                          std::optional<milliseconds> pause, Time now) {
  end_probe(request);
  // Of what has opened the breaker already, or of a time that is over.
  if (request.begun <= opened_at_ || request.begun < recovered_at_) return;
  const bool has_breaker = policy.failures_in_a_row > 0;
  // Asked although it is open, for want of others: nobody's probe.
  const bool counts = breaker_ == Breaker::closed || request.probe;
  if (counts) {
    ++current_.outcomes;
    ++current_.failures;
    ++failures_in_a_row_;
  }
  if (has_breaker && counts) {
    // Also of one that has closed the breaker as its answer began: that answer is bad after all.
    const bool failed_probe = request.probe && openings_ > 0;
    const int outcomes = current_.outcomes + last_.outcomes;
    const int failures = current_.failures + last_.failures;
    const bool often = outcomes >= policy.outcomes_min && failures >= policy.failure_share * outcomes;
    if (failed_probe || failures_in_a_row_ >= policy.failures_in_a_row || often)
      open(now, std::min(policy.open_time * (1 << std::min(openings_, 10)), policy.open_time_max));
  }
  // Overloaded, and it says until when: others are preferred. (Only a rate limit is a reason to ask nobody at
  // all.)
  if (has_breaker && pause) open(now, *pause);
}

void Health::open(Time now, milliseconds time) {
  if (breaker_ != Breaker::open) ++openings_;
  open_end_ = std::max(open_end_, now + time);
  breaker_ = Breaker::open;
  opened_at_ = now;
  probe_begin_ = {};
}

Time Health::usable_at() const {
  const Time probed = probe_begin_ == Time{} ? Time{} : probe_begin_ + kProbePatience;
  const Time unpaused = paused_ ? std::max(pause_end_, probed) : Time{};
  return breaker_ == Breaker::closed ? unpaused : std::max({unpaused, open_end_, probed});
}

void Health::note_limit(const HealthPolicy& policy, const Request& request, std::optional<milliseconds> pause,
                        Time now) {
  end_probe(request);
  if (!pause && request.begun <= paused_at_) return;  // of what has led to the pause already
  ++limits_in_a_row_;
  if (!pause && limits_in_a_row_ < policy.limits_in_a_row) return;
  paused_ = true;
  paused_at_ = now;
  probe_begin_ = {};
  pause_end_ = std::max(pause_end_, now + pause.value_or(policy.unasked_pause));
}

// Peak-sensitive: a slow answer counts at once, a quick one only by and by.
void Health::note_latency(milliseconds latency, Time now) {
  const auto fresh = static_cast<double>(latency.count());
  if (fresh >= latency_ms_) {
    latency_ms_ = fresh;
  } else {
    const std::chrono::duration<double> age = now - latency_at_;
    const double kept = std::exp(-age / kLatencyMemory);
    latency_ms_ = latency_ms_ * kept + fresh * (1 - kept);
  }
  latency_at_ = now;
}

// It would have taken longer still. (A caller's bad request was refused as quickly as it may be.)
void Health::note_unanswered(Verdict verdict, milliseconds time, Time now) {
  if (verdict == Verdict::good) return;
  const bool failed = verdict != Verdict::none;
  if (failed || latency_ms_ <= 0) time = std::max(time, kFailureLatency);
  const auto fresh = static_cast<double>(time.count());
  // Each failure anew: it does not fade while they go on.
  if (failed || fresh > latency_ms_) latency_at_ = now;
  latency_ms_ = std::max(latency_ms_, fresh);
}

double Health::load(Time now) const {
  if (latency_ms_ <= 0) return kUnknownLatencyMs * under_way_;
  // What nobody has asked for long is worth another look.
  const std::chrono::duration<double> age = now - latency_at_;
  const double kept = under_way_ == 0 ? std::exp(-age / (3 * kLatencyMemory)) : 1;
  return latency_ms_ * kept * (under_way_ + 1);
}

void Health::roll(const HealthPolicy& policy, Time now) {
  const milliseconds half = policy.window / 2;
  if (now - window_begin_ < half) return;
  last_ = now - window_begin_ < 2 * half ? current_ : Window{};
  current_ = {};
  window_begin_ = now;
}

bool Health::is_forgotten(const HealthPolicy& policy, Time now) const {
  return under_way_ == 0 && now > usable_at() && now - heard_at_ > policy.window + policy.open_time_max;
}

bool Health::is_fresh(const HealthPolicy& policy, Time now) const {
  const bool has_failed = current_.failures + last_.failures > 0 && now - window_begin_ < policy.window;
  return breaker_ == Breaker::closed && failures_in_a_row_ == 0 && limits_in_a_row_ == 0 && !paused_ &&
         openings_ == 0 && under_way_ == 0 && !has_failed &&
         (latency_ms_ == 0 || now - latency_at_ > std::chrono::minutes(1));
}

}  // namespace ai_proxy::routing
