// Redis while allocations fail: each of them once.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <memory>

#include "http/failing_memory.test.h"
#include "stores/redis.h"
#include "stores/redis_server.test.h"

namespace ai_proxy::stores {
namespace {

using namespace std::chrono_literals;

RedisOptions options_of(const RedisServer& server) {
  RedisOptions options;
  options.host = "127.0.0.1";
  options.port = server.port();
  return options;
}

http::Task<void> use(Redis& redis) {
  redis.set("unlucky", "2", 60s);
  (void)co_await redis.get("unlucky");
}

TEST(RedisMemoryTest, WhicheverAllocationFailsItIsAskedAgain) {
  if (!installed("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  RedisServer server;
  RedisOptions options = options_of(server);
  options.operation_time = 500ms;
  options.probe_interval = 20ms;
  for (long first = 0; first < 60; ++first) {
    http::asio::io_context io(1);
    const auto work = http::asio::make_work_guard(io);
    Redis redis(io, options);
    http::run_with_failures(io, first, 1, 5ms,
                            [&] { http::asio::co_spawn(io, use(redis), http::asio::detached); });
    Result<std::optional<std::string>> found;
    for (const auto end = http::Clock::now() + 5s; found.value_or("") != "1" && http::Clock::now() < end;) {
      redis.set("key", "1", 60s);
      found = run(io, redis.get("key"));
      if (!found) run_for(io, 5ms);
    }
    ASSERT_TRUE(found.has_value()) << first;
    EXPECT_EQ(found->value_or(""), "1") << first;
  }
}

// A reload lets go of one while memory is short, and waiters are let go of with it.
TEST(RedisMemoryTest, ItsEndNeedsNoMemory) {
  if (!installed("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  RedisServer server;
  for (const bool connected : {false, true}) {
    http::asio::io_context io(1);
    const auto work = http::asio::make_work_guard(io);
    auto redis = std::make_unique<Redis>(io, options_of(server));
    if (connected) {
      EXPECT_TRUE(run(io, redis->get("key")).has_value());
    }
    http::asio::co_spawn(io, use(*redis), http::asio::detached);
    io.restart();
    io.poll();  // it waits now
    http::run_with_failures(io, 0, 1, 0ms, [&] { redis.reset(); });
    EXPECT_EQ(redis, nullptr);
    run_for(io, 20ms);
  }
}

}  // namespace
}  // namespace ai_proxy::stores
