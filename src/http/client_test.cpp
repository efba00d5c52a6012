// The client against real sockets: small scripted providers on the same io_context, plain and TLS.
#include "http/client.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>

#include "base/json.h"

namespace ai_proxy::http {
namespace {

using std::chrono::milliseconds;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
constexpr asio::use_awaitable_t<Executor> kAwait;

Task<void> pause(milliseconds time) {
  Timer timer(co_await asio::this_coro::executor, time);
  error_code ignored;
  co_await timer.async_wait(asio::redirect_error(kAwait, ignored));
}

// What a provider does for one request.
struct Turn {
  enum class Then { keep, close, reset, hang };
  std::vector<std::string> pieces;  // of the answer; 20 ms between two
  Then then = Then::keep;
  std::size_t read_bytes_max = SIZE_MAX;  // of the request, before it answers
};

std::string answer(std::string_view body, std::string_view fields = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(fields) +
         "\r\n" + std::string(body);
}

std::string chunk(std::string_view text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + std::string(text) + "\r\n";
}

const std::string kChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// Plays one script per connection, the last one over and over.
class Provider {
 public:
  Provider(asio::io_context& io, std::vector<std::vector<Turn>> scripts, asio::ssl::context* tls = nullptr,
           int backlog = 128)
      : io_(io), scripts_(std::move(scripts)), tls_(tls), acceptor_(io.get_executor()) {
    const tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
    acceptor_.open(any.protocol());
    acceptor_.bind(any);
    acceptor_.listen(backlog);
    if (!scripts_.empty()) asio::co_spawn(Executor(io.get_executor()), accept(*this), asio::detached);
  }

  Origin origin(std::string host = "127.0.0.1") const {
    return {tls_ != nullptr, std::move(host), acceptor_.local_endpoint().port(), ""};
  }

  std::size_t accepted = 0;
  std::size_t handshakes_resumed = 0;
  std::size_t ended_by_client = 0;  // connections whose end the provider saw while it hung or read
  std::size_t bytes_received = 0;   // after decryption
  std::vector<std::string> requests;

 private:
  static Task<void> accept(Provider& self) {
    for (;;) {
      error_code fault;
      Socket socket = co_await self.acceptor_.async_accept(asio::redirect_error(kAwait, fault));
      if (fault) co_return;
      const std::size_t number = self.accepted++;
      const auto& script = self.scripts_[std::min(number, self.scripts_.size() - 1)];
      asio::co_spawn(Executor(self.io_.get_executor()), start(self, std::move(socket), script),
                     asio::detached);
    }
  }

  static Task<void> start(Provider& self, Socket socket, const std::vector<Turn>& script) {
    if (self.tls_ == nullptr) co_return co_await play(self, socket, socket, script);
    asio::ssl::stream<Socket&> stream(socket, *self.tls_);
    error_code fault;
    co_await stream.async_handshake(asio::ssl::stream_base::server, asio::redirect_error(kAwait, fault));
    if (fault) co_return;
    self.handshakes_resumed += SSL_session_reused(stream.native_handle()) == 1;
    co_await play(self, stream, socket, script);
  }

  template <class Stream>
  static Task<void> play(Provider& self, Stream& stream, Socket& socket, const std::vector<Turn>& script) {
    std::string left;
    for (std::size_t turn_number = 0;; ++turn_number) {
      const Turn& turn = script[std::min(turn_number, script.size() - 1)];
      if (!co_await read_request(self, stream, turn.read_bytes_max)) co_return;
      for (std::size_t i = 0; i < turn.pieces.size(); ++i) {
        if (i > 0) co_await pause(milliseconds(20));
        error_code fault;
        co_await asio::async_write(stream, asio::buffer(turn.pieces[i]), asio::redirect_error(kAwait, fault));
        if (fault) {
          ++self.ended_by_client;
          co_return;
        }
      }
      if (turn.then == Turn::Then::reset) socket.set_option(asio::socket_base::linger(true, 0));
      if (turn.then == Turn::Then::close || turn.then == Turn::Then::reset) {
        error_code ignored;
        socket.close(ignored);
        co_return;
      }
      if (turn.then == Turn::Then::hang) co_await read_to_the_end(self, stream);
    }
  }

  template <class Stream>
  static Task<bool> read_request(Provider& self, Stream& stream, std::size_t bytes_max) {
    std::string text;
    std::size_t wanted = SIZE_MAX;
    std::vector<char> block(64 * 1024);
    while (text.size() < std::min(wanted, bytes_max)) {
      error_code fault;
      const std::size_t bytes = co_await stream.async_read_some(
          asio::buffer(block.data(), std::min({block.size(), bytes_max - text.size(), wanted - text.size()})),
          asio::redirect_error(kAwait, fault));
      if (fault) {
        ++self.ended_by_client;
        co_return false;
      }
      self.bytes_received += bytes;
      text.append(block.data(), bytes);
      const std::size_t head = text.find("\r\n\r\n");
      if (wanted != SIZE_MAX || head == std::string::npos) continue;
      const std::size_t length = text.find("Content-Length: ");
      wanted = head + 4 + (length < head ? std::stoul(text.substr(length + 16)) : 0);
    }
    self.requests.push_back(std::move(text));
    co_return true;
  }

  template <class Stream>
  static Task<void> read_to_the_end(Provider& self, Stream& stream) {
    std::vector<char> block(4096);
    error_code fault;
    while (!fault) co_await stream.async_read_some(asio::buffer(block), asio::redirect_error(kAwait, fault));
    ++self.ended_by_client;
  }

  asio::io_context& io_;
  std::vector<std::vector<Turn>> scripts_;
  asio::ssl::context* tls_;
  Acceptor acceptor_;
};

// A certificate that is its own authority.
class Certificate {
 public:
  explicit Certificate(const std::string& names, long days = 1)
      : key_(EVP_EC_gen("P-256")), x509_(X509_new()) {
    X509_set_version(x509_, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x509_), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509_), -2 * 86'400);
    X509_gmtime_adj(X509_getm_notAfter(x509_), days * 86'400);
    X509_set_pubkey(x509_, key_);
    X509_NAME* name = X509_get_subject_name(x509_);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("a test"), -1,
                               -1, 0);
    X509_set_issuer_name(x509_, name);
    for (const auto& [kind, value] : {std::pair(NID_basic_constraints, std::string("critical,CA:TRUE")),
                                      std::pair(NID_subject_alt_name, names)}) {
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
      X509_add_ext(x509_, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(x509_, key_, EVP_sha256());
    path_ = std::filesystem::temp_directory_path() /
            ("client_test_" + std::to_string(getpid()) + "_" +
             std::to_string(reinterpret_cast<std::uintptr_t>(x509_)) + ".pem");
    std::FILE* file = std::fopen(path_.c_str(), "w");
    PEM_write_X509(file, x509_);
    std::fclose(file);
  }
  ~Certificate() {
    std::filesystem::remove(path_);
    X509_free(x509_);
    EVP_PKEY_free(key_);
  }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  void serve_from(asio::ssl::context& context) const {
    SSL_CTX_use_certificate(context.native_handle(), x509_);
    SSL_CTX_use_PrivateKey(context.native_handle(), key_);
  }
  std::string path() const { return path_; }

 private:
  EVP_PKEY* key_;
  X509* x509_;
  std::filesystem::path path_;
};

class ClientTest : public ::testing::Test {
 protected:
  ClientTest() {
    limits_.connect_time = seconds(5);
    limits_.first_byte_time = seconds(5);
    limits_.silence_time = seconds(5);
  }

  ClientPool& pool() {
    if (!pool_) pool_.emplace(io_, limits_, ca_file_);
    return *pool_;
  }

  Provider& provide(std::vector<std::vector<Turn>> scripts, asio::ssl::context* tls = nullptr) {
    return providers_.emplace_back(io_, std::move(scripts), tls);
  }

  template <class Done>
  bool run_until(Done done) {
    const auto limit = Clock::now() + seconds(20);
    io_.restart();
    while (!done() && Clock::now() < limit) io_.run_one_for(milliseconds(50));
    return done();
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    asio::co_spawn(Executor(io_.get_executor()), std::move(task),
                   [&result](const std::exception_ptr& fault, T value) {
                     if (fault) std::rethrow_exception(fault);
                     result.emplace(std::move(value));
                   });
    EXPECT_TRUE(run_until([&] { return result.has_value(); })) << "the task did not end";
    return std::move(result.value());
  }

  // Sends a request and keeps the reply.
  Result<ClientReply> send(const Origin& origin, std::string_view body = "{}", bool replayable = true) {
    OutgoingRequest request;
    request.path = "/v1/chat/completions";
    request.fields = "Content-Type: application/json\r\n";
    request.body = body;
    request.replayable = replayable;
    return run(pool().send(origin, request, cancellation_));
  }

  Result<std::string> read_all(ClientReply& reply, std::size_t bytes_max = 100'000'000) {
    return run(reply.read_all(bytes_max));
  }

  // Status and body, or the error's word.
  std::string exchange(const Origin& origin, std::string_view body = "{}", bool replayable = true) {
    Result<ClientReply> reply = send(origin, body, replayable);
    if (!reply) return std::string(word(reply.error().code)) + ": " + reply.error().message;
    Result<std::string> text = read_all(*reply);
    if (!text) return std::string(word(text.error().code)) + ": " + text.error().message;
    EXPECT_GE(text->capacity(), text->size() + json::kPadding);
    return std::to_string(reply->status()) + " " + *text;
  }

  asio::io_context io_{1};
  ClientLimits limits_;
  std::string ca_file_;
  std::deque<Provider> providers_;
  std::optional<ClientPool> pool_;
  Cancellation cancellation_;
};

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
  EXPECT_LT(Clock::now() - begin, milliseconds(500));
  // TLS counts too.
  Provider& silent = provide({{{{}, Turn::Then::hang}}});
  Origin origin = silent.origin();
  origin.tls = true;
  EXPECT_EQ(exchange(origin), "provider_timeout: The provider could not be connected to within 120 ms.");
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

TEST_F(ClientTest, FindsAHostByNameOnWhicheverAddressAnswers) {
  Provider& provider =
      provide({{{{answer("x")}, Turn::Then::close}}});  // IPv4 only; localhost may be ::1 first
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 x");
  EXPECT_EQ(exchange(provider.origin("localhost")), "200 x");
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

TEST(ClientPoolTest, WillNotStartWithoutItsCaFile) {
  asio::io_context io(1);
  EXPECT_THROW(ClientPool(io, ClientLimits{}, "/nonexistent/ca.pem"), std::runtime_error);
}

}  // namespace
}  // namespace ai_proxy::http
