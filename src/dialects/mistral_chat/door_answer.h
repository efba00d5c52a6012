// The pieces of a Mistral answer that a whole one and a stream share. Source: Mistral API specification and
// @mistralai/mistralai 2.7.0 (November 2026), recorded traffic.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "dialects/door.h"

namespace ai_proxy::dialects::mistral_chat {

// 32 hexadecimal digits: the given id, else the provider's where it is of this form, else a hash of it.
std::string answer_id(std::string_view given, std::string_view provider_id);
// {"prompt_tokens":…}
void append_usage(std::string& out, const chat::Usage& usage);
void append_tool_call(std::string& out, std::size_t index, std::string_view id, std::string_view name,
                      std::string_view arguments);

std::string render_reply(const chat::Reply& reply, const AnswerContext& context);
std::unique_ptr<StreamWriter> make_stream_writer(const AnswerContext& context);
int error_status(const Error& error);
std::string render_error(const Error& error, std::string_view request_id);

}  // namespace ai_proxy::dialects::mistral_chat
