// A caller's Responses request, made canonical. Source: OpenAI API reference and openai SDK 7.57.0 (November
// 2026), recorded traffic.
#pragma once

#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "chat/conversation.h"
#include "chat/warnings.h"
#include "dialects/chat_completions/door_reading.h"

namespace ai_proxy::dialects::openai_responses {

using chat_completions::Path;
using chat_completions::Reading;

// What asks OpenAI to keep something for later is refused by name: no other provider could.
Result<chat::Request> parse_request(const json::Value& body, chat::Warnings& warnings);

// --- door_tools.cpp ---

void read_flat_tools(const json::Value& tools, const Path& path, Reading& reading);
// After read_flat_tools.
void read_flat_choice(const json::Value& choice, const Path& path, Reading& reading);

// --- door_content.cpp ---

// A string, or an array of input_text, input_image, input_file, input_audio, output_text and refusal.
void read_content(const json::Value& content, const Path& path, Reading& reading,
                  std::vector<chat::Part>& parts);

}  // namespace ai_proxy::dialects::openai_responses
