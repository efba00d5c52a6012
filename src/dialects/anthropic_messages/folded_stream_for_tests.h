// Tests only: a stream's deltas, folded into the reply they make up. What a relay to a non-streaming caller
// does.
#pragma once

#include <string>
#include <string_view>

#include "chat/reply.h"
#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages::for_tests {

struct Folded {
  std::unique_ptr<StreamReader> reader = make_stream_reader();
  chat::Reply reply;
  std::string thinking;                 // all texts, joined
  std::vector<std::string> signatures;  // "data:" in front of redacted ones
  int started = 0;
  int finished = 0;
  Result<void> result;

  void event(std::string_view name, std::string_view data) {
    if (!result) return;
    result = reader->event(name, data, [this](const chat::Delta& delta) { add(delta); });
  }

  void add(const chat::Delta& delta) {
    using Kind = chat::Delta::Kind;
    if (delta.kind == Kind::started) ++started;
    if (delta.kind == Kind::finished) ++finished;
    if (delta.kind == Kind::text) reply.text.append(delta.text);
    if (delta.kind == Kind::refusal) reply.refusal.append(delta.text);
    if (delta.kind == Kind::thinking) thinking.append(delta.text);
    if (delta.kind == Kind::thinking_signature)
      signatures.push_back((delta.redacted ? "data:" : "") + std::string(delta.text));
    if (delta.kind == Kind::opaque) reply.opaque_parts.emplace_back(delta.text);
    if (delta.kind == Kind::tool_call_begin) {
      if (delta.tool_index == reply.tool_calls.size()) reply.tool_calls.emplace_back();
      reply.tool_calls.at(delta.tool_index).id = delta.tool_id;
      reply.tool_calls.at(delta.tool_index).name = delta.tool_name;
    }
    if (delta.kind == Kind::tool_call_arguments)
      reply.tool_calls.at(delta.tool_index).arguments.append(delta.text);
  }
};

}  // namespace ai_proxy::dialects::anthropic_messages::for_tests
