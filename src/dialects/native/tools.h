// What shapes the answer besides the conversation: tools, tool_choice, response_format.
#pragma once

#include "base/json.h"
#include "chat/conversation.h"
#include "dialects/native/validate.h"

namespace ai_proxy::dialects::native {

// Each fills its part of the request; faults go to the checks. Absent values leave it alone.
void read_tools(const json::Value& tools, const Path& path, Checks& checks, chat::Request& request);
// After read_tools. `tools_given`: they stand in the body, right or wrong.
void read_tool_choice(const json::Value& choice, bool tools_given, const Path& path, Checks& checks,
                      chat::Request& request);
void read_response_format(const json::Value& format, const Path& path, Checks& checks,
                          chat::Request& request);

}  // namespace ai_proxy::dialects::native
