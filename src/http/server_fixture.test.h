// For tests of the server: one on a thread of its own, with handlers that do what a path says, and a client
// that sends exactly what it is told.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>
#include <map>
#include <stdexcept>
#include <thread>

#include "base/json.h"
#include "http/request_reader.h"
#include "http/server.h"

namespace ai_proxy::http {

using namespace std::chrono_literals;

// A blocking client that sends exactly what it is told.
class Client {
 public:
  explicit Client(std::uint16_t port, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_buffer > 0)
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { close(); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close();
  }
  void finish_sending() { ::shutdown(socket_, SHUT_WR); }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  // Reads until `enough` says so, the server closes, or the time is over.
  template <class Enough>
  bool read_until(Enough enough, std::chrono::milliseconds time = 5s) {
    const auto end = Clock::now() + time;
    while (!enough()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now()).count();
      pollfd wait{socket_, POLLIN, 0};
      if (left <= 0 || ::poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
      char buffer[65536];
      const ssize_t got = ::recv(socket_, buffer, sizeof buffer, 0);
      reset_ = got < 0;
      closed_ = got <= 0;
      if (closed_) return enough();
      received.append(buffer, static_cast<std::size_t>(got));
    }
    return true;
  }
  bool read_to(std::string_view text) {
    return read_until([&] { return received.find(text) != std::string::npos; });
  }
  bool read_to_end(std::chrono::milliseconds time = 5s) {
    read_until([] { return false; }, time);
    return closed_;
  }
  bool was_reset() const { return reset_; }

  struct Answer {
    int status = 0;
    std::string head, body;
  };
  // The next answer (with Content-Length) off the connection.
  Answer answer() {
    Answer result;
    if (!read_to("\r\n\r\n")) return result;
    const std::size_t end = received.find("\r\n\r\n") + 4;
    result.head = received.substr(0, end);
    result.status = std::stoi(result.head.substr(9, 3));
    const std::size_t at = result.head.find("Content-Length: ");
    const std::size_t length = at == std::string::npos ? 0 : std::stoul(result.head.substr(at + 16));
    read_until([&] { return received.size() >= end + length; });
    result.body = received.substr(end, length);
    received.erase(0, end + length);
    return result;
  }

  std::string received;

 private:
  int socket_;
  bool connected_ = false;
  bool closed_ = false;
  bool reset_ = false;
};

inline std::string get(std::string_view path, std::string_view fields = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) + "\r\n";
}
inline std::string post(std::string_view path, std::string_view body, std::string_view fields = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(fields) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

class ServerTest : public testing::Test {
 protected:
  ~ServerTest() override { stop(); }

  void start() {
    server_ = std::make_unique<Server>(
        *io_, limits_, [this](Request& request, ResponseWriter& writer) { return handle(request, writer); },
        counters_);
    if (gate_) server_->set_gate(gate_);
    const auto port = server_->listen("127.0.0.1", 0, false);
    ASSERT_TRUE(port) << port.error().message;
    port_ = *port;
    thread_ = std::thread([this] { io_->run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    on_thread([this] { server_.reset(); });
    thread_.join();  // nothing is left to wait for
    EXPECT_EQ(counters_.connections, 0u);
    EXPECT_EQ(counters_.requests_running, 0u);
  }
  template <class Function>
  void on_thread(Function function) {
    std::promise<void> done;
    asio::post(*io_, [&] {
      function();
      done.set_value();
    });
    done.get_future().wait();
  }
  template <class Condition>
  static bool eventually(Condition condition, std::chrono::milliseconds time = 5s) {
    for (const auto end = Clock::now() + time; Clock::now() < end; std::this_thread::sleep_for(1ms)) {
      if (condition()) return true;
    }
    return condition();
  }

  Task<void> handle(Request& request, ResponseWriter& writer) {
    ++handled_;
    if (request.path == "/echo") {
      padded_ = padded_ && request.body.capacity() >= request.body.size() + json::kPadding;
      co_await writer.send(200, "text/plain", "x-query: " + std::string(request.query) + "\r\n",
                           request.body);
    } else if (request.path == "/address") {
      co_await writer.send(200, "text/plain", {}, request.client_address);
    } else if (request.path == "/stream") {
      co_await writer.begin_stream(200, "text/event-stream", "x-a: b\r\n", "data: 1\n\n");
      co_await writer.write("data: 2\n\n");
      co_await writer.write({});
      co_await writer.write(std::string(100'000, 'L'));
      co_await writer.end_stream();
    } else if (request.path == "/quiet") {
      writer.begin_stream_now(200, "text/event-stream", {}, "data: 1\n\n");
      writer.fill_silence(": ping\n");
      co_await writer.write("data: 2\n\n");
      co_await writer.end_stream();
    } else if (request.path == "/owing") {
      // More than the kernel takes at once: the rest is owed, and no ping may come between.
      writer.begin_stream_now(200, "text/event-stream", {}, std::string(8'000'000, 'o'));
      writer.fill_silence(": ping\n");
      co_await writer.write("end");
      co_await writer.end_stream();
    } else if (request.path == "/always-owing") {
      co_await owe_all_the_time(writer);
    } else if (request.path == "/pause") {
      Timer timer(io_->get_executor(), 1ms);
      co_await timer.async_wait(asio::use_awaitable_t<Executor>());
      co_await writer.send(200, "text/plain", {}, "paused");
    } else if (request.path == "/wait") {
      co_await wait_for_cancellation(writer);
    } else if (request.path == "/flood") {
      co_await flood(writer);
    } else if (request.path == "/large") {
      co_await writer.send(200, "text/plain", {}, std::string(8'000'000, 'x'));
    } else if (request.path == "/abort") {
      co_await writer.begin_stream(200, "text/event-stream", {}, "data: 1\n\n");
      writer.abort();
      late_write_ = co_await writer.write("data: 2\n\n");
    } else if (request.path == "/throw") {
      throw std::runtime_error("secret");
    } else if (request.path == "/throw-late") {
      co_await writer.begin_stream(200, "text/event-stream", {}, "data: 1\n\n");
      throw std::runtime_error("secret");
    } else if (request.path == "/empty") {
      co_await writer.send(204, {}, {}, {});
    } else if (request.path == "/twice") {
      co_await writer.send(200, "text/plain", {}, "first");
      late_write_ = co_await writer.send(200, "text/plain", {}, "second");
    } else if (request.path == "/finish") {
      co_await wait_until_released();
      co_await writer.send(200, "text/plain", {}, writer.closing() ? "closing" : "staying");
    }
    // Any other path: returns without an answer.
  }
  Task<void> wait_for_cancellation(ResponseWriter& writer) {
    Timer timer(io_->get_executor(), 10s);
    waiting_ = true;
    if (!writer.cancellation().requested()) {
      Cancellation::Guard guard(writer.cancellation(), [&timer] { timer.cancel(); });
      error_code ec;
      co_await timer.async_wait(asio::redirect_error(asio::use_awaitable_t<Executor>(), ec));
    }
    cancelled_at_ = Clock::now();
    reason_ = writer.cancellation().reason();
    cancelled_ = writer.cancellation().requested();
  }
  Task<void> wait_until_released() {
    waiting_ = true;
    while (!released_) {
      Timer timer(io_->get_executor(), 1ms);
      co_await timer.async_wait(asio::use_awaitable_t<Executor>());
    }
  }
  Task<void> flood(ResponseWriter& writer) {
    bool going = co_await writer.begin_stream(200, "text/plain", {}, {});
    const std::string block(64 * 1024, 'f');
    while (going) going = co_await writer.write(block);
    cancelled_ = true;
  }

  // Like one who reads for others too: never waits for this client, and tops up what the kernel holds for it.
  Task<void> owe_all_the_time(ResponseWriter& writer) {
    bool going = writer.begin_stream_now(200, "text/event-stream", {}, std::string(8'000'000, 'o'));
    while (going && !released_) {
      Timer timer(io_->get_executor(), 10ms);
      co_await timer.async_wait(asio::use_awaitable_t<Executor>());
      going = writer.write_now("data: 1\n\n");
    }
    cancelled_ = !going;
  }

  // Sends "/wait", lets the client do `leave`, and says how long it took until the handler knew.
  template <class Leave>
  std::chrono::milliseconds time_to_notice(Client& client, Leave leave) {
    waiting_ = cancelled_ = false;
    client.send(get("/wait"));
    EXPECT_TRUE(eventually([&] { return waiting_.load(); }));
    const auto before = Clock::now();
    leave();
    EXPECT_TRUE(eventually([&] { return cancelled_.load(); }));
    EXPECT_EQ(reason_, Cancellation::Reason::client_gone);
    return std::chrono::duration_cast<std::chrono::milliseconds>(cancelled_at_.load() - before);
  }
  void expect_fault(Client& client, int status, std::string_view code) {
    const Client::Answer answer = client.answer();
    EXPECT_EQ(answer.status, status);
    EXPECT_NE(answer.head.find("Connection: close\r\n"), std::string::npos) << answer.head;
    EXPECT_NE(answer.head.find("Content-Type: application/json\r\n"), std::string::npos);
    json::Document document;
    EXPECT_FALSE(document.parse(answer.body)) << answer.body;
    EXPECT_EQ(document.root()["details"]["code"].string_or(""), code);
    EXPECT_TRUE(document.root()["error"].string_or("").ends_with('.'));
    client.finish_sending();
    EXPECT_TRUE(client.read_to_end());
  }

  std::unique_ptr<asio::io_context> io_ = std::make_unique<asio::io_context>(1);
  ServerLimits limits_;
  ServerCounters counters_;
  Gate gate_;
  std::unique_ptr<Server> server_;
  std::uint16_t port_ = 0;
  std::thread thread_;
  std::atomic<int> handled_ = 0;
  std::atomic<bool> padded_ = true, waiting_ = false, cancelled_ = false, released_ = false,
                    late_write_ = true;
  std::atomic<Clock::time_point> cancelled_at_{};
  std::atomic<Cancellation::Reason> reason_{};
};

}  // namespace ai_proxy::http
