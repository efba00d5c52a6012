// The messages of a Mistral request.
#pragma once

#include "base/error.h"
#include "dialects/chat_completions/request_pen.h"

namespace ai_proxy::dialects::mistral_chat {

// Writes the member "messages". An error names the message and part that Mistral cannot take.
Result<void> write_messages(chat_completions::Pen& pen);

}  // namespace ai_proxy::dialects::mistral_chat
