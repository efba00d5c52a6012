#include "app/demo.h"

#include <boost/asio/executor_work_guard.hpp>
#include <stdexcept>

namespace ai_proxy::app {

std::unique_ptr<Demo> Demo::start(CommandLine& command_line) {
  using simulator::Flavour;
  struct Played {
    Flavour flavour;
    const char* base_url;
    const char* key;
  };
  constexpr Played kPlayed[] = {{Flavour::openai, "OPENAI_BASE_URL", "OPENAI_API_KEY"},
                                {Flavour::anthropic, "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"},
                                {Flavour::mistral, "MISTRAL_BASE_URL", "MISTRAL_API_KEY"}};
  std::unique_ptr<Demo> demo(new Demo);
  for (const Played& played : kPlayed) {
    simulator::Options options;
    options.flavour = played.flavour;
    // A little slower than the machine could, so that a stream is seen to stream.
    options.delay = std::chrono::milliseconds(100);
    options.chunk_pause = std::chrono::milliseconds(40);
    auto provider = std::make_unique<simulator::Simulator>(demo->io_, options);
    const auto port = provider->listen("127.0.0.1", 0);
    if (!port) throw std::runtime_error("the demo providers cannot listen: " + port.error().message);
    command_line.overrides[played.base_url] = "http://127.0.0.1:" + std::to_string(*port);
    command_line.overrides[played.key] = "demo";
    demo->providers_.push_back(std::move(provider));
  }
  // They are in this process: no proxy of the machine stands before them.
  command_line.overrides["no_proxy"] = "*";
  demo->thread_ = std::thread([io = &demo->io_] {
    const auto work = http::asio::make_work_guard(*io);
    io->run();
  });
  return demo;
}

Demo::~Demo() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

}  // namespace ai_proxy::app
