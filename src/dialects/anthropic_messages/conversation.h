// The order Anthropic wants a conversation in: system text apart, turns that alternate, tool results first in
// the user turn that answers the calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "dialects/anthropic_messages/scope.h"

namespace ai_proxy::dialects::anthropic_messages {

// A part of the request in its new place.
struct Block {
  const chat::Part* part = nullptr;
  std::size_t message = 0;     // where it stood, for paths
  std::size_t index = 0;       // … among the parts of its message
  std::size_t call_index = 0;  // tool call: among the calls of its message
  bool late_system = false;    // a system text that has to travel in a user turn
  bool trim_end = false;       // the end of a prefill: Anthropic refuses trailing blanks there
};

enum class Speaker : std::uint8_t { user, assistant, system };

struct Turn {
  Speaker speaker = Speaker::user;
  std::vector<Block> results;  // user only; written before the blocks
  std::vector<Block> blocks;
};

struct Conversation {
  std::vector<Block> system;  // leading system texts, in order; never empty ones
  std::vector<Turn> turns;    // none is empty; user and assistant alternate
};

// Drops what cannot travel (empty texts, other dialects' parts, unsigned thinking) with a warning where it
// matters.
Result<Conversation> arrange(const Scope& scope);

// Does this model take {"role":"system"} inside messages? Recorded for opus-4-8 and fable-5 (2026).
bool takes_system_messages(std::string_view model);

}  // namespace ai_proxy::dialects::anthropic_messages
