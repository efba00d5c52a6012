#include "routing/retry.h"

#include <algorithm>

namespace ai_proxy::routing {
namespace {

// A provider that did not even accept a connection within its time is tried once more, not again and again.
constexpr int kConnectAttemptsHere = 2;

// A conflict: by its code the caller's fault, and yet the providers' own SDKs try it again.
constexpr int kConflict = 409;

// May the same candidate do better in a moment? Only where it said so, or was never asked: a request that got
// lost on its way may be at work there, and would be paid twice.
bool worth_repeating(const Error& error, const Progress& progress) {
  if (error.provider_status == kConflict) return error.retryable;
  if (error.blame != Blame::provider) return false;
  switch (error.code) {
    case ErrorCode::rate_limited:
    case ErrorCode::overloaded:
    case ErrorCode::provider_error:
      return error.retryable && error.provider_status >= 400;
    case ErrorCode::provider_timeout:
      if (error.provider_status >= 400) return error.retryable;  // it says so itself: 408, 504, 524
      return !error.request_sent && progress.attempts_here < kConnectAttemptsHere;
    default:
      return false;
  }
}

milliseconds jittered(const RetryPolicy& policy, int attempts, double chance) {
  const int doublings = std::clamp(attempts - 1, 0, 16);
  const milliseconds bound = std::min(policy.backoff * (1 << doublings), policy.backoff_max);
  return milliseconds(static_cast<std::int64_t>(static_cast<double>(bound.count()) * chance));
}

}  // namespace

std::optional<milliseconds> believed_pause(const RetryPolicy& policy, const Error& error) {
  if (!error.retry_after || error.retry_after->count() < 0) return std::nullopt;
  return std::min(*error.retry_after, policy.retry_after_max);
}

Step next_step(const RetryPolicy& policy, const Error& error, const Progress& progress, double chance) {
  constexpr Step kGiveUp;
  if (progress.answer_begun || progress.attempts > policy.retries || !progress.budget_left) return kGiveUp;
  if (progress.time_left.count() <= 0) return kGiveUp;
  if (progress.other_candidate && progress.fallback_on.has(error.code)) return {Next::fall_back};
  if (!worth_repeating(error, progress)) return kGiveUp;

  milliseconds wait = jittered(policy, progress.attempts, chance);
  // A pause that was asked for is kept in full, and a little more, so that not all come back at once.
  if (error.retry_after && error.retry_after->count() > 0) wait += *error.retry_after;
  if (error.code == ErrorCode::rate_limited && wait > policy.rate_limit_wait) return kGiveUp;
  if (progress.waited + wait > policy.added_wait_max || wait >= progress.time_left) return kGiveUp;
  return {Next::repeat, wait};
}

Verdict verdict_on(const Error& error, bool had_its_time) {
  // Its fault in the caller's eyes is ours, whose key it is; yet another candidate, with another key, is
  // better.
  const bool key_refused = error.provider_status >= 400 && (error.code == ErrorCode::provider_auth_failed ||
                                                            error.code == ErrorCode::quota_exhausted);
  if (key_refused) return Verdict::bad;
  if (error.code == ErrorCode::cancelled || error.blame == Blame::gateway) return Verdict::none;
  if (error.out_of_time && !had_its_time) return Verdict::none;
  switch (error.code) {
    case ErrorCode::rate_limited:
      return Verdict::limited;
    case ErrorCode::overloaded:
    case ErrorCode::provider_error:
    case ErrorCode::provider_timeout:
    case ErrorCode::provider_unreachable:
    case ErrorCode::stream_interrupted:
      return Verdict::bad;
    default:
      return Verdict::good;
  }
}

}  // namespace ai_proxy::routing
