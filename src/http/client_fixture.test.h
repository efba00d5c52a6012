// For tests of the client: small scripted providers on the client's own io_context, plain and TLS, and
// certificates made for them.
#pragma once

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "http/client.h"

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

}  // namespace ai_proxy::http
