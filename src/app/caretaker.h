// What the main thread looks after while the loops serve: memory, reserved descriptors, and what was counted
// instead of logged. Four times a second.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <functional>

#include "app/memory_watch.h"
#include "gateway/worker.h"
#include "http/reserved_descriptors.h"

namespace ai_proxy::app {

class Caretaker {
 public:
  // What is done with every event loop.
  struct Loops {
    std::function<void()> measure_delay;
    // Ends the largest requests, until they held so many bytes together.
    std::function<void(std::size_t bytes)> shed;
  };

  Caretaker(http::asio::io_context& control, gateway::Process& process, Loops loops);

  void start(const config::Settings& settings);
  void use(const config::Settings& settings);
  // For files that must be opened although there may be no descriptor left. It takes them back by itself.
  void free_descriptors() { descriptors_.give_all(); }

 private:
  void wait();
  void look_at_memory();
  void log_memory(const MemoryUse& use, http::Pressure now);
  void log_counted();

  gateway::Process& process_;
  Loops loops_;
  http::asio::steady_timer timer_;
  MemoryWatch memory_;
  MemoryLimits limits_;
  http::ReservedDescriptors descriptors_;
  http::Pressure logged_ = http::Pressure::none;
  std::uint64_t turn_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace ai_proxy::app
