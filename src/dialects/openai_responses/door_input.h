// The input of a Responses request, item by item, made messages: what the model said, thought and called in a
// row becomes one assistant message. Source: OpenAI API reference (November 2026).
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <unordered_set>

#include "dialects/openai_responses/door_request.h"

namespace ai_proxy::dialects::openai_responses {

class DoorInput {
 public:
  explicit DoorInput(Reading& reading) : reading_(reading) {}

  // Appends to the request's messages; faults go to the reading.
  void read(const json::Value& input, const Path& path);

 private:
  void item(const json::Value& value, const Path& path);
  void message(const json::Value& value, const Path& path);
  void reasoning(const json::Value& value, const Path& path);
  void call(const json::Value& value, const Path& path, bool custom);
  void call_output(const json::Value& value, const Path& path);
  void other(const json::Value& value, std::string_view type, const Path& path);
  std::string_view arguments(const json::Value& value, const Path& path);
  // The assistant message that is being collected.
  chat::Message& turn();

  Reading& reading_;
  std::unordered_set<std::string_view> call_ids_;
  std::optional<json::Document> arguments_document_;  // keeps its memory
};

}  // namespace ai_proxy::dialects::openai_responses
