// Content blocks, in Anthropic's words.
#pragma once

#include <cstddef>
#include <string_view>

#include "base/error.h"
#include "base/json_writer.h"
#include "dialects/anthropic_messages/conversation.h"
#include "dialects/anthropic_messages/scope.h"

namespace ai_proxy::dialects::anthropic_messages {

// Hands out the four cache markers a request may have, in the order of the prompt (tools, system, messages).
// When there are more, the earliest go: a later marker caches everything in front of it.
class CacheMarkers {
 public:
  static constexpr std::size_t kMax = 4;

  CacheMarkers(const Scope& scope, const Conversation& conversation);

  // Writes the member if `marker` says something and is among those that stay.
  void write(json::Writer& out, std::string_view marker);
  // The same decision for something without a marker of ours to write.
  bool take(std::string_view marker);

 private:
  std::size_t to_skip_ = 0;
};

// May a marker of this part stay? (Not on thinking; a tool call's may.)
bool can_be_marked(const chat::Part& part);

void write_system(json::Writer& out, const Conversation& conversation, std::string_view instruction,
                  CacheMarkers& markers);
Result<void> write_messages(json::Writer& out, const Scope& scope, const Conversation& conversation,
                            CacheMarkers& markers);

}  // namespace ai_proxy::dialects::anthropic_messages
