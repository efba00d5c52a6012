// Flights: one leader, many followers, on threads of their own, none of whom holds up another.
#include "cache/flight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace ai_proxy::cache {
namespace {

using namespace std::chrono_literals;
using State = FlightFollower::State;

Key key(std::string_view name) {
  return make_key({.tenant = name, .provider = {}, .origin = {}, .model = {}, .body = {}});
}

class FlightTest : public ::testing::Test {
 protected:
  FlightLeader lead(std::string_view name = "a") {
    return std::get<FlightLeader>(flights_.join(key(name), io_.get_executor()));
  }
  FlightFollower follow(std::string_view name = "a") {
    return std::get<FlightFollower>(flights_.join(key(name), io_.get_executor()));
  }
  bool leads(std::string_view name = "a") {
    return std::holds_alternative<FlightLeader>(flights_.join(key(name), io_.get_executor()));
  }
  // What is there by now, and the state behind it.
  static std::pair<std::string, State> read(FlightFollower& follower) {
    std::string text;
    std::string_view bytes;
    State state = State::bytes;
    while ((state = follower.next(bytes)) == State::bytes) text += bytes;
    return {text, state};
  }

  http::asio::io_context io_{1};
  Flights flights_{{.flight = 1000, .all = 4000}};
};

TEST_F(FlightTest, TheFirstLeadsAndOthersOfItsKeyFollow) {
  const FlightLeader leader = lead();
  const FlightFollower follower = follow();
  EXPECT_TRUE(leads("b"));
  EXPECT_EQ(flights_.size(), 1u) << "the flight of b has ended";
}

TEST_F(FlightTest, ALateFollowerGetsAllFromTheStart) {
  FlightLeader leader = lead();
  FlightFollower early = follow();
  EXPECT_EQ(read(early).second, State::waiting);
  EXPECT_FALSE(early.head());
  leader.answering({.candidate = "anthropic/y"});
  EXPECT_EQ(early.head()->candidate, "anthropic/y");
  leader.forget_answer();  // it broke off, and another attempt follows
  EXPECT_FALSE(early.head());
  leader.answering({.candidate = "openai/x", .status = 200, .request_id = "req"});
  leader.begin();
  leader.append("one ");
  leader.append("two ");
  EXPECT_EQ(read(early), (std::pair{std::string("one two "), State::waiting}));
  FlightFollower late = follow();
  EXPECT_EQ(late.head()->candidate, "openai/x");
  leader.append("three");
  leader.end();
  EXPECT_EQ(read(early), (std::pair{std::string("three"), State::ended}));
  EXPECT_EQ(read(late), (std::pair{std::string("one two three"), State::ended}));
  EXPECT_TRUE(leads()) << "what has ended is not joined";
}

TEST_F(FlightTest, AFailureIsSharedWithWhoWaited) {
  FlightLeader leader = lead();
  FlightFollower follower = follow();
  leader.fail({.candidate = "openai/x", .status = 429, .refusal = "{}", .attempts = 3},
              provider_failed(ErrorCode::rate_limited, "Slow down."));
  EXPECT_EQ(read(follower).second, State::failed);
  EXPECT_EQ(follower.error()->message, "Slow down.");
  EXPECT_EQ(follower.head()->attempts, 3);
  EXPECT_TRUE(leads());
}

TEST_F(FlightTest, AFailureInTheMiddleComesBehindItsBytes) {
  FlightLeader leader = lead();
  FlightFollower follower = follow();
  leader.answering({});
  leader.begin();
  leader.append("half");
  leader.fail({}, provider_failed(ErrorCode::stream_interrupted, "Broken."));
  EXPECT_EQ(read(follower), (std::pair{std::string("half"), State::failed}));
}

TEST_F(FlightTest, ALeaderThatVanishesLeavesItsFollowersToThemselves) {
  std::optional<FlightLeader> leader(lead());
  FlightFollower follower = follow();
  leader.reset();
  EXPECT_EQ(read(follower).second, State::leaderless);
  EXPECT_EQ(flights_.size(), 0u);
}

TEST_F(FlightTest, ALeaderGoesOnForOthersUntilTheLastHasGone) {
  FlightLeader leader = lead();
  int changes = 0;
  leader.on_change([&changes] { ++changes; });
  EXPECT_FALSE(leader.followed());
  std::optional<FlightFollower> one(follow());
  EXPECT_TRUE(leader.followed());
  EXPECT_TRUE(leader.caller_gone());
  std::optional<FlightFollower> two(follow());
  one.reset();
  io_.run();
  EXPECT_EQ(changes, 1) << "two have come";
  EXPECT_FALSE(leader.deserted());
  two.reset();
  io_.restart();
  io_.run();
  EXPECT_EQ(changes, 2);
  EXPECT_TRUE(leader.deserted());
  EXPECT_FALSE(leader.followed());
  EXPECT_FALSE(leader.caller_gone());
  EXPECT_TRUE(leads()) << "nobody joins what is about to be cancelled";
}

TEST_F(FlightTest, WhoseBytesTheyAreIsKnownThoughTheLeaderHasLeft) {
  std::optional<FlightLeader> leader(lead());
  FlightFollower follower = follow();
  leader->answering({.candidate = "openai/x"});
  leader->begin();
  leader->append("half");
  leader.reset();
  EXPECT_EQ(follower.head()->candidate, "openai/x");
  EXPECT_EQ(read(follower), (std::pair{std::string("half"), State::leaderless}));
  std::optional<FlightLeader> other(lead());
  FlightFollower empty = follow();
  other->answering({.candidate = "openai/x"});
  other.reset();
  EXPECT_FALSE(empty.head()) << "nothing has come of it";
}

TEST_F(FlightTest, ALeaderWithoutFollowersIsAlone) {
  FlightLeader leader = lead();
  EXPECT_FALSE(leader.caller_gone());
  EXPECT_TRUE(leads());
}

TEST_F(FlightTest, BeyondItsBoundAFlightTakesNobodyElseAndHoldsOnlyWhatIsDue) {
  FlightLeader leader = lead();
  FlightFollower quick = follow();
  leader.answering({});
  leader.begin();
  std::string read_by_quick;
  for (int i = 0; i < 200; ++i) {
    leader.append(std::string(100, 'x'));
    read_by_quick += read(quick).first;
    EXPECT_LE(leader.held_bytes(), 1400u);
  }
  EXPECT_EQ(read_by_quick.size(), 20'000u);
  FlightLeader next = lead();
  leader.end();
  EXPECT_EQ(read(quick).second, State::ended);
}

TEST_F(FlightTest, WhoFallsTooFarBehindIsLostAndNobodyElse) {
  FlightLeader leader = lead();
  FlightFollower quick = follow();
  FlightFollower slow = follow();
  leader.answering({});
  leader.begin();
  for (int i = 0; i < 200; ++i) {
    leader.append(std::string(100, 'x'));
    read(quick);
    EXPECT_LE(leader.held_bytes(), 1400u);
  }
  EXPECT_EQ(read(slow).second, State::lost);
  leader.append("last");
  EXPECT_EQ(read(quick).first, "last");
}

TEST_F(FlightTest, OnePieceMayBeLargerThanTheBound) {
  FlightLeader leader = lead();
  FlightFollower follower = follow();
  leader.answering({});
  leader.begin();
  leader.append(std::string(50'000, 'x'));
  leader.end();
  EXPECT_EQ(read(follower).first.size(), 50'000u);
}

TEST_F(FlightTest, WhereAllTogetherHoldTooMuchOneThatGrowsTakesNobodyElseAndHoldsNothingForNobody) {
  std::deque<FlightLeader> leaders;
  std::deque<FlightFollower> followers;
  for (const std::string_view name : {"b", "c", "d", "e", "f"}) {
    leaders.push_back(lead(name));
    leaders.back().answering({});
    leaders.back().begin();
    leaders.back().append(std::string(900, 'x'));
  }
  EXPECT_EQ(leaders.back().held_bytes(), 0u) << "nobody follows it, and the others hold 3600 bytes";
  EXPECT_TRUE(leads("f"));
  followers.push_back(follow("b"));
  leaders.front().append(std::string(50, 'y'));
  EXPECT_EQ(read(followers.back()).first, std::string(900, 'x') + std::string(50, 'y'));
  EXPECT_FALSE(leads("b"));
  leaders.pop_back();
  leaders.pop_back();
  FlightLeader later = lead("g");
  later.answering({});
  later.begin();
  later.append(std::string(900, 'x'));
  EXPECT_FALSE(leads("g")) << "there is room again";
}

TEST_F(FlightTest, WhatALostFollowerWasOwedIsLetGoWhenItLeaves) {
  FlightLeader leader = lead();
  std::optional<FlightFollower> slow(follow());
  leader.answering({});
  leader.begin();
  leader.append(std::string(900, 'x'));
  leader.append(std::string(200, 'x'));
  EXPECT_GE(leader.held_bytes(), 1100u);
  slow.reset();
  leader.append("more");
  EXPECT_EQ(leader.held_bytes(), 0u);
}

TEST_F(FlightTest, AWholeAnswerIsNotCopiedForNobody) {
  FlightLeader alone = lead("b");
  alone.answering({});
  alone.begin();
  alone.end_with(std::string(900, 'x'));
  EXPECT_EQ(alone.held_bytes(), 0u);
  FlightLeader leader = lead();
  FlightFollower follower = follow();
  leader.answering({});
  leader.begin();
  leader.end_with(std::string(900, 'x'));
  EXPECT_EQ(read(follower), (std::pair{std::string(900, 'x'), State::ended}));
}

TEST_F(FlightTest, SmallPiecesComeInOrderWhateverIsReadWhen) {
  Flights flights({.flight = 1'000'000});
  FlightLeader leader = std::get<FlightLeader>(flights.join(key("a"), io_.get_executor()));
  FlightFollower often = std::get<FlightFollower>(flights.join(key("a"), io_.get_executor()));
  FlightFollower seldom = std::get<FlightFollower>(flights.join(key("a"), io_.get_executor()));
  leader.answering({});
  leader.begin();
  std::string all;
  std::string read_often;
  std::string read_seldom;
  for (std::size_t i = 0; i < 3000; ++i) {
    const std::string piece(1 + i % 97, static_cast<char>('a' + i % 26));
    all += piece;
    leader.append(piece);
    read_often += read(often).first;
    if (i % 501 == 0) read_seldom += read(seldom).first;
  }
  leader.end();
  EXPECT_EQ(read_often + read(often).first, all);
  EXPECT_EQ(read_seldom + read(seldom).first, all);
  EXPECT_LT(leader.held_bytes(), all.size() + 16 * 1024) << "no more than a block is empty";
}

TEST_F(FlightTest, AnEndedFlightDoesNotPushOutItsSuccessor) {
  std::optional<FlightLeader> old(lead());
  old->answering({});
  old->begin();
  old->end();
  const FlightLeader successor = lead();
  old.reset();
  EXPECT_FALSE(leads());
}

// One thread leads, others follow: each gets everything, in order, whenever it joined.
struct Reader {
  explicit Reader(Flights& flights) : flights_(flights), thread_([this] { run(); }) { joined_.wait(false); }
  void join() { thread_.join(); }

  void run() {
    http::asio::co_spawn(http::Executor(io_.get_executor()), read(*this), http::asio::detached);
    io_.run();
  }

  static http::Task<void> read(Reader& self) {
    auto place = self.flights_.join(key("a"), self.io_.get_executor());
    self.joined_ = true;
    self.joined_.notify_one();
    FlightFollower& flight = std::get<FlightFollower>(place);
    http::Cancellation cancellation;
    while (true) {
      std::string_view bytes;
      const State state = flight.next(bytes);
      if (state == State::bytes) {
        self.text += bytes;
      } else if (state == State::waiting) {
        co_await flight.wait(cancellation, self.deadlines_, 20s);
      } else {
        self.end = state;
        self.io_.stop();  // the thread's clock of deadlines would keep it for a while
        co_return;
      }
    }
  }

  std::string text;
  std::optional<State> end;

 private:
  Flights& flights_;
  std::atomic<bool> joined_{false};
  http::asio::io_context io_{1};
  http::Deadlines deadlines_{io_};
  std::thread thread_;
};

TEST(FlightThreadsTest, EveryFollowerGetsEveryByteOnItsOwnThread) {
  for (int round = 0; round < 20; ++round) {
    Flights flights({.flight = 10'000'000});
    http::asio::io_context io(1);
    std::optional<FlightLeader> leader(std::get<FlightLeader>(flights.join(key("a"), io.get_executor())));
    std::deque<Reader> readers;
    std::string all;
    leader->answering({});
    leader->begin();
    for (int i = 0; i < 500; ++i) {
      if (i % 100 == 0) readers.emplace_back(flights);
      const std::string piece = std::to_string(i) + ",";
      all += piece;
      leader->append(piece);
    }
    leader->end();
    leader.reset();
    for (Reader& reader : readers) {
      reader.join();
      EXPECT_EQ(reader.end, State::ended);
      EXPECT_EQ(reader.text, all);
    }
  }
}

}  // namespace
}  // namespace ai_proxy::cache
