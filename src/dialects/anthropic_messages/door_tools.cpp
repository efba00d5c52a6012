// See door_tools.h. A tool without a type, or of type "custom", is a function of the caller's; every other
// one runs at Anthropic and is kept whole.
#include "dialects/anthropic_messages/door_tools.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace ai_proxy::dialects::anthropic_messages {
namespace {

constexpr std::array<std::string_view, 7> kToolMembers{
    "type", "name", "description", "input_schema", "strict", "cache_control", "eager_input_streaming"};

// Recorded: "tools.0.custom.input_schema.type: Field required" and "… Input should be 'object'".
void check_schema(const json::Value& schema, const Path& path, Faults& faults) {
  if (!schema.present()) return faults.add(path, kRequired);
  if (!schema.is_object()) return faults.add(path, kWrongShape);
  const json::Value type = schema["type"];
  if (!type.present()) return faults.add(Path(path, "type"), kRequired);
  if (type.string_or("") != "object") faults.add(Path(path, "type"), "Input should be 'object'");
}

void read_function(const json::Value& value, const Path& path, Faults& faults, chat::Warnings& warnings,
                   chat::Request& request) {
  const Path inside = Path::tagged(path, "custom");
  chat::Tool tool;
  tool.name = faults.required_string(value, "name", inside);
  tool.description = faults.optional_string(value, "description", inside);
  check_schema(value["input_schema"], Path(inside, "input_schema"), faults);
  tool.parameters = value["input_schema"].raw();
  tool.strict = faults.boolean(value, "strict", inside);
  tool.cache_control = said(value["cache_control"]);
  request.tools.push_back(tool);

  for (const json::Value member : value) {
    if (std::ranges::find(kToolMembers, member.key()) != kToolMembers.end()) continue;
    if (!member.has_value() || member.boolean() == false || member.raw() == "[]") continue;
    std::string sentence = Path(path, member.key()).ours();
    warnings.add(sentence.append(": only Anthropic's own models know it; it was left out."));
  }
}

}  // namespace

void read_tools(const json::Value& tools, const Path& path, Faults& faults, chat::Warnings& warnings,
                chat::Request& request) {
  if (!tools.has_value()) return;
  if (!tools.is_array()) return faults.add(path, kWrongShape);
  request.tools.reserve(tools.size());
  std::size_t index = 0;
  for (const json::Value value : tools) {
    const Path at(path, index++);
    if (!value.is_object()) return faults.add(at, kWrongShape);
    const std::string_view type = faults.optional_string(value, "type", at);
    if (type.empty() || type == "custom") {
      read_function(value, at, faults, warnings, request);
    } else {
      chat::Tool& tool = request.tools.emplace_back();
      tool.name = value["name"].string_or("");
      tool.raw = value.raw();
    }
  }
}

void read_tool_choice(const json::Value& choice, const Path& path, Faults& faults, chat::Request& request) {
  if (!choice.has_value()) return;
  if (!choice.is_object()) return faults.add(path, kWrongShape);
  using Row = std::pair<std::string_view, chat::ToolChoiceMode>;
  static constexpr std::array<Row, 4> kModes{{{"auto", chat::ToolChoiceMode::automatic},
                                              {"any", chat::ToolChoiceMode::required},
                                              {"tool", chat::ToolChoiceMode::named},
                                              {"none", chat::ToolChoiceMode::none}}};
  const std::string_view type = faults.required_string(choice, "type", path);
  const auto* row = std::ranges::find(kModes, type, &Row::first);
  if (row == kModes.end()) {
    std::string sentence = "Input tag '";
    sentence.append(type.substr(0, 64))
        .append("' found using 'type' does not match any of the expected tags: ");
    return faults.add(path, sentence.append("'auto', 'any', 'tool', 'none'"));
  }
  const Path inside = Path::tagged(path, type);
  chat::ToolChoice& read = request.tool_choice.emplace();
  read.mode = row->second;
  if (read.mode == chat::ToolChoiceMode::named) read.name = faults.required_string(choice, "name", inside);
  // Parallel calls are what happens anyway; only their being forbidden is worth saying.
  if (faults.boolean(choice, "disable_parallel_tool_use", inside).value_or(false))
    request.parallel_tool_calls = false;
}

}  // namespace ai_proxy::dialects::anthropic_messages
