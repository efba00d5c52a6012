// The client against real sockets: what it sends, and what it makes of whatever comes back.
#include <sys/resource.h>

#include "http/client_fixture.test.h"

namespace ai_proxy::http {
namespace {

TEST_F(ClientTest, SendsAProperRequestAndUsesTheConnectionAgain) {
  Provider& provider = provide({{{{answer("one")}}, {{answer("two")}}}});
  EXPECT_EQ(exchange(provider.origin(), "{\"a\":1}"), "200 one");
  EXPECT_EQ(pool().idle_connections(), 1u);
  Result<ClientReply> second = send(provider.origin());
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->reused_connection());
  EXPECT_EQ(second->headers().get("content-length"), "3");
  EXPECT_EQ(read_all(*second), "two");
  EXPECT_EQ(second->headers().get("content-length"), "3");  // lives on although the connection is back
  EXPECT_EQ(provider.accepted, 1u);
  EXPECT_EQ(provider.requests[0],
            "POST /v1/chat/completions HTTP/1.1\r\nHost: " + provider.origin().authority() +
                "\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

TEST_F(ClientTest, AppendsThePathToThePrefix) {
  Provider& provider = provide({{{{answer("x")}}}});
  Origin origin = provider.origin();
  origin.path_prefix = "/base";
  EXPECT_EQ(exchange(origin), "200 x");
  EXPECT_TRUE(provider.requests[0].starts_with("POST /base/v1/chat/completions HTTP/1.1\r\n"));
}

TEST_F(ClientTest, ReadsEveryFraming) {
  Provider& provider = provide({{
      {{"HTTP/1.1 200 OK\r\nContent-Le", "ngth: 5\r\n\r\nhe", "llo"}},
      {{kChunkedHead + chunk("he"), "3", "\r\nllo\r\n0\r\n", "\r\n"}},
      {{"HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + answer("hello")}},
      {{"HTTP/1.1 204 None\r\n\r\n"}},
      {{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"}},
      {{"HTTP/1.1 200 OK\r\n\r\n", "hel", "lo"}, Turn::Then::close},
  }});
  for (int i = 0; i < 3; ++i) EXPECT_EQ(exchange(provider.origin()), "200 hello");
  EXPECT_EQ(exchange(provider.origin()), "204 ");
  EXPECT_EQ(exchange(provider.origin()), "302 ");
  EXPECT_EQ(pool().idle_connections(), 1u);
  EXPECT_EQ(exchange(provider.origin()), "200 hello");
  EXPECT_EQ(pool().idle_connections(), 0u);
  EXPECT_EQ(provider.accepted, 1u);
}

TEST_F(ClientTest, StreamsWhatIsThereAndThenReturnsTheConnection) {
  Provider& provider = provide({{{{kChunkedHead + chunk("a") + chunk("b"), chunk("c"), "0\r\n\r\n"}}}});
  Result<ClientReply> reply = send(provider.origin());
  ASSERT_TRUE(reply);
  EXPECT_EQ(run(reply->read_some()).value_or("?"), "ab");
  EXPECT_EQ(run(reply->read_some()).value_or("?"), "c");
  EXPECT_EQ(pool().idle_connections(), 0u);
  EXPECT_EQ(run(reply->read_some()).value_or("?"), "");
  EXPECT_EQ(run(reply->read_some()).value_or("?"), "");
  EXPECT_EQ(pool().idle_connections(), 1u);
}

TEST_F(ClientTest, ReadsAStreamWhateverItComesIn) {
  std::string large;
  for (int i = 0; large.size() < 100'000; ++i) large.append(std::to_string(i)).append(" ");
  Provider& provider = provide({{{.pieces = {kChunkedHead + chunk(large), chunk("a"), chunk("b") + chunk("c"),
                                             chunk(large) + chunk("d") + "0\r\n\r\n"}}}});
  Result<ClientReply> reply = send(provider.origin());
  ASSERT_TRUE(reply);
  std::string all;
  Result<std::string_view> piece;
  while ((piece = run(reply->read_some())) && !piece->empty()) all.append(*piece);
  EXPECT_TRUE(piece);
  EXPECT_EQ(all, large + "abc" + large + "d");
  EXPECT_EQ(pool().idle_connections(), 1u);
}

TEST_F(ClientTest, ReadsLargeBodiesBothWays) {
  std::string large(9'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 1000) large[i] = static_cast<char>('a' + i / 1000 % 26);
  std::string chunked = kChunkedHead;
  for (std::size_t at = 0; at < large.size(); at += 50'000) chunked += chunk(large.substr(at, 50'000));
  Provider& provider = provide({{{{answer(large)}}, {{chunked + "0\r\n\r\n"}}, {{answer(large)}}}});
  EXPECT_TRUE(exchange(provider.origin(), large) == "200 " + large);
  EXPECT_TRUE(exchange(provider.origin(), large) == "200 " + large);
  EXPECT_TRUE(provider.requests[1].ends_with(large));
  Result<ClientReply> reply = send(provider.origin());
  ASSERT_TRUE(reply);
  std::string body;
  for (;;) {
    const Result<std::string_view> piece = run(reply->read_some());
    ASSERT_TRUE(piece);
    if (piece->empty()) break;
    body += *piece;
  }
  EXPECT_TRUE(body == large);
  EXPECT_EQ(provider.accepted, 1u);
}

TEST_F(ClientTest, ReplacesAStaleConnectionSilently) {
  Provider& provider = provide({{{{answer("one")}}, {{}, Turn::Then::close}}, {{{answer("two")}}}});
  EXPECT_EQ(exchange(provider.origin()), "200 one");
  EXPECT_EQ(exchange(provider.origin()), "200 two");
  EXPECT_EQ(provider.accepted, 2u);
  EXPECT_EQ(provider.requests.size(), 3u);
}

TEST_F(ClientTest, NeverRepeatsARequestThatMayNotBe) {
  Provider& provider = provide({{{{answer("one")}}, {{}, Turn::Then::reset}}});
  EXPECT_EQ(exchange(provider.origin()), "200 one");
  EXPECT_EQ(exchange(provider.origin(), "{}", false),
            "provider_unreachable: The provider closed the connection before it answered.");
  EXPECT_EQ(provider.accepted, 1u);
}

TEST_F(ClientTest, NeverRepeatsOnAFreshConnectionOrAfterAByteOfTheAnswer) {
  Provider& fresh = provide({{{{}, Turn::Then::close}}});
  EXPECT_EQ(exchange(fresh.origin()),
            "provider_unreachable: The provider closed the connection before it answered.");
  EXPECT_EQ(fresh.accepted, 1u);
  Provider& begun = provide({{{{answer("one")}}, {{"HTTP/1.1 2"}, Turn::Then::close}}});
  EXPECT_EQ(exchange(begun.origin()), "200 one");
  EXPECT_TRUE(exchange(begun.origin()).starts_with("provider_unreachable: "));
  EXPECT_EQ(begun.accepted, 1u);
}

TEST_F(ClientTest, RepeatsOnceOnly) {
  Provider& provider = provide({{{{answer("one")}}, {{}, Turn::Then::close}}, {{{}, Turn::Then::close}}});
  EXPECT_EQ(exchange(provider.origin()), "200 one");
  EXPECT_TRUE(exchange(provider.origin()).starts_with("provider_unreachable: "));
  EXPECT_EQ(provider.accepted, 2u);
}

TEST_F(ClientTest, DropsIdleConnectionsOnWhichSomethingCame) {
  Provider& ended = provide({{{{answer("one")}, Turn::Then::close}}});
  Provider& chatty = provide({{{{answer("one"), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"}}}});
  for (Provider* provider : {&ended, &chatty}) {
    EXPECT_EQ(exchange(provider->origin()), "200 one");
    run_until([end = Clock::now() + milliseconds(60)] { return Clock::now() > end; });
    EXPECT_EQ(exchange(provider->origin(), "{}", false), "200 one");
    EXPECT_EQ(provider->accepted, 2u);
  }
}

TEST_F(ClientTest, NeverPoolsAConnectionWithoutACleanEnd) {
  for (const std::string& text : {answer("x") + "HTTP/1.1 200 OK\r\n", answer("x", "Connection: close\r\n"),
                                  kChunkedHead + chunk("x") + "0\r\n\r\n\r\n",
                                  std::string("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx")}) {
    Provider& provider = provide({{{{text}}}});
    EXPECT_EQ(exchange(provider.origin()), "200 x") << text;
    EXPECT_EQ(pool().idle_connections(), 0u) << text;
  }
}

TEST_F(ClientTest, TellsABrokenBody) {
  for (const auto then : {Turn::Then::close, Turn::Then::reset}) {
    Provider& length = provide({{{{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"}, then}}});
    EXPECT_TRUE(exchange(length.origin()).starts_with("stream_interrupted: "));
    Provider& chunked = provide({{{{kChunkedHead + chunk("hello"), chunk("you")}, then}}});
    Result<ClientReply> reply = send(chunked.origin());
    ASSERT_TRUE(reply);
    EXPECT_EQ(run(reply->read_some()).value_or("?"), "hello");
    Result<std::string_view> next = run(reply->read_some());
    if (next) next = run(reply->read_some());  // a reset may overtake the last bytes
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, ErrorCode::stream_interrupted);
    EXPECT_FALSE(run(reply->read_some()));
    EXPECT_EQ(pool().idle_connections(), 0u);
  }
  Provider& nonsense = provide({{{{kChunkedHead + "zz\r\n"}}}});
  EXPECT_TRUE(exchange(nonsense.origin()).starts_with("provider_error: "));
}

TEST_F(ClientTest, RefusesWhatIsNoHttp) {
  Provider& provider = provide({{{{"SSH-2.0-OpenSSH_9.2\r\n"}, Turn::Then::hang}}});
  EXPECT_TRUE(
      exchange(provider.origin()).starts_with("provider_error: The provider's answer is not proper HTTP"));
}

TEST_F(ClientTest, BoundsTheBody) {
  Provider& provider = provide(
      {{{{answer("0123456789")}}}, {{{kChunkedHead + chunk("01234"), chunk("56789") + "0\r\n\r\n"}}}});
  for (int i = 0; i < 2; ++i) {
    Result<ClientReply> reply = send(provider.origin());
    ASSERT_TRUE(reply);
    const Result<std::string> body = read_all(*reply, 9);
    ASSERT_FALSE(body);
    EXPECT_EQ(body.error().code, ErrorCode::provider_error);
    EXPECT_EQ(body.error().message, "The provider's answer is larger than 9 bytes.");
  }
  EXPECT_EQ(pool().idle_connections(), 0u);
}

TEST_F(ClientTest, ReadsAnAnswerThatComesBeforeTheBodyHasLeft) {
  const std::string refusal = "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nno!";
  Provider& provider = provide({{{{"HTTP/1.1 102 Wait\r\n\r\n", refusal}, Turn::Then::hang, 1000}}});
  const std::string large(20'000'000, 'x');
  EXPECT_EQ(exchange(provider.origin(), large), "413 no!");
  EXPECT_EQ(pool().idle_connections(), 0u);
}

TEST_F(ClientTest, SaysWhyItCannotConnect) {
  std::uint16_t closed_port = 0;
  {
    Provider gone(io_, {});
    closed_port = gone.origin().port;
  }
  EXPECT_EQ(exchange({false, "127.0.0.1", closed_port, ""}),
            "provider_unreachable: The provider could not be connected to: Connection refused.");
  EXPECT_EQ(exchange({false, "localhost", closed_port, ""}),
            "provider_unreachable: The provider could not be connected to: Connection refused.");
  limits_.connect_time = seconds(3);
  pool().set_limits(limits_);
  const std::string unknown = exchange({false, "no-such-host.invalid", 80, ""});
  EXPECT_TRUE(unknown.starts_with("provider_unreachable: The provider could not be found") ||
              unknown.starts_with("provider_timeout: "))
      << unknown;
}

TEST_F(ClientTest, BlamesNoProviderForItsOwnWantOfDescriptors) {
  Provider& provider = provide({{{{answer("x", "Connection: close\r\n")}}}});
  std::uint16_t closed_port = 0;
  {
    Provider gone(io_, {});
    closed_port = gone.origin().port;
  }
  // UBSan looks at a class for the first time with a pipe, for which there will be no descriptor: whatever
  // has a part in it, the provider's end of a connection too, is seen before.
  EXPECT_EQ(send({false, "127.0.0.1", closed_port, ""}).error().blame, Blame::provider);
  EXPECT_EQ(exchange(provider.origin()), "200 x");
  ASSERT_TRUE(run_until([&] { return provider.ended_by_client == 1; }));

  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_NOFILE, &none);
  const Result<ClientReply> starved = send(provider.origin());
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_FALSE(starved);
  EXPECT_EQ(starved.error().code, ErrorCode::overloaded);
  EXPECT_EQ(starved.error().blame, Blame::gateway);
  EXPECT_FALSE(starved.error().request_sent);
  EXPECT_TRUE(starved.error().message.contains("out of descriptors")) << starved.error().message;
  EXPECT_EQ(exchange(provider.origin()), "200 x");
}

TEST_F(ClientTest, FindsAHostByNameOnWhicheverAddressAnswers) {
  Provider& provider =
      provide({{{{answer("x")}, Turn::Then::close}}});  // IPv4 only; localhost may be ::1 first
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 x");
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 x");
}

TEST_F(ClientTest, ClosesAReplyThatIsDroppedUnlessItsEndIsAtHand) {
  Provider& provider = provide({{{{kChunkedHead + chunk("data"), "0\r\n\r\n"}}},
                                {{{kChunkedHead + chunk("data")}, Turn::Then::hang}}});
  {
    Result<ClientReply> reply = send(provider.origin());
    ASSERT_TRUE(reply);
    EXPECT_EQ(run(reply->read_some()).value_or("?"), "data");
    run_until([end = Clock::now() + milliseconds(60)] { return Clock::now() > end; });
  }
  EXPECT_EQ(pool().idle_connections(), 1u);
  pool_.reset();
  {
    Result<ClientReply> reply = send(provider.origin());
    ASSERT_TRUE(reply);
    EXPECT_EQ(run(reply->read_some()).value_or("?"), "data");
  }
  EXPECT_EQ(pool().idle_connections(), 0u);
  EXPECT_TRUE(run_until([&] { return provider.ended_by_client == 2; }));
}

TEST_F(ClientTest, LetsARepliesOwnerOutliveThePool) {
  Provider& provider = provide({{{{kChunkedHead + chunk("data"), chunk("more") + "0\r\n\r\n"}}}});
  Result<ClientReply> reply = send(provider.origin());
  ASSERT_TRUE(reply);
  pool_.reset();
  EXPECT_EQ(read_all(*reply), "datamore");
}

TEST(ClientPoolTest, WillNotStartWithoutItsCaFile) {
  asio::io_context io(1);
  ClientPool pool(io, ClientLimits{}, "/nonexistent/ca.pem");
  EXPECT_THROW(pool.prepare_tls(), std::runtime_error);
}

}  // namespace
}  // namespace ai_proxy::http
