// What must outlive a want of memory: here each allocation fails once. (Two in a row may end the process
// inside Asio, which posts what cleans up after the first; before it comes to that, app/memory_watch.h gives
// its reserve.)
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "http/deadline.h"
#include "http/failing_memory.test.h"
#include "http/server.h"

namespace ai_proxy::http {
namespace {

using namespace std::chrono_literals;

TEST(WantOfMemory, DeadlinesFireAllTheSame) {
  for (const long count : {1L, 3L, 200L}) {
    for (long first = 0; first < 12; ++first) {
      asio::io_context io(1);
      const auto work = asio::make_work_guard(io);
      Deadlines deadlines(io);
      int late = 0, soon = 0;
      Deadline later(deadlines, [&] { ++late; });
      Deadline sooner(deadlines, [&] {
        if (soon++ == 0) throw std::bad_alloc();  // and its own work may fail
      });
      run_with_failures(io, first, count, 5ms, [&] {
        later.arm(40ms);
        sooner.arm(10ms);
      });
      for (const auto end = Clock::now() + 5s; late == 0 && Clock::now() < end;) io.run_one_for(10ms);
      EXPECT_EQ(late, 1) << count << " from " << first;
      EXPECT_EQ(soon, 2) << count << " from " << first;
    }
  }
}

class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    EXPECT_EQ(::send(socket_, kRequest.data(), kRequest.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(kRequest.size()));
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool answered() const {
    pollfd readable{socket_, POLLIN, 0};
    char first = 0;
    return ::poll(&readable, 1, 0) > 0 && ::recv(socket_, &first, 1, MSG_DONTWAIT | MSG_PEEK) == 1;
  }

 private:
  int socket_;
};

TEST(WantOfMemory, AServerGoesOnAccepting) {
  asio::io_context io(1);
  const auto work = asio::make_work_guard(io);
  ServerCounters counters;
  const auto handler = [](Request&, ResponseWriter& response) -> Task<void> {
    co_await response.send(200, "text/plain", "", "hello");
  };
  Server server(io, ServerLimits{}, handler, counters);
  const std::uint16_t port = server.listen("127.0.0.1", 0, false).value();
  for (long first = 0; first < 60; ++first) {
    const Client unlucky(port);
    run_with_failures(io, first, 1, 2ms, [] {});
    const Client next(port);
    for (const auto end = Clock::now() + 5s; !next.answered() && Clock::now() < end;) io.run_one_for(10ms);
    ASSERT_TRUE(next.answered()) << first;
  }
}

}  // namespace
}  // namespace ai_proxy::http
