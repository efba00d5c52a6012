// Keys that cannot be confused, entries that cannot be half right, and the two floors of the cache together.
#include "cache/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/use_awaitable.hpp>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "stores/redis_server.test.h"

namespace ai_proxy::cache {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const KeyParts kParts{.tenant = "t",
                      .provider = "openai",
                      .origin = "https://a",
                      .model = "gpt-4o",
                      .body = R"({"a":1})",
                      .fields = "x: 1\r\n"};

Entry entry() {
  Entry result;
  result.provider = "openai";
  result.dialect = "openai_chat";
  result.request_id = "req_1";
  result.body = R"({"id":"x","text":"Grüße"})";
  return result;
}

TEST(KeyTest, EveryPartCounts) {
  std::set<std::string> seen{make_key(kParts).hex()};
  for (std::string_view KeyParts::* part : {&KeyParts::tenant, &KeyParts::provider, &KeyParts::origin,
                                            &KeyParts::model, &KeyParts::body, &KeyParts::fields}) {
    KeyParts other = kParts;
    other.*part = "other";
    EXPECT_TRUE(seen.insert(make_key(other).hex()).second);
    other.*part = "";
    EXPECT_TRUE(seen.insert(make_key(other).hex()).second);
  }
  EXPECT_EQ(make_key(kParts), make_key(kParts));
}

TEST(KeyTest, NoTextPassesFromOnePartIntoTheNext) {
  EXPECT_NE(make_key({"ab", "c", "", "", ""}), make_key({"a", "bc", "", "", ""}));
  EXPECT_NE(make_key({"ab", "", "", "", ""}), make_key({"", "ab", "", "", ""}));
  const std::string zero(1, '\0');
  EXPECT_NE(make_key({"a", zero, "", "", ""}), make_key({"a" + zero, "", "", "", ""}));
}

// reliability.md D4: tenant B never gets what is tenant A's.
TEST(KeyTest, RandomPairsOfDifferentRequestsHaveDifferentKeys) {
  std::mt19937 random(20261124);
  const auto text = [&random] {
    std::string result;
    for (unsigned i = random() % 6; i > 0; --i) result += static_cast<char>(random() % 3);
    return result;
  };
  int different = 0;
  for (int round = 0; round < 100'000; ++round) {
    const std::string a = text(), b = text(), c = text(), d = text();
    const bool same = a == b && c == d;
    const bool same_key = make_key({a, "p", "o", "m", c}) == make_key({b, "p", "o", "m", d});
    ASSERT_EQ(same, same_key);
    different += same ? 0 : 1;
  }
  EXPECT_GT(different, 90'000);
}

TEST(KeyTest, IsTheSameForEveryVersionOfThisProgram) {
  // A changed value loses everything that is stored; where that is meant, raise the version of the key.
  EXPECT_EQ(make_key(kParts).hex(), "a1763ab73382f9ba5ebf6f6cf498ff0ba691bc5209c26bd09778b549ca975bcc");
  EXPECT_EQ(Key{}.hex(), std::string(64, '0'));
}

TEST(EntryTest, ComesBackAsItWas) {
  const Key key = make_key(kParts);
  Entry before = entry();
  before.ttl = seconds(600);
  before.expires += milliseconds(1'800'000'000'123);
  before.body = std::string("{\"a\":\"\0\r\n\xff\"}", 12);
  const auto after = Entry::decode(before.encode(key), key);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->provider, before.provider);
  EXPECT_EQ(after->dialect, before.dialect);
  EXPECT_EQ(after->request_id, before.request_id);
  EXPECT_EQ(after->body, before.body);
  EXPECT_EQ(after->ttl, before.ttl);
  EXPECT_EQ(after->expires, before.expires);
}

TEST(EntryTest, DamageAnywhereMakesItNoEntry) {
  const Key key = make_key(kParts);
  const std::string good = entry().encode(key);
  ASSERT_TRUE(Entry::decode(good, key));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char flip : {'\x01', '\x80'}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      EXPECT_FALSE(Entry::decode(bad, key)) << i;
    }
    EXPECT_FALSE(Entry::decode(good.substr(0, i), key)) << i;
  }
  EXPECT_FALSE(Entry::decode(good + "x", key));
  EXPECT_FALSE(Entry::decode("", key));
  EXPECT_FALSE(Entry::decode(R"({"provider":"openai"})", key));
}

TEST(EntryTest, IsNoEntryUnderAnotherKey) {
  KeyParts other = kParts;
  other.tenant = "another";
  const std::string good = entry().encode(make_key(kParts));
  EXPECT_TRUE(Entry::decode(good, make_key(kParts)));
  EXPECT_FALSE(Entry::decode(good, make_key(other)));
}

TEST(EntryTest, WhatMayNotStandInAHeaderOrIsMissingIsRefused) {
  const Key key = make_key(kParts);
  for (std::string Entry::* part : {&Entry::provider, &Entry::dialect, &Entry::request_id}) {
    for (const std::string& bad : {std::string("a\r\nx: y"), std::string("a b"), std::string(257, 'a')}) {
      Entry odd = entry();
      odd.*part = bad;
      EXPECT_FALSE(Entry::decode(odd.encode(key), key));
    }
  }
  for (std::string Entry::* part : {&Entry::provider, &Entry::dialect, &Entry::body}) {
    Entry odd = entry();
    (odd.*part).clear();
    EXPECT_FALSE(Entry::decode(odd.encode(key), key));
  }
  Entry without_id = entry();
  without_id.request_id.clear();
  EXPECT_TRUE(Entry::decode(without_id.encode(key), key));
}

Entry stream() {
  Entry result = entry();
  result.body = "data: 1\n\ndata: 22\n\ndata: [DONE]\n\n";
  result.events = {{9, 0}, {10, 20}, {14, 20}};
  return result;
}

TEST(EntryTest, AStreamComesBackAsItWas) {
  const Key key = make_key(kParts);
  const auto after = Entry::decode(stream().encode(key), key);
  ASSERT_TRUE(after.has_value());
  EXPECT_EQ(after->body, stream().body);
  EXPECT_EQ(after->events, stream().events);
}

TEST(EntryTest, EventsThatAreNotTheStreamMakeItNoEntry) {
  const Key key = make_key(kParts);
  for (const std::vector<EventMark>& bad :
       {std::vector<EventMark>{{9, 0}, {10, 20}}, std::vector<EventMark>{{9, 0}, {10, 20}, {15, 20}},
        std::vector<EventMark>{{9, 0}, {24, 20}, {0, 20}},
        std::vector<EventMark>{{9, 30}, {10, 20}, {14, 40}},
        std::vector<EventMark>{{0xFFFFFFFF, 0}, {34, 0}}}) {
    Entry odd = stream();
    odd.events = bad;
    EXPECT_FALSE(Entry::decode(odd.encode(key), key));
  }
}

TEST(EntryTest, AnEarlierVersionIsNoEntry) {
  const Key key = make_key(kParts);
  std::string old = entry().encode(key);
  old[3] = '3';
  EXPECT_FALSE(Entry::decode(old, key));
  EXPECT_FALSE(Entry::decode_unchecked(old));
}

TEST(EntryTest, RandomBytesAreNoEntry) {
  const Key key = make_key(kParts);
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = "APC4";
    for (unsigned i = random() % 100; i > 0; --i) bytes += static_cast<char>(random());
    ASSERT_FALSE(Entry::decode(bytes, key));
  }
}

TEST(CacheTest, WithoutAStoreNothingIsKept) {
  http::asio::io_context io(1);
  Cache cache(nullptr, nullptr);
  EXPECT_FALSE(cache.enabled());
  cache.put(make_key(kParts), entry(), seconds(60));
  EXPECT_FALSE(stores::run(io, cache.get(make_key(kParts))));
}

TEST(CacheTest, MemoryAloneKeepsAnswers) {
  http::asio::io_context io(1);
  const auto memory = std::make_shared<MemoryCache>(100'000);
  Cache cache(memory, nullptr);
  Cache of_another_thread(memory, nullptr);
  EXPECT_TRUE(cache.enabled());
  cache.put(make_key(kParts), entry(), seconds(60));
  const auto hit = stores::run(io, of_another_thread.get(make_key(kParts)));
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->body, entry().body);
  KeyParts other_tenant = kParts;
  other_tenant.tenant = "u";
  EXPECT_FALSE(stores::run(io, cache.get(make_key(other_tenant))));
  cache.put(make_key(other_tenant), entry(), seconds(0));
  EXPECT_EQ(memory->entries(), 1u);
}

class CacheOverRedisTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!stores::installed("redis-server")) GTEST_SKIP() << "redis-server is not installed";
    server_.emplace();
  }
  // Unless told otherwise patient: a busy machine is no fault of Redis.
  std::shared_ptr<stores::Redis> redis(milliseconds operation_time = seconds(2)) {
    stores::RedisOptions options;
    options.host = "127.0.0.1";
    options.port = server_->port();
    options.operation_time = operation_time;
    return std::make_shared<stores::Redis>(io_, options);
  }
  std::shared_ptr<const Entry> get(Cache& cache, const Key& key) { return stores::run(io_, cache.get(key)); }

  std::optional<stores::RedisServer> server_;
  http::asio::io_context io_{1};
};

TEST_F(CacheOverRedisTest, AnotherGatewayFindsTheAnswer) {
  const Key key = make_key(kParts);
  const auto memory = std::make_shared<MemoryCache>(100'000);
  Cache here(std::make_shared<MemoryCache>(100'000), redis());
  Cache there(memory, redis());
  EXPECT_FALSE(get(here, key));
  here.put(key, entry(), seconds(60));
  ASSERT_FALSE(get(here, make_key({})));  // the SET has been answered when this is
  const auto hit = get(there, key);
  ASSERT_TRUE(hit);
  EXPECT_EQ(hit->body, entry().body);
  EXPECT_EQ(memory->entries(), 1u);
  server_->end();
  EXPECT_TRUE(get(there, key)) << "is in memory now";
}

TEST_F(CacheOverRedisTest, ACopyInMemoryEndsWithTheOneInRedis) {
  const Key key = make_key(kParts);
  Cache here(nullptr, redis());
  Cache there(std::make_shared<MemoryCache>(100'000), redis());
  EXPECT_FALSE(get(here, key));
  EXPECT_FALSE(get(there, key));
  const auto begin = http::Clock::now();
  here.put(key, entry(), seconds(2));
  EXPECT_FALSE(get(here, make_key({})));
  std::this_thread::sleep_until(begin + milliseconds(800));
  EXPECT_TRUE(get(there, key));
  std::this_thread::sleep_until(begin + milliseconds(2050));
  EXPECT_FALSE(get(there, key));
}

TEST_F(CacheOverRedisTest, KeysInRedisShowNothing) {
  if (!stores::installed("redis-cli")) GTEST_SKIP() << "redis-cli is not installed";
  const Key key = make_key(kParts);
  Cache cache(nullptr, redis());
  EXPECT_FALSE(get(cache, key));
  cache.put(key, entry(), seconds(60));
  ASSERT_TRUE(get(cache, key));
  FILE* const listing =
      ::popen(("redis-cli -p " + std::to_string(server_->port()) + " keys '*'").c_str(), "r");
  char line[200] = {};
  ASSERT_NE(std::fgets(line, sizeof line, listing), nullptr);
  ::pclose(listing);
  EXPECT_EQ(std::string(line), "ai-proxy:v1:" + key.hex() + "\n");
}

TEST_F(CacheOverRedisTest, ForeignAndDamagedEntriesAreMisses) {
  const Key key = make_key(kParts);
  const auto memory = std::make_shared<MemoryCache>(100'000);
  const auto store = redis();
  Cache cache(memory, store);
  EXPECT_FALSE(get(cache, key));
  std::string damaged = entry().encode(key);
  damaged.back() = 'x';
  for (const std::string& bad : {std::string("{}"), damaged, std::string(5000, '\xff')}) {
    store->set("ai-proxy:v1:" + key.hex(), bad, seconds(60));
    EXPECT_FALSE(get(cache, key));
  }
  EXPECT_EQ(memory->entries(), 0u);
}

TEST_F(CacheOverRedisTest, ClocksThatDisagreeDoNotKeepACopyForEver) {
  const Key key = make_key(kParts);
  const auto store = redis();
  const auto memory = std::make_shared<MemoryCache>(100'000);
  Cache cache(memory, store);
  EXPECT_FALSE(get(cache, key));
  Entry ahead = entry();
  ahead.ttl = seconds(1);
  ahead.expires = std::chrono::floor<milliseconds>(std::chrono::system_clock::now()) + std::chrono::hours(24);
  store->set("ai-proxy:v1:" + key.hex(), ahead.encode(key), seconds(60));
  ASSERT_TRUE(get(cache, key));
  EXPECT_TRUE(memory->get(key, http::Clock::now()));
  EXPECT_FALSE(memory->get(key, http::Clock::now() + milliseconds(1001)));
}

TEST_F(CacheOverRedisTest, AFrozenRedisIsAMissInTime) {
  const Key key = make_key(kParts);
  Cache cache(nullptr, redis(milliseconds(50)));
  EXPECT_FALSE(get(cache, key));
  server_->signal(SIGSTOP);
  for (int i = 0; i < 20; ++i) {
    const auto begin = http::Clock::now();
    cache.put(key, entry(), seconds(60));
    EXPECT_FALSE(get(cache, key));
    EXPECT_LT(http::Clock::now() - begin, milliseconds(90));
  }
  server_->signal(SIGCONT);
}

}  // namespace
}  // namespace ai_proxy::cache
