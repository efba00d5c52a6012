// The simplest JSON value that a JSON schema allows. Enough of the standard for what tools and structured
// outputs use: type, enum, const, properties, required, items, minItems, anyOf, $ref into the same schema.
#pragma once

#include <string>

#include "base/json.h"

namespace ai_proxy::simulator {

// Members that are not required are left out, unless `all_members`. `word` stands for every free string.
std::string sample_of(const json::Value& schema, bool all_members, std::string_view word);

}  // namespace ai_proxy::simulator
