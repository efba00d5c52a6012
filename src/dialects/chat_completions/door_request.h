// A caller's chat completions request: looked at, read whole, or passed through. OpenAI's and Mistral's doors
// share it. Source: OpenAI API reference, Mistral API specification (November 2026).
#pragma once

#include <string>
#include <string_view>

#include "dialects/chat_completions/door_reading.h"
#include "dialects/door.h"

namespace ai_proxy::dialects::chat_completions {

Result<Glance> glance(const json::Value& body);

// `dialect`: the door's. The names of both providers are understood at either.
Result<chat::Request> read_request(const json::Value& body, std::string_view dialect,
                                   chat::Warnings& warnings);

// --- door_tools.cpp: each fills its part of the request ---

void read_tools(const json::Value& body, const Path& root, Reading& reading);
// After read_tools.
void read_tool_choice(const json::Value& body, const Path& root, Reading& reading);
void read_response_format(const json::Value& format, const Path& path, Reading& reading);

// --- door_pass_through.cpp ---

// The caller's bytes with `wire_model` in place of its model. `ask_for_usage`: streams carry usage only when
// stream_options.include_usage says so, which is then made true. nullopt: nothing is to be changed.
std::optional<std::string> pass_through(const json::Value& body, std::string_view wire_model,
                                        bool ask_for_usage);

}  // namespace ai_proxy::dialects::chat_completions
