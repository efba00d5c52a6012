// ai-proxy --demo: the three providers, played on loopback ports by a thread of this process, and the
// settings that lead the gateway to them through real sockets.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include "app/load_settings.h"
#include "http/asio.h"
#include "simulator/simulator.h"

namespace ai_proxy::app {

class Demo {
 public:
  // Starts the simulated providers and points `command_line` at them. Throws std::runtime_error when no
  // loopback port can be had.
  static std::unique_ptr<Demo> start(CommandLine& command_line);
  ~Demo();

 private:
  Demo() = default;
  http::asio::io_context io_{1};
  std::vector<std::unique_ptr<simulator::Simulator>> providers_;
  std::thread thread_;
};

}  // namespace ai_proxy::app
