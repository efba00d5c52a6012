// Every door there is besides our native API (native/native.h).
#pragma once

#include "dialects/door.h"

namespace ai_proxy::dialects {

extern const Door kOpenAiChatDoor;         // openai_chat/door*.cpp
extern const Door kAnthropicMessagesDoor;  // anthropic_messages/door*.cpp
extern const Door kMistralChatDoor;        // mistral_chat/door*.cpp
extern const Door kOpenAiResponsesDoor;    // openai_responses/door*.cpp

}  // namespace ai_proxy::dialects
