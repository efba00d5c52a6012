// The conversation as the input of a Responses request.
#pragma once

#include "base/error.h"
#include "dialects/chat_completions/request_pen.h"

namespace ai_proxy::dialects::openai_responses {

// Writes the member "input". An error names the message and part that OpenAI cannot take.
Result<void> write_input(chat_completions::Pen& pen);

}  // namespace ai_proxy::dialects::openai_responses
