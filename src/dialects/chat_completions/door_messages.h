// The messages of a caller's chat completions request, OpenAI's and Mistral's alike, made canonical:
// Mistral's SDK pointed at OpenAI's door is served too, so one reader knows the names of both. Source: OpenAI
// API reference, Mistral API specification (November 2026); LiteLLM's names for thinking.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dialects/chat_completions/door_reading.h"

namespace ai_proxy::dialects::chat_completions {

class DoorMessages {
 public:
  explicit DoorMessages(Reading& reading) : reading_(reading) {}

  // Appends to the request's messages; faults go to the reading.
  void read(const json::Value& messages, const Path& path);

 private:
  using Parts = std::vector<chat::Part>;

  void message(const json::Value& value, const Path& path, std::size_t index);
  void assistant(const json::Value& value, const Path& path, std::size_t index, chat::Message& message);
  void tool(const json::Value& value, const Path& path, chat::Message& message);
  void plain(const json::Value& value, const Path& path, chat::Message& message);
  void warn_of_strangers(const json::Value& value, const Path& path);
  // door_calls.cpp
  void earlier_thinking(const json::Value& value, const Path& path, Parts& parts);
  void tool_calls(const json::Value& calls, const Path& path, Parts& parts);
  void tool_call(const json::Value& value, const Path& path, Parts& parts);
  void legacy_call(const json::Value& value, const Path& path, std::size_t index, Parts& parts);
  std::string_view arguments(const json::Value& value, const Path& path);
  std::string_view custom_input(const json::Value& value, const Path& path);
  std::string_view answered_call(const json::Value& value, const Path& path);
  void remember_call(std::string_view id, std::string_view name);
  // door_parts.cpp
  void content(const json::Value& content, const Path& path, chat::Role role, Parts& parts);
  void join_thinking(Parts& parts, std::string*& joined);
  void part(const json::Value& value, const Path& path, chat::Role role, Parts& parts);
  std::optional<chat::PartKind> image(const json::Value& value, const Path& path);
  std::optional<chat::PartKind> audio(const json::Value& value, const Path& path);
  std::optional<chat::PartKind> file(const json::Value& value, const Path& path);
  std::optional<chat::PartKind> document_url(const json::Value& value, const Path& path);
  std::optional<chat::PartKind> document_data(std::string_view uri, const Path& path, std::string_view name);
  std::optional<chat::PartKind> thinking(const json::Value& value, const Path& path);

  Reading& reading_;
  std::unordered_set<std::string_view> call_ids_;                       // of assistant messages so far
  std::unordered_map<std::string_view, std::string_view> named_calls_;  // the latest call's id by its name
  std::optional<json::Document> arguments_document_;                    // keeps its memory
};

}  // namespace ai_proxy::dialects::chat_completions
