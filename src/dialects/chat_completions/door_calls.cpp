// What an assistant message of a caller carries besides its content: earlier thinking, tool calls, and which
// call a tool message answers (door_messages.h).
#include <algorithm>
#include <string>

#include "base/ascii.h"
#include "base/json_writer.h"
#include "dialects/chat_completions/door_messages.h"

namespace ai_proxy::dialects::chat_completions {

// thinking_blocks hold what reasoning_content holds, and the signatures besides: they win.
void DoorMessages::earlier_thinking(const json::Value& value, const Path& path, Parts& parts) {
  const Path blocks_path = path.member("thinking_blocks");
  const json::Value blocks = reading_.array(value["thinking_blocks"], blocks_path);
  std::size_t index = 0;
  for (const json::Value block : blocks) {
    const Path block_path = blocks_path.element(index++);
    const std::string_view type = block["type"].string_or("");
    if (type != "thinking" && type != "redacted_thinking") {
      return reading_.wrong_word(type, block_path.member("type"), {"thinking", "redacted_thinking"});
    }
    if (auto kind = thinking(block, block_path)) parts.push_back({*std::move(kind), {}});
  }
  if (blocks.size() > 0) return;
  for (const std::string_view name : {"reasoning_content", "reasoning"}) {
    const std::string_view text = value[name].string_or("");
    if (text.empty()) continue;
    parts.push_back({chat::ThinkingPart{.text = text, .signature = {}, .redacted_data = {}}, {}});
    return;
  }
}

void DoorMessages::tool_calls(const json::Value& calls, const Path& path, Parts& parts) {
  std::size_t index = 0;
  for (const json::Value call : reading_.array(calls, path)) tool_call(call, path.element(index++), parts);
}

void DoorMessages::tool_call(const json::Value& value, const Path& path, Parts& parts) {
  if (!value.is_object()) return reading_.wrong_type(value, path, "an object");
  const auto id = reading_.needed_text(value["id"], path.member("id"));
  const bool custom = value["type"].string_or("") == "custom";
  const std::string_view member = custom ? "custom" : "function";
  const Path called_path = path.member(member);
  const json::Value called = reading_.needed_object(value[member], called_path);
  if (!called.present()) return;
  const auto name = reading_.needed_text(called["name"], called_path.member("name"));
  const std::string_view given = custom ? custom_input(called["input"], called_path.member("input"))
                                        : arguments(called["arguments"], called_path.member("arguments"));
  if (!id || !name) return;
  remember_call(*id, *name);
  parts.push_back({chat::ToolCallPart{.id = *id, .name = *name, .arguments = given}, {}});
}

// function_call has no id; one is made of its place, and the function message that follows finds it by name.
void DoorMessages::legacy_call(const json::Value& value, const Path& path, std::size_t index, Parts& parts) {
  const json::Value call = reading_.object(value, path);
  if (!call.present()) return;
  const auto name = reading_.needed_text(call["name"], path.member("name"));
  if (!name) return;
  std::string id = "call_function_";
  append_integer(id, index);
  const std::string_view kept = reading_.request().keep(std::move(id));
  remember_call(kept, *name);
  const std::string_view given = arguments(call["arguments"], path.member("arguments"));
  parts.push_back({chat::ToolCallPart{.id = kept, .name = *name, .arguments = given}, {}});
}

void DoorMessages::remember_call(std::string_view id, std::string_view name) {
  call_ids_.insert(id);
  named_calls_.insert_or_assign(name, id);
}

// Models break off inside their arguments, and callers send that back: told here, not as a provider's 400.
std::string_view DoorMessages::arguments(const json::Value& value, const Path& path) {
  if (value.is_object()) return value.raw();  // Mistral's specification allows it
  if (value.has_value() && !value.is_string()) {
    reading_.wrong_type(value, path, "a string");
    return {};
  }
  const std::string_view text = ascii_trim(value.string_or(""));
  if (text.empty() || text == "null") return {};
  if (!arguments_document_) arguments_document_.emplace();
  if (const auto fault = arguments_document_->parse(text, json::kProviderLimits)) {
    reading_.fault(path, "'" + path.text() + "' must be the text of one JSON object. " + fault->message);
  } else if (!arguments_document_->root().is_object()) {
    reading_.fault(path, "'" + path.text() + "' must be the text of one JSON object, but holds " +
                             std::string(kind_of(arguments_document_->root())) + ".");
  }
  return text;
}

// A custom tool's input is free text; other providers' calls take an object.
std::string_view DoorMessages::custom_input(const json::Value& value, const Path& path) {
  std::string object;
  json::Writer out(object);
  out.begin_object().member("input", reading_.text(value, path).value_or(std::string_view{})).end_object();
  return reading_.request().keep(std::move(object));
}

std::string_view DoorMessages::answered_call(const json::Value& value, const Path& path) {
  const Path id_path = path.member("tool_call_id");
  if (const auto id = reading_.text(value["tool_call_id"], id_path)) {
    if (!call_ids_.contains(*id)) {
      reading_.fault(id_path, "No earlier assistant message has a tool call with the id '" +
                                  native::excerpt(*id) + "'.");
    }
    return *id;
  }
  // The retired role `function`, and Mistral's older form, name the function instead.
  const std::string_view name = value["name"].string_or("");
  const auto call = named_calls_.find(name);
  if (call != named_calls_.end()) return call->second;
  if (value["role"].string_or("") == "tool") {
    reading_.missing(id_path);
  } else {
    reading_.fault(path.member("name"),
                   "No earlier assistant message calls a function '" + native::excerpt(name) + "'.");
  }
  return {};
}

}  // namespace ai_proxy::dialects::chat_completions
