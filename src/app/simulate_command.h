// ai-proxy simulate: the simulated providers on a port of their own, for tests and benchmarks.
#pragma once

#include <cstdint>
#include <string>

namespace CLI {
class App;
}

namespace ai_proxy::app {

struct SimulateOptions {
  std::uint16_t port = 0;
  std::string host = "127.0.0.1";
  std::string flavour = "openai";
  int delay_ms = 0;
  int chunks = 0;
  int chunk_pause_ms = 0;
  int error_percent = 0;
  int reply_bytes = 0;
  bool strict = false;
  unsigned threads = 1;
  bool busy_poll = false;
};

void add_simulate_options(CLI::App& command, SimulateOptions& options);

// Runs until SIGTERM or SIGINT. Prints the port it listens on.
int run_simulate_command(const SimulateOptions& options);

}  // namespace ai_proxy::app
