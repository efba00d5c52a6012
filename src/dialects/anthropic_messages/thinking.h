// How much the model shall think, and how long its answer may be: the two depend on each other.
#pragma once

#include <cstdint>
#include <string>

#include "base/error.h"
#include "dialects/anthropic_messages/conversation.h"
#include "dialects/anthropic_messages/scope.h"

namespace ai_proxy::dialects::anthropic_messages {

struct ThinkingPlan {
  std::string thinking;  // raw JSON of the member; empty = none
  std::string effort;    // output_config.effort; empty = none
  std::int64_t max_tokens = 0;
  bool on = false;  // then samplers and forced tools are restricted
};

Result<ThinkingPlan> plan_thinking(const Scope& scope, const Conversation& conversation);

}  // namespace ai_proxy::dialects::anthropic_messages
