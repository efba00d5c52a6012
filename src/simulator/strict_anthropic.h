// What the two halves of Anthropic's judge share.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "simulator/refusal.h"
#include "simulator/strict.h"

namespace ai_proxy::simulator {

using Verdict = std::optional<Refusal>;

inline Verdict bad(std::string_view message) {
  return anthropic_refusal(400, "invalid_request_error", message);
}
inline Verdict extra(std::string_view path) {
  return bad(std::string(path) + ": Extra inputs are not permitted");
}

bool is_tool_name(std::string_view name);  // ^[a-zA-Z0-9_-]{1,128}$
// Structured outputs: every object says additionalProperties: false.
Verdict judge_closed(const json::Value& schema, const std::string& path);

}  // namespace ai_proxy::simulator
