// What follows a failed attempt: the same again after a pause, another candidate at once, or the error to the
// caller. Pure: what it depends on is in its arguments, chance included.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "base/error.h"

namespace ai_proxy::routing {

using std::chrono::milliseconds;

inline constexpr std::array kAllErrorCodes{ErrorCode::provider_not_configured,
                                           ErrorCode::provider_auth_failed,
                                           ErrorCode::model_not_found,
                                           ErrorCode::context_length_exceeded,
                                           ErrorCode::invalid_request,
                                           ErrorCode::content_filtered,
                                           ErrorCode::rate_limited,
                                           ErrorCode::quota_exhausted,
                                           ErrorCode::overloaded,
                                           ErrorCode::provider_error,
                                           ErrorCode::provider_timeout,
                                           ErrorCode::provider_unreachable,
                                           ErrorCode::stream_interrupted,
                                           ErrorCode::cancelled,
                                           ErrorCode::internal};

// A set of error codes.
class Causes {
 public:
  constexpr Causes() = default;
  constexpr Causes(std::initializer_list<ErrorCode> codes) {
    for (const ErrorCode code : codes) add(code);
  }
  constexpr void add(ErrorCode code) { bits_ |= bit(code); }
  constexpr bool has(ErrorCode code) const { return (bits_ & bit(code)) != 0; }
  bool operator==(const Causes&) const = default;

 private:
  static constexpr std::uint32_t bit(ErrorCode code) { return 1U << static_cast<unsigned>(code); }
  std::uint32_t bits_ = 0;
};

// What another candidate may do better. What the caller did wrong is wrong everywhere; whether a longer
// context or another filter is wanted (context_length_exceeded, content_filtered) is for the configuration to
// say.
inline constexpr Causes kFallbackCauses{ErrorCode::provider_not_configured, ErrorCode::provider_auth_failed,
                                        ErrorCode::model_not_found,         ErrorCode::rate_limited,
                                        ErrorCode::quota_exhausted,         ErrorCode::overloaded,
                                        ErrorCode::provider_error,          ErrorCode::provider_timeout,
                                        ErrorCode::provider_unreachable,    ErrorCode::stream_interrupted};

struct RetryPolicy {
  int retries = 2;  // attempts beyond the first, at whichever candidate
  milliseconds backoff{100};
  milliseconds backoff_max{5'000};
  milliseconds added_wait_max{10'000};  // all pauses of a request together
  // The longest pause that a rate limit is worth when no other candidate is left; 0: the caller is told at
  // once, with its Retry-After.
  milliseconds rate_limit_wait{0};
  // Of what a provider asks to wait, at most this is believed.
  milliseconds retry_after_max{60'000};
};

// How far a request has come.
struct Progress {
  int attempts = 1;              // made
  int attempts_here = 1;         // at this candidate
  milliseconds waited{0};        // in pauses
  milliseconds time_left{0};     // of the request's total time
  bool answer_begun = false;     // a byte has gone to the caller
  bool other_candidate = false;  // there is a usable one that was not tried
  bool budget_left = false;      // the process may afford one more attempt
  Causes fallback_on = kFallbackCauses;
};

enum class Next : std::uint8_t { give_up, repeat, fall_back };

struct Step {
  Next next = Next::give_up;
  milliseconds wait{0};
};

// `chance` is in [0, 1): full jitter is chance x the exponential bound.
Step next_step(const RetryPolicy& policy, const Error& error, const Progress& progress, double chance);

// What an attempt says about the health of its candidate.
enum class Verdict : std::uint8_t {
  good,     // it answered; a refusal of what the caller sent is an answer too
  bad,      // connect, timeout, 5xx, nonsense; our key refused, or out of money
  limited,  // too fast for now: no failure, but not to be asked again before retry_after
  none,     // our own doing, or the caller's going away
};
// `had_its_time`: it had all the time that is configured for a request, and has begun no answer in it. Where
// that time is over otherwise (an earlier attempt has used it up, the caller has set a shorter one, the
// answer is long, or read slowly) the candidate is not to blame.
Verdict verdict_on(const Error& error, bool had_its_time);

// Retry-After as far as it is believed; nullopt: it said nothing sensible.
std::optional<milliseconds> believed_pause(const RetryPolicy& policy, const Error& error);

}  // namespace ai_proxy::routing
