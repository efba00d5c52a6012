// A whole answer: {id, type: "message", model, content: [blocks], stop_reason, stop_sequence, usage}.
#include <array>
#include <utility>

#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/anthropic_messages/usage.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

Error no_sense(std::string_view what) {
  std::string message = "The provider's answer makes no sense: ";
  return provider_failed(ErrorCode::provider_error, message.append(what).append("."));
}

void take_text(const json::Value& block, chat::Reply& reply) {
  reply.text.append(block["text"].string_or(""));
  for (const json::Value citation : block["citations"]) reply.opaque_parts.emplace_back(citation.raw());
}

void take_thinking(const json::Value& block, std::string_view type, chat::Reply& reply) {
  chat::Thinking& thinking = reply.thinking.emplace_back();
  if (type == "redacted_thinking") {
    thinking.redacted_data = block["data"].string_or("");
    return;
  }
  thinking.text = block["thinking"].string_or("");
  thinking.signature = block["signature"].string_or("");
}

Result<void> take_tool_use(const json::Value& block, chat::Reply& reply) {
  const std::string_view name = block["name"].string_or("");
  if (name.empty()) return std::unexpected(no_sense("a tool call has no name"));
  chat::ToolCall& call = reply.tool_calls.emplace_back();
  call.id = block["id"].string_or("");
  call.name = name;
  call.arguments = block["input"].has_value() ? block["input"].raw() : "{}";
  return {};
}

Result<void> take_block(const json::Value& block, chat::Reply& reply) {
  if (!block.is_object()) return std::unexpected(no_sense("a content block is no object"));
  const std::string_view type = block["type"].string_or("");
  if (type == "text") {
    take_text(block, reply);
  } else if (type == "thinking" || type == "redacted_thinking") {
    take_thinking(block, type, reply);
  } else if (type == "tool_use") {
    return take_tool_use(block, reply);
  } else {
    reply.opaque_parts.emplace_back(block.raw());
  }
  return {};
}

}  // namespace

chat::FinishReason finish_reason_of(std::string_view stop_reason) {
  using Row = std::pair<std::string_view, chat::FinishReason>;
  static constexpr std::array<Row, 7> kReasons{{
      {"end_turn", chat::FinishReason::stop},
      {"stop_sequence", chat::FinishReason::stop},
      {"tool_use", chat::FinishReason::tool_calls},
      {"max_tokens", chat::FinishReason::length},
      {"model_context_window_exceeded", chat::FinishReason::length},
      {"refusal", chat::FinishReason::content_filter},
      {"pause_turn", chat::FinishReason::paused},
  }};
  for (const auto& [word, reason] : kReasons) {
    if (word == stop_reason) return reason;
  }
  return chat::FinishReason::unknown;
}

Result<chat::Reply> parse_reply(const json::Value& body) {
  if (!body.is_object()) return std::unexpected(no_sense("it is no JSON object"));
  if (body["error"].is_object() || body["type"].string_or("") == "error")
    return std::unexpected(error_of({}, body));
  if (!body["content"].is_array()) return std::unexpected(no_sense("it has no content"));

  chat::Reply reply;
  reply.id = body["id"].string_or("");
  reply.model = body["model"].string_or("");
  for (const json::Value block : body["content"]) {
    if (auto taken = take_block(block, reply); !taken) return std::unexpected(std::move(taken.error()));
  }
  reply.provider_finish_reason = body["stop_reason"].string_or("");
  reply.finish_reason = finish_reason_of(reply.provider_finish_reason);
  reply.stop_sequence = body["stop_sequence"].string_or("");
  if (reply.finish_reason == chat::FinishReason::content_filter) {
    reply.refusal = body["stop_details"]["explanation"].string_or("");
  }
  reply.usage = parse_usage(body["usage"]);
  return reply;
}

}  // namespace ai_proxy::dialects::anthropic_messages
