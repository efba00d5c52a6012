// OpenAI's chat completions, provider side. Source: OpenAI API reference and openai SDK 7.57.0 (November
// 2026).
#pragma once

#include <string>
#include <string_view>

#include "dialects/chat_completions/reply.h"
#include "dialects/dialect.h"

namespace ai_proxy::dialects::openai_chat {

extern const chat_completions::Flavour kFlavour;

Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const chat::ModelTraits& traits, chat::Warnings& warnings);

// `body`: {"error":{message,type,param,code}}, the inner object alone, or a relay's variant of either.
Error parse_error_body(const ReplyHead& head, const json::Value& body);
Error parse_error(const ReplyHead& head, std::string_view body);

}  // namespace ai_proxy::dialects::openai_chat
