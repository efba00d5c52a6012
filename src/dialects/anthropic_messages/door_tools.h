// Tools and the choice among them, from Anthropic's words.
#pragma once

#include "base/json.h"
#include "chat/conversation.h"
#include "chat/warnings.h"
#include "dialects/anthropic_messages/door_faults.h"

namespace ai_proxy::dialects::anthropic_messages {

void read_tools(const json::Value& tools, const Path& path, Faults& faults, chat::Warnings& warnings,
                chat::Request& request);
void read_tool_choice(const json::Value& choice, const Path& path, Faults& faults, chat::Request& request);

}  // namespace ai_proxy::dialects::anthropic_messages
