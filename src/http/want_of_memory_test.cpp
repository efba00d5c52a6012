// What must outlive a want of memory: here each allocation fails once. (Two in a row may end the process
// inside Asio, which posts what cleans up after the first; before it comes to that, app/memory_watch.h gives
// its reserve.)
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "http/client_fixture.test.h"
#include "http/deadline.h"
#include "http/failing_memory.test.h"
#include "http/server.h"
#include "http/tls.h"

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
  enum Then { last, more };  // whether the connection is to end after the request

  Client(std::uint16_t port, std::string_view path, Then then = last)
      : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ask(path, then);
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void ask(std::string_view path, Then then = last) {
    const std::string request = std::string("GET ").append(path).append(" HTTP/1.1\r\nHost: a\r\n") +
                                (then == last ? "Connection: close\r\n\r\n" : "\r\n");
    (void)::send(socket_, request.data(), request.size(), MSG_NOSIGNAL);  // the server may have closed
  }

  // Has the server closed? What came before is in `answer`.
  bool ended() {
    char bytes[4096];
    for (;;) {
      const ssize_t count = ::recv(socket_, bytes, sizeof bytes, MSG_DONTWAIT);
      if (count <= 0) return count == 0 || errno != EAGAIN;
      answer.append(bytes, static_cast<std::size_t>(count));
    }
  }
  std::string answer;

 private:
  int socket_;
};

// Every client meets an end: its answer's, or its connection's.
TEST(WantOfMemory, AServerLeavesNobodyWaitingAndGoesOn) {
  asio::io_context io(1);
  const auto work = asio::make_work_guard(io);
  ServerCounters counters;
  const auto handler = [](Request& request, ResponseWriter& response) -> Task<void> {
    if (request.path == "/whole") {
      co_await response.send(200, "text/plain", "", "all of it");
    } else if (co_await response.begin_stream(200, "text/plain", "", "all ")) {
      co_await response.write("of it");
      co_await response.end_stream();
    }
  };
  const auto ends = [&](Client& client) {
    for (const auto end = Clock::now() + 5s; !client.ended() && Clock::now() < end;) io.run_one_for(10ms);
    return client.ended();
  };
  for (const char* path : {"/whole", "/stream"}) {
    for (long first = 0; first < 60; ++first) {
      Server server(io, ServerLimits{}, handler, counters);  // a new one has nothing in hand
      const std::uint16_t port = server.listen("127.0.0.1", 0, false).value();
      Client staying(port, path, Client::more);
      run_with_failures(io, first, 1, 2ms, [] {});
      staying.ask(path);
      EXPECT_TRUE(ends(staying)) << path << first << staying.answer;
      Client unlucky(port, path);
      run_with_failures(io, first, 1, 2ms, [] {});
      EXPECT_TRUE(ends(unlucky)) << path << first << unlucky.answer;
      Client next(port, path);
      EXPECT_TRUE(ends(next)) << path << first << next.answer;
      EXPECT_THAT(next.answer, ::testing::HasSubstr("all "));
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_EQ(counters.requests_running, 0u);
}

// With one connection per origin, a place that is not given back would be the last.
TEST(WantOfMemory, AClientGivesItsPlaceBack) {
  asio::io_context provider_io(1);
  Provider provider(provider_io, {{{{answer("all of it")}}}});
  const std::jthread provider_thread([&] { provider_io.run(); });
  struct Stop {
    ~Stop() { io.stop(); }
    asio::io_context& io;
  } const stop{provider_io};

  asio::io_context io(1);
  const auto work = asio::make_work_guard(io);
  ClientLimits limits;
  limits.pool_per_origin_max = 1;
  const auto ask = [](ClientPool& clients, Origin origin, std::string& text, bool leaves) -> Task<void> {
    Cancellation cancellation;
    const OutgoingRequest request;
    Result<ClientReply> reply = co_await clients.send(origin, request, cancellation);
    if (!reply || leaves) co_return;
    const Result<std::string> body = co_await reply->read_all(100);
    text = body.value_or("");
  };
  const auto begin = [&](ClientPool& pool, std::string& text, bool leaves) {
    asio::co_spawn(Executor(io.get_executor()), ask(pool, provider.origin(), text, leaves), asio::detached);
  };
  std::size_t failed = 0;
  for (long first = 0; first < 150; ++first) {
    ClientPool pool(io, limits, "");  // a new one has nothing in hand
    std::string unlucky, next;
    const bool leaves = first % 2 == 1;
    run_with_failures(io, first / 2, 1, 4ms, [&] { begin(pool, unlucky, leaves); });
    failed += unlucky.empty() && !leaves ? 1 : 0;
    begin(pool, next, false);
    for (const auto end = Clock::now() + 5s; next.empty() && Clock::now() < end;) io.run_one_for(10ms);
    ASSERT_EQ(next, "all of it") << first;
  }
  EXPECT_GT(failed, 5u);
}

// A wait that did not begin for want of memory is not ended later, in another request's name.
TEST(WantOfMemory, AClientForgetsAWaitThatItCouldNotBegin) {
  asio::io_context io(1);
  const auto work = asio::make_work_guard(io);
  asio::io_context provider_io(1);
  const Turn slow{{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\no", "ne"}};
  Provider provider(provider_io, {{slow, slow, slow}});
  const std::jthread provider_thread([&] { provider_io.run(); });
  struct Stop {
    ~Stop() { io.stop(); }
    asio::io_context& io;
  } const stop{provider_io};

  struct Asked {
    Cancellation cancellation;
    std::string outcome;
  };
  const auto ask = [](ClientPool& clients, Origin origin, std::shared_ptr<Asked> asked) -> Task<void> {
    const OutgoingRequest request;
    Result<ClientReply> reply = co_await clients.send(origin, request, asked->cancellation);
    asked->outcome = reply ? (co_await reply->read_all(100)).value_or("broken") : reply.error().message;
  };
  for (long first = 0; first < 80; ++first) {
    ClientPool pool(io, ClientLimits{}, "");
    const auto good = std::make_shared<Asked>(), unlucky = std::make_shared<Asked>(),
               cancelled = std::make_shared<Asked>();
    const auto begin = [&](std::string host, const std::shared_ptr<Asked>& asked) {
      asio::co_spawn(Executor(io.get_executor()), ask(pool, provider.origin(std::move(host)), asked),
                     asio::detached);
    };
    const auto ended = [&](const std::shared_ptr<Asked>& asked) {
      for (const auto end = Clock::now() + 5s; asked->outcome.empty() && Clock::now() < end;)
        io.run_one_for(10ms);
      return asked->outcome;
    };
    begin("127.0.0.1", good);
    ASSERT_EQ(ended(good), "one") << first;
    // To another origin, for which nothing is open. What it leaves behind is what the next one takes.
    run_with_failures(io, first, 1, 4ms, [&] { begin("localhost", unlucky); });
    begin("127.0.0.1", cancelled);
    io.run_for(2ms);
    cancelled->cancellation.request(Cancellation::Reason::client_gone);
    EXPECT_NE(ended(cancelled), "") << first;
  }
}

// OpenSSL's own allocations of this thread.
thread_local long openssl_until_failure = -1;  // negative: none fails

bool openssl_fails() {
  return openssl_until_failure >= 0 && openssl_until_failure-- == 0;
}
const bool openssl_is_ours =
    CRYPTO_set_mem_functions(
        [](std::size_t bytes, const char*, int) { return openssl_fails() ? nullptr : std::malloc(bytes); },
        [](void* memory, std::size_t bytes, const char*, int) {
          return openssl_fails() ? nullptr : std::realloc(memory, bytes);
        },
        [](void* memory, const char*, int) { std::free(memory); }) == 1;

// A host's name that found no memory would not be checked: any certificate would do.
TEST(WantOfMemory, ATlsStreamThatFoundNoneIsNotMade) {
  ASSERT_TRUE(openssl_is_ours);
  const Certificate certificate("DNS:localhost");
  TlsContext context(certificate.path());
  asio::io_context io(1);
  for (const std::string host : {"localhost", "127.0.0.1"}) {
    Socket socket(io);
    TlsSession session;
    const auto make = [&] { TlsStream(context, socket, host, session); };
    make();
    long refused = 0;
    for (bool failed = true; failed; refused += failed ? 1 : 0) {
      openssl_until_failure = refused;
      try {
        make();
        failed = openssl_until_failure < 0;
        EXPECT_FALSE(failed) << "made without allocation " << refused << " for " << host;
      } catch (const std::bad_alloc&) {
      }
      openssl_until_failure = -1;
      ASSERT_LT(refused, 1000);
    }
    EXPECT_GT(refused, 5) << host;
  }
}

}  // namespace
}  // namespace ai_proxy::http
