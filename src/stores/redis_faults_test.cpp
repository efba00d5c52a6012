// Redis against servers that are not what they seem: silent, talking nonsense, breaking off in the middle.
// And the reader of replies on its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <random>

#include "http/socket.h"
#include "stores/breaker.h"
#include "stores/redis.h"
#include "stores/redis_protocol.h"
#include "stores/redis_server.test.h"

namespace ai_proxy::stores {
namespace {

namespace asio = http::asio;
using http::Clock;
using http::tcp;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr asio::as_tuple_t<asio::use_awaitable_t<http::Executor>> kAwait{};

// Answers the greeting (a PING) as Redis does, and every later read with `answer`; empty: not at all.
class FalseServer {
 public:
  FalseServer(asio::io_context& io, std::string answer, bool hang_up, bool greets = true)
      : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    asio::co_spawn(io, accept(this, std::move(answer), hang_up, greets), asio::detached);
  }
  ~FalseServer() { acceptor_.close(); }
  FalseServer(const FalseServer&) = delete;
  FalseServer& operator=(const FalseServer&) = delete;

  RedisOptions options() const {
    RedisOptions result;
    result.host = "127.0.0.1";
    result.port = acceptor_.local_endpoint().port();
    result.probe_interval = milliseconds(200);
    return result;
  }
  int connections = 0;

 private:
  using Acceptor = asio::basic_socket_acceptor<tcp, http::Executor>;

  static http::Task<void> accept(FalseServer* self, std::string answer, bool hang_up, bool greets) {
    while (true) {
      auto [fault, socket] = co_await self->acceptor_.async_accept(kAwait);
      if (fault) co_return;
      ++self->connections;
      const auto executor = self->acceptor_.get_executor();
      asio::co_spawn(executor, serve(std::move(socket), answer, hang_up, greets), asio::detached);
    }
  }
  static http::Task<void> serve(http::Socket socket, std::string answer, bool hang_up, bool greets) {
    char bytes[4096];
    bool greeted = !greets;
    while (true) {
      const auto buffer = asio::buffer(bytes);
      const auto [fault, count] = co_await socket.async_read_some(buffer, kAwait);
      if (fault) co_return;
      const std::string text = greeted ? answer : "+PONG\r\n";
      const auto reply = asio::buffer(text);
      const auto [unsent, written] = co_await asio::async_write(socket, reply, kAwait);
      if (unsent || (greeted && hang_up)) co_return;
      greeted = true;
    }
  }

  Acceptor acceptor_;
};

struct Fault {
  const char* name;
  std::string answer;
  bool hang_up;
};

class RedisFaultTest : public ::testing::TestWithParam<Fault> {};

TEST_P(RedisFaultTest, IsAMissInTimeAndOpensTheBreaker) {
  asio::io_context io(1);
  FalseServer server(io, GetParam().answer, GetParam().hang_up);
  Redis redis(io, server.options());
  const auto end = Clock::now() + seconds(10);
  while (!redis.breaker_open() && Clock::now() < end) {
    redis.set("key", "value", seconds(60));
    const auto begin = Clock::now();
    const auto result = run(io, redis.get("key"));
    EXPECT_FALSE(result.has_value());
    EXPECT_LT(Clock::now() - begin, milliseconds(90));
    run_for(io, milliseconds(2));
  }
  EXPECT_TRUE(redis.breaker_open());
}

INSTANTIATE_TEST_SUITE_P(
    Answers, RedisFaultTest,
    ::testing::Values(
        Fault{"Silence", "", false}, Fault{"HangsUp", "", true},
        Fault{"Garbage", "HTTP/1.1 400\r\n\r\n", false}, Fault{"HalfReply", "$100\r\nabc", false},
        Fault{"HalfReplyThenHangsUp", "$100\r\nabc", true}, Fault{"HugeLength", "$536870912\r\nabc", false},
        Fault{"NegativeLength", "$-7\r\n", false}, Fault{"Array", "*2\r\n$1\r\na\r\n$1\r\nb\r\n", false},
        Fault{"EndlessArray", "*1000000000\r\n", false},
        Fault{"DeepArray", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", false},
        Fault{"Loading", "-LOADING Redis is loading the dataset in memory\r\n-LOADING x\r\n", false},
        Fault{"Moved", "-MOVED 3999 127.0.0.1:6381\r\n-MOVED 3999 127.0.0.1:6381\r\n", false},
        Fault{"ZeroBytes", std::string(100, '\0'), false}),
    [](const auto& info) { return info.param.name; });

TEST(RedisFaultsTest, AServerThatNeverGreetsIsAway) {
  asio::io_context io(1);
  FalseServer server(io, "", false, false);
  Redis redis(io, server.options());
  const auto begin = Clock::now();
  EXPECT_FALSE(run(io, redis.get("key")).has_value());
  EXPECT_LT(Clock::now() - begin, milliseconds(90));
  EXPECT_TRUE(run_until(io, seconds(5), [&] { return redis.breaker_open(); }));
}

TEST(RedisFaultsTest, ProbesOncePerIntervalWhileOpen) {
  asio::io_context io(1);
  FalseServer server(io, "nonsense", false, false);
  RedisOptions options = server.options();
  options.probe_interval = milliseconds(300);
  Redis redis(io, options);
  ASSERT_TRUE(run_until(io, seconds(5), [&] { return redis.breaker_open(); }));
  const int before = server.connections;
  const auto end = Clock::now() + milliseconds(1000);
  while (Clock::now() < end) {
    EXPECT_FALSE(run(io, redis.get("key")).has_value());
    run_for(io, milliseconds(5));
  }
  EXPECT_GE(server.connections - before, 2);
  EXPECT_LE(server.connections - before, 4);
}

TEST(RedisFaultsTest, AReplyNobodyAskedForEndsTheConnection) {
  asio::io_context io(1);
  FalseServer server(io, "$1\r\na\r\n$1\r\nb\r\n", false);
  Redis redis(io, server.options());
  const auto first = run(io, redis.get("key"));
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(*first, "a");
  EXPECT_TRUE(run_until(io, seconds(2), [&] { return server.connections >= 2; }));
  // Accepted is not yet greeted: until then a look-up fails at once.
  auto second = run(io, redis.get("key"));
  for (const auto end = Clock::now() + seconds(5); !second && Clock::now() < end;) {
    run_for(io, milliseconds(1));
    second = run(io, redis.get("key"));
  }
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(*second, "a") << "a stray reply was taken for this one";
}

TEST(RedisFaultsTest, ACancelledGetLeavesTheOthersInStep) {
  asio::io_context io(1);
  RedisOptions options;
  options.operation_time = milliseconds(200);
  if (!installed("redis-server")) GTEST_SKIP() << "redis-server is not installed";
  RedisServer server;
  options.host = "127.0.0.1";
  options.port = server.port();
  Redis redis(io, options);
  redis.set("a", "1", seconds(60));
  redis.set("b", "2", seconds(60));
  ASSERT_EQ(run(io, redis.get("a")).value(), "1");

  asio::cancellation_signal signal;
  bool ended = false;
  const auto ask = [](Redis& asked) -> http::Task<void> { co_await asked.get("a"); };
  asio::co_spawn(io, ask(redis),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ended = true; }));
  io.restart();
  io.run_one_for(milliseconds(10));
  signal.emit(asio::cancellation_type::terminal);
  EXPECT_EQ(run(io, redis.get("b")).value(), "2");
  EXPECT_TRUE(run_until(io, seconds(1), [&] { return ended; }));
  EXPECT_EQ(run(io, redis.get("a")).value(), "1");
  EXPECT_FALSE(redis.breaker_open());
}

TEST(RedisReaderTest, GivesTheSameRepliesHoweverTheBytesAreCut) {
  const std::string bytes = "+OK\r\n$5\r\na\r\nbc\r\n$-1\r\n-OOM command not allowed\r\n$0\r\n\r\n";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    RedisReader reader(1000);
    std::string seen;
    RedisReply reply;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      reader.feed(std::string_view(bytes).substr(at, step));
      while (reader.next(reply) == RedisReader::Next::reply) {
        seen += std::to_string(static_cast<int>(reply.kind)) + "[" + reply.text + "]";
      }
    }
    EXPECT_EQ(seen, "2[OK]1[a\r\nbc]4[]3[OOM command not allowed]1[]") << step;
  }
}

TEST(RedisReaderTest, AReplyBeyondTheBoundIsGarbage) {
  RedisReader reader(100);
  RedisReply reply;
  reader.feed("$1000\r\n");
  EXPECT_EQ(reader.next(reply), RedisReader::Next::incomplete);
  reader.feed(std::string(99, 'x'));
  EXPECT_EQ(reader.next(reply), RedisReader::Next::garbage);
  reader.feed("+OK\r\n");
  EXPECT_EQ(reader.next(reply), RedisReader::Next::garbage);
}

TEST(RedisReaderTest, SurvivesRandomBytes) {
  std::mt19937 random(20261124);
  const std::string_view alphabet = "+-:$*_,#!=%~>(\r\n0123456789aZ\0\xff";
  for (int round = 0; round < 20'000; ++round) {
    RedisReader reader(4096);
    RedisReply reply;
    for (int piece = 0; piece < 4; ++piece) {
      std::string bytes;
      for (int i = 0; i < 12; ++i) bytes += alphabet[random() % alphabet.size()];
      reader.feed(bytes);
      for (int i = 0; i < 20 && reader.next(reply) == RedisReader::Next::reply; ++i) {
      }
    }
  }
}

TEST(RedisProtocolTest, CommandsCarryAnyBytes) {
  std::string bytes;
  ASSERT_TRUE(append_command(bytes, {"SET", std::string_view("a\r\n\0b", 5), ""}));
  EXPECT_EQ(bytes, std::string("*3\r\n$3\r\nSET\r\n$5\r\na\r\n\0b\r\n$0\r\n\r\n", 30));
}

TEST(RedisProtocolTest, OnlyTheFirstWordOfAnErrorIsShown) {
  EXPECT_EQ(error_word("OOM command not allowed"), "OOM");
  EXPECT_EQ(error_word("ERR unknown command 'secret'"), "ERR");
  EXPECT_EQ(error_word("secret"), "an error");
  EXPECT_EQ(error_word(""), "an error");
}

TEST(BreakerTest, OpensAfterSoManyFailuresInARow) {
  Breaker breaker(3);
  EXPECT_FALSE(breaker.fail());
  EXPECT_FALSE(breaker.fail());
  EXPECT_FALSE(breaker.succeed());
  EXPECT_FALSE(breaker.fail());
  EXPECT_FALSE(breaker.fail());
  EXPECT_FALSE(breaker.open());
  EXPECT_TRUE(breaker.fail());
  EXPECT_TRUE(breaker.open());
  EXPECT_FALSE(breaker.fail()) << "says so once";
  breaker.probe_succeeded();
  EXPECT_EQ(breaker.state(), Breaker::State::half_open);
  EXPECT_FALSE(breaker.fail()) << "was not back yet";
  EXPECT_TRUE(breaker.open());
  breaker.probe_succeeded();
  EXPECT_TRUE(breaker.succeed());
  EXPECT_EQ(breaker.state(), Breaker::State::closed);
  EXPECT_FALSE(breaker.fail());
}

}  // namespace
}  // namespace ai_proxy::stores
