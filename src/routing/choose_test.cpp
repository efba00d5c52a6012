#include "routing/choose.h"

#include <gtest/gtest.h>

#include <map>

#include "routing/board.h"
#include "routing/budget.h"

namespace ai_proxy::routing {
namespace {

using namespace std::chrono_literals;
using Standing = Health::Standing;

class ChooseTest : public testing::Test {
 protected:
  // "a:1 b:3 | c:1": tiers of candidates with their weights.
  void plan_of(std::initializer_list<std::tuple<const char*, unsigned, std::size_t>> candidates) {
    for (const auto& [id, weight, tier] : candidates) {
      Candidate candidate;
      candidate.id = id;
      candidate.weight = weight;
      candidate.tier = tier;
      plan.candidates.push_back(candidate);
    }
    plan.alias = &alias;
    prospects.resize(plan.candidates.size());
  }
  std::string chosen(Chance chance = {}, std::optional<std::uint64_t> affinity = std::nullopt) {
    const auto choice = choose(plan, prospects, affinity, chance);
    if (!choice) return "none";
    return (choice->paused_until ? "paused " : "") + plan.candidates[choice->index].id;
  }

  Alias alias;
  Plan plan;
  std::vector<Prospect> prospects;
  HealthBoard board;
  const HealthPolicy policy;
  Time now = Time{} + 1h;
};

TEST_F(ChooseTest, GoesThroughTheTiersInTheirOrder) {
  plan_of({{"a", 1, 0}, {"b", 1, 1}, {"c", 1, 2}});
  EXPECT_EQ(chosen(), "a");
  prospects[0].tried = true;
  EXPECT_EQ(chosen(), "b");
  prospects[1].standing = Standing::open;
  EXPECT_EQ(chosen(), "c");
  prospects[2].tried = true;
  EXPECT_EQ(chosen(), "b");  // open, but the last one
  prospects[1].tried = true;
  EXPECT_EQ(chosen(), "none");
}

TEST_F(ChooseTest, SharesByWeight) {
  plan_of({{"a", 1, 0}, {"b", 3, 0}, {"c", 9, 1}});
  EXPECT_EQ(chosen({0.0, 0}), "a");
  EXPECT_EQ(chosen({0.24, 0}), "a");
  EXPECT_EQ(chosen({0.26, 0}), "b");
  EXPECT_EQ(chosen({0.999, 0}), "b");
  prospects[1].standing = Standing::paused;
  EXPECT_EQ(chosen({0.999, 0}), "a");
}

TEST_F(ChooseTest, NeverGivesUpTheLastOne) {
  plan_of({{"a", 1, 0}, {"b", 1, 0}});
  prospects[0].standing = prospects[1].standing = Standing::open;
  prospects[0].usable_at = Time{} + 9s;
  prospects[1].usable_at = Time{} + 4s;
  EXPECT_EQ(chosen(), "b");
}

TEST_F(ChooseTest, AsksNobodyWhileARateLimitHoldsForAll) {
  plan_of({{"a", 1, 0}, {"b", 1, 0}});
  prospects[0].standing = prospects[1].standing = Standing::paused;
  prospects[0].usable_at = Time{} + 9s;
  prospects[1].usable_at = Time{} + 4s;
  EXPECT_EQ(chosen(), "paused b");
  prospects[0].standing = Standing::open;
  EXPECT_EQ(chosen(), "a");
}

TEST_F(ChooseTest, TakesTheLessLoadedOfTwo) {
  plan_of({{"a", 1, 0}, {"b", 1, 0}, {"c", 1, 0}});
  alias.choose = Preference::latency;
  prospects[0].load = 100;
  prospects[1].load = 10;
  prospects[2].load = 50;
  EXPECT_EQ(chosen({0.0, 0.0}), "b");   // a and b
  EXPECT_EQ(chosen({0.0, 0.99}), "c");  // a and c
  EXPECT_EQ(chosen({0.99, 0.0}), "c");  // c and a
  EXPECT_EQ(chosen({0.5, 0.99}), "b");  // b and c
}

TEST_F(ChooseTest, KeepsWhatBelongsTogetherTogether) {
  plan_of({{"a", 1, 0}, {"b", 1, 0}, {"c", 2, 0}});
  std::map<std::string, int> shares;
  int moved = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::uint64_t affinity = affinity_of("user-" + std::to_string(i));
    const std::string first = chosen({0.1, 0.9}, affinity);
    EXPECT_EQ(chosen({0.7, 0.2}, affinity), first);
    ++shares[first];
    prospects[1].standing = Standing::open;
    const std::string then = chosen({}, affinity);
    prospects[1].standing = Standing::usable;
    if (first == "b") {
      EXPECT_NE(then, "b");
    } else {
      moved += then != first;
    }
  }
  EXPECT_EQ(moved, 0);  // only those of the one that dropped out
  EXPECT_NEAR(shares["a"], 1000, 120);
  EXPECT_NEAR(shares["c"], 2000, 150);
}

TEST_F(ChooseTest, TheBoardRemembersAcrossRequests) {
  plan_of({{"a", 1, 0}, {"b", 1, 1}});
  for (int i = 0; i < 5; ++i) {
    const auto ticket = board.begin(plan, 0, policy, {}, {}, now);
    ASSERT_EQ(ticket->index, 0u);
    board.end(plan.candidates[0], *ticket, policy, Verdict::bad, {}, {}, now);
  }
  EXPECT_EQ(board.begin(plan, 0, policy, {}, {}, now)->index, 1u);
  ASSERT_EQ(board.troubled(policy, now).size(), 1u);
  EXPECT_EQ(board.troubled(policy, now).front().standing, Health::Standing::open);
  EXPECT_TRUE(board.has_other(plan, 2, policy, now));  // the open one is better than none
  now += 5s;
  const auto probe = board.begin(plan, 0, policy, {}, {}, now);
  EXPECT_EQ(probe->index, 0u);
  EXPECT_EQ(board.begin(plan, 0, policy, {}, {}, now)->index, 1u);  // one probe at a time
  board.end(plan.candidates[0], *probe, policy, Verdict::good, {}, {}, now);
  EXPECT_EQ(board.begin(plan, 0, policy, {}, {}, now)->index, 0u);
  EXPECT_FALSE(board.begin(plan, 3, policy, {}, {}, now));
  EXPECT_TRUE(board.troubled(policy, now).empty());
}

// D2: a key that is refused, or out of money, is asked now and then, and not first.
TEST_F(ChooseTest, TheBoardAsksTheOneThatAnswersRatherThanTheOneThatRefuses) {
  plan_of({{"dead", 1, 0}, {"well", 1, 0}});
  alias.choose = Preference::latency;
  std::map<std::size_t, int> asked;
  for (int i = 0; i < 200; ++i) {
    const auto ticket = board.begin(plan, 0, policy, {}, {0.1, 0.1}, now);
    const Candidate& candidate = plan.candidates[ticket->index];
    ++asked[ticket->index];
    now += 20ms;
    if (candidate.id == "well") {
      board.note_answer(candidate, *ticket, 20ms, now);
      board.end(candidate, *ticket, policy, Verdict::good, {}, {}, now);
    } else {
      board.end(candidate, *ticket, policy, Verdict::bad, {}, 2ms, now);
    }
  }
  EXPECT_LE(asked[0], 2);
}

// One that nobody has had an answer of is not asked by all at once.
TEST_F(ChooseTest, TheBoardAsksOneWhoseLatencyIsUnknownOnceAtATime) {
  plan_of({{"hangs", 1, 0}, {"well", 1, 0}});
  alias.choose = Preference::latency;
  int hanging = 0;
  for (int i = 0; i < 100; ++i) {
    now += 20ms;
    const auto ticket = board.begin(plan, 0, policy, {}, {0.1, 0.1}, now);
    if (ticket->index == 0) {
      ++hanging;
      continue;
    }
    board.note_answer(plan.candidates[1], *ticket, 20ms, now);
    board.end(plan.candidates[1], *ticket, policy, Verdict::good, {}, {}, now);
  }
  EXPECT_EQ(hanging, 1);
}

// While nothing is wrong anywhere, a request takes no lock.
TEST_F(ChooseTest, TheBoardHoldsNothingOfOneThatIsWellAgain) {
  plan_of({{"a", 1, 0}});
  const auto request = [&](Verdict verdict) {
    const auto ticket = board.begin(plan, 0, policy, {}, {}, now);
    board.end(plan.candidates[0], *ticket, policy, verdict, {}, {}, now);
    return ticket->request.counted;
  };
  EXPECT_FALSE(request(Verdict::bad));
  EXPECT_TRUE(request(Verdict::good));
  now += 11s;
  EXPECT_TRUE(request(Verdict::good));
  EXPECT_FALSE(request(Verdict::good));
}

TEST_F(ChooseTest, TheBoardForgetsNamesThatNobodyAsksForAnyMore) {
  plan_of({{"a", 1, 0}});
  const auto fail = [&](const std::string& id) {
    plan.candidates[0].id = id;
    const auto ticket = board.begin(plan, 0, policy, {}, {}, now);
    board.end(plan.candidates[0], *ticket, policy, Verdict::limited, 60s, {}, now);
  };
  for (int i = 0; i < 5000; ++i) fail("name-" + std::to_string(i));
  now += 3min;
  fail("late");
  EXPECT_TRUE(board.begin(plan, 0, policy, {}, {}, now)->paused_until);
}

TEST(RetryBudget, IsAShareOfTheRequestsOfTenSeconds) {
  RetryBudget budget;
  const BudgetPolicy policy{.share = 0.2, .per_second = 0};
  Time now = Time{} + 1h;
  for (int i = 0; i < 100; ++i) budget.count_request(now);
  int taken = 0;
  while (budget.take(policy, now)) ++taken;
  EXPECT_EQ(taken, 20);
  now += 11s;
  EXPECT_FALSE(budget.take(policy, now));
  for (int i = 0; i < 10; ++i) budget.count_request(now);
  EXPECT_TRUE(budget.take(policy, now));
  EXPECT_TRUE(budget.take(policy, now));
  EXPECT_FALSE(budget.take(policy, now));
}

TEST(RetryBudget, WhatIsGivenBackMayBeTakenAgain) {
  RetryBudget budget;
  const BudgetPolicy policy{.share = 0, .per_second = 1};
  Time now = Time{} + 1h;
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.take(policy, now));
  const Time taken = std::exchange(now, now + 5s);
  EXPECT_FALSE(budget.take(policy, now));
  budget.give_back(taken);
  EXPECT_TRUE(budget.take(policy, now));
  EXPECT_FALSE(budget.take(policy, now));
  now += 16s;  // the place in which it was counted is another second's
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.take(policy, now));
  budget.give_back(taken);
  EXPECT_FALSE(budget.take(policy, now));
  for (int i = 0; i < 11; ++i) budget.give_back(now);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(budget.take(policy, now));
  EXPECT_FALSE(budget.take(policy, now));
}

TEST(RetryBudget, LeavesSomeToASmallHousehold) {
  RetryBudget budget;
  const BudgetPolicy policy;
  const Time now = Time{} + 1h;
  int taken = 0;
  while (budget.take(policy, now)) ++taken;
  EXPECT_EQ(taken, 30);
}

}  // namespace
}  // namespace ai_proxy::routing
