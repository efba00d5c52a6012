// The cache in memory: its bound, its order, its expiry, and many threads at once.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "cache/cache.h"

namespace ai_proxy::cache {
namespace {

using std::chrono::seconds;
using TimePoint = http::Clock::time_point;

const TimePoint kNow{std::chrono::hours(1000)};

Key key(int number) {
  const std::string body = std::to_string(number);
  return make_key({.tenant = "t", .provider = "p", .origin = "o", .model = "m", .body = body});
}

std::shared_ptr<const Entry> kept(std::string body) {
  return std::make_shared<const Entry>(Entry{.body = std::move(body)});
}

// "": there is none.
std::string body_of(const std::shared_ptr<const Entry>& entry) {
  return entry ? entry->body : "";
}

TEST(MemoryCacheTest, GivesBackWhatWasPut) {
  MemoryCache cache(100'000);
  EXPECT_FALSE(cache.get(key(1), kNow));
  cache.put(key(1), kept("one"), kNow + seconds(10));
  EXPECT_EQ(body_of(cache.get(key(1), kNow)), "one");
  cache.put(key(1), kept("another"), kNow + seconds(10));
  EXPECT_EQ(body_of(cache.get(key(1), kNow)), "another");
  EXPECT_EQ(cache.entries(), 1u);
}

TEST(MemoryCacheTest, AnEntryEndsAtItsTimeAndGivesItsBytesBack) {
  MemoryCache cache(100'000);
  cache.put(key(1), kept("one"), kNow + seconds(10));
  EXPECT_EQ(body_of(cache.get(key(1), kNow + std::chrono::milliseconds(9999))), "one");
  EXPECT_FALSE(cache.get(key(1), kNow + seconds(10)));
  EXPECT_EQ(cache.entries(), 0u);
  EXPECT_EQ(cache.bytes(), 0u);
}

TEST(MemoryCacheTest, TheLeastRecentlyUsedGoesFirst) {
  // Room for four, with their overhead.
  MemoryCache cache(4 * (kept(std::string(1000, 'x'))->bytes() + 300));
  for (int i = 0; i < 4; ++i) cache.put(key(i), kept(std::string(1000, 'x')), kNow + seconds(10));
  ASSERT_EQ(cache.entries(), 4u);
  EXPECT_TRUE(cache.get(key(0), kNow));
  cache.put(key(4), kept(std::string(1000, 'x')), kNow + seconds(10));
  EXPECT_TRUE(cache.get(key(0), kNow));
  EXPECT_FALSE(cache.get(key(1), kNow));
  EXPECT_TRUE(cache.get(key(4), kNow));
}

TEST(MemoryCacheTest, NeverHoldsMoreThanItsBound) {
  constexpr std::size_t kBound = 50'000;
  MemoryCache cache(kBound);
  std::mt19937 random(7);
  for (int i = 0; i < 20'000; ++i) {
    cache.put(key(static_cast<int>(random() % 300)), kept(std::string(random() % 20'000, 'x')),
              kNow + seconds(10));
    ASSERT_LE(cache.bytes(), kBound);
  }
  EXPECT_GT(cache.entries(), 1u);
}

TEST(MemoryCacheTest, AnEntryBeyondAQuarterOfTheBoundIsNotKept) {
  MemoryCache cache(40'000);
  cache.put(key(1), kept("small"), kNow + seconds(10));
  cache.put(key(2), kept(std::string(10'000, 'x')), kNow + seconds(10));
  EXPECT_FALSE(cache.get(key(2), kNow));
  EXPECT_TRUE(cache.get(key(1), kNow));
  cache.put(key(1), kept(std::string(10'000, 'x')), kNow + seconds(10));
  EXPECT_FALSE(cache.get(key(1), kNow)) << "the former value must not be served for the newer one";
  MemoryCache none(0);
  none.put(key(1), kept("x"), kNow + seconds(10));
  EXPECT_EQ(none.entries(), 0u);
}

TEST(MemoryCacheTest, ManyThreadsSeeWholeValuesOnly) {
  MemoryCache cache(200'000);
  std::atomic<int> torn{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&cache, &torn, thread] {
      std::mt19937 random(static_cast<unsigned>(thread));
      for (int i = 0; i < 5000; ++i) {
        const int number = static_cast<int>(random() % 200);
        const char letter = static_cast<char>('a' + number % 26);
        if (random() % 2 == 0) {
          cache.put(key(number), kept(std::string(500 + random() % 3000, letter)), kNow + seconds(10));
        } else if (const auto entry = cache.get(key(number), kNow)) {
          if (entry->body.find_first_not_of(letter) != std::string::npos) ++torn;
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(torn, 0);
  EXPECT_LE(cache.bytes(), 200'000u);
}

}  // namespace
}  // namespace ai_proxy::cache
