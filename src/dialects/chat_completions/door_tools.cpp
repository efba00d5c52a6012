// Tools, the choice among them, and the answer's form, as callers write them: today's members, the retired
// functions and function_call, and Mistral's words (door_request.h).
#include <algorithm>
#include <vector>

#include "base/nearest.h"
#include "dialects/chat_completions/door_request.h"

namespace ai_proxy::dialects::chat_completions {
namespace {

void read_function(const json::Value& function, const Path& path, chat::Tool& tool, Reading& reading) {
  tool.name = reading.needed_text(function["name"], path.member("name")).value_or(std::string_view{});
  if (tool.name.empty()) reading.fault(path.member("name"), "A function needs a name.");
  tool.description =
      reading.text(function["description"], path.member("description")).value_or(std::string_view{});
  tool.parameters = reading.object(function["parameters"], path.member("parameters")).raw();
  tool.strict = reading.truth(function["strict"], path.member("strict"));
}

void read_tool(const json::Value& value, const Path& path, Reading& reading) {
  if (!value.is_object()) return reading.wrong_type(value, path, "an object");
  const std::string_view type =
      reading.text(value["type"], path.member("type")).value_or("function");  // Mistral's default
  chat::Tool tool;
  if (type == "function") {
    const Path function_path = path.member("function");
    const json::Value function = reading.needed_object(value["function"], function_path);
    if (!function.present()) return;
    read_function(function, function_path, tool, reading);
    tool.cache_control = reading.object(value["cache_control"], path.member("cache_control")).raw();
    if (tool.cache_control.empty())
      tool.cache_control = reading.object(function["cache_control"], path).raw();
  } else {
    tool.name = value[type]["name"].string_or("");
    tool.raw = value.raw();
  }
  reading.request().tools.push_back(tool);
}

// The name of a chosen tool, which must be among the tools; empty when it is not.
std::string_view chosen_name(const json::Value& choice, std::string_view type, const Path& path,
                             const chat::Names& known, Reading& reading) {
  const Path chosen_path = path.member(type);
  const json::Value chosen = reading.needed_object(choice[type], chosen_path);
  if (!chosen.present()) return {};
  const Path name_path = chosen_path.member("name");
  const auto name = reading.needed_text(chosen["name"], name_path);
  if (!name) return {};
  if (known.contains(*name)) return *name;
  std::vector<std::string_view> names;
  for (const chat::Tool& tool : reading.request().tools) names.push_back(tool.name);
  reading.fault(name_path,
                "No tool has the name '" + native::excerpt(*name) + "'." + did_you_mean(*name, names));
  return {};
}

// {mode, tools}: those tools are sent and no other, which binds the model as much.
void choose_allowed(const json::Value& allowed, const Path& path, Reading& reading) {
  if (!allowed.is_object()) return reading.wrong_type(allowed, path, "an object");
  const Path tools_path = path.member("tools");
  const chat::Names known = reading.request().tool_names();
  chat::Names names;
  std::size_t index = 0;
  for (const json::Value tool : reading.array(allowed["tools"], tools_path)) {
    const Path tool_path = tools_path.element(index++);
    names.insert(chosen_name(tool, tool["type"].string_or("function"), tool_path, known, reading));
    if (reading.first_fault()) return;
  }
  if (names.empty()) return reading.fault(tools_path, "At least one tool must be allowed.");
  const std::string_view mode = allowed["mode"].string_or("auto");
  if (mode != "auto" && mode != "required") {
    return reading.wrong_word(mode, path.member("mode"), {"auto", "required"});
  }
  auto& tools = reading.request().tools;
  const std::size_t before = tools.size();
  std::erase_if(tools, [&](const chat::Tool& tool) { return !names.contains(tool.name); });
  if (tools.size() < before) reading.warn(path, "only the allowed tools were sent.");
  reading.request().tool_choice = chat::ToolChoice{
      .mode = mode == "auto" ? chat::ToolChoiceMode::automatic : chat::ToolChoiceMode::required, .name = {}};
}

void choose(const json::Value& choice, const Path& path, Reading& reading) {
  using Mode = chat::ToolChoiceMode;
  if (const auto word = choice.string()) {
    if (*word != "auto" && *word != "none" && *word != "required" && *word != "any") {
      return reading.wrong_word(*word, path, {"none", "auto", "required"});
    }
    const Mode mode = *word == "auto" ? Mode::automatic : *word == "none" ? Mode::none : Mode::required;
    reading.request().tool_choice = chat::ToolChoice{.mode = mode, .name = {}};
    return;
  }
  if (!choice.is_object()) return reading.wrong_type(choice, path, "a string or an object");
  const std::string_view type = choice["type"].string_or("function");
  if (type == "allowed_tools") {
    // Older SDKs write mode and tools flat.
    const bool nested = choice["allowed_tools"].present();
    const Path allowed_path = path.member("allowed_tools");
    return choose_allowed(nested ? choice["allowed_tools"] : choice, nested ? allowed_path : path, reading);
  }
  if (type != "function" && type != "custom") {
    return reading.wrong_word(type, path.member("type"), {"function", "custom", "allowed_tools"});
  }
  const std::string_view name = chosen_name(choice, type, path, reading.request().tool_names(), reading);
  reading.request().tool_choice = chat::ToolChoice{.mode = Mode::named, .name = name};
}

void choose_legacy(const json::Value& choice, const Path& path, Reading& reading) {
  if (choice.is_string()) return choose(choice, path, reading);
  if (!choice.is_object()) return reading.wrong_type(choice, path, "a string or an object");
  const Path name_path = path.member("name");
  const auto name = reading.needed_text(choice["name"], name_path);
  if (!name) return;
  if (!reading.request().tool_names().contains(*name)) {
    reading.fault(name_path, "No function has the name '" + native::excerpt(*name) + "'.");
  }
  reading.request().tool_choice = chat::ToolChoice{.mode = chat::ToolChoiceMode::named, .name = *name};
}

}  // namespace

void read_tools(const json::Value& body, const Path& root, Reading& reading) {
  const Path tools_path = root.member("tools");
  std::size_t index = 0;
  for (const json::Value value : reading.array(body["tools"], tools_path)) {
    read_tool(value, tools_path.element(index++), reading);
  }
  const Path functions_path = root.member("functions");
  index = 0;
  for (const json::Value value : reading.array(body["functions"], functions_path)) {
    const Path path = functions_path.element(index++);
    if (!value.is_object()) return reading.wrong_type(value, path, "an object");
    chat::Tool tool;
    read_function(value, path, tool, reading);
    reading.request().tools.push_back(tool);
  }
}

void read_tool_choice(const json::Value& body, const Path& root, Reading& reading) {
  const json::Value choice = body["tool_choice"];
  const json::Value legacy = body["function_call"];
  const bool asked = choice.has_value() || legacy.has_value();
  if (asked && reading.request().tools.empty()) {
    // Mistral takes a choice among nothing when it demands nothing.
    const std::string_view word = choice.string_or("");
    if (reading.dialect() == "mistral_chat" && (word == "auto" || word == "none")) return;
    const std::string_view member = choice.has_value() ? "tool_choice" : "function_call";
    const std::string_view needed = choice.has_value() ? "tools" : "functions";
    std::string message = "'";
    message.append(member).append("' is only allowed when '").append(needed).append("' are specified.");
    return reading.fault(root.member(member), std::move(message));
  }
  if (choice.has_value()) {
    choose(choice, root.member("tool_choice"), reading);
  } else if (legacy.has_value()) {
    choose_legacy(legacy, root.member("function_call"), reading);
  }
}

void read_response_format(const json::Value& value, const Path& path, Reading& reading) {
  const json::Value format = reading.object(value, path);
  if (!format.present()) return;
  const Path type_path = path.member("type");
  const auto type = reading.needed_text(format["type"], type_path);
  if (!type) return;
  chat::ResponseFormat& chosen = reading.request().response_format.emplace();
  if (*type == "text") return;
  chosen.kind = chat::ResponseFormatKind::json_object;
  if (*type == "json_object") return;
  if (*type != "json_schema") {
    return reading.wrong_word(*type, type_path, {"text", "json_object", "json_schema"});
  }
  chosen.kind = chat::ResponseFormatKind::json_schema;
  const Path schema_path = path.member("json_schema");
  const json::Value schema = reading.needed_object(format["json_schema"], schema_path);
  if (!schema.present()) return;
  chosen.name = reading.needed_text(schema["name"], schema_path.member("name")).value_or(std::string_view{});
  chosen.description =
      reading.text(schema["description"], schema_path.member("description")).value_or(std::string_view{});
  chosen.schema = reading.object(schema["schema"], schema_path.member("schema")).raw();
  chosen.strict = reading.truth(schema["strict"], schema_path.member("strict"));
}

}  // namespace ai_proxy::dialects::chat_completions
