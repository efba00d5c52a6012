// What a caller may set for one request by header fields, within bounds: how often, how long, and among what
// is configured. Never whom a name stands for, or where that is.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "chat/warnings.h"
#include "http/headers.h"

namespace ai_proxy::gateway {

struct Overrides {
  std::optional<int> retries;                      // x-ai-proxy-retries: 0 … 10
  std::optional<std::chrono::milliseconds> total;  // x-ai-proxy-timeout: seconds, or 30s, 500ms
  bool no_fallback = false;                        // x-ai-proxy-fallback: off
  std::vector<std::string_view> fallbacks;         // x-ai-proxy-fallback: provider/model, alias …
  std::optional<bool> hedge;                       // x-ai-proxy-hedge: off
};

// A value that makes no sense is a warning, and what is configured holds. Views live in the headers.
Overrides read_overrides(const http::Headers& headers, chat::Warnings& warnings);

}  // namespace ai_proxy::gateway
