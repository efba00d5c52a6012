// The listener for those who run the gateway, on the main thread: it answers when all event loops are busy,
// and until the process ends.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>

#include "config/settings.h"
#include "gateway/admin.h"
#include "http/asio.h"
#include "http/server.h"

namespace ai_proxy::app {

class AdminListener {
 public:
  AdminListener(http::asio::io_context& control, gateway::Process& process,
                std::function<const routing::HealthPolicy&()> health);

  // Does nothing where none is configured. `patient`: the port may still be that of the process whose sockets
  // we were handed; it is tried again until it is free. Throws std::runtime_error when it cannot be had
  // otherwise.
  void start(const config::AdminSettings& settings, bool patient);

 private:
  bool listen();
  void try_again();

  http::ServerCounters counters_;  // its own: the connections of the gateway's clients are not its
  gateway::Admin admin_;
  http::Server server_;
  http::asio::steady_timer retry_;
  config::AdminSettings settings_;
  std::string refusal_;  // why the port cannot be had
};

}  // namespace ai_proxy::app
