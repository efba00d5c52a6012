// See messages.h. Shapes: OpenAI's chat API (messages, parts, tool calls), with Anthropic's thinking parts.
#include "dialects/native/messages.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "dialects/native/schema.h"

namespace ai_proxy::dialects::native {
namespace {

chat::Role role_of(std::string_view word) {
  if (word == "user") return chat::Role::user;
  if (word == "assistant") return chat::Role::assistant;
  if (word == "tool") return chat::Role::tool;
  return chat::Role::system;
}

}  // namespace

void MessageReader::read(const json::Value& messages, const Path& path) {
  // Bounded, because the count is the caller's.
  constexpr std::size_t kReservedMax = 4096;
  request_.messages.reserve(std::min(messages.size(), kReservedMax));
  std::size_t index = 0;
  for (const json::Value message : messages) {
    if (checks_.faults.overflowing()) return;
    read_message(message, path.element(index++));
  }
}

void MessageReader::read_message(const json::Value& value, const Path& path) {
  Fields<kMessage> fields;
  fields.read(value, path, checks_);
  const json::Value role_word = fields.get<"role">();
  const json::Value calls = fields.get<"tool_calls">();
  chat::Message& message = request_.messages.emplace_back();
  // Without a role what follows is judged as a user's, so that its own faults are told in the same answer.
  message.role = role_of(role_word.string_or("user"));
  message.name = fields.get<"name">().string_or({});
  const bool assistant = message.role == chat::Role::assistant;
  const bool has_calls = !calls.empty();

  const json::Value content = fields.get<"content">();
  const bool content_may_miss = has_calls || (assistant && fields.get<"refusal">().present());
  if (content.has_value()) {
    read_content(content, path.member("content"), message.role, content_may_miss, message.parts);
  } else if (value.is_object() && role_word.present() && !content_may_miss && !value["content"].has_value()) {
    checks_.faults.add(path.member("content"),
                       content.present() ? "Expected string or array, received null" : "Required");
  }
  if (const json::Value refusal = fields.get<"refusal">(); refusal.present()) {
    if (assistant) {
      message.parts.push_back({chat::RefusalPart{*refusal.string()}, {}});
    } else {
      checks_.warn(path.member("refusal"), "only an assistant message has it; ignored.");
    }
  }
  if (has_calls) {
    if (role_word.present() && !assistant) {
      checks_.faults.add(path.member("tool_calls"), "Only an assistant message can carry tool calls");
    }
    read_tool_calls(calls, path.member("tool_calls"), message.parts);
  }

  const json::Value call_id = fields.get<"tool_call_id">();
  if (message.role == chat::Role::tool) {
    chat::ToolResultPart result;
    result.tool_call_id = answered_call(call_id, path.member("tool_call_id"));
    result.content = std::exchange(message.parts, {});
    message.parts.push_back({std::move(result), {}});
  } else if (call_id.present() && role_word.present()) {
    checks_.warn(path.member("tool_call_id"), "only a tool message has it; ignored.");
  }
  if (const json::Value marker = fields.get<"cache_control">(); marker.present() && !message.parts.empty()) {
    message.parts.back().cache_control = marker.raw();
  }
}

void MessageReader::read_content(const json::Value& content, const Path& path, chat::Role role,
                                 bool may_be_empty, std::vector<chat::Part>& parts) {
  if (const auto text = content.string()) {
    // Beside tool calls an empty text is what OpenAI writes as null.
    if (!text->empty() || !may_be_empty) parts.push_back({chat::TextPart{*text}, {}});
    return;
  }
  if (content.empty() && !may_be_empty) checks_.faults.add(path, "Array must contain at least 1 element(s)");
  std::size_t index = 0;
  for (const json::Value part : content) {
    if (checks_.faults.overflowing()) return;
    read_part(part, path.element(index++), role, parts);
  }
}

void MessageReader::read_tool_calls(const json::Value& calls, const Path& path,
                                    std::vector<chat::Part>& parts) {
  std::size_t index = 0;
  for (const json::Value call : calls) {
    if (checks_.faults.overflowing()) return;
    const Path call_path = path.element(index++);
    Fields<kToolCall> fields;
    fields.read(call, call_path, checks_);
    const auto id = fields.get<"id">().string();
    if (id) call_ids_.insert(*id);
    const json::Value function = fields.get<"function">();
    if (!function.present()) continue;
    const Path function_path = call_path.member("function");
    Fields<kCalledFunction> called;
    called.read(function, function_path, checks_);
    const auto text = arguments(called.get<"arguments">(), function_path.member("arguments"));
    const auto name = called.get<"name">().string();
    if (id && name && text) parts.push_back({chat::ToolCallPart{*id, *name, *text}, {}});
  }
}

// Models break off inside their arguments, and callers send that back: told here, not as a provider's 400 or
// worse.
std::optional<std::string_view> MessageReader::arguments(const json::Value& value, const Path& path) {
  if (value.is_object()) return value.raw();
  const std::string_view text = ascii_trim(value.string_or({}));
  if (text.empty() || text == "null") return std::string_view{};
  if (!arguments_document_) arguments_document_.emplace();
  if (const auto fault = arguments_document_->parse(text, json::kProviderLimits)) {
    std::string message = "Expected the JSON text of an object, received broken JSON: ";
    message.append(fault->message).append(" At line ").append(std::to_string(fault->line));
    message.append(", column ").append(std::to_string(fault->column)).append(" of the text");
    checks_.faults.add(path, std::move(message));
    return std::nullopt;
  }
  if (!arguments_document_->root().is_object()) {
    checks_.faults.add(path, "Expected the JSON text of an object, received '" + excerpt(text) + "'");
    return std::nullopt;
  }
  return text;
}

std::string_view MessageReader::answered_call(const json::Value& id, const Path& path) {
  const auto text = id.string();
  if (!text) {
    checks_.faults.add(path, "Required");
    return {};
  }
  if (!call_ids_.contains(*text)) {
    checks_.faults.add(path,
                       "No earlier assistant message has a tool call with the id '" + excerpt(*text) + "'");
  }
  return *text;
}

}  // namespace ai_proxy::dialects::native
