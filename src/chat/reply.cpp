#include "chat/reply.h"

namespace ai_proxy::chat {

std::string_view word(FinishReason reason) {
  switch (reason) {
    case FinishReason::stop:
      return "stop";
    case FinishReason::length:
      return "length";
    case FinishReason::tool_calls:
      return "tool_calls";
    case FinishReason::content_filter:
      return "content_filter";
    case FinishReason::paused:
      return "paused";
    case FinishReason::unknown:
      break;
  }
  return "other";
}

FinishReason effective_finish_reason(FinishReason reported, bool has_tool_calls) {
  if (has_tool_calls && reported != FinishReason::length) return FinishReason::tool_calls;
  return reported;
}

}  // namespace ai_proxy::chat
