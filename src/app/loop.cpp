#include "app/loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <new>
#include <string_view>
#include <utility>

#include "app/crash.h"
#include "gateway/gateway.h"

namespace ai_proxy::app {

namespace asio = http::asio;

Loop::Loop(gateway::Process& process, const std::shared_ptr<const config::Settings>& settings)
    // Other threads only post: the sockets need no locks.
    : io_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO),
      worker_(io_, process, settings),
      server_(
          io_, settings->server,
          [this](http::Request& request, http::ResponseWriter& response) {
            return gateway::serve(worker_, request, response);
          },
          process.counters) {
  server_.set_gate(
      [this](std::string_view path, bool beyond_max) { return gateway::admit(worker_, path, beyond_max); });
  server_.set_refuser([this](const http::Refused& refused) { return gateway::refuse(worker_, refused); });
}

Loop::~Loop() {
  // Where the start failed behind this one, or the end found no memory.
  if (thread_.joinable()) {
    io_.stop();
    thread_.join();
  }
  io_.destroy_waiting();
}

Result<std::uint16_t> Loop::listen(const std::string& host, std::uint16_t port, bool reuse_port) {
  return server_.listen(host, port, reuse_port);
}

Result<std::uint16_t> Loop::listen_on(int descriptor) {
  return server_.listen_on(descriptor);
}

void Loop::start() {
  thread_ = std::thread([this] {
    const CrashStack stack;
    const auto work = asio::make_work_guard(io_);
    while (!io_.stopped()) {
      try {
        io_.run();
      } catch (const std::bad_alloc&) {
        // What ran when memory gave out has been undone. The others go on.
      }
    }
  });
}

void Loop::use(std::shared_ptr<const config::Settings> settings, std::function<void()> done) {
  asio::post(io_, [this, settings = std::move(settings), done = std::move(done)] {
    worker_.use(settings);
    server_.set_limits(settings->server);
    done();
  });
}

void Loop::measure_delay() {
  asio::post(io_, [this, sent = http::Clock::now()] { worker_.note_delay(http::Clock::now() - sent); });
}

void Loop::shed(std::size_t bytes) {
  asio::post(io_, [this, bytes] { server_.shed(bytes); });
}

void Loop::drain(std::chrono::milliseconds idle) {
  asio::post(io_, [this, idle] { server_.drain(idle); });
}

void Loop::stop_accepting(std::function<void()> done) {
  asio::post(io_, [this, done = std::move(done)] {
    server_.stop_accepting();
    done();
  });
}

void Loop::cancel_all() {
  asio::post(io_, [this] { server_.cancel_all(); });
}

void Loop::stop() {
  asio::post(io_, [this] {
    // However little memory there is.
    struct End {
      ~End() { io.stop(); }
      EventLoop& io;
    } const end{io_};
    server_.drain();
    server_.stop_accepting();
    server_.close_all();
  });
  if (thread_.joinable()) thread_.join();
  // What was cut comes to its end, and says so in the log; what still waits for others is destroyed.
  constexpr int kTurnsMax = 100;
  io_.restart();
  for (int turn = 0; turn < kTurnsMax && io_.poll() > 0; ++turn) {
  }
}

}  // namespace ai_proxy::app
