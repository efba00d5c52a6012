// Which of a model's prices hold for one call: by tier, by length of the input, by region and by date.
#pragma once

#include <expected>
#include <string>

#include "chat/usage.h"
#include "pricing/catalog.h"
#include "pricing/cost.h"

namespace ai_proxy::pricing {

struct Terms {
  Prices prices;
  std::optional<PicoUsd> per_audio_minute;
  int percent = 100;  // on token prices
};

// The unexpected side is a reason as in Cost::reason.
std::expected<Terms, std::string> terms_of(const Model& model, const chat::Usage& usage,
                                           const CallContext& context);

}  // namespace ai_proxy::pricing
