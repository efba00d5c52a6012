// See door_input.h.
#include "dialects/openai_responses/door_input.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "base/json_writer.h"
#include "dialects/openai_responses/sealed.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

// What OpenAI's own tools did: the answer that followed says what came of it, so that another provider can go
// on without.
constexpr std::array<std::string_view, 6> kToolTraces{
    "web_search_call", "file_search_call", "code_interpreter_call",
    "mcp_list_tools",  "mcp_call",         "image_generation_call"};

std::optional<chat::Role> role_of(std::string_view word) {
  if (word == "user") return chat::Role::user;
  if (word == "assistant") return chat::Role::assistant;
  if (word == "system") return chat::Role::system;
  if (word == "developer") return chat::Role::developer;
  return std::nullopt;
}

}  // namespace

void DoorInput::read(const json::Value& input, const Path& path) {
  if (!input.has_value()) return reading_.missing(path);
  if (const auto text = input.string()) {
    chat::Message& message = reading_.request().messages.emplace_back();
    message.parts.push_back({chat::TextPart{*text}, {}});
    return;
  }
  if (!input.is_array()) return reading_.wrong_type(input, path, "a string or an array of items");
  if (input.empty()) {
    return reading_.fault(path, "Invalid 'input': empty array. Expected at least one item.");
  }
  constexpr std::size_t kReservedMax = 4096;  // bounded, because the count is the caller's
  auto& messages = reading_.request().messages;
  messages.reserve(messages.size() + std::min(input.size(), kReservedMax));
  std::size_t index = 0;
  for (const json::Value value : input) {
    if (reading_.first_fault()) return;
    item(value, path.element(index++));
  }
  // An assistant message of which nothing was left says nothing.
  std::erase_if(messages, [](const chat::Message& message) {
    return message.role == chat::Role::assistant && message.parts.empty();
  });
}

void DoorInput::item(const json::Value& value, const Path& path) {
  if (!value.is_object()) return reading_.wrong_type(value, path, "an object");
  const Path type_path = path.member("type");
  const std::string_view type = reading_.text(value["type"], type_path).value_or("message");
  if (type == "message") return message(value, path);
  if (type == "function_call") return call(value, path, false);
  if (type == "custom_tool_call") return call(value, path, true);
  if (type == "function_call_output" || type == "custom_tool_call_output") return call_output(value, path);
  if (type == "reasoning") return reasoning(value, path);
  other(value, type, path);
}

void DoorInput::message(const json::Value& value, const Path& path) {
  const Path role_path = path.member("role");
  const auto word = reading_.needed_text(value["role"], role_path);
  if (!word) return;
  const auto role = role_of(*word);
  if (!role) return reading_.wrong_word(*word, role_path, {"user", "assistant", "system", "developer"});
  const Path content_path = path.member("content");
  if (*role == chat::Role::assistant) {
    return read_content(value["content"], content_path, reading_, turn().parts);
  }
  chat::Message& message = reading_.request().messages.emplace_back();
  message.role = *role;
  read_content(value["content"], content_path, reading_, message.parts);
  if (message.parts.empty() && *role == chat::Role::user && !reading_.first_fault()) {
    reading_.fault(content_path,
                   "Invalid '" + content_path.text() + "': empty array. Expected at least one part.");
  }
}

// A thought of OpenAI's is sealed for OpenAI: kept whole for it. One that we sealed goes back to whoever had
// it.
void DoorInput::reasoning(const json::Value& value, const Path& path) {
  const auto sealed = reading_.text(value["encrypted_content"], path.member("encrypted_content"));
  const json::Value summary = reading_.array(value["summary"], path.member("summary"));
  const json::Value told = summary.empty() ? value["content"] : summary;
  std::string_view text;
  if (told.size() == 1) {
    text = told[0]["text"].string_or("");
  } else if (told.size() > 1) {
    std::string joined;
    for (const json::Value part : told) {
      if (!joined.empty()) joined.append("\n\n");
      joined.append(part["text"].string_or(""));
    }
    text = reading_.request().keep(std::move(joined));
  }
  if (const auto ours = unsealed(sealed.value_or(std::string_view{}), text)) {
    turn().parts.push_back({*ours, {}});
  } else if (sealed && !sealed->empty()) {
    turn().parts.push_back({chat::OpaquePart{.dialect = "openai_responses", .raw = value.raw()}, {}});
  } else if (!text.empty()) {
    turn().parts.push_back({chat::ThinkingPart{.text = text, .signature = {}, .redacted_data = {}}, {}});
  } else {
    reading_.warn(path, "it holds no thought that anyone but OpenAI could look up; it was left out.");
  }
}

void DoorInput::call(const json::Value& value, const Path& path, bool custom) {
  const auto id = reading_.needed_text(value["call_id"], path.member("call_id"));
  const auto name = reading_.needed_text(value["name"], path.member("name"));
  std::string_view given;
  if (custom) {
    // Free text; other providers' calls take an object.
    std::string object;
    json::Writer out(object);
    out.begin_object();
    out.member("input", reading_.text(value["input"], path.member("input")).value_or(std::string_view{}));
    out.end_object();
    given = reading_.request().keep(std::move(object));
  } else {
    given = arguments(value["arguments"], path.member("arguments"));
  }
  if (!id || !name) return;
  call_ids_.insert(*id);
  turn().parts.push_back({chat::ToolCallPart{.id = *id, .name = *name, .arguments = given}, {}});
}

// Models break off inside their arguments, and callers send that back: told here, not as a provider's 400.
std::string_view DoorInput::arguments(const json::Value& value, const Path& path) {
  const std::string_view text = ascii_trim(reading_.needed_text(value, path).value_or(std::string_view{}));
  if (text.empty() || text == "null") return {};
  if (!arguments_document_) arguments_document_.emplace();
  if (const auto fault = arguments_document_->parse(text, json::kProviderLimits)) {
    reading_.fault(path, "'" + path.text() + "' must be the text of one JSON object. " + fault->message);
  } else if (!arguments_document_->root().is_object()) {
    reading_.fault(path, "'" + path.text() + "' must be the text of one JSON object, but holds " +
                             std::string(chat_completions::kind_of(arguments_document_->root())) + ".");
  }
  return text;
}

void DoorInput::call_output(const json::Value& value, const Path& path) {
  const Path id_path = path.member("call_id");
  const auto id = reading_.needed_text(value["call_id"], id_path);
  if (!id) return;
  if (!call_ids_.contains(*id)) {
    return reading_.fault(id_path, "No tool call found for function call output with call_id " +
                                       native::excerpt(*id) + ". Send the call itself before its output.");
  }
  chat::ToolResultPart result;
  result.tool_call_id = *id;
  read_content(value["output"], path.member("output"), reading_, result.content);
  chat::Message& message = reading_.request().messages.emplace_back();
  message.role = chat::Role::tool;
  message.parts.push_back({std::move(result), {}});
}

void DoorInput::other(const json::Value& value, std::string_view type, const Path& path) {
  const Path type_path = path.member("type");
  if (std::ranges::find(kToolTraces, type) != kToolTraces.end()) {
    turn().parts.push_back({chat::OpaquePart{.dialect = "openai_responses", .raw = value.raw()}, {}});
    return;
  }
  if (type == "item_reference") {
    return reading_.fault(type_path,
                          "Only OpenAI keeps items that can be referred to; send the whole item instead.");
  }
  if (type == "compaction") {
    return reading_.fault(type_path, "Only OpenAI can read a compaction; send the items themselves instead.");
  }
  if (type == "additional_tools" || type.starts_with("tool_search_") || type.starts_with("computer_call") ||
      type.starts_with("local_shell_call") || type.starts_with("shell_call") ||
      type.starts_with("apply_patch_call") || type.starts_with("mcp_approval_")) {
    return reading_.fault(type_path, "Items of the type '" + native::excerpt(type) +
                                         "' belong to tools that only OpenAI itself has; other providers "
                                         "take function_call and function_call_output.");
  }
  reading_.wrong_word(type, type_path,
                      {"message", "reasoning", "function_call", "function_call_output", "custom_tool_call",
                       "custom_tool_call_output"});
}

chat::Message& DoorInput::turn() {
  auto& messages = reading_.request().messages;
  if (messages.empty() || messages.back().role != chat::Role::assistant) {
    messages.emplace_back().role = chat::Role::assistant;
  }
  return messages.back();
}

}  // namespace ai_proxy::dialects::openai_responses
