// Where a name may lead. The system resolves a plain number as a name without asking anybody: 2130706433 is
// 127.0.0.1.
#include "http/client_fixture.test.h"

namespace ai_proxy::http {
namespace {

constexpr const char* kNameOfLoopback = "2130706433";

TEST_F(ClientTest, RefusesANameThatLeadsInside) {
  Provider& provider = provide({{{{answer("x")}}}});
  const Result<ClientReply> reply = send(provider.origin(kNameOfLoopback));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::provider_unreachable);
  EXPECT_EQ(reply.error().message,
            "The provider's name leads to an address inside a network (loopback, private, link-local or the "
            "like). If that is meant, set internal: true for this provider.");
  EXPECT_FALSE(reply.error().retryable);
  EXPECT_FALSE(reply.error().request_sent);
  EXPECT_EQ(provider.accepted, 0u);
  // Again, now that the answer is known already.
  EXPECT_TRUE(exchange(provider.origin(kNameOfLoopback)).contains("leads to an address inside"));
  EXPECT_EQ(provider.accepted, 0u);
}

TEST_F(ClientTest, FollowsANameInsideWhereItIsMeant) {
  Provider& provider = provide({{{{answer("x")}}}});
  Origin meant = provider.origin(kNameOfLoopback);
  meant.internal = true;
  EXPECT_EQ(exchange(meant), "200 x");
  EXPECT_EQ(exchange(provider.origin("127.0.0.1")), "200 x");
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 x");
  EXPECT_EQ(provider.accepted, 3u);
  // The connection that was meant is for those only who mean it.
  EXPECT_TRUE(exchange(provider.origin(kNameOfLoopback)).contains("leads to an address inside"));
}

TEST_F(ClientTest, AsksOnceForAllWhoWantAName) {
  Provider& provider = provide({{{{answer("x")}, Turn::Then::close}}});
  Origin origin = provider.origin(kNameOfLoopback);
  origin.internal = true;
  std::size_t done = 0;
  const auto one = [](ClientPool* clients, Origin where, Cancellation* cancellation,
                      std::size_t* count) -> Task<void> {
    const OutgoingRequest request;
    const Result<ClientReply> reply = co_await clients->send(where, request, *cancellation);
    *count += reply.has_value();
  };
  std::deque<Cancellation> cancellations(5);
  for (Cancellation& cancellation : cancellations) {
    asio::co_spawn(Executor(io_.get_executor()), one(&pool(), origin, &cancellation, &done), asio::detached);
  }
  EXPECT_TRUE(run_until([&] { return done == 5; }));
}

TEST_F(ClientTest, EndsWhileANameIsLookedUp) {
  // The thread that looks up outlives everybody who wanted to know.
  cancellation_.request(Cancellation::Reason::client_gone);
  EXPECT_TRUE(exchange({false, "no-such-host.invalid", 80, ""}).starts_with("cancelled: "));
  pool_.reset();
}

}  // namespace
}  // namespace ai_proxy::http
