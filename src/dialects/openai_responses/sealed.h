// Thoughts as a Responses caller keeps them: a text to read and an `encrypted_content` to send back. OpenAI's
// own can be read by OpenAI alone; those of other providers are marked, so that they are known again.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat/conversation.h"

namespace ai_proxy::dialects::openai_responses {

// What stands in `encrypted_content` for a thought: the provider's signature or redacted data, marked, so
// that it is known again when it comes back. OpenAI's own goes unmarked.
std::string sealed_signature(std::string_view signature);
std::string sealed_redacted(std::string_view data);
// Was this made by OpenAI (the only one that can read it)?
bool is_openai_sealed(std::string_view encrypted_content);
// The thought that was sealed by one of the first two; nullopt: it is not ours.
std::optional<chat::ThinkingPart> unsealed(std::string_view encrypted_content, std::string_view text);

}  // namespace ai_proxy::dialects::openai_responses
