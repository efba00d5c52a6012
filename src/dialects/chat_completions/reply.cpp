#include "dialects/chat_completions/reply.h"

#include <utility>

#include "base/ascii.h"

namespace ai_proxy::dialects::chat_completions {
namespace {

void read_part(const json::Value& part, chat::Reply& reply) {
  const std::string_view type = part["type"].string_or("");
  if (type == "text" || type == "output_text") {
    reply.text.append(part["text"].string_or(""));
  } else if (type == "refusal") {
    reply.refusal.append(part["refusal"].string_or(""));
  } else if (type == "thinking") {
    chat::Thinking thinking;
    if (const auto whole = part["thinking"].string()) thinking.text = *whole;
    for (const json::Value piece : part["thinking"]) thinking.text.append(piece["text"].string_or(""));
    thinking.signature = part["signature"].string_or("");
    reply.thinking.push_back(std::move(thinking));
  } else {
    reply.opaque_parts.emplace_back(part.raw());
  }
}

void read_content(const json::Value& message, chat::Reply& reply) {
  // OpenAI-compatible servers put the model's thinking beside the content.
  for (const std::string_view name : {"reasoning_content", "reasoning"}) {
    const std::string_view thinking = message[name].string_or("");
    if (thinking.empty()) continue;
    reply.thinking.push_back({.text = std::string(thinking), .signature = {}, .redacted_data = {}});
    break;
  }
  const json::Value content = message["content"];
  if (const auto text = content.string()) reply.text.append(*text);
  for (const json::Value part : content) read_part(part, reply);
  reply.refusal.append(message["refusal"].string_or(""));
  for (const json::Value annotation : message["annotations"])
    reply.opaque_parts.emplace_back(annotation.raw());
  if (message["audio"].is_object()) reply.opaque_parts.emplace_back(message["audio"].raw());
}

std::string arguments_of(const json::Value& function) {
  const json::Value arguments = function["arguments"];
  if (const auto text = arguments.string()) return ascii_trim(*text).empty() ? "{}" : std::string(*text);
  return arguments.is_object() ? std::string(arguments.raw()) : "{}";
}

void read_call(const json::Value& call, chat::Reply& reply) {
  // A custom tool's input is free text, which the canonical call cannot hold.
  if (call["type"].string_or("") == "custom") {
    reply.opaque_parts.emplace_back(call.raw());
    return;
  }
  chat::ToolCall read{.id = std::string(call["id"].string_or("")),
                      .name = std::string(call["function"]["name"].string_or("")),
                      .arguments = arguments_of(call["function"])};
  if (read.id.empty()) read.id = minted_call_id(reply.id, reply.tool_calls.size());
  reply.tool_calls.push_back(std::move(read));
}

}  // namespace

chat::FinishReason finish_reason_of(std::string_view word) {
  if (word == "stop") return chat::FinishReason::stop;
  if (word == "length" || word == "model_length" || word == "max_tokens") return chat::FinishReason::length;
  if (word == "tool_calls" || word == "function_call") return chat::FinishReason::tool_calls;
  if (word == "content_filter") return chat::FinishReason::content_filter;
  return chat::FinishReason::unknown;
}

bool holds_error(const json::Value& body) {
  const json::Value error = body["error"];
  if (error.is_object() || !error.string_or("").empty()) return true;
  if (body["object"].string_or("") == "error") return true;
  // Gateways in front of the model say only {"message":…} or {"detail":…}.
  return !body["choices"].present() && (body["detail"].has_value() || body["message"].is_string());
}

std::string_view finish_word_of(const json::Value& choice) {
  return choice["finish_reason"].string().value_or(choice["finish_details"]["type"].string_or(""));
}

json::Value first_choice(const json::Value& choices) {
  for (const json::Value choice : choices) {
    if (choice.is_object() && choice["index"].integer_or(0) == 0) return choice;
  }
  return {};
}

std::optional<chat::Usage> usage_of(const json::Value& body, const Flavour& flavour) {
  std::optional<chat::Usage> usage = flavour.parse_usage(body["usage"]);
  if (usage && usage->service_tier.empty()) usage->service_tier = body["service_tier"].string_or("");
  return usage;
}

std::string minted_call_id(std::string_view reply_id, std::size_t call_index) {
  std::string id = "call_";
  id.append(reply_id.substr(0, 64)).append("_");
  append_integer(id, call_index);
  return id;
}

Result<chat::Reply> parse_reply(const json::Value& body, const Flavour& flavour) {
  const ReplyHead head;
  if (!body.is_object()) {
    return std::unexpected(provider_failed(ErrorCode::provider_error,
                                           "The provider's answer is not the JSON object it should be."));
  }
  if (holds_error(body)) return std::unexpected(flavour.parse_error_body(head, body));
  json::Value choice = first_choice(body["choices"]);
  if (!choice.present()) choice = body["choices"][0];
  if (holds_error(choice)) return std::unexpected(flavour.parse_error_body(head, choice));
  const json::Value message = choice["message"];
  if (!message.is_object()) {
    return std::unexpected(
        provider_failed(ErrorCode::provider_error, "The provider's answer holds no message."));
  }

  Result<chat::Reply> read(std::in_place);
  chat::Reply& reply = *read;
  reply.id = body["id"].string_or("");
  reply.model = body["model"].string_or("");
  read_content(message, reply);
  for (const json::Value call : message["tool_calls"]) read_call(call, reply);
  if (const json::Value legacy = message["function_call"]; legacy.is_object()) {
    reply.tool_calls.push_back({.id = minted_call_id(reply.id, reply.tool_calls.size()),
                                .name = std::string(legacy["name"].string_or("")),
                                .arguments = arguments_of(legacy)});
  }
  reply.provider_finish_reason = finish_word_of(choice);
  reply.finish_reason = finish_reason_of(reply.provider_finish_reason);
  if (says_failed(reply.provider_finish_reason)) {
    return std::unexpected(provider_failed(ErrorCode::provider_error,
                                           "The provider broke the answer off with an error of its own."));
  }
  reply.usage = usage_of(body, flavour);
  return read;
}

}  // namespace ai_proxy::dialects::chat_completions
