#include "app/admin_listener.h"

#include <chrono>
#include <stdexcept>
#include <string>
#include <utility>

#include "telemetry/log.h"

namespace ai_proxy::app {
namespace {

using namespace std::chrono_literals;
using telemetry::Level;
using telemetry::log;

constexpr auto kRetryPause = 250ms;

// Small, for few and friendly callers.
http::ServerLimits admin_limits() {
  http::ServerLimits limits;
  limits.connections_max = 64;
  limits.connections_per_client_max = 0;
  limits.head_bytes_max = 8 * 1024;
  limits.target_bytes_max = 1024;
  limits.body_bytes_max = 1024;
  limits.head_time = 5s;
  limits.body_time = 5s;
  limits.write_stall_time = 10s;
  limits.loop_delay_max = 0ms;
  return limits;
}

}  // namespace

AdminListener::AdminListener(http::asio::io_context& control, gateway::Process& process,
                             std::function<const routing::HealthPolicy&()> health)
    : admin_(process, std::move(health), AI_PROXY_VERSION),
      server_(
          control, admin_limits(),
          [this](http::Request& request, http::ResponseWriter& response) {
            return admin_.serve(request, response);
          },
          counters_),
      retry_(control) {
  server_.set_gate(gateway::Admin::admit);
}

void AdminListener::start(const config::AdminSettings& settings, bool patient) {
  settings_ = settings;
  if (settings_.host.empty() || listen()) return;
  if (!patient) throw std::runtime_error(refusal_);
  log(Level::info, "the admin port is not free yet; it is tried again", {{"fault", refusal_}});
  try_again();
}

bool AdminListener::listen() {
  const Result<std::uint16_t> port = server_.listen(settings_.host, settings_.port, false);
  if (!port) {
    refusal_ = port.error().message;
    return false;
  }
  const std::string host = settings_.host.contains(':') ? "[" + settings_.host + "]" : settings_.host;
  log(Level::info, "admin listening", {{"address", "http://" + host + ":" + std::to_string(*port)}});
  return true;
}

void AdminListener::try_again() {
  retry_.expires_after(kRetryPause);
  retry_.async_wait([this](const http::error_code& fault) {
    if (!fault && !listen()) try_again();
  });
}

}  // namespace ai_proxy::app
