// The order Mistral wants a conversation in: system messages at the front, the results of a turn's calls
// right behind it, and no user directly after a tool. Source: Mistral's errors (code 3230), recorded
// requests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dialects/chat_completions/request_pen.h"

namespace ai_proxy::dialects::mistral_chat {

// One message of the body.
struct Turn {
  enum class Kind : std::uint8_t {
    system,
    user,
    assistant,
    tool,            // holds `result` alone
    acknowledgement  // an assistant's that nobody wrote: it stands between a tool and a user
  };
  Kind kind = Kind::user;
  std::size_t message = 0;        // where it stood in the request, for paths
  chat_completions::Parts parts;  // system, user, assistant; without calls and results
  const chat::ToolResultPart* result = nullptr;
  std::string_view call_id;    // tool: the call it answers
  std::size_t call_count = 0;  // assistant: the calls in its message
};

// Drops what cannot travel (parts of other dialects, messages that say nothing). An error names the call that
// nobody answered, or the answer that nobody asked for.
Result<std::vector<Turn>> arrange(chat_completions::Pen& pen);

}  // namespace ai_proxy::dialects::mistral_chat
