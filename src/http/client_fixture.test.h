// For tests of the client: small scripted providers on the client's own io_context, plain and TLS, and
// certificates made for them.
#pragma once

#include <gtest/gtest.h>
#include <openssl/x509.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "http/client.h"
#include "http/socket.h"

namespace ai_proxy::http {

using std::chrono::milliseconds;
using Acceptor = asio::basic_socket_acceptor<tcp, Executor>;
inline constexpr asio::use_awaitable_t<Executor> kAwait;

inline Task<void> pause(milliseconds time) {
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

inline std::string answer(std::string_view body, std::string_view fields = "") {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(fields) +
         "\r\n" + std::string(body);
}

inline std::string chunk(std::string_view text) {
  char size[20];
  std::snprintf(size, sizeof size, "%zx\r\n", text.size());
  return size + std::string(text) + "\r\n";
}

inline const std::string kChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// Plays one script per connection, the last one over and over.
class Provider {
 public:
  Provider(asio::io_context& io, std::vector<std::vector<Turn>> scripts, asio::ssl::context* tls = nullptr,
           int backlog = 128);

  Origin origin(std::string host = "127.0.0.1") const {
    return {tls_ != nullptr, std::move(host), acceptor_.local_endpoint().port(), ""};
  }

  std::size_t accepted = 0;
  std::size_t handshakes_resumed = 0;
  std::size_t ended_by_client = 0;  // connections whose end the provider saw while it hung or read
  std::size_t bytes_received = 0;   // after decryption
  std::vector<std::string> requests;

 private:
  static Task<void> accept(Provider& self);
  static Task<void> start(Provider& self, Socket socket, const std::vector<Turn>& script);
  template <class Stream>
  static Task<void> play(Provider& self, Stream& stream, Socket& socket, const std::vector<Turn>& script);
  template <class Stream>
  static Task<bool> read_request(Provider& self, Stream& stream, std::size_t bytes_max);
  template <class Stream>
  static Task<void> read_to_the_end(Provider& self, Stream& stream);

  asio::io_context& io_;
  std::vector<std::vector<Turn>> scripts_;
  asio::ssl::context* tls_;
  Acceptor acceptor_;
};

// A certificate that is its own authority.
class Certificate {
 public:
  explicit Certificate(const std::string& names, long days = 1);
  ~Certificate();
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  void serve_from(asio::ssl::context& context) const;
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
  Result<ClientReply> send(const Origin& origin, std::string_view body = "{}", bool replayable = true);
  Result<std::string> read_all(ClientReply& reply, std::size_t bytes_max = 100'000'000);
  // Status and body, or the error's word.
  std::string exchange(const Origin& origin, std::string_view body = "{}", bool replayable = true);

  asio::io_context io_{1};
  ClientLimits limits_;
  std::string ca_file_;
  std::deque<Provider> providers_;
  std::optional<ClientPool> pool_;
  Cancellation cancellation_;
};

}  // namespace ai_proxy::http
