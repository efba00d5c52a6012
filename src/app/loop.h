// One thread of the server: an event loop with its own listener, connections and snapshot of the settings.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "config/settings.h"
#include "gateway/worker.h"
#include "http/asio.h"
#include "http/server.h"

namespace ai_proxy::app {

// An event loop whose waiting coroutines can be destroyed while what they refer to still stands.
class EventLoop : public http::asio::io_context {
 public:
  using io_context::io_context;
  void destroy_waiting() { shutdown(); }
};

class Loop {
 public:
  Loop(gateway::Process& process, const std::shared_ptr<const config::Settings>& settings);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Before start().
  Result<std::uint16_t> listen(const std::string& host, std::uint16_t port, bool reuse_port);
  Result<std::uint16_t> listen_on(int descriptor);

  void start();

  // From any thread. `done` is called on the loop's thread when it is.
  void use(std::shared_ptr<const config::Settings> settings, std::function<void()> done);
  void measure_delay();          // how late the thread is, for the worker
  void shed(std::size_t bytes);  // ends the largest requests, until they held so many bytes together
  // A connection on which nothing comes ends after `idle`.
  void drain(std::chrono::milliseconds idle);
  void stop_accepting(std::function<void()> done);
  void cancel_all();
  // Cuts what is left, and returns when the thread has ended and everything has said so in the log.
  void stop();

 private:
  EventLoop io_;
  gateway::Worker worker_;
  http::Server server_;
  std::thread thread_;
};

}  // namespace ai_proxy::app
