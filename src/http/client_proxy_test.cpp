// Through an egress proxy, which is played by a scripted provider: what it is told, and what its faults are
// called. The way through it to TLS is in tests/chaos/egress_proxy.test.mjs.
#include "http/client_fixture.test.h"
#include "http/proxy.h"

namespace ai_proxy::http {
namespace {

class ClientProxyTest : public ClientTest {
 protected:
  // A provider behind `proxy`; its name is for the proxy to find.
  static Origin behind(const Provider& proxy, bool tls) {
    Origin origin{tls, "provider.test", static_cast<std::uint16_t>(tls ? 443 : 80), "/base"};
    const std::string url = "http://user:secret@127.0.0.1:" + std::to_string(proxy.origin().port);
    origin.proxy = std::make_shared<const Proxy>(parse_proxy_url(url).value());
    return origin;
  }
};

TEST_F(ClientProxyTest, GetsTheWholeUrlOfAPlainProvider) {
  Provider& proxy = provide({{{{answer("x")}}}});
  EXPECT_EQ(exchange(behind(proxy, false)), "200 x");
  EXPECT_TRUE(proxy.requests.at(0).starts_with(
      "POST http://provider.test/base/v1/chat/completions HTTP/1.1\r\nHost: provider.test\r\n"))
      << proxy.requests[0];
  EXPECT_TRUE(proxy.requests[0].contains("\r\nProxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"));
  EXPECT_EQ(pool().idle_connections(), 1u);
}

TEST_F(ClientProxyTest, IsAskedForATunnelToATlsProviderAndToldNothingElse) {
  Provider& proxy = provide({{{{"HTTP/1.1 407 No\r\nContent-Length: 0\r\n\r\n"}}}});
  EXPECT_EQ(exchange(behind(proxy, true)),
            "provider_unreachable: The egress proxy did not accept our credentials, or wants some (407).");
  EXPECT_EQ(proxy.requests.at(0),
            "CONNECT provider.test:443 HTTP/1.1\r\nHost: provider.test:443\r\nProxy-Authorization: Basic "
            "dXNlcjpzZWNyZXQ=\r\n\r\n");
  EXPECT_EQ(pool().idle_connections(), 0u);
}

TEST_F(ClientProxyTest, HasItsFaultsSaidOfItself) {
  limits_.connect_time = milliseconds(150);
  const std::string prefix = "provider_unreachable: The egress proxy ";
  const auto fault = [&](std::vector<std::string> pieces, Turn::Then then) {
    Provider& proxy = provide({{{std::move(pieces), then}}});
    return exchange(behind(proxy, true));
  };
  EXPECT_EQ(fault({"HTTP/1.1 403 No\r\n\r\n"}, Turn::Then::close),
            prefix + "refused to open a way to the provider (403).");
  EXPECT_EQ(fault({"HTTP/1.1 200 OK\r\n\r\nmore"}, Turn::Then::close), prefix + "gave no proper answer.");
  EXPECT_EQ(fault({"hello\r\n\r\n"}, Turn::Then::close), prefix + "gave no proper answer.");
  EXPECT_EQ(fault({"HTTP/1.1 200 OK\r\n"}, Turn::Then::close), prefix + "closed the connection.");
  EXPECT_EQ(fault({}, Turn::Then::hang),
            "provider_timeout: The egress proxy opened no way to the provider within 150 ms.");
  // It opened one, and behind it nobody speaks TLS.
  EXPECT_EQ(fault({"HTTP/1.1 200 OK\r\n\r\n"}, Turn::Then::hang),
            "provider_timeout: The provider could not be connected to within 150 ms.");
}

TEST_F(ClientProxyTest, WantsCredentialsForAPlainProvider) {
  Provider& proxy = provide({{{{"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nno"}}}});
  Result<ClientReply> reply = send(behind(proxy, false));
  ASSERT_FALSE(reply);
  EXPECT_TRUE(reply.error().message.starts_with("The egress proxy did not accept our credentials"));
  EXPECT_FALSE(reply.error().retryable);
}

TEST_F(ClientProxyTest, IsNotThere) {
  Origin origin;
  {
    const Provider gone(io_, {});
    origin = behind(gone, true);
  }
  EXPECT_EQ(exchange(origin),
            "provider_unreachable: The egress proxy could not be connected to: Connection refused.");
}

TEST_F(ClientProxyTest, EndsWithTheCallersGoingAway) {
  Provider& proxy = provide({{{{}, Turn::Then::hang}}});
  Timer timer(io_.get_executor(), milliseconds(30));
  timer.async_wait([&](const error_code&) { cancellation_.request(Cancellation::Reason::client_gone); });
  EXPECT_TRUE(exchange(behind(proxy, true)).starts_with("cancelled: "));
  EXPECT_TRUE(run_until([&] { return proxy.ended_by_client == 1; }));
}

TEST_F(ClientProxyTest, SharesNoConnectionsWithAnotherWay) {
  Provider& provider = provide({{{{answer("x")}}}});
  const Origin through = behind(provider, false);
  Origin direct = through;
  direct.proxy = nullptr;
  direct.host = "127.0.0.1";
  direct.port = provider.origin().port;
  Origin both = direct;
  both.proxy = through.proxy;
  for (const Origin& origin : {through, direct, both, through, direct, both})
    EXPECT_EQ(exchange(origin), "200 x");
  EXPECT_EQ(provider.accepted, 3u);
}

}  // namespace
}  // namespace ai_proxy::http
