// How much to think and in which form to answer: `thinking`, `output_config`, `output_format`.
#pragma once

#include "base/json.h"
#include "chat/conversation.h"
#include "dialects/anthropic_messages/door_faults.h"

namespace ai_proxy::dialects::anthropic_messages {

// Requires: request.max_tokens is read.
void read_thinking_and_format(const json::Value& body, const Path& root, Faults& faults,
                              chat::Request& request);

}  // namespace ai_proxy::dialects::anthropic_messages
