// See door_messages.h. Block shapes: SDK types of @anthropic-ai/sdk 1.12.0, *BlockParam.
#include "dialects/anthropic_messages/door_messages.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <string>
#include <utility>
#include <variant>

#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using chat::Role;

// Does this member ask for something? (Not when it is absent, null, false, or empty.)
bool asks(const json::Value& value) {
  if (!value.has_value() || value.boolean() == false) return false;
  if (value.is_array() || value.is_string()) return value.raw().size() > 2;
  return !(value.is_object() && value["enabled"].boolean() == false);
}

chat::Part part_of(chat::PartKind kind, const json::Value& block) {
  return {.kind = std::move(kind), .cache_control = said(block["cache_control"])};
}

// A thinking model's words go back only to who signed them; everybody else's blocks only to Anthropic.
chat::Part opaque_part(const json::Value& block) {
  return {.kind = chat::OpaquePart{.dialect = kName, .raw = block.raw()}, .cache_control = {}};
}

bool is_result(const chat::Part& part) {
  return std::holds_alternative<chat::ToolResultPart>(part.kind);
}

}  // namespace

void DoorMessages::leave_out(const json::Value& block, const Path& path, std::string_view member,
                             std::string_view why) {
  if (!asks(block[member])) return;
  std::string sentence = Path(path, member).ours();
  warnings_.add(sentence.append(": ").append(why).append("; it was left out."));
}

void DoorMessages::read_system(const json::Value& system, const Path& path) {
  if (!system.has_value()) return;
  chat::Message message{.role = Role::system, .parts = {}, .name = {}, .prefix = false};
  read_content(system, path, Role::system, message.parts);
  if (!message.parts.empty()) request_.messages.insert(request_.messages.begin(), std::move(message));
}

void DoorMessages::read_messages(const json::Value& messages, const Path& path) {
  if (!messages.is_array()) return faults_.add(path, kWrongShape);
  if (messages.empty()) return faults_.add(path, "at least one message is required");
  request_.messages.reserve(messages.size() + 1);
  std::size_t index = 0;
  for (const json::Value message : messages) read_message(message, Path(path, index++));
}

void DoorMessages::read_message(const json::Value& value, const Path& path) {
  if (!value.is_object()) return faults_.add(path, kWrongShape);
  chat::Message message;
  const std::string_view role = faults_.required_string(value, "role", path);
  if (role == "assistant") {
    message.role = Role::assistant;
  } else if (role == "system") {  // 2026: some models take it
    message.role = Role::system;
  } else if (role != "user") {
    faults_.add(Path(path, "role"), "Input should be 'user', 'assistant' or 'system'");
  }
  const Path content(path, "content");
  if (!value["content"].present()) return faults_.add(content, kRequired);
  read_content(value["content"], content, message.role, message.parts);

  // Results answer the calls in front of them; what else the user says comes behind.
  Parts results;
  for (chat::Part& part : message.parts) {
    if (is_result(part)) results.push_back(std::move(part));
  }
  if (!results.empty()) {
    std::erase_if(message.parts, is_result);
    if (message.parts.empty()) message.role = Role::tool;
    std::ranges::move(message.parts, std::back_inserter(results));
    message.parts = std::move(results);
  }
  request_.messages.push_back(std::move(message));
}

void DoorMessages::read_content(const json::Value& content, const Path& path, Role role, Parts& parts) {
  if (const auto text = content.string()) {
    if (!text->empty()) parts.push_back({.kind = chat::TextPart{*text}, .cache_control = {}});
    return;
  }
  if (!content.is_array()) return faults_.add(path, kWrongShape);
  parts.reserve(content.size());
  std::size_t index = 0;
  for (const json::Value block : content) read_block(block, Path(path, index++), role, parts);
}

void DoorMessages::read_block(const json::Value& block, const Path& path, Role role, Parts& parts) {
  if (!block.is_object()) return faults_.add(path, kWrongShape);
  const std::string_view type = faults_.required_string(block, "type", path);
  if (!may_stand(type, role, path)) return;
  const Path inside = Path::tagged(path, type);
  bool known = true;
  if (type == "text") {
    read_text(block, inside, parts);
  } else if (type == "image") {
    known = read_image(block, inside, parts);
  } else if (type == "document") {
    known = read_document(block, inside, parts);
  } else if (type == "tool_use") {
    read_tool_use(block, inside, parts);
  } else if (type == "tool_result") {
    read_tool_result(block, inside, parts);
  } else if (type == "thinking" || type == "redacted_thinking") {
    read_thinking(block, inside, parts);
  } else {
    known = false;
  }
  if (!known) parts.push_back(opaque_part(block));
}

bool DoorMessages::may_stand(std::string_view type, Role role, const Path& path) {
  using Row = std::pair<std::string_view, Role>;
  static constexpr std::array<Row, 4> kBound{{{"tool_use", Role::assistant},
                                              {"thinking", Role::assistant},
                                              {"redacted_thinking", Role::assistant},
                                              {"tool_result", Role::user}}};
  const auto* row = std::ranges::find(kBound, type, &Row::first);
  if (row == kBound.end() || row->second == role) return true;
  std::string sentence = "`";
  sentence.append(type).append("` blocks can only be in `");
  sentence.append(row->second == Role::user ? "user" : "assistant").append("` messages");
  faults_.add(path, sentence);
  return false;
}

void DoorMessages::read_text(const json::Value& block, const Path& path, Parts& parts) {
  const std::string_view text = faults_.required_string(block, "text", path);
  leave_out(block, path, "citations", "only Anthropic's own models cite");
  if (!text.empty()) parts.push_back(part_of(chat::TextPart{text}, block));  // "" says nothing
}

bool DoorMessages::read_image(const json::Value& block, const Path& path, Parts& parts) {
  if (faults_.required_object(block, "source", path).empty()) return true;
  const json::Value source = block["source"];
  const Path at(path, "source");
  const std::string_view type = faults_.required_string(source, "type", at);
  const Path inside = Path::tagged(at, type);
  chat::ImagePart image;
  if (type == "base64") {
    image.media_type = faults_.required_string(source, "media_type", inside);
    image.base64 = faults_.required_string(source, "data", inside);
  } else if (type == "url") {
    image.url = faults_.required_string(source, "url", inside);
  } else {
    return false;  // a file that only Anthropic holds
  }
  parts.push_back(part_of(image, block));
  return true;
}

bool DoorMessages::read_document(const json::Value& block, const Path& path, Parts& parts) {
  if (faults_.required_object(block, "source", path).empty()) return true;
  const json::Value source = block["source"];
  const Path at(path, "source");
  const std::string_view type = faults_.required_string(source, "type", at);
  const Path inside = Path::tagged(at, type);
  chat::DocumentPart document;
  document.name = faults_.optional_string(block, "title", path);
  if (type == "base64") {
    document.media_type = faults_.required_string(source, "media_type", inside);
    document.base64 = faults_.required_string(source, "data", inside);
  } else if (type == "url") {
    document.url = faults_.required_string(source, "url", inside);
  } else if (type == "file") {
    document.file_id = faults_.required_string(source, "file_id", inside);
  } else if (type == "text") {
    document.media_type = "text/plain";
    document.text = faults_.required_string(source, "data", inside);
  } else if (type == "content" && source["content"].is_string()) {
    document.media_type = "text/plain";
    document.text = source["content"].string_or("");
  } else {
    return false;  // made of blocks, or of tomorrow
  }
  leave_out(block, path, "citations", "only Anthropic's own models cite");
  leave_out(block, path, "context", "only Anthropic knows remarks beside a document");
  parts.push_back(part_of(document, block));
  return true;
}

void DoorMessages::read_tool_use(const json::Value& block, const Path& path, Parts& parts) {
  chat::ToolCallPart call;
  call.id = faults_.required_string(block, "id", path);
  call.name = faults_.required_string(block, "name", path);
  call.arguments = faults_.required_object(block, "input", path);
  parts.push_back(part_of(call, block));
}

void DoorMessages::read_tool_result(const json::Value& block, const Path& path, Parts& parts) {
  chat::ToolResultPart result;
  result.tool_call_id = faults_.required_string(block, "tool_use_id", path);
  result.is_error = faults_.boolean(block, "is_error", path).value_or(false);
  const json::Value content = block["content"];
  // Inside a result stand texts and media, as a system message would hold them: nothing bound to a speaker.
  if (content.has_value()) read_content(content, Path(path, "content"), Role::system, result.content);
  parts.push_back(part_of(std::move(result), block));
}

void DoorMessages::read_thinking(const json::Value& block, const Path& path, Parts& parts) {
  chat::ThinkingPart thinking;
  if (block["type"].string() == "redacted_thinking") {
    thinking.redacted_data = faults_.required_string(block, "data", path);
  } else {
    thinking.text = faults_.required_string(block, "thinking", path);
    thinking.signature = faults_.required_string(block, "signature", path);
  }
  parts.push_back(part_of(thinking, block));
}

}  // namespace ai_proxy::dialects::anthropic_messages
