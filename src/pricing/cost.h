// Tokens to money, exactly: integers of pico-dollars. A cost that is not known is null with a reason, never 0
// and never a neighbour's price.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/money.h"
#include "chat/usage.h"
#include "pricing/catalog.h"

namespace ai_proxy::pricing {

// What is known about the call besides its usage.
struct CallContext {
  std::string_view service_tier;  // as the response said; the usage's own word wins
  bool batch = false;
  std::string_view region;  // "", "global", "eu", "us" …: served by a regional endpoint
  std::int64_t web_search_calls = 0;
  std::string_view date;  // YYYY-MM-DD of the call; empty = today's prices
};

struct Cost {
  // All null together; then `reason` says why: unknown_model, no_usage, invalid_usage, no_price_for_tier:X,
  // no_long_context_price_for_tier:X, tier_price_expired:X, no_price:BUCKET.
  std::optional<PicoUsd> input, output, fees, total;
  std::string reason;
  const Model* model = nullptr;  // the catalogue's entry, when there is one

  bool known() const { return total.has_value(); }
  static Cost zero();  // a cache hit
};

// `usage` null = the provider reported none. `model` may be the one asked for or the one that answered.
Cost cost_of(const Catalog& catalog, std::string_view provider, std::string_view model,
             const chat::Usage* usage, const CallContext& context = {});

}  // namespace ai_proxy::pricing
