// Usage objects of the OpenAI family: chat completions, Responses, embeddings, realtime, transcription and
// image models name the same counts differently; Mistral's is a near relative. Source: openai SDK 7.57.0
// types, recorded traffic, Mistral recordings.
#pragma once

#include <optional>

#include "base/json.h"
#include "chat/usage.h"

namespace ai_proxy::dialects::chat_completions {

// nullopt when absent, no object, or without a single count. Numbers that contradict each other make it
// invalid.
std::optional<chat::Usage> parse_openai_usage(const json::Value& usage);
// Mistral's audio tokens stand outside prompt_tokens, its service tier inside the object.
std::optional<chat::Usage> parse_mistral_usage(const json::Value& usage);

}  // namespace ai_proxy::dialects::chat_completions
