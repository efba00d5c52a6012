// Redis against a real redis-server: storing, pipelining, passwords, TLS, and every way a server goes away.
#include "stores/redis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fstream>
#include <sstream>

#include "stores/redis_server.test.h"
#include "telemetry/log.h"

namespace ai_proxy::stores {
namespace {

using http::Clock;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

class RedisTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!installed("redis-server")) GTEST_SKIP() << "redis-server is not installed";
    ASSERT_TRUE(telemetry::start_log({.format = telemetry::Format::json,
                                      .level = telemetry::Level::debug,
                                      .access = true,
                                      .file = logs_.path() + "/log"}));
  }
  void TearDown() override { telemetry::stop_log(); }

  static RedisOptions options(const RedisServer& server) {
    RedisOptions result;
    result.host = "127.0.0.1";
    result.port = server.port();
    return result;
  }
  // What a key holds, "-" for nothing, "!" and the reason for an error.
  std::string value(Redis& redis, std::string_view key) {
    const auto result = run(io_, redis.get(key));
    if (!result) return "!" + result.error().message;
    return result->value_or("-");
  }
  bool becomes(Redis& redis, std::string_view key, std::string_view wanted,
               milliseconds patience = seconds(3)) {
    const auto end = Clock::now() + patience;
    while (value(redis, key) != wanted) {
      if (Clock::now() > end) return false;
      run_for(io_, milliseconds(5));
    }
    return true;
  }
  milliseconds timed_get(Redis& redis, std::string_view key) {
    const auto begin = Clock::now();
    run(io_, redis.get(key));
    return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
  }
  std::string log_text() {
    telemetry::stop_log();
    std::ifstream file(logs_.path() + "/log");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static std::size_t count(const std::string& text, std::string_view word) {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size()) ++found;
    return found;
  }

  TemporaryDirectory logs_;
  http::asio::io_context io_{1};
};

TEST_F(RedisTest, GivesBackWhatWasSet) {
  RedisServer server;
  Redis redis(io_, options(server));
  EXPECT_EQ(value(redis, "absent"), "-");
  const std::string binary("a\r\n\0$-1\xff", 8);
  redis.set("key", binary, seconds(60));
  EXPECT_EQ(value(redis, "key"), binary);
  redis.set("key", "other", seconds(60));
  EXPECT_EQ(value(redis, "key"), "other");
}

TEST_F(RedisTest, ValuesExpire) {
  RedisServer server;
  Redis redis(io_, options(server));
  redis.set("key", "value", seconds(1));
  redis.set("never", "value", seconds(0));
  redis.set("long", "value", seconds::max());
  EXPECT_EQ(value(redis, "key"), "value");
  EXPECT_EQ(value(redis, "never"), "-");
  EXPECT_EQ(value(redis, "long"), "value");
  EXPECT_TRUE(becomes(redis, "key", "-", seconds(3)));
}

TEST_F(RedisTest, CarriesLargeValuesUpToItsBound) {
  RedisServer server;
  RedisOptions small = options(server);
  small.value_bytes_max = 1'000'000;
  small.operation_time = seconds(2);
  Redis redis(io_, small);
  RedisOptions wide = options(server);
  wide.operation_time = seconds(2);
  Redis generous(io_, wide);
  const std::string fits(1'000'000, 'x');
  const std::string too_large(1'000'001, 'y');
  redis.set("fits", fits, seconds(60));
  redis.set("large", too_large, seconds(60));
  EXPECT_EQ(value(redis, "fits"), fits);
  EXPECT_EQ(value(redis, "large"), "-");
  // Stored by somebody with a greater bound: a miss, not a fault.
  generous.set("large", too_large, seconds(60));
  EXPECT_EQ(value(generous, "large"), too_large);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(value(redis, "large"), "-");
  EXPECT_FALSE(redis.breaker_open());
}

TEST_F(RedisTest, ManyGetsShareTheConnectionInOrder) {
  RedisServer server;
  RedisOptions patient = options(server);
  patient.operation_time = seconds(5);
  patient.pending_max = 2048;
  Redis redis(io_, patient);
  for (int i = 0; i < 1000; ++i) redis.set("k" + std::to_string(i), "v" + std::to_string(i), seconds(60));
  ASSERT_EQ(value(redis, "k0"), "v0");

  int right = 0;
  int ended = 0;
  const auto ask = [](Redis& asked, int number, int& good, int& done) -> http::Task<void> {
    const std::string key = "k" + std::to_string(number);
    const auto result = co_await asked.get(key);
    if (result && *result == "v" + std::to_string(number)) ++good;
    ++done;
  };
  for (int i = 0; i < 1000; ++i) http::asio::co_spawn(io_, ask(redis, i, right, ended), http::asio::detached);
  EXPECT_TRUE(run_until(io_, seconds(10), [&] { return ended == 1000; }));
  EXPECT_EQ(right, 1000);
}

TEST_F(RedisTest, RefusesBeyondItsBoundAtOnce) {
  RedisServer server;
  RedisOptions narrow = options(server);
  narrow.pending_max = 10;
  Redis redis(io_, narrow);
  ASSERT_EQ(value(redis, "a"), "-");
  int refused = 0;
  int ended = 0;
  const auto ask = [](Redis& asked, int& bad, int& done) -> http::Task<void> {
    const auto result = co_await asked.get("a");
    if (!result) ++bad;
    ++done;
  };
  for (int i = 0; i < 15; ++i) http::asio::co_spawn(io_, ask(redis, refused, ended), http::asio::detached);
  EXPECT_TRUE(run_until(io_, seconds(5), [&] { return ended == 15; }));
  EXPECT_EQ(refused, 5);
  EXPECT_FALSE(redis.breaker_open());
}

TEST_F(RedisTest, SpeaksPasswordAndDatabase) {
  RedisServer server({"--requirepass", "pass-word-canary"});
  RedisOptions with = options(server);
  with.password = Secret("pass-word-canary");
  with.database = 3;
  Redis redis(io_, with);
  redis.set("key", "three", seconds(60));
  EXPECT_EQ(value(redis, "key"), "three");
  RedisOptions named = with;
  named.user = "default";
  Redis user(io_, named);
  EXPECT_EQ(value(user, "key"), "three");
  RedisOptions other = with;
  other.database = 0;
  Redis elsewhere(io_, other);
  EXPECT_EQ(value(elsewhere, "key"), "-");
}

TEST_F(RedisTest, AWrongPasswordOpensTheBreakerAndStaysOutOfTheLog) {
  RedisServer server({"--requirepass", "right-canary"});
  for (const char* password : {"", "wrong-canary"}) {
    RedisOptions wrong = options(server);
    wrong.password = Secret(password);
    Redis redis(io_, wrong);
    EXPECT_TRUE(run_until(io_, seconds(5), [&] { return redis.breaker_open(); }));
    EXPECT_EQ(value(redis, "key"), "!redis is away");
  }
  const std::string log = log_text();
  EXPECT_THAT(log, HasSubstr("NOAUTH"));
  EXPECT_THAT(log, HasSubstr("WRONGPASS"));
  EXPECT_THAT(log, Not(HasSubstr("canary")));
}

TEST_F(RedisTest, NobodyListeningOpensTheBreakerWithOneLogLine) {
  RedisOptions nobody;
  nobody.host = "127.0.0.1";
  nobody.port = free_port();
  Redis redis(io_, nobody);
  Redis of_another_thread(io_, nobody);
  EXPECT_TRUE(
      run_until(io_, seconds(5), [&] { return redis.breaker_open() && of_another_thread.breaker_open(); }));
  const auto begin = Clock::now();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(value(redis, "key"), "!redis is away");
  EXPECT_LT(Clock::now() - begin, milliseconds(500));
  const std::string log = log_text();
  EXPECT_EQ(count(log, "redis is away"), 1u) << log;
  EXPECT_THAT(log, HasSubstr("refused"));
}

TEST_F(RedisTest, KilledAndStartedAgainItRecovers) {
  RedisServer server;
  Redis redis(io_, options(server));
  ASSERT_EQ(value(redis, "key"), "-");
  server.end();
  milliseconds slowest{0};
  const auto end = Clock::now() + seconds(10);
  while (!redis.breaker_open() && Clock::now() < end) {
    slowest = std::max(slowest, timed_get(redis, "key"));
    run_for(io_, milliseconds(2));
  }
  EXPECT_TRUE(redis.breaker_open());
  EXPECT_LE(slowest, milliseconds(75));
  server.start();
  const auto restarted = Clock::now();
  EXPECT_TRUE(run_until(io_, seconds(6), [&] { return !redis.breaker_open(); }));
  EXPECT_LT(Clock::now() - restarted, seconds(4));
  EXPECT_TRUE(becomes(redis, "key", "-")) << "half open: the first success closes it";
  redis.set("key", "again", seconds(60));
  EXPECT_EQ(value(redis, "key"), "again");
  const std::string log = log_text();
  EXPECT_EQ(count(log, "redis is away"), 1u) << log;
  EXPECT_EQ(count(log, "redis is back"), 1u) << log;
}

TEST_F(RedisTest, AShortRestartIsSurvivedWithoutTheBreaker) {
  RedisServer server;
  Redis redis(io_, options(server));
  ASSERT_EQ(value(redis, "key"), "-");
  server.end();
  server.start();
  EXPECT_TRUE(becomes(redis, "key", "-", seconds(1)));
  EXPECT_FALSE(redis.breaker_open());
}

TEST_F(RedisTest, FrozenItCostsNoMoreThanItsDeadlineAndRecovers) {
  RedisServer server;
  Redis redis(io_, options(server));
  redis.set("key", "value", seconds(60));
  ASSERT_EQ(value(redis, "key"), "value");
  server.signal(SIGSTOP);
  int slow = 0;
  milliseconds slowest{0};
  const auto end = Clock::now() + seconds(10);
  while (!redis.breaker_open() && Clock::now() < end) {
    const milliseconds time = timed_get(redis, "key");
    slowest = std::max(slowest, time);
    if (time >= milliseconds(40)) ++slow;
    run_for(io_, milliseconds(2));
  }
  EXPECT_LE(slowest, milliseconds(75));
  EXPECT_LE(slow, 1) << "while the connection is made anew, nobody waits for it";
  EXPECT_TRUE(redis.breaker_open());
  run_for(io_, milliseconds(2500));  // a probe passes and must not be fooled by a kernel that accepts for it
  EXPECT_TRUE(redis.breaker_open());
  server.signal(SIGCONT);
  const auto thawed = Clock::now();
  EXPECT_TRUE(run_until(io_, seconds(6), [&] { return !redis.breaker_open(); }));
  EXPECT_LT(Clock::now() - thawed, seconds(4));
  EXPECT_EQ(value(redis, "key"), "value");
  const std::string log = log_text();
  EXPECT_EQ(count(log, "redis is away"), 1u) << log;
  EXPECT_EQ(count(log, "redis is back"), 1u) << log;
}

TEST_F(RedisTest, FrozenItIsNoticedByStoringAlone) {
  RedisServer server;
  Redis redis(io_, options(server));
  ASSERT_EQ(value(redis, "key"), "-");
  server.signal(SIGSTOP);
  for (int i = 0; i < 5; ++i) redis.set("key", "value", seconds(60));
  EXPECT_TRUE(run_until(io_, seconds(1), [&] { return redis.breaker_open(); }));
  server.signal(SIGCONT);
}

TEST_F(RedisTest, FullItGoesOnReadingAndSaysSoOnce) {
  RedisServer server({"--maxmemory", "1", "--maxmemory-policy", "noeviction"});
  Redis redis(io_, options(server));
  for (int i = 0; i < 20; ++i) {
    redis.set("key", "value", seconds(60));
    EXPECT_EQ(value(redis, "key"), "-");
  }
  EXPECT_FALSE(redis.breaker_open());
  const std::string log = log_text();
  EXPECT_EQ(count(log, "redis refuses to store"), 1u) << log;
  EXPECT_THAT(log, HasSubstr("OOM"));
}

TEST_F(RedisTest, AFlushIsAMiss) {
  RedisServer server;
  Redis redis(io_, options(server));
  redis.set("key", "value", seconds(60));
  ASSERT_EQ(value(redis, "key"), "value");
  if (!installed("redis-cli")) GTEST_SKIP();
  ASSERT_TRUE(succeeds({"redis-cli", "-p", std::to_string(server.port()), "flushall"}));
  EXPECT_EQ(value(redis, "key"), "-");
}

TEST_F(RedisTest, ADatabaseThatDoesNotExistIsAFailure) {
  RedisServer server;
  RedisOptions wrong = options(server);
  wrong.database = 9999;
  Redis redis(io_, wrong);
  EXPECT_TRUE(run_until(io_, seconds(5), [&] { return redis.breaker_open(); }));
}

TEST_F(RedisTest, MayGoWhileCommandsAreUnderWay) {
  RedisServer server;
  int ended = 0;
  const auto ask = [](std::shared_ptr<Redis> asked, int& done) -> http::Task<void> {
    const auto result = co_await asked->get("a");
    ++done;
  };
  {
    const auto redis = std::make_shared<Redis>(io_, options(server));
    ASSERT_EQ(value(*redis, "a"), "-");
    for (int i = 0; i < 10; ++i) http::asio::co_spawn(io_, ask(redis, ended), http::asio::detached);
    redis->set("a", "b", seconds(60));
  }
  EXPECT_TRUE(run_until(io_, seconds(2), [&] { return ended == 10; }));
  {
    Redis brief(io_, options(server));  // destroyed before it could connect, and the context never runs again
    brief.set("a", "b", seconds(60));
  }
}

class RedisTlsTest : public RedisTest {
 protected:
  void SetUp() override {
    RedisTest::SetUp();
    if (IsSkipped()) return;
    if (!installed("openssl")) GTEST_SKIP() << "openssl is not installed";
    ASSERT_TRUE(succeeds({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                          "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                          file("key.pem"), "-out", file("certificate.pem")}));
    server_.emplace(std::vector<std::string>{"--tls-cert-file", file("certificate.pem"), "--tls-key-file",
                                             file("key.pem"), "--tls-ca-cert-file", file("certificate.pem"),
                                             "--tls-auth-clients", "no", "--port", "0", "--tls-port"});
    if (!connects(server_->port())) GTEST_SKIP() << "redis-server without TLS";
  }
  std::string file(const char* name) const { return certificates_.path() + "/" + name; }
  RedisOptions tls_options(std::string host, std::string ca_file) const {
    RedisOptions result = options(*server_);
    result.tls = true;
    result.host = std::move(host);
    result.ca_file = std::move(ca_file);
    return result;
  }

  TemporaryDirectory certificates_;
  std::optional<RedisServer> server_;
};

TEST_F(RedisTlsTest, StoresOverTls) {
  Redis redis(io_, tls_options("localhost", file("certificate.pem")));
  const std::string large(300'000, 'x');
  EXPECT_TRUE(becomes(redis, "absent", "-"));
  redis.set("key", large, seconds(60));
  EXPECT_EQ(value(redis, "key"), large);
  server_->end();
  server_->start();
  EXPECT_TRUE(becomes(redis, "key", "-", seconds(5)));
}

TEST_F(RedisTlsTest, RefusesACertificateItCannotVerify) {
  Redis unknown(io_, tls_options("localhost", ""));                          // signed by nobody we know
  Redis wrong_name(io_, tls_options("127.0.0.1", file("certificate.pem")));  // for another name
  Redis no_bundle(io_, tls_options("localhost", file("absent.pem")));
  EXPECT_TRUE(run_until(io_, seconds(8), [&] {
    return unknown.breaker_open() && wrong_name.breaker_open() && no_bundle.breaker_open();
  }));
  EXPECT_EQ(value(unknown, "key"), "!redis is away");
  EXPECT_THAT(log_text(), HasSubstr("certificate verify failed"));
}

}  // namespace
}  // namespace ai_proxy::stores
