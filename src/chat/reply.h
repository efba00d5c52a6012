// What comes back: a whole reply, or the pieces of a stream.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/usage.h"

namespace ai_proxy::chat {

enum class FinishReason : std::uint8_t {
  unknown,  // none given, or a word we do not know (kept in Reply::provider_finish_reason)
  stop,
  length,
  tool_calls,
  content_filter,
  paused,  // Anthropic: send the turn back to go on
};

// The contract's word ("tool_calls"); "other" for unknown.
std::string_view word(FinishReason reason);

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text; "{}" when the provider sent nothing
};

struct Thinking {
  std::string text;
  std::string signature;
  std::string redacted_data;
};

struct Reply {
  std::string id;       // the provider's
  std::string model;    // the provider's; may be more exact than what was asked
  std::string text;     // all text parts, joined
  std::string refusal;  // OpenAI: the model's own refusal; empty = none
  std::vector<Thinking> thinking;
  std::vector<ToolCall> tool_calls;
  // Parts that the canonical reply cannot hold (citations, audio, server tool results): raw JSON, for a
  // caller of the same dialect.
  std::vector<std::string> opaque_parts;
  FinishReason finish_reason = FinishReason::unknown;
  std::string provider_finish_reason;  // in the provider's own word
  std::string stop_sequence;           // the matched one, where the provider tells
  std::optional<Usage> usage;          // nullopt: the provider sent none
};

// The contract's rule: an answer with tool calls says tool_calls, unless it was cut.
FinishReason effective_finish_reason(FinishReason reported, bool has_tool_calls);

// One piece of a stream. Views live until the reader is fed again.
struct Delta {
  enum class Kind : std::uint8_t {
    started,              // id, model known; text = the service tier, where it is told at once
    text,                 // text
    thinking,             // text
    thinking_signature,   // text = signature (or redacted data when `redacted`)
    refusal,              // text
    tool_call_begin,      // tool_index, tool_id, tool_name
    tool_call_arguments,  // tool_index, text = a piece of the arguments' JSON
    opaque,               // text = raw JSON that only the same dialect understands
    finished,             // finish_reason known (usage may follow)
  };
  Kind kind = Kind::text;
  std::string_view text;
  std::uint32_t tool_index = 0;  // 0, 1, 2 … in order of appearance; counts tool calls only
  std::string_view tool_id;
  std::string_view tool_name;
  bool redacted = false;
};

}  // namespace ai_proxy::chat
