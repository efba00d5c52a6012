#include "app/simulate_command.h"

#include <CLI/CLI.hpp>
#include <boost/asio/signal_set.hpp>
#include <iostream>
#include <memory>
#include <thread>
#include <vector>

#include "simulator/simulator.h"

namespace ai_proxy::app {

void add_simulate_options(CLI::App& command, SimulateOptions& options) {
  command.add_option("--port", options.port, "Port to listen on; 0: any free one")->required();
  command.add_option("--host", options.host, "Address to listen on");
  command.add_option("--flavour", options.flavour, "Who answers on paths without a provider's prefix")
      ->check(CLI::IsMember({"openai", "anthropic", "mistral"}));
  command.add_option("--delay", options.delay_ms, "Milliseconds before an answer begins")
      ->check(CLI::Range(0, 600'000));
  command.add_option("--chunks", options.chunks, "Text chunks of a stream; 0: one per word")
      ->check(CLI::Range(0, 1'000'000));
  command.add_option("--chunk-pause", options.chunk_pause_ms, "Milliseconds between two chunks")
      ->check(CLI::Range(0, 600'000));
  command.add_option("--error-rate", options.error_percent, "Percent of requests answered with an error")
      ->check(CLI::Range(0, 100));
  command.add_option("--reply-bytes", options.reply_bytes, "Length of the answer's text; 0: a sentence")
      ->check(CLI::Range(0, 64 << 20));
  command.add_flag("--strict", options.strict, "Refuse what the real providers refuse, in their words");
  command.add_option("--threads", options.threads, "Event-loop threads")->check(CLI::Range(1u, 64u));
  command.add_flag("--busy-poll", options.busy_poll,
                   "Never sleep, so that waking this process costs the measured one nothing; for benchmarks");
}

namespace {

void run_loop(http::asio::io_context& io, bool busy_poll) {
  if (!busy_poll) {
    io.run();
    return;
  }
  while (!io.stopped()) {
    if (io.poll() == 0) std::this_thread::yield();  // the load generator may share this core
  }
}

}  // namespace

int run_simulate_command(const SimulateOptions& options) {
  simulator::Options simulation;
  if (options.flavour == "anthropic") simulation.flavour = simulator::Flavour::anthropic;
  if (options.flavour == "mistral") simulation.flavour = simulator::Flavour::mistral;
  simulation.delay = std::chrono::milliseconds(options.delay_ms);
  simulation.chunks = options.chunks;
  simulation.chunk_pause = std::chrono::milliseconds(options.chunk_pause_ms);
  simulation.error_percent = options.error_percent;
  simulation.reply_bytes = options.reply_bytes;
  simulation.strict = options.strict;

  std::vector<std::unique_ptr<http::asio::io_context>> loops;
  std::vector<std::unique_ptr<simulator::Simulator>> providers;
  std::uint16_t port = options.port;
  for (unsigned i = 0; i < options.threads; ++i) {
    loops.push_back(std::make_unique<http::asio::io_context>(1));
    providers.push_back(std::make_unique<simulator::Simulator>(*loops.back(), simulation));
    const auto bound = providers.back()->listen(options.host, port, options.threads > 1);
    if (!bound) {
      std::cerr << "ai-proxy: " << bound.error().message << '\n';
      return 2;
    }
    port = *bound;
  }
  std::cout << "simulated providers on http://" << options.host << ':' << port << std::endl;

  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < loops.size(); ++i) {
    threads.emplace_back([io = loops[i].get(), &options] { run_loop(*io, options.busy_poll); });
  }
  http::asio::signal_set signals(*loops[0], SIGTERM, SIGINT);
  signals.async_wait([&loops](const http::error_code&, int) {
    for (const auto& io : loops) io->stop();
  });
  run_loop(*loops[0], options.busy_poll);
  for (std::thread& thread : threads) thread.join();
  return 0;
}

}  // namespace ai_proxy::app
