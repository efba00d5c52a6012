// The pool: its queue, and when a connection is kept, closed or not shared.
#include "http/client_fixture.test.h"

namespace ai_proxy::http {
namespace {

TEST_F(ClientTest, QueuesWhenAllConnectionsAreBusyAndIsFair) {
  limits_.pool_per_origin_max = 1;
  limits_.pool_wait_time = seconds(5);
  Provider& provider = provide({{{{kChunkedHead, chunk("x") + "0\r\n\r\n"}}}});
  std::vector<int> order;
  const auto one = [](ClientPool* clients, Origin origin, Cancellation* cancellation, std::vector<int>* done,
                      int number) -> Task<void> {
    OutgoingRequest request;
    Result<ClientReply> reply = co_await clients->send(origin, request, *cancellation);
    EXPECT_TRUE(reply) << reply.error().message;
    if (!reply) co_return;
    const Result<std::string> body = co_await reply->read_all(100);
    EXPECT_EQ(body.value_or("?"), "x");
    done->push_back(number);
  };
  std::deque<Cancellation> cancellations(10);
  for (int i = 0; i < 10; ++i) {
    asio::co_spawn(Executor(io_.get_executor()),
                   one(&pool(), provider.origin(), &cancellations[static_cast<std::size_t>(i)], &order, i),
                   asio::detached);
  }
  ASSERT_TRUE(run_until([&] { return order.size() == 10; }));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(provider.accepted, 1u);
  EXPECT_EQ(pool().idle_connections(), 1u);
}

TEST_F(ClientTest, GivesUpWaitingInTheQueue) {
  limits_.pool_per_origin_max = 1;
  limits_.pool_wait_time = milliseconds(60);
  Provider& provider = provide({{{{kChunkedHead + chunk("x")}, Turn::Then::hang}}});
  {
    Result<ClientReply> holder = send(provider.origin());
    ASSERT_TRUE(holder);
    EXPECT_EQ(exchange(provider.origin()),
              "overloaded: All connections to the provider stayed busy for 60 ms.");
  }
  Result<ClientReply> next = send(provider.origin());
  EXPECT_TRUE(next);
  EXPECT_EQ(provider.accepted, 2u);
}

TEST_F(ClientTest, RefusesAtOnceWhenEnoughWait) {
  limits_.pool_per_origin_max = 1;
  limits_.pool_queue_max = 2;
  limits_.pool_wait_time = seconds(60);
  Provider& busy = provide({{{{kChunkedHead + chunk("x")}, Turn::Then::hang}}});
  Provider& other = provide({{{{answer("x")}}}});
  std::optional<Result<ClientReply>> holder = send(busy.origin());
  ASSERT_TRUE(*holder);
  std::size_t begun = 0;
  const auto wait = [](ClientPool* clients, Origin origin, Cancellation* cancellation,
                       std::size_t* count) -> Task<void> {
    const OutgoingRequest request;
    const Result<ClientReply> reply = co_await clients->send(origin, request, *cancellation);
    *count += reply.has_value();
  };
  std::deque<Cancellation> cancellations(2);
  for (Cancellation& cancellation : cancellations) {
    asio::co_spawn(Executor(io_.get_executor()), wait(&pool(), busy.origin(), &cancellation, &begun),
                   asio::detached);
  }
  io_.poll();
  const auto begin = Clock::now();
  const Result<ClientReply> refused = send(busy.origin());
  EXPECT_LT(Clock::now() - begin, seconds(10));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::overloaded);
  EXPECT_EQ(refused.error().blame, Blame::gateway);
  EXPECT_EQ(refused.error().retry_after, seconds(1));
  EXPECT_FALSE(refused.error().request_sent);
  EXPECT_EQ(refused.error().message,
            "All connections to the provider are busy, and enough requests wait for one.");
  EXPECT_EQ(exchange(other.origin()), "200 x");  // one provider's queue is nobody else's
  holder.reset();
  EXPECT_TRUE(run_until([&] { return begun == 2; }));
}

TEST_F(ClientTest, NeverSharesAConnectionBetweenTwoCredentials) {
  limits_.pool_per_origin_max = 2;
  Provider& provider = provide({{{{answer("x")}}}});
  const auto exchange_with = [&](std::string_view credential) {
    OutgoingRequest request;
    request.credential = credential;
    Result<ClientReply> reply = run(pool().send(provider.origin(), request, cancellation_));
    ASSERT_TRUE(reply);
    EXPECT_EQ(read_all(*reply), "x");
  };
  exchange_with("one");
  exchange_with("one");
  EXPECT_EQ(provider.accepted, 1u);
  exchange_with("two");
  EXPECT_EQ(provider.accepted, 2u);
  exchange_with("one");
  EXPECT_EQ(provider.accepted, 2u);
  // Both places are taken: the longest idle one makes room.
  exchange_with("three");
  EXPECT_EQ(provider.accepted, 3u);
  EXPECT_EQ(pool().idle_connections(), 2u);
  exchange_with("one");
  EXPECT_EQ(provider.accepted, 3u);
  exchange_with("two");
  EXPECT_EQ(provider.accepted, 4u);
}

TEST_F(ClientTest, HandsAPlaceOnToAnotherCredentialByANewConnection) {
  limits_.pool_per_origin_max = 1;
  limits_.pool_wait_time = seconds(5);
  Provider& provider = provide({{{{kChunkedHead, chunk("x") + "0\r\n\r\n"}}}});
  std::size_t done = 0;
  const auto one = [](ClientPool* clients, Origin origin, Cancellation* cancellation, std::size_t* count,
                      std::string credential) -> Task<void> {
    OutgoingRequest request;
    request.credential = credential;
    Result<ClientReply> reply = co_await clients->send(origin, request, *cancellation);
    EXPECT_TRUE(reply) << reply.error().message;
    if (!reply) co_return;
    const Result<std::string> body = co_await reply->read_all(100);
    EXPECT_EQ(body.value_or("?"), "x");
    ++*count;
  };
  std::deque<Cancellation> cancellations(4);
  for (std::size_t i = 0; i < cancellations.size(); ++i) {
    asio::co_spawn(Executor(io_.get_executor()),
                   one(&pool(), provider.origin(), &cancellations[i], &done, i < 2 ? "one" : "two"),
                   asio::detached);
  }
  ASSERT_TRUE(run_until([&] { return done == 4; }));
  EXPECT_EQ(provider.accepted, 2u);  // one after the other, for one credential each
}

TEST_F(ClientTest, ClosesWhatAReloadHasTakenAway) {
  Provider& gone = provide({{{{answer("x")}}, {{kChunkedHead, chunk("y") + "0\r\n\r\n"}}}});
  Provider& kept = provide({{{{answer("x")}}}});
  EXPECT_EQ(exchange(gone.origin()), "200 x");
  EXPECT_EQ(exchange(kept.origin()), "200 x");
  {
    Result<ClientReply> running = send(gone.origin());
    ASSERT_TRUE(running);
    pool().keep_only({kept.origin()});
    EXPECT_EQ(pool().idle_connections(), 1u);
    EXPECT_EQ(read_all(*running), "y");
  }
  EXPECT_EQ(pool().idle_connections(), 1u);
  EXPECT_TRUE(run_until([&] { return gone.ended_by_client == 1; }));
  // A path is no other way to the same place.
  Origin elsewhere = kept.origin();
  elsewhere.path_prefix = "/base";
  pool().keep_only({elsewhere});
  EXPECT_EQ(pool().idle_connections(), 1u);
  pool().keep_only({});
  EXPECT_EQ(pool().idle_connections(), 0u);
  // It comes back.
  EXPECT_EQ(exchange(kept.origin()), "200 x");
  EXPECT_EQ(kept.accepted, 2u);
}

TEST_F(ClientTest, ClosesConnectionsThatHaveServedTheirTime) {
  limits_.pool_uses_max = 2;
  limits_.pool_idle_time = milliseconds(60);
  Provider& provider = provide({{{{answer("x")}}}});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(exchange(provider.origin()), "200 x");
  EXPECT_EQ(provider.accepted, 2u);
  EXPECT_EQ(pool().idle_connections(), 1u);
  EXPECT_TRUE(run_until([&] { return pool().idle_connections() == 0; }));
  EXPECT_TRUE(run_until([&] { return provider.ended_by_client == 2; }));
}

}  // namespace
}  // namespace ai_proxy::http
