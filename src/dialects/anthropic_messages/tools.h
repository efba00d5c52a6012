// Tools and the choice among them.
#pragma once

#include "base/error.h"
#include "base/json_writer.h"
#include "dialects/anthropic_messages/blocks.h"
#include "dialects/anthropic_messages/scope.h"

namespace ai_proxy::dialects::anthropic_messages {

// Writes `tools` and `tool_choice`, as far as the request has them. `thinking`: the model will think, which
// allows no forced choice.
Result<void> write_tools(json::Writer& out, const Scope& scope, CacheMarkers& markers, bool thinking);

}  // namespace ai_proxy::dialects::anthropic_messages
