#include "routing/health.h"

#include <gtest/gtest.h>

#include <vector>

namespace ai_proxy::routing {
namespace {

using namespace std::chrono_literals;
using Standing = Health::Standing;

class HealthTest : public testing::Test {
 protected:
  Standing standing() const { return health.standing(policy, now); }
  void request(Verdict verdict, std::optional<milliseconds> pause = std::nullopt) {
    end(health.begin(policy, now), verdict, pause);
  }
  void end(const Health::Request& request, Verdict verdict, std::optional<milliseconds> pause = std::nullopt,
           std::optional<milliseconds> unanswered = std::nullopt) {
    health.end(policy, request, verdict, pause, unanswered, now);
  }
  void answered_after(milliseconds latency) {
    const Health::Request request = health.begin(policy, now);
    health.note_latency(latency, now);
    end(request, Verdict::good);
  }
  void unanswered_for(milliseconds time, Verdict verdict) {
    end(health.begin(policy, now), verdict, {}, time);
  }
  void requests(int count, Verdict verdict) {
    for (int i = 0; i < count; ++i) request(verdict);
  }

  HealthPolicy policy;
  Health health;
  Time now = Time{} + 1h;
};

TEST_F(HealthTest, OpensAfterFiveFailuresInARow) {
  requests(4, Verdict::bad);
  EXPECT_EQ(standing(), Standing::usable);
  request(Verdict::good);
  requests(4, Verdict::bad);
  EXPECT_EQ(standing(), Standing::usable);
  request(Verdict::bad);
  EXPECT_EQ(standing(), Standing::open);
  EXPECT_EQ(health.usable_at(), now + 5s);
}

TEST_F(HealthTest, OpensWhenHalfOfTwentyFail) {
  for (int i = 0; i < 9; ++i) {
    request(Verdict::good);
    request(Verdict::bad);
  }
  EXPECT_EQ(standing(), Standing::usable);
  request(Verdict::good);
  request(Verdict::bad);
  EXPECT_EQ(standing(), Standing::open);
}

TEST_F(HealthTest, ForgetsOldFailures) {
  for (int i = 0; i < 9; ++i) {
    request(Verdict::good);
    request(Verdict::bad);
  }
  now += 11s;
  request(Verdict::good);
  request(Verdict::bad);
  EXPECT_EQ(standing(), Standing::usable);
}

TEST_F(HealthTest, IsProbedByOneRequestAtATime) {
  requests(5, Verdict::bad);
  now += 5s;
  EXPECT_EQ(standing(), Standing::probe);
  const Health::Request probe = health.begin(policy, now);
  EXPECT_EQ(standing(), Standing::open);  // the probe is under way
  end(probe, Verdict::good);
  EXPECT_EQ(standing(), Standing::usable);
  requests(4, Verdict::bad);
  EXPECT_EQ(standing(), Standing::usable);  // all is forgiven
}

TEST_F(HealthTest, AProbeThatSaysNothingDoesNotKeepOthersAway) {
  requests(5, Verdict::bad);
  now += 5s;
  health.begin(policy, now);
  now += 1s;
  EXPECT_EQ(standing(), Standing::probe);
  end(health.begin(policy, now), Verdict::none);  // its caller went away
  EXPECT_EQ(standing(), Standing::probe);
}

TEST_F(HealthTest, StaysOpenTwiceAsLongAfterEachFailedProbe) {
  requests(5, Verdict::bad);
  for (const milliseconds time : {5s, 10s, 20s, 40s, 60s, 60s}) {
    EXPECT_EQ(health.usable_at(), now + time);
    now += time;
    ASSERT_EQ(standing(), Standing::probe);
    request(Verdict::bad);
  }
}

TEST_F(HealthTest, LateFailuresDoNotKeepItOpen) {
  std::vector<Health::Request> all;
  for (int i = 0; i < 50; ++i) all.push_back(health.begin(policy, now));
  for (const Health::Request& each : all) end(each, Verdict::bad);
  EXPECT_EQ(health.usable_at(), now + 5s);
}

// Nor do they break what has recovered since.
TEST_F(HealthTest, LateFailuresDoNotOpenItAgain) {
  std::vector<Health::Request> hung;
  for (int i = 0; i < 50; ++i) hung.push_back(health.begin(policy, now));
  requests(5, Verdict::bad);
  now += 5s;
  request(Verdict::good);
  now += 1s;
  for (const Health::Request& each : hung) end(each, Verdict::bad);
  EXPECT_EQ(standing(), Standing::usable);
}

TEST_F(HealthTest, ALateSuccessDoesNotCloseIt) {
  const Health::Request early = health.begin(policy, now);
  requests(5, Verdict::bad);
  now += 1s;
  end(early, Verdict::good);
  EXPECT_EQ(standing(), Standing::open);
  now += 4s;
  request(Verdict::bad);
  EXPECT_EQ(health.usable_at(), now + 10s);  // nor is the second opening the first again
}

// Rows U13, U14: the answer of before tells nothing of the limit.
TEST_F(HealthTest, ALateSuccessDoesNotEndAPause) {
  const Health::Request early = health.begin(policy, now);
  now += 1s;
  request(Verdict::limited, 30s);
  now += 4s;
  end(early, Verdict::good);
  EXPECT_EQ(standing(), Standing::paused);
  now += 26s;
  EXPECT_EQ(standing(), Standing::probe);
}

// Row U14: all others go on when the probe's answer begins, not when it ends.
TEST_F(HealthTest, AProbesAnswerEndsThePauseAsItBegins) {
  request(Verdict::limited, 3s);
  now += 3s;
  const Health::Request probe = health.begin(policy, now);
  EXPECT_EQ(standing(), Standing::paused);
  EXPECT_EQ(health.usable_at(), now + 1s);
  health.note_answer(probe);
  EXPECT_EQ(standing(), Standing::usable);
  now += 20s;
  end(probe, Verdict::good);
  EXPECT_EQ(standing(), Standing::usable);
}

TEST_F(HealthTest, AProbesAnswerClosesItUnlessItBreaksLater) {
  requests(5, Verdict::bad);
  now += 5s;
  const Health::Request first = health.begin(policy, now);
  health.note_answer(first);
  EXPECT_EQ(standing(), Standing::usable);
  now += 1s;
  end(first, Verdict::bad);
  EXPECT_EQ(standing(), Standing::open);
  EXPECT_EQ(health.usable_at(), now + 10s);
  now += 10s;
  const Health::Request second = health.begin(policy, now);
  health.note_answer(second);
  end(second, Verdict::good);
  EXPECT_EQ(standing(), Standing::usable);
}

// Asked for want of others, it may go on failing; but a probe's turn comes.
TEST_F(HealthTest, WhatIsAskedAlthoughItIsOpenDoesNotKeepItOpen) {
  requests(5, Verdict::bad);
  now += 1s;
  requests(50, Verdict::bad);
  EXPECT_EQ(health.usable_at(), now + 4s);
  now += 4s;
  const Health::Request probe = health.begin(policy, now);
  now += 10ms;
  request(Verdict::bad);
  end(probe, Verdict::good);
  EXPECT_EQ(standing(), Standing::usable);
}

TEST_F(HealthTest, WhatWasAskedAlthoughItWasOpenDoesNotOpenItAgain) {
  requests(5, Verdict::bad);
  now += 1s;
  std::vector<Health::Request> forced;
  for (int i = 0; i < 50; ++i) forced.push_back(health.begin(policy, now));
  now += 4s;
  request(Verdict::good);
  now += 120s;
  for (const Health::Request& each : forced) end(each, Verdict::bad, 30s);
  EXPECT_EQ(standing(), Standing::usable);
}

TEST_F(HealthTest, AnOpeningIsOverWhenItHasRecovered) {
  request(Verdict::bad, 60s);
  now += 5s;
  request(Verdict::good);  // asked for want of others
  requests(5, Verdict::bad);
  EXPECT_EQ(health.usable_at(), now + 5s);
}

TEST_F(HealthTest, LateLimitsDoNotRenewAPauseThatNobodyAskedFor) {
  std::vector<Health::Request> all;
  for (int i = 0; i < 50; ++i) all.push_back(health.begin(policy, now));
  for (const Health::Request& each : all) {
    now += 10ms;
    end(each, Verdict::limited);
  }
  EXPECT_EQ(health.usable_at(), now - 450ms + 1s);
  now += 1s;
  request(Verdict::good);
  EXPECT_EQ(standing(), Standing::usable);
  requests(4, Verdict::limited);  // all is forgiven
  EXPECT_EQ(standing(), Standing::usable);
}

// Row U14: a limit is told at once. Answers that take their time to begin must not keep all others waiting.
TEST_F(HealthTest, AProbeThatIsSlowToBeAnsweredEndsThePauseForOthers) {
  request(Verdict::limited, 3s);
  now += 3s;
  const Health::Request probe = health.begin(policy, now);
  now += 999ms;
  EXPECT_EQ(standing(), Standing::paused);
  now += 1ms;
  EXPECT_EQ(standing(), Standing::usable);
  request(Verdict::limited, 3s);
  EXPECT_EQ(standing(), Standing::paused);
  now += 3s;
  EXPECT_EQ(standing(), Standing::probe);
  end(probe, Verdict::none);
  EXPECT_EQ(standing(), Standing::probe);
}

TEST_F(HealthTest, OnlyTheProbeItselfLetsTheNextOneGo) {
  const Health::Request early = health.begin(policy, now);
  const Health::Request another = health.begin(policy, now);
  request(Verdict::limited, 3s);
  now += 3s;
  const Health::Request probe = health.begin(policy, now);
  end(early, Verdict::none);
  end(another, Verdict::bad);
  EXPECT_EQ(standing(), Standing::paused);
  end(probe, Verdict::none);
  EXPECT_EQ(standing(), Standing::probe);
}

TEST_F(HealthTest, PausesForAsLongAsARateLimitSays) {
  request(Verdict::limited, 3s);
  EXPECT_EQ(standing(), Standing::paused);
  EXPECT_EQ(health.usable_at(), now + 3s);
  now += 3s;
  // Row U14: then one of them may look.
  EXPECT_EQ(standing(), Standing::probe);
  const Health::Request probe = health.begin(policy, now);
  EXPECT_EQ(standing(), Standing::paused);
  end(probe, Verdict::limited, 3s);
  EXPECT_EQ(standing(), Standing::paused);
  now += 3s;
  request(Verdict::good);
  EXPECT_EQ(standing(), Standing::usable);
}

TEST_F(HealthTest, PausesUnaskedOnlyAfterSeveralLimitsInARow) {
  requests(4, Verdict::limited);
  EXPECT_EQ(standing(), Standing::usable);
  request(Verdict::limited);
  EXPECT_EQ(standing(), Standing::paused);
  EXPECT_EQ(health.usable_at(), now + 1s);
}

TEST_F(HealthTest, CanBeToldNeitherToPauseNorToOpen) {
  policy.pause_when_limited = false;
  policy.failures_in_a_row = 0;
  requests(50, Verdict::bad);
  request(Verdict::limited, 30s);
  EXPECT_EQ(standing(), Standing::usable);
}

TEST_F(HealthTest, AnOverloadedOneThatAsksForTimeIsPassedOver) {
  request(Verdict::bad, 7s);
  EXPECT_EQ(standing(), Standing::open);
  EXPECT_EQ(health.usable_at(), now + 7s);
}

TEST_F(HealthTest, LoadIsPeakSensitiveAndCountsWhatIsUnderWay) {
  EXPECT_EQ(health.load(now), 0);
  answered_after(100ms);
  EXPECT_DOUBLE_EQ(health.load(now), 100);
  answered_after(1000ms);  // at once
  EXPECT_DOUBLE_EQ(health.load(now), 1000);
  now += 10s;
  answered_after(100ms);  // by and by
  EXPECT_NEAR(health.load(now), 1000 / 2.718 + 100 * (1 - 1 / 2.718), 2);
  const double alone = health.load(now);
  health.begin(policy, now);
  EXPECT_NEAR(health.load(now), 2 * alone, 1e-6);
}

TEST_F(HealthTest, LoadIsKnownAsSoonAsAnAnswerBegins) {
  health.begin(policy, now);
  EXPECT_GT(health.load(now), 60'000);  // one finds out; the others go where something is known
  health.note_latency(100ms, now);
  EXPECT_DOUBLE_EQ(health.load(now), 200);
}

TEST_F(HealthTest, AQuickFailureIsNoQuickAnswer) {
  for (const Verdict verdict : {Verdict::bad, Verdict::limited}) {
    health = {};
    unanswered_for(2ms, verdict);
    EXPECT_DOUBLE_EQ(health.load(now), 5'000);
    unanswered_for(30s, verdict);
    EXPECT_DOUBLE_EQ(health.load(now), 30'000);
    unanswered_for(2ms, verdict);
    EXPECT_DOUBLE_EQ(health.load(now), 30'000);
    now += 2min;
    EXPECT_LT(health.load(now), 1'000);  // worth another look
    unanswered_for(2ms, verdict);
    EXPECT_DOUBLE_EQ(health.load(now), 30'000);
  }
}

// A hedge that lost: it would have taken longer than the time it had.
TEST_F(HealthTest, WhatWasLetGoCountsOnlyAsSlowAsItWas) {
  answered_after(100ms);
  unanswered_for(70ms, Verdict::none);
  EXPECT_DOUBLE_EQ(health.load(now), 100);
  unanswered_for(700ms, Verdict::none);
  EXPECT_DOUBLE_EQ(health.load(now), 700);
}

// One that hangs is not quick because its callers do not wait long.
TEST_F(HealthTest, WhatWasLetGoIsSlowWhereNothingElseIsKnown) {
  unanswered_for(200ms, Verdict::none);
  EXPECT_DOUBLE_EQ(health.load(now), 5'000);
}

TEST_F(HealthTest, ACallersBadRequestTellsNothingOfLatency) {
  unanswered_for(2ms, Verdict::good);
  EXPECT_EQ(health.load(now), 0);
}

TEST_F(HealthTest, IsForgottenWhenNothingIsWrongWithIt) {
  request(Verdict::bad);
  EXPECT_FALSE(health.is_fresh(policy, now));
  request(Verdict::good);
  now += 11s;
  EXPECT_TRUE(health.is_fresh(policy, now));
}

}  // namespace
}  // namespace ai_proxy::routing
