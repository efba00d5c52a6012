// The conversation of a request: messages[] and what is in them, checked and made canonical.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_set>

#include "base/json.h"
#include "chat/conversation.h"
#include "dialects/native/validate.h"

namespace ai_proxy::dialects::native {

// Reads one request's messages in order: a tool message must answer a call that came before it.
class MessageReader {
 public:
  MessageReader(Checks& checks, chat::Request& request) : checks_(checks), request_(request) {}

  // Requires: an array. Appends to request.messages; faults go to the checks.
  void read(const json::Value& messages, const Path& path);

 private:
  void read_message(const json::Value& value, const Path& path);
  void read_content(const json::Value& content, const Path& path, chat::Role role, bool may_be_empty,
                    std::vector<chat::Part>& parts);
  void read_part(const json::Value& value, const Path& path, chat::Role role, std::vector<chat::Part>& parts);
  std::optional<chat::PartKind> image(const json::Value& value, const Path& path);
  std::optional<chat::PartKind> audio(const json::Value& value, const Path& path);
  std::optional<chat::PartKind> document(const json::Value& value, const Path& path);
  void read_tool_calls(const json::Value& calls, const Path& path, std::vector<chat::Part>& parts);
  std::optional<std::string_view> arguments(const json::Value& value, const Path& path);
  std::string_view answered_call(const json::Value& id, const Path& path);

  Checks& checks_;
  chat::Request& request_;
  std::unordered_set<std::string_view> call_ids_;     // of the assistant messages so far
  std::optional<json::Document> arguments_document_;  // made when the first call comes; keeps its memory
};

}  // namespace ai_proxy::dialects::native
