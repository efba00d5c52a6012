// Each phase of a request ends in its own time, with its own words, and at once when it is cancelled.
#include "http/client_fixture.test.h"

namespace ai_proxy::http {
namespace {

TEST_F(ClientTest, NamesThePhaseThatTookTooLong) {
  limits_.first_byte_time = milliseconds(80);
  limits_.silence_time = milliseconds(70);
  limits_.total_time = milliseconds(400);
  Provider& mute = provide({{{{}, Turn::Then::hang}}});
  auto begin = Clock::now();
  EXPECT_EQ(exchange(mute.origin()), "provider_timeout: The provider sent no answer within 80 ms.");
  EXPECT_GE(Clock::now() - begin, milliseconds(80));
  EXPECT_LT(Clock::now() - begin, milliseconds(2000));

  Provider& half_head = provide({{{{"HTTP/1.1 200 OK\r\n"}, Turn::Then::hang}}});
  EXPECT_TRUE(exchange(half_head.origin()).contains("fell silent in the middle of its answer for 70 ms."));
  Provider& half_body = provide({{{{kChunkedHead + chunk("x")}, Turn::Then::hang}}});
  EXPECT_EQ(exchange(half_body.origin()),
            "provider_timeout: The provider fell silent in the middle of its answer for 70 ms.");

  std::vector<std::string> trickle{kChunkedHead};
  for (int i = 0; i < 60; ++i) trickle.push_back(chunk("x"));
  Provider& slow = provide({{{trickle, Turn::Then::hang}}});
  begin = Clock::now();
  EXPECT_EQ(exchange(slow.origin()),
            "provider_timeout: The provider did not complete its answer within 400 ms.");
  EXPECT_GE(Clock::now() - begin, milliseconds(400));

  EXPECT_TRUE(run_until([&] { return mute.ended_by_client == 1 && slow.ended_by_client == 1; }));
  EXPECT_EQ(pool().idle_connections(), 0u);
}

// A stream that says something all the time, but nothing that is an event.
const std::vector<std::string> kComments = [] {
  std::vector<std::string> pieces{kChunkedHead};
  for (int i = 0; i < 60; ++i) pieces.push_back(chunk(": wait\n\n"));
  return pieces;
}();

TEST_F(ClientTest, WaitsForTheFirstEventOnlySoLong) {
  Provider& provider = provide({{{kComments, Turn::Then::hang}}});
  Result<ClientReply> reply = send(provider.origin());
  ASSERT_TRUE(reply);
  const auto begin = Clock::now();
  reply->expect_event_within(milliseconds(150));
  const Result<std::string> body = read_all(*reply);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().message, "The provider sent no event of its answer within 150 ms.");
  EXPECT_EQ(body.error().code, ErrorCode::provider_timeout);
  EXPECT_TRUE(body.error().request_sent);
  EXPECT_GE(Clock::now() - begin, milliseconds(150));
  EXPECT_TRUE(run_until([&] { return provider.ended_by_client == 1; }));
}

TEST_F(ClientTest, WaitsNoLongerForTheFirstEventOnceItWasSeen) {
  Provider& provider = provide({{{{kChunkedHead, chunk("x"), chunk("x"), chunk("x") + "0\r\n\r\n"}}}});
  for (const bool seen : {true, false}) {
    Result<ClientReply> reply = send(provider.origin());
    ASSERT_TRUE(reply);
    reply->expect_event_within(seen ? milliseconds(30) : seconds(5));
    if (seen) reply->event_seen();
    EXPECT_EQ(read_all(*reply), "xxx");
  }
  // The deadline ends with the answer, and the connection lives on.
  Result<ClientReply> reply = send(provider.origin());
  ASSERT_TRUE(reply);
  reply->expect_event_within(milliseconds(300));
  EXPECT_EQ(read_all(*reply), "xxx");
  run_until([end = Clock::now() + milliseconds(350)] { return Clock::now() > end; });
  EXPECT_EQ(exchange(provider.origin()), "200 xxx");
  EXPECT_EQ(provider.accepted, 1u);
}

TEST_F(ClientTest, TakesTheTotalTimeOfTheRequest) {
  Provider& provider = provide({{{kComments, Turn::Then::hang}}});
  OutgoingRequest request;
  request.total_time = milliseconds(200);
  Result<ClientReply> reply = run(pool().send(provider.origin(), request, cancellation_));
  ASSERT_TRUE(reply);
  const Result<std::string> body = read_all(*reply);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().message, "The provider did not complete its answer within 200 ms.");
}

TEST_F(ClientTest, SaysWhetherTheRequestHadBeenSent) {
  limits_.connect_time = milliseconds(300);
  limits_.first_byte_time = milliseconds(50);
  std::uint16_t closed_port = 0;
  {
    Provider gone(io_, {});
    closed_port = gone.origin().port;
  }
  Provider& mute = provide({{{{}, Turn::Then::hang}}});
  Provider& closing = provide({{{{}, Turn::Then::close}}});
  Origin no_tls_there = mute.origin();
  no_tls_there.tls = true;
  const auto sent = [&](const Origin& origin) {
    const Result<ClientReply> reply = send(origin);
    EXPECT_FALSE(reply);
    return reply || reply.error().request_sent;
  };
  EXPECT_FALSE(sent({false, "127.0.0.1", closed_port, ""}));
  EXPECT_FALSE(sent({false, "no-such-host.invalid", 80, ""}));
  EXPECT_FALSE(sent(no_tls_there));
  EXPECT_TRUE(sent(mute.origin()));
  EXPECT_TRUE(sent(closing.origin()));
  cancellation_.request(Cancellation::Reason::client_gone);
  EXPECT_FALSE(sent(mute.origin()));
}

TEST_F(ClientTest, GivesUpOnAProviderThatTakesNoBytes) {
  limits_.silence_time = milliseconds(100);
  Provider deaf(io_, {}, nullptr);  // accepts by the kernel only, never reads
  const std::string large(30'000'000, 'x');
  EXPECT_EQ(exchange(deaf.origin(), large),
            "provider_timeout: The provider took no bytes of the request for 100 ms.");
}

TEST_F(ClientTest, GivesUpConnectingInTime) {
  limits_.connect_time = milliseconds(120);
  // A listener whose queue is full drops what knocks, as a black hole does.
  Provider full(io_, {}, nullptr, 0);
  std::deque<Socket> knocking;
  for (int i = 0; i < 4; ++i) {
    knocking.emplace_back(io_.get_executor());
    knocking.back().open(tcp::v4());
    knocking.back().async_connect({asio::ip::address_v4::loopback(), full.origin().port},
                                  [](const error_code&) {});
  }
  run_until([end = Clock::now() + milliseconds(50)] { return Clock::now() > end; });
  const auto begin = Clock::now();
  EXPECT_EQ(exchange(full.origin()),
            "provider_timeout: The provider could not be connected to within 120 ms.");
  EXPECT_LT(Clock::now() - begin, seconds(20));  // and not by the kernel's own patience, which is minutes
  // TLS counts too.
  Provider& silent = provide({{{{}, Turn::Then::hang}}});
  Origin origin = silent.origin();
  origin.tls = true;
  EXPECT_EQ(exchange(origin), "provider_timeout: The provider could not be connected to within 120 ms.");
}

// Cancels after 30 ms and measures until the answer is there and the provider has seen the end.
class ClientCancellationTest : public ClientTest {
 protected:
  void expect_cancelled(const Origin& origin, Provider* provider, std::string_view body = "{}") {
    Timer timer(io_.get_executor(), milliseconds(30));
    Clock::time_point begin;
    timer.async_wait([&](const error_code&) {
      begin = Clock::now();
      cancellation_.request(Cancellation::Reason::client_gone);
    });
    const std::size_t ended = provider == nullptr ? 0 : provider->ended_by_client;
    EXPECT_TRUE(exchange(origin, body).starts_with("cancelled: "));
    if (provider != nullptr) EXPECT_TRUE(run_until([&] { return provider->ended_by_client > ended; }));
    EXPECT_LT(Clock::now() - begin, milliseconds(100));
    cancellation_ = Cancellation();
  }
};

TEST_F(ClientCancellationTest, EndsEveryWaitAtOnce) {
  Provider& mute = provide({{{{}, Turn::Then::hang}}});
  expect_cancelled(mute.origin(), &mute);
  Provider& half = provide({{{{kChunkedHead + chunk("x")}, Turn::Then::hang}}});
  expect_cancelled(half.origin(), &half);
  Provider deaf(io_, {});
  const std::string large(30'000'000, 'x');
  expect_cancelled(deaf.origin(), nullptr, large);
  Origin silent = deaf.origin();
  silent.tls = true;
  expect_cancelled(silent, nullptr);
}

TEST_F(ClientCancellationTest, EndsTheWaitInTheQueue) {
  limits_.pool_per_origin_max = 1;
  limits_.pool_wait_time = seconds(5);
  Provider& provider = provide({{{{kChunkedHead + chunk("x")}, Turn::Then::hang}}});
  Cancellation other;
  OutgoingRequest request;
  Result<ClientReply> holder = run(pool().send(provider.origin(), request, other));
  ASSERT_TRUE(holder);
  expect_cancelled(provider.origin(), nullptr);
}

TEST_F(ClientCancellationTest, DoesNotEvenBeginWhenRaisedBefore) {
  Provider& provider = provide({{{{answer("x")}}}});
  cancellation_.request(Cancellation::Reason::draining);
  EXPECT_EQ(exchange(provider.origin()), "cancelled: The gateway is shutting down.");
  EXPECT_TRUE(provider.requests.empty());
}

}  // namespace
}  // namespace ai_proxy::http
