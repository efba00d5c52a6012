// Mistral's chat completions, provider side. Source: Mistral API specification and @mistralai/mistralai 2.7.0
// (November 2026), recorded traffic.
#pragma once

#include <string>
#include <string_view>

#include "dialects/chat_completions/reply.h"
#include "dialects/dialect.h"

namespace ai_proxy::dialects::mistral_chat {

extern const chat_completions::Flavour kFlavour;

Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const chat::ModelTraits& traits, chat::Warnings& warnings);

// `body`: any of the five shapes, see error.cpp.
Error parse_error_body(const ReplyHead& head, const json::Value& body);
Error parse_error(const ReplyHead& head, std::string_view body);

}  // namespace ai_proxy::dialects::mistral_chat
