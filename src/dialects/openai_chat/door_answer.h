// The pieces of an OpenAI answer that a whole one and a stream share. Source: OpenAI API reference and openai
// SDK 7.57.0 (November 2026), recorded traffic; reasoning_content and thinking_blocks are LiteLLM's names.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dialects/door.h"

namespace ai_proxy::dialects::openai_chat {

// "chatcmpl-…": the given one, else made of the provider's.
std::string answer_id(std::string_view given, std::string_view provider_id);
// {"prompt_tokens":…}
void append_usage(std::string& out, const chat::Usage& usage);
// {"type":"thinking","thinking":…,"signature":…} or {"type":"redacted_thinking","data":…}
void append_thinking_block(std::string& out, std::string_view text, std::string_view signature);
void append_redacted_block(std::string& out, std::string_view data);
// OpenAI's word for the tier that was served; empty: it has none.
std::string_view service_tier_word(const std::optional<chat::Usage>& usage);
// Is this a web citation, the one opaque part that OpenAI's answers know?
bool is_annotation(std::string_view raw);

// See Door::hidden_part.
std::string_view hidden_part(const json::Value& event);
std::string render_reply(const chat::Reply& reply, const AnswerContext& context);
std::unique_ptr<StreamWriter> make_stream_writer(const AnswerContext& context);
int error_status(const Error& error);
std::string render_error(const Error& error, std::string_view request_id);

}  // namespace ai_proxy::dialects::openai_chat
