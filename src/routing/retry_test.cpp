#include "routing/retry.h"

#include <gtest/gtest.h>

namespace ai_proxy::routing {
namespace {

using namespace std::chrono_literals;
using enum ErrorCode;

Error error_of(ErrorCode code, int status, bool retryable = true) {
  Error error = provider_failed(code, "…");
  error.provider_status = status;
  error.retryable = retryable;
  return error;
}

Progress fresh(bool other = false) {
  Progress progress;
  progress.time_left = 60s;
  progress.budget_left = true;
  progress.other_candidate = other;
  return progress;
}

struct Row {
  const char* what;
  Error error;
  Next alone;       // no other candidate is left
  Next with_other;  // one is
};

// What follows a first failed attempt.
std::vector<Row> rows() {
  using enum Next;
  Error unsent_timeout = provider_failed(provider_timeout, "…");
  unsent_timeout.request_sent = false;
  Error unsent = provider_failed(provider_unreachable, "…");
  unsent.request_sent = false;
  Error full_pool = provider_failed(overloaded, "…");
  full_pool.blame = Blame::gateway;
  Error asks_to_wait = error_of(overloaded, 529);
  asks_to_wait.retry_after = 2s;
  Error asks_too_much = error_of(overloaded, 503);
  asks_too_much.retry_after = 11s;
  // As the dialects make it.
  Error conflict = error_of(invalid_request, 409);
  conflict.blame = Blame::client;
  Error final_conflict = conflict;
  final_conflict.retryable = false;
  return {
      {"a 500", error_of(provider_error, 500), repeat, fall_back},
      {"a 500 that says x-should-retry: false", error_of(provider_error, 500, false), give_up, fall_back},
      {"nonsense with status 200", error_of(provider_error, 0), give_up, fall_back},
      {"a 529", error_of(overloaded, 529), repeat, fall_back},
      {"a 529 with Retry-After: 2", asks_to_wait, repeat, fall_back},
      {"a 503 with Retry-After: 11, more than all pauses together", asks_too_much, give_up, fall_back},
      {"our own full pool", full_pool, give_up, fall_back},
      {"a 429", error_of(rate_limited, 429), give_up, fall_back},
      {"no money", error_of(quota_exhausted, 429, false), give_up, fall_back},
      {"a refused key", error_of(provider_auth_failed, 401, false), give_up, fall_back},
      {"an unknown model", error_of(model_not_found, 404, false), give_up, fall_back},
      {"a 400", error_of(invalid_request, 400, false), give_up, give_up},
      {"a 409", conflict, repeat, repeat},
      {"a 409 that says x-should-retry: false", final_conflict, give_up, give_up},
      {"too long a context", error_of(context_length_exceeded, 400, false), give_up, give_up},
      {"a filter", error_of(content_filtered, 400, false), give_up, give_up},
      {"no connection within its time", unsent_timeout, repeat, fall_back},
      {"a refused connection", unsent, give_up, fall_back},
      {"no answer to what was sent", error_of(provider_timeout, 0), give_up, fall_back},
      {"a 408, a timeout of its own", error_of(provider_timeout, 408), repeat, fall_back},
      {"a 504", error_of(provider_timeout, 504), repeat, fall_back},
      {"a 504 that says x-should-retry: false", error_of(provider_timeout, 504, false), give_up, fall_back},
      {"a connection that broke", error_of(provider_unreachable, 0), give_up, fall_back},
      {"a stream that broke before it began", error_of(stream_interrupted, 200), give_up, fall_back},
      {"the caller went away", client_gone(), give_up, give_up},
      {"our own fault", internal_error("…"), give_up, give_up},
  };
}

TEST(NextStep, FollowsTheTable) {
  for (const Row& row : rows()) {
    EXPECT_EQ(next_step({}, row.error, fresh(), 0.5).next, row.alone) << row.what;
    EXPECT_EQ(next_step({}, row.error, fresh(true), 0.5).next, row.with_other) << row.what;
  }
}

TEST(NextStep, NeverGoesBeyondWhatIsAllowed) {
  for (const Row& row : rows()) {
    const auto stops = [&](auto change) {
      Progress progress = fresh(true);
      change(progress);
      EXPECT_EQ(next_step({}, row.error, progress, 0.5).next, Next::give_up) << row.what;
    };
    stops([](Progress& p) { p.answer_begun = true; });
    stops([](Progress& p) { p.attempts = 3; });  // one and two more
    stops([](Progress& p) { p.budget_left = false; });
    stops([](Progress& p) { p.time_left = 0ms; });
  }
  RetryPolicy none;
  none.retries = 0;
  EXPECT_EQ(next_step(none, error_of(provider_error, 500), fresh(true), 0.5).next, Next::give_up);
}

TEST(NextStep, BacksOffWithFullJitterUpToABound) {
  RetryPolicy policy;
  policy.retries = 10;
  policy.added_wait_max = 1h;
  const Error error = error_of(provider_error, 500);
  Progress progress = fresh();
  EXPECT_EQ(next_step(policy, error, progress, 0).wait, 0ms);
  EXPECT_EQ(next_step(policy, error, progress, 0.5).wait, 50ms);
  progress.attempts = 2;
  EXPECT_EQ(next_step(policy, error, progress, 0.5).wait, 100ms);
  progress.attempts = 9;
  EXPECT_EQ(next_step(policy, error, progress, 0.5).wait, 2500ms);
}

TEST(NextStep, GoesToAnotherCandidateAtOnce) {
  Error error = error_of(rate_limited, 429);
  error.retry_after = 30s;
  const Step step = next_step({}, error, fresh(true), 0.9);
  EXPECT_EQ(step.next, Next::fall_back);
  EXPECT_EQ(step.wait, 0ms);
}

// Case D2: what was asked for is waited for in full, bounded by the request's own time.
TEST(NextStep, WaitsForARateLimitWhenItIsToldTo) {
  RetryPolicy policy;
  policy.rate_limit_wait = 10s;
  Error error = error_of(rate_limited, 429);
  error.retry_after = 2s;
  Step step = next_step(policy, error, fresh(), 0.5);
  EXPECT_EQ(step.next, Next::repeat);
  EXPECT_EQ(step.wait, 2050ms);

  Progress second = fresh();
  second.attempts = 2;
  second.waited = step.wait;
  error.retry_after = 4s;
  step = next_step(policy, error, second, 0);
  EXPECT_EQ(step.wait, 4s);

  second.waited = 7s;  // more than added_wait_max in all
  EXPECT_EQ(next_step(policy, error, second, 0).next, Next::give_up);
  Progress late = fresh();
  late.time_left = 3s;
  EXPECT_EQ(next_step(policy, error, late, 0).next, Next::give_up);
}

TEST(NextStep, TriesAConnectOnceMoreAndNotAgain) {
  Error error = provider_failed(provider_timeout, "…");
  error.request_sent = false;
  Progress progress = fresh();
  EXPECT_EQ(next_step({}, error, progress, 0).next, Next::repeat);
  progress.attempts = progress.attempts_here = 2;
  EXPECT_EQ(next_step({}, error, progress, 0).next, Next::give_up);
}

TEST(NextStep, FallsBackOnWhatTheConfigurationAdds) {
  Progress progress = fresh(true);
  progress.fallback_on.add(context_length_exceeded);
  progress.fallback_on.add(content_filtered);
  EXPECT_EQ(next_step({}, error_of(context_length_exceeded, 400, false), progress, 0).next, Next::fall_back);
  EXPECT_EQ(next_step({}, error_of(content_filtered, 400, false), progress, 0).next, Next::fall_back);
}

// Row U16: what makes no sense is not believed.
TEST(BelievedPause, IsClamped) {
  Error error = error_of(rate_limited, 429);
  EXPECT_EQ(believed_pause({}, error), std::nullopt);
  error.retry_after = -5s;
  EXPECT_EQ(believed_pause({}, error), std::nullopt);
  error.retry_after = 3s;
  EXPECT_EQ(believed_pause({}, error), 3s);
  error.retry_after = std::chrono::milliseconds(1'000'000'000'000);
  EXPECT_EQ(believed_pause({}, error), 60s);
}

TEST(VerdictOn, TellsTheProvidersFailuresFromAllOthers) {
  const auto verdict_of = [](const Error& error) { return verdict_on(error, true); };
  EXPECT_EQ(verdict_of(error_of(provider_error, 500)), Verdict::bad);
  EXPECT_EQ(verdict_of(error_of(provider_timeout, 0)), Verdict::bad);
  EXPECT_EQ(verdict_of(error_of(rate_limited, 429)), Verdict::limited);
  // D2: no cool-down for what the caller did wrong.
  for (const ErrorCode code : {invalid_request, context_length_exceeded, content_filtered, model_not_found})
    EXPECT_EQ(verdict_of(error_of(code, 400)), Verdict::good) << word(code);
  // Our key is not the caller's doing: another candidate has another one.
  for (const ErrorCode code : {provider_auth_failed, quota_exhausted}) {
    Error refused = error_of(code, 401);
    refused.blame = Blame::gateway;
    EXPECT_EQ(verdict_of(refused), Verdict::bad) << word(code);
    refused.provider_status = 0;  // nobody was asked
    EXPECT_EQ(verdict_of(refused), Verdict::none) << word(code);
  }
  EXPECT_EQ(verdict_of(client_gone()), Verdict::none);
  Error full_pool = provider_failed(overloaded, "…");
  full_pool.blame = Blame::gateway;
  EXPECT_EQ(verdict_of(full_pool), Verdict::none);
}

// A caller that gives a request 50 ms says nothing of the provider.
TEST(VerdictOn, BlamesNobodyForTimeThatWasNotGiven) {
  Error late = error_of(provider_timeout, 0);
  EXPECT_EQ(verdict_on(late, false), Verdict::bad);  // a phase's time is the provider's own
  late.out_of_time = true;
  EXPECT_EQ(verdict_on(late, false), Verdict::none);
  EXPECT_EQ(verdict_on(late, true), Verdict::bad);
}

}  // namespace
}  // namespace ai_proxy::routing
