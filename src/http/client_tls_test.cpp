// TLS as the client speaks it: whom it trusts, and that nothing leaves before it does.
#include "http/client_fixture.test.h"

namespace ai_proxy::http {
namespace {

class ClientTlsTest : public ClientTest {
 protected:
  ClientTlsTest() { tls_.set_options(asio::ssl::context::default_workarounds); }

  Provider& provide_tls(const Certificate& certificate, std::vector<std::vector<Turn>> scripts) {
    certificate.serve_from(tls_);
    return provide(std::move(scripts), &tls_);
  }

  asio::ssl::context tls_{asio::ssl::context::tls_server};
};

TEST_F(ClientTlsTest, TrustsACertificateOfTheCaFile) {
  const Certificate certificate("DNS:localhost,IP:127.0.0.1");
  ca_file_ = certificate.path();
  Provider& provider = provide_tls(
      certificate, {{{{answer("secret")}}, {{answer("again")}, Turn::Then::close}}, {{{answer("new")}}}});
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 secret");
  EXPECT_EQ(pool().idle_connections(), 1u);
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 again");
  EXPECT_EQ(provider.accepted, 1u);
  run_until([end = Clock::now() + milliseconds(30)] { return Clock::now() > end; });
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 new");
  EXPECT_EQ(provider.accepted, 2u);
  EXPECT_EQ(provider.handshakes_resumed, 1u);
  EXPECT_EQ(exchange(provider.origin("127.0.0.1")), "200 new");
}

TEST_F(ClientTlsTest, SendsNothingToAProviderItDoesNotTrust) {
  const Certificate trusted("DNS:other.example");
  ca_file_ = trusted.path();
  const Certificate stranger("DNS:localhost");
  Provider& self_signed = provide_tls(stranger, {{{{answer("x")}}}});
  EXPECT_EQ(exchange(self_signed.origin("localhost")),
            "provider_unreachable: The provider could not be trusted over TLS: its certificate was refused: "
            "self-signed certificate.");
  EXPECT_EQ(self_signed.accepted, 1u);
  EXPECT_EQ(self_signed.bytes_received, 0u);
}

TEST_F(ClientTlsTest, RefusesTheWrongHostAndAnOldCertificate) {
  const Certificate other("DNS:other.example");
  ca_file_ = other.path();
  Provider& wrong_host = provide_tls(other, {{{{answer("x")}}}});
  const std::string refusal = exchange(wrong_host.origin("localhost"));
  EXPECT_TRUE(refusal.contains("its certificate was refused: hostname mismatch")) << refusal;
  EXPECT_TRUE(exchange(wrong_host.origin("127.0.0.1")).contains("IP address mismatch"));
  EXPECT_EQ(wrong_host.bytes_received, 0u);

  const Certificate old("DNS:localhost", -1);
  ca_file_ = old.path();
  pool_.reset();
  Provider& expired = provide_tls(old, {{{{answer("x")}}}});
  EXPECT_TRUE(exchange(expired.origin("localhost"))
                  .ends_with("its certificate was refused: certificate has expired."));
  EXPECT_EQ(expired.bytes_received, 0u);
}

TEST_F(ClientTlsTest, RefusesOldVersionsAndPlainText) {
  const Certificate certificate("DNS:localhost");
  ca_file_ = certificate.path();
  SSL_CTX_set_max_proto_version(tls_.native_handle(), TLS1_1_VERSION);
  SSL_CTX_set_security_level(tls_.native_handle(), 0);
  Provider& old = provide_tls(certificate, {{{{answer("x")}}}});
  EXPECT_TRUE(exchange(old.origin("localhost"))
                  .starts_with("provider_unreachable: The provider could not be trusted over TLS: "));
  Provider& plain = provide({{{{"HTTP/1.1 400 Bad\r\n\r\n"}, Turn::Then::close, 1}}});
  Origin origin = plain.origin("localhost");
  origin.tls = true;
  EXPECT_TRUE(exchange(origin).ends_with("could not be trusted over TLS: wrong version number."));
}

TEST_F(ClientTlsTest, RefusesAnotherProtocolThanItsOwn) {
  const Certificate certificate("DNS:localhost");
  ca_file_ = certificate.path();
  // A server that answers with what nobody offered.
  SSL_CTX_set_alpn_select_cb(
      tls_.native_handle(),
      [](SSL*, const unsigned char** chosen, unsigned char* length, const unsigned char*, unsigned, void*) {
        *chosen = reinterpret_cast<const unsigned char*>("h2");
        *length = 2;
        return SSL_TLSEXT_ERR_OK;
      },
      nullptr);
  Provider& provider = provide_tls(certificate, {{{{answer("x")}}}});
  EXPECT_TRUE(exchange(provider.origin("localhost")).contains("could not be trusted over TLS: "));
  EXPECT_EQ(provider.bytes_received, 0u);
}

TEST_F(ClientTlsTest, BelievesAnybodyOnlyWhereToldTo) {
  const Certificate trusted("DNS:other.example");
  ca_file_ = trusted.path();
  const Certificate stranger("DNS:somebody.example");
  Provider& provider = provide_tls(stranger, {{{{answer("x")}}}});
  Origin blind = provider.origin("localhost");
  blind.tls_verify = false;
  EXPECT_EQ(exchange(blind), "200 x");
  EXPECT_TRUE(exchange(provider.origin("localhost")).contains("its certificate was refused"));
  EXPECT_EQ(exchange(blind), "200 x");
  EXPECT_EQ(provider.requests.size(), 2u);
  EXPECT_EQ(provider.handshakes_resumed, 0u);
}

TEST_F(ClientTlsTest, CarriesLargeBodiesStreamsAndStaleConnections) {
  const Certificate certificate("DNS:localhost");
  ca_file_ = certificate.path();
  const std::string large(5'000'000, 'x');
  Provider& provider = provide_tls(
      certificate,
      {{{{answer(large)}}, {{kChunkedHead + chunk("a"), chunk("b"), "0\r\n\r\n"}}, {{}, Turn::Then::close}},
       {{{answer("two")}}}});
  EXPECT_TRUE(exchange(provider.origin("localhost"), large) == "200 " + large);
  EXPECT_EQ(provider.bytes_received, provider.requests[0].size());
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 ab");
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 two");
  EXPECT_EQ(provider.accepted, 2u);
}

TEST_F(ClientTlsTest, GivesUpInEachPhase) {
  const Certificate certificate("DNS:localhost");
  ca_file_ = certificate.path();
  limits_.first_byte_time = milliseconds(80);
  limits_.silence_time = milliseconds(70);
  Provider& provider =
      provide_tls(certificate, {{{{}, Turn::Then::hang}}, {{{kChunkedHead + chunk("a")}, Turn::Then::hang}}});
  EXPECT_EQ(exchange(provider.origin("localhost")),
            "provider_timeout: The provider sent no answer within 80 ms.");
  EXPECT_TRUE(exchange(provider.origin("localhost")).contains("fell silent in the middle"));
  Timer timer(io_.get_executor(), milliseconds(20));
  timer.async_wait([&](const error_code&) { cancellation_.request(Cancellation::Reason::client_gone); });
  EXPECT_TRUE(exchange(provider.origin("localhost")).starts_with("cancelled: "));
}

TEST_F(ClientTlsTest, DoesNotTakeABrokenConnectionForTheEnd) {
  const Certificate certificate("DNS:localhost");
  ca_file_ = certificate.path();
  // Without TLS's own goodbye anybody on the way could have cut the answer.
  Provider& provider = provide_tls(certificate, {{{{"HTTP/1.1 200 OK\r\n\r\nhalf"}, Turn::Then::close}}});
  EXPECT_TRUE(exchange(provider.origin("localhost")).starts_with("stream_interrupted: "));
}

}  // namespace
}  // namespace ai_proxy::http
