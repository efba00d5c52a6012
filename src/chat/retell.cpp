#include "chat/retell.h"

#include <utility>

namespace ai_proxy::chat {

Thinking& ReplyBuilder::open_thought() {
  if (!std::exchange(thought_open_, true)) reply_.thinking.emplace_back();
  return reply_.thinking.back();
}

void ReplyBuilder::add(const Delta& delta) {
  using Kind = Delta::Kind;
  switch (delta.kind) {
    case Kind::started:
    case Kind::finished:
      return;
    case Kind::text:
      reply_.text.append(delta.text);
      return;
    case Kind::refusal:
      reply_.refusal.append(delta.text);
      return;
    case Kind::thinking:
      open_thought().text.append(delta.text);
      return;
    case Kind::thinking_signature:
      // It ends its block.
      (delta.redacted ? open_thought().redacted_data : open_thought().signature).assign(delta.text);
      thought_open_ = false;
      return;
    case Kind::tool_call_begin:
      if (delta.tool_index != reply_.tool_calls.size()) break;
      reply_.tool_calls.push_back({std::string(delta.tool_id), std::string(delta.tool_name), {}});
      return;
    case Kind::tool_call_arguments:
      if (delta.tool_index >= reply_.tool_calls.size()) break;
      reply_.tool_calls[delta.tool_index].arguments.append(delta.text);
      return;
    case Kind::opaque:
      break;
  }
  complete_ = false;
}

Reply ReplyBuilder::take() {
  for (ToolCall& call : reply_.tool_calls) {
    if (call.arguments.empty()) call.arguments = "{}";
  }
  thought_open_ = false;
  return std::exchange(reply_, {});
}

bool retell(const Reply& reply, const std::function<void(const Delta&)>& sink) {
  using Kind = Delta::Kind;
  if (!reply.opaque_parts.empty()) return false;
  const auto tell = [&sink](Kind kind, std::string_view text) {
    Delta delta;
    delta.kind = kind;
    delta.text = text;
    sink(delta);
  };
  tell(Kind::started, reply.usage ? std::string_view(reply.usage->service_tier) : std::string_view());
  for (const Thinking& thought : reply.thinking) {
    if (!thought.text.empty()) tell(Kind::thinking, thought.text);
    if (!thought.signature.empty()) tell(Kind::thinking_signature, thought.signature);
    if (thought.redacted_data.empty()) continue;
    Delta redacted;
    redacted.kind = Kind::thinking_signature;
    redacted.text = thought.redacted_data;
    redacted.redacted = true;
    sink(redacted);
  }
  if (!reply.text.empty()) tell(Kind::text, reply.text);
  if (!reply.refusal.empty()) tell(Kind::refusal, reply.refusal);
  for (std::uint32_t index = 0; index < reply.tool_calls.size(); ++index) {
    const ToolCall& call = reply.tool_calls[index];
    Delta delta;
    delta.kind = Kind::tool_call_begin;
    delta.tool_index = index;
    delta.tool_id = call.id;
    delta.tool_name = call.name;
    sink(delta);
    delta.kind = Kind::tool_call_arguments;
    delta.text = call.arguments;
    sink(delta);
  }
  tell(Kind::finished, {});
  return true;
}

}  // namespace ai_proxy::chat
