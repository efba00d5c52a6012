// messages[]: roles, and which members each has (door_messages.h).
#include "dialects/chat_completions/door_messages.h"

#include <algorithm>
#include <array>

namespace ai_proxy::dialects::chat_completions {
namespace {

// Read below, or said by a provider about an answer of its own and of no use to another.
constexpr std::array<std::string_view, 15> kKnown{
    "role",          "content",       "name",     "tool_calls",        "tool_call_id",
    "function_call", "refusal",       "prefix",   "reasoning_content", "reasoning",
    "annotations",   "cache_control", "provider", "thinking_blocks",   "provider_specific_fields"};

std::optional<chat::Role> role_of(std::string_view word) {
  if (word == "user") return chat::Role::user;
  if (word == "assistant") return chat::Role::assistant;
  if (word == "system") return chat::Role::system;
  if (word == "developer") return chat::Role::developer;
  if (word == "tool" || word == "function") return chat::Role::tool;
  return std::nullopt;
}

}  // namespace

void DoorMessages::read(const json::Value& messages, const Path& path) {
  if (!messages.present()) return reading_.missing(path);
  if (!messages.is_array()) return reading_.wrong_type(messages, path, "an array of objects");
  if (messages.empty()) {
    return reading_.fault(path, "Invalid 'messages': empty array. Expected at least one message.");
  }
  constexpr std::size_t kReservedMax = 4096;  // bounded, because the count is the caller's
  reading_.request().messages.reserve(std::min(messages.size(), kReservedMax));
  std::size_t index = 0;
  for (const json::Value value : messages) {
    if (reading_.first_fault()) return;
    message(value, path.element(index), index);
    ++index;
  }
}

void DoorMessages::message(const json::Value& value, const Path& path, std::size_t index) {
  if (!value.is_object()) return reading_.wrong_type(value, path, "an object");
  const Path role_path = path.member("role");
  const auto word = reading_.needed_text(value["role"], role_path);
  if (!word) return;
  const auto role = role_of(*word);
  if (!role) {
    return reading_.wrong_word(*word, role_path,
                               {"system", "developer", "user", "assistant", "tool", "function"});
  }
  chat::Message& message = reading_.request().messages.emplace_back();
  message.role = *role;
  if (*role == chat::Role::assistant) {
    assistant(value, path, index, message);
  } else if (*role == chat::Role::tool) {
    tool(value, path, message);
  } else {
    plain(value, path, message);
  }
  // Kept for the speakers of one role; a tool message's name is its function's.
  if (*role != chat::Role::tool) {
    message.name = reading_.text(value["name"], path.member("name")).value_or(std::string_view{});
  }
  const json::Value marker = reading_.object(value["cache_control"], path.member("cache_control"));
  if (marker.present() && !message.parts.empty()) message.parts.back().cache_control = marker.raw();
  warn_of_strangers(value, path);
}

void DoorMessages::plain(const json::Value& value, const Path& path, chat::Message& message) {
  const Path content_path = path.member("content");
  const json::Value written = value["content"];
  if (!written.present()) return reading_.missing(content_path);
  if (written.is_null()) return reading_.wrong_type(written, content_path, "a string or an array of parts");
  content(written, content_path, message.role, message.parts);
  if (value["tool_calls"].size() > 0) {
    reading_.fault(path.member("tool_calls"), "Only an assistant message can carry tool calls.");
  }
}

void DoorMessages::assistant(const json::Value& value, const Path& path, std::size_t index,
                             chat::Message& message) {
  earlier_thinking(value, path, message.parts);
  const bool calls = value["tool_calls"].size() > 0 || value["function_call"].has_value();
  const json::Value written = value["content"];
  // Beside calls an empty text is what OpenAI writes as null.
  if (written.has_value() && !(calls && written.string() == std::string_view{})) {
    content(written, path.member("content"), message.role, message.parts);
  }
  const auto refusal = reading_.text(value["refusal"], path.member("refusal"));
  if (refusal && !refusal->empty()) message.parts.push_back({chat::RefusalPart{*refusal}, {}});
  tool_calls(value["tool_calls"], path.member("tool_calls"), message.parts);
  legacy_call(value["function_call"], path.member("function_call"), index, message.parts);
  message.prefix = reading_.truth(value["prefix"], path.member("prefix")).value_or(false);
  if (message.parts.empty() && !calls) {
    reading_.fault(path.member("content"), "An assistant message needs content or tool calls.");
  }
}

void DoorMessages::tool(const json::Value& value, const Path& path, chat::Message& message) {
  chat::ToolResultPart result;
  result.tool_call_id = answered_call(value, path);
  const Path content_path = path.member("content");
  const json::Value written = value["content"];
  if (!written.present()) reading_.missing(content_path);
  // A function that returns nothing: null was OpenAI's way to say so.
  if (written.has_value()) content(written, content_path, message.role, result.content);
  message.parts.push_back({std::move(result), {}});
}

void DoorMessages::warn_of_strangers(const json::Value& value, const Path& path) {
  for (const json::Value member : value) {
    if (!member.has_value() || std::ranges::find(kKnown, member.key()) != kKnown.end()) continue;
    reading_.warn(path.member(member.key()), "no other provider knows it; it was left out.");
  }
}

}  // namespace ai_proxy::dialects::chat_completions
