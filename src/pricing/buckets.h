// A usage object, whose totals are inclusive, split into disjoint counts: one for each price.
#pragma once

#include <optional>

#include "base/money.h"
#include "chat/usage.h"
#include "pricing/catalog.h"
#include "pricing/terms.h"

namespace ai_proxy::pricing {

// Tokens, as wide as money so that sums of hostile counts cannot overflow.
struct Buckets {
  PicoUsd input = 0, cache_read = 0, cache_write = 0, cache_write_1h = 0, cache_write_12h = 0;
  PicoUsd audio_input = 0, audio_cache_read = 0, image_input = 0, image_cache_read = 0;
  PicoUsd output = 0, audio_output = 0, image_output = 0;
  PicoUsd audio_seconds = 0;
};

// Do the numbers fit together: nothing negative, no part above its whole?
bool consistent(const chat::Usage& usage);

// Tokens of a kind without a price of its own go where the provider bills them: see the rules in the source.
// nullopt: the parts overlap in a way the usage does not tell.
std::optional<Buckets> split(const chat::Usage& usage, const Terms& terms, const Model& model);

}  // namespace ai_proxy::pricing
