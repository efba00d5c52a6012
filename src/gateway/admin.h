// The front door of the admin listener: metrics and health, and nothing that calls a provider. Main thread.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "gateway/worker.h"
#include "http/server.h"

namespace ai_proxy::gateway {

class Admin {
 public:
  // `health`: by whose rules candidates are judged just now.
  Admin(Process& process, std::function<const routing::HealthPolicy&()> health, std::string_view version)
      : process_(process), health_(std::move(health)), version_(version) {}

  http::Task<void> serve(http::Request& request, http::ResponseWriter& response);
  // The server's gate: where there are too many connections, health is told all the same.
  static http::RequestFault admit(std::string_view path, bool beyond_max);

 private:
  http::Task<void> serve_metrics(http::ResponseWriter& response);

  Process& process_;
  std::function<const routing::HealthPolicy&()> health_;
  std::string_view version_;                               // a constant
  std::shared_ptr<int> pages_ = std::make_shared<int>(0);  // on their way; an answer may outlive this
};

}  // namespace ai_proxy::gateway
