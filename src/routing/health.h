// How one candidate is doing: a breaker (closed, open, one probe at a time), the pause a rate limit asks for,
// and how long it takes to answer. Fed with time and outcomes; no clock inside.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "routing/retry.h"

namespace ai_proxy::routing {

// Monotonic.
using Time = std::chrono::steady_clock::time_point;

struct HealthPolicy {
  int failures_in_a_row = 5;  // open the breaker; 0: there is none
  double failure_share = 0.5;
  int outcomes_min = 20;  // in a window, before their share counts
  milliseconds window{10'000};
  milliseconds open_time{5'000};  // doubled at each failed probe
  milliseconds open_time_max{60'000};
  // Limited without being told for how long: so many in a row are paused for a second.
  int limits_in_a_row = 5;
  milliseconds unasked_pause{1'000};
  bool pause_when_limited = true;
};

class Health {
 public:
  enum class Standing : std::uint8_t {
    usable,
    probe,   // usable for one request, which will tell
    paused,  // a rate limit holds
    open,    // broken
  };

  // A request under way. What it comes to speaks of the time since it began, not of what was found out later.
  struct Request {
    Time begun{};
    bool probe = false;
    bool counted = false;  // begin() knows of it
  };

  Standing standing(const HealthPolicy& policy, Time now) const;
  // When a paused or open one is worth asking again.
  Time usable_at() const;

  // A request goes there.
  Request begin(const HealthPolicy& policy, Time now);
  // Its answer has begun, and is no refusal: a probe has told what it was for, others need not wait for its
  // end.
  void note_answer(const Request& request);
  // After how long an answer began.
  void note_latency(milliseconds latency, Time now);
  // And this came of it. `pause`: what the provider asked for, as far as it is believed. `unanswered`: for so
  // long no answer had begun when it ended; nullopt: one had, or nobody asks for it.
  void end(const HealthPolicy& policy, const Request& request, Verdict verdict,
           std::optional<milliseconds> pause, std::optional<milliseconds> unanswered, Time now);

  // Peak-sensitive moving average of the latency in milliseconds, times the requests under way: what one more
  // would have to expect. A refusal counts as slow, however quick it was. 0: nothing is known, and nobody is
  // finding out.
  double load(Time now) const;
  int under_way() const { return under_way_; }

  // Nothing has been heard of it for so long that what is known no longer holds.
  bool is_forgotten(const HealthPolicy& policy, Time now) const;
  // Nothing is known that a fresh one does not know.
  bool is_fresh(const HealthPolicy& policy, Time now) const;

 private:
  enum class Breaker : std::uint8_t { closed, open, probing };

  void note_failure(const HealthPolicy& policy, const Request& request, std::optional<milliseconds> pause,
                    Time now);
  void end_probe(const Request& request);
  void open(Time now, milliseconds time);
  void note_limit(const HealthPolicy& policy, const Request& request, std::optional<milliseconds> pause,
                  Time now);
  void note_unanswered(Verdict verdict, milliseconds time, Time now);
  void roll(const HealthPolicy& policy, Time now);

  Breaker breaker_ = Breaker::closed;
  int failures_in_a_row_ = 0;
  int limits_in_a_row_ = 0;
  // Outcomes of the running window and of the one before.
  struct Window {
    int outcomes = 0;
    int failures = 0;
  } current_, last_;
  Time window_begin_{};
  Time open_end_{};
  Time pause_end_{};
  Time opened_at_{};
  Time recovered_at_{};  // when the request began that closed the breaker
  Time paused_at_{};
  Time probe_begin_{};   // of the last probe, of either kind, while it has told nothing
  int openings_ = 0;     // since an answer was good to its end
  bool paused_ = false;  // until a request has shown that the limit is over
  double latency_ms_ = 0;
  Time latency_at_{};
  int under_way_ = 0;
  Time heard_at_{};
};

}  // namespace ai_proxy::routing
