// The metrics of the process as text for Prometheus. docs/metrics.md describes each.
#pragma once

#include <string>
#include <string_view>

#include "gateway/worker.h"

namespace ai_proxy::gateway {

// On the main thread, while the others count on. `health`: by whose rules candidates are judged.
std::string metrics_page(Process& process, const routing::HealthPolicy& health, std::string_view version);

}  // namespace ai_proxy::gateway
