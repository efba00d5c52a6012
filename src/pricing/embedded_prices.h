// data/prices.json as it was when this program was built. The definition is written by cmake/embed.cmake.
#pragma once

#include <string_view>

namespace ai_proxy::pricing {

extern const std::string_view kEmbeddedPrices;

}  // namespace ai_proxy::pricing
