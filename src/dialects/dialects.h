// Every dialect there is. Adding one: a folder beside this file and a line here and in dialects.cpp.
#pragma once

#include <string_view>

#include "dialects/dialect.h"

namespace ai_proxy::dialects {

extern const Dialect kOpenAiChat;         // openai_chat/
extern const Dialect kAnthropicMessages;  // anthropic_messages/
extern const Dialect kMistralChat;        // mistral_chat/
extern const Dialect kOpenAiResponses;    // openai_responses/
// Operations beside chat: only their own doors lead to them.
extern const Dialect kOpenAiEmbeddings;     // embeddings/
extern const Dialect kMistralEmbeddings;    // embeddings/
extern const Dialect kAnthropicTokenCount;  // anthropic_messages/token_count.cpp

// May an answer to this call hold more than chat::Reply and its deltas do, unseen? Further choices, and log
// probabilities: a caller of the provider's dialect gets them as they came, and nobody else.
bool asks_beyond_a_reply(const json::Value& call);

// nullptr when no dialect has this name.
const Dialect* find_dialect(std::string_view name);

}  // namespace ai_proxy::dialects
