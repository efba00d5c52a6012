// Deadlines against the real clock and a real io_context.
#include "http/deadline.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <deque>
#include <optional>
#include <random>
#include <thread>

namespace ai_proxy::http {
namespace {

using std::chrono::milliseconds;

class DeadlineTest : public ::testing::Test {
 protected:
  // Runs the context until `done` holds; false after ten seconds.
  template <class Done>
  bool run_until(Done done) {
    const auto limit = Clock::now() + std::chrono::seconds(10);
    while (!done() && Clock::now() < limit) io_.run_one_for(milliseconds(100));
    return done();
  }

  asio::io_context io_{1};
  Deadlines deadlines_{io_};
};

TEST_F(DeadlineTest, FiresOnceAndNeverEarly) {
  int fired = 0;
  Deadline deadline(deadlines_, [&] { ++fired; });
  EXPECT_FALSE(deadline.armed());
  const auto begin = Clock::now();
  deadline.arm(milliseconds(25));
  EXPECT_TRUE(deadline.armed());
  ASSERT_TRUE(run_until([&] { return fired == 1; }));
  EXPECT_GE(Clock::now() - begin, milliseconds(25));
  EXPECT_FALSE(deadline.armed());
  io_.restart();
  io_.run_for(milliseconds(60));
  EXPECT_EQ(fired, 1);
}

TEST_F(DeadlineTest, FiresEachOfManyAtItsTimeAcrossTheLevels) {
  // 64 ticks of 10 ms are one level: times up to 1.5 s cross the border several times.
  std::mt19937 random(7);
  std::uniform_int_distribution<int> pick(0, 1500);
  std::deque<Deadline> all;
  std::size_t fired = 0;
  std::size_t early = 0;
  Clock::duration latest{};
  for (int i = 0; i < 2000; ++i) {
    const milliseconds after(pick(random));
    const auto due = Clock::now() + after;
    all.emplace_back(deadlines_, [&, due] {
      ++fired;
      early += Clock::now() < due;
      latest = std::max(latest, Clock::now() - due);
    });
    all.back().arm(after);
  }
  ASSERT_TRUE(run_until([&] { return fired == all.size(); }));
  EXPECT_EQ(early, 0u);
  EXPECT_LT(latest, milliseconds(500));  // 10 ms on a quiet machine
}

TEST_F(DeadlineTest, MovesToALaterAndToASoonerTime) {
  bool later = false;
  bool sooner = false;
  Deadline first(deadlines_, [&] { later = true; });
  Deadline second(deadlines_, [&] { sooner = true; });
  const auto begin = Clock::now();
  first.arm(milliseconds(20));
  first.arm(milliseconds(150));
  second.arm(std::chrono::hours(1));
  second.arm(milliseconds(30));
  ASSERT_TRUE(run_until([&] { return sooner; }));
  EXPECT_FALSE(later);
  ASSERT_TRUE(run_until([&] { return later; }));
  EXPECT_GE(Clock::now() - begin, milliseconds(150));
}

TEST_F(DeadlineTest, NeverFiresOnceDisarmedOrDestroyed) {
  int fired = 0;
  Deadline disarmed(deadlines_, [&] { ++fired; });
  disarmed.arm(milliseconds(10));
  disarmed.disarm();
  disarmed.disarm();
  EXPECT_FALSE(disarmed.armed());
  {
    Deadline destroyed(deadlines_, [&] { ++fired; });
    destroyed.arm(milliseconds(10));
  }
  io_.run_for(milliseconds(60));
  EXPECT_EQ(fired, 0);
}

TEST_F(DeadlineTest, LetsItsCallbackArmItAgain) {
  int fired = 0;
  Deadline* self = nullptr;
  Deadline deadline(deadlines_, [&] {
    if (++fired < 3) self->arm(milliseconds(15));
  });
  self = &deadline;
  const auto begin = Clock::now();
  deadline.arm(milliseconds(15));
  ASSERT_TRUE(run_until([&] { return fired == 3; }));
  EXPECT_GE(Clock::now() - begin, milliseconds(45));
  EXPECT_FALSE(deadline.armed());
}

TEST_F(DeadlineTest, LetsItsCallbackDestroyItAndOthers) {
  std::unique_ptr<Deadline> other;
  std::unique_ptr<Deadline> self;
  int fired = 0;
  self = std::make_unique<Deadline>(deadlines_, [&, held = std::string(100, 'x')] {
    self.reset();
    other.reset();
    fired += held == std::string(100, 'x');
  });
  other = std::make_unique<Deadline>(deadlines_, [&] { self.reset(), other.reset(), ++fired; });
  self->arm(milliseconds(20));
  other->arm(milliseconds(20));
  ASSERT_TRUE(run_until([&] { return fired > 0; }));
  io_.restart();
  io_.run_for(milliseconds(40));
  EXPECT_EQ(fired, 1);
}

TEST_F(DeadlineTest, SleepsWhileNothingIsArmed) {
  Deadline deadline(deadlines_, [] {});
  io_.run_for(milliseconds(20));
  EXPECT_TRUE(io_.stopped());  // no timer pending: run() came back for lack of work
  io_.restart();
  deadline.arm(milliseconds(10));
  deadline.disarm();
  EXPECT_LE(io_.run_for(milliseconds(200)), 1u);
  EXPECT_TRUE(io_.stopped());
}

TEST_F(DeadlineTest, WakesOnlyForWhatFallsDue) {
  std::deque<Deadline> all;
  for (int i = 0; i < 100; ++i) {
    all.emplace_back(deadlines_, [] { FAIL() << "was always pushed back"; });
    all.back().arm(milliseconds(200));
  }
  std::size_t wakes = 0;
  for (int round = 0; round < 30; ++round) {
    wakes += io_.run_for(milliseconds(20));
    for (Deadline& deadline : all) deadline.arm(milliseconds(200));
  }
  EXPECT_LT(wakes, 60u);  // 3000 times armed
}

TEST_F(DeadlineTest, TakesAbsurdTimes) {
  int fired = 0;
  Deadline longest(deadlines_, [&] { ++fired; });
  Deadline negative(deadlines_, [&] { ++fired; });
  longest.arm(milliseconds::max());
  negative.arm(milliseconds(-5));
  ASSERT_TRUE(run_until([&] { return fired == 1; }));
  EXPECT_TRUE(longest.armed());
}

// A process that was stopped (SIGSTOP, a frozen machine) finds everything at once: what came, and what is
// late.
TEST_F(DeadlineTest, WhatCameWhileTheThreadSleptIsTakenFirst) {
  struct Wait {
    explicit Wait(asio::io_context& io) : ours(io), theirs(io) {
      boost::asio::local::connect_pair(ours, theirs);
    }
    boost::asio::local::stream_protocol::socket ours, theirs;
    std::optional<Deadline> deadline;
  };
  constexpr std::size_t kWaits = 300;  // more than one look at the sockets shows
  std::deque<Wait> waits;
  std::size_t came = 0, late = 0;
  for (std::size_t i = 0; i < kWaits; ++i) {
    Wait& wait = waits.emplace_back(io_);
    wait.deadline.emplace(deadlines_, [&late] { ++late; });
    wait.deadline->arm(milliseconds(100));
    wait.ours.async_wait(wait.ours.wait_read, [&](const error_code& fault) {
      if (fault) return;
      wait.deadline->disarm();
      ++came;
    });
  }
  Deadline nothing_comes(deadlines_, [&late] { ++late; });
  nothing_comes.arm(milliseconds(100));
  io_.run_for(milliseconds(20));
  for (Wait& wait : waits) wait.theirs.send(boost::asio::buffer("x", 1));
  std::this_thread::sleep_for(milliseconds(400));
  ASSERT_TRUE(run_until([&] { return came + late == kWaits + 1; }));
  EXPECT_EQ(came, kWaits);
  EXPECT_EQ(late, 1u);
}

TEST(DeadlinesTest, MayGoWhileItsTimerIsPending) {
  asio::io_context io(1);
  auto deadlines = std::make_unique<Deadlines>(io);
  auto deadline = std::make_unique<Deadline>(*deadlines, [] { FAIL(); });
  deadline->arm(milliseconds(10));
  deadline.reset();
  deadlines.reset();
  io.run_for(milliseconds(50));
}

}  // namespace
}  // namespace ai_proxy::http
