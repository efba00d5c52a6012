// What load balancers are told, at either listener.
#pragma once

#include <string_view>

#include "gateway/worker.h"

namespace ai_proxy::gateway {

inline constexpr std::string_view kLive = R"({"status":"ok"})";

struct Readiness {
  int status = 200;  // 503: no new work, please
  std::string_view body;
};

inline Readiness readiness_of(const Process& process) {
  if (process.leaving.load(std::memory_order_relaxed)) return {503, R"({"status":"draining"})"};
  if (process.reload_refused.load(std::memory_order_relaxed))
    return {200, R"({"status":"ok","configuration":"the last reload was refused; the log says why"})"};
  return {200, R"({"status":"ok"})"};
}

}  // namespace ai_proxy::gateway
