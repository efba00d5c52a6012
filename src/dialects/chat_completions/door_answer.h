// What OpenAI's and Mistral's answers to a caller have in common.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "chat/reply.h"

namespace ai_proxy::dialects::chat_completions {

// Both dialects' word. Neither knows a paused turn, and their callers' enumerations no other word: "stop"
// says what is true of both, that the model ended its turn by itself. (A stream that was cut never gets
// here.)
std::string_view finish_word(chat::FinishReason reason);

// The error's own sentence without keys; its code's word where there is none.
std::string error_sentence(const Error& error);

// The usage, if a caller can be told of it: nullptr when there is none, or counts that no answer can have.
const chat::Usage* credible(const std::optional<chat::Usage>& usage);

// `label` stands before the value: ,"param":
void append_text_or_null(std::string& out, std::string_view label, std::string_view text);
void append_labelled_integer(std::string& out, std::string_view label, std::int64_t value);

// Arguments of a call as a caller may parse them: never "".
std::string_view arguments_or_empty_object(std::string_view arguments);

}  // namespace ai_proxy::dialects::chat_completions
