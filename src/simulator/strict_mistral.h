// What the two halves of Mistral's judge share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "simulator/refusal.h"
#include "simulator/strict.h"

namespace ai_proxy::simulator {

using Verdict = std::optional<Refusal>;

inline Verdict extra_at(std::string_view location, const json::Value& value) {
  return mistral_invalid("extra_forbidden", location, "Extra inputs are not permitted", value.raw());
}
inline Verdict missing_at(std::string_view location, const json::Value& within) {
  return mistral_invalid("missing", location, "Field required", within.raw());
}

// The name of a tool, or of a call of one.
Verdict judge_mistral_function_name(std::string_view name);

}  // namespace ai_proxy::simulator
