// Every door there is besides our native API (native/native.h).
#pragma once

#include "dialects/door.h"

namespace ai_proxy::dialects {

extern const Door kOpenAiChatDoor;         // openai_chat/door*.cpp
extern const Door kAnthropicMessagesDoor;  // anthropic_messages/door*.cpp
extern const Door kMistralChatDoor;        // mistral_chat/door*.cpp
extern const Door kOpenAiResponsesDoor;    // openai_responses/door*.cpp

// Operations beside chat.
extern const Door kEmbeddingsDoor;           // embeddings/; OpenAI's shape
extern const Door kMistralEmbeddingsDoor;    // embeddings/
extern const Door kAnthropicTokenCountDoor;  // anthropic_messages/token_count.cpp

}  // namespace ai_proxy::dialects
