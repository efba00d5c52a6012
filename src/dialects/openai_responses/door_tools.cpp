// Tools and the choice among them, flat as the Responses API writes them (door_request.h).
#include <algorithm>
#include <vector>

#include "base/nearest.h"
#include "dialects/openai_responses/door_request.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

using Mode = chat::ToolChoiceMode;

void refuse_type(std::string_view type, const Path& type_path, Reading& reading) {
  reading.fault(type_path, "Tools of the type '" + native::excerpt(type) +
                               "' run at OpenAI itself; other providers take function tools only. Leave it "
                               "out, or name a model of OpenAI's.");
}

void read_tool(const json::Value& value, const Path& path, Reading& reading) {
  if (!value.is_object()) return reading.wrong_type(value, path, "an object");
  const Path type_path = path.member("type");
  const auto type = reading.needed_text(value["type"], type_path);
  if (!type) return;
  if (*type != "function") return refuse_type(*type, type_path, reading);
  chat::Tool tool;
  const Path name_path = path.member("name");
  const auto name = reading.needed_text(value["name"], name_path);
  if (!name) return;
  if (name->empty()) reading.fault(name_path, "A function needs a name.");
  tool.name = *name;
  tool.description =
      reading.text(value["description"], path.member("description")).value_or(std::string_view{});
  tool.parameters = reading.object(value["parameters"], path.member("parameters")).raw();
  tool.strict = reading.truth(value["strict"], path.member("strict"));
  reading.request().tools.push_back(tool);
}

// The name of a chosen tool, which must be among the tools; empty when it is not.
std::string_view chosen_name(const json::Value& choice, const Path& path, const chat::Names& known,
                             Reading& reading) {
  const Path type_path = path.member("type");
  const std::string_view type = reading.text(choice["type"], type_path).value_or("function");
  if (type != "function") {
    refuse_type(type, type_path, reading);
    return {};
  }
  const Path name_path = path.member("name");
  const auto name = reading.needed_text(choice["name"], name_path);
  if (!name) return {};
  if (known.contains(*name)) return *name;
  std::vector<std::string_view> names;
  for (const chat::Tool& tool : reading.request().tools) names.push_back(tool.name);
  reading.fault(name_path,
                "No tool has the name '" + native::excerpt(*name) + "'." + did_you_mean(*name, names));
  return {};
}

// {mode, tools}: those tools are sent and no other, which binds the model as much.
void choose_allowed(const json::Value& choice, const Path& path, Reading& reading) {
  const Path tools_path = path.member("tools");
  const chat::Names known = reading.request().tool_names();
  chat::Names names;
  std::size_t index = 0;
  for (const json::Value tool : reading.array(choice["tools"], tools_path)) {
    names.insert(chosen_name(tool, tools_path.element(index++), known, reading));
    if (reading.first_fault()) return;
  }
  if (names.empty()) return reading.fault(tools_path, "At least one tool must be allowed.");
  const std::string_view mode = choice["mode"].string_or("auto");
  if (mode != "auto" && mode != "required") {
    return reading.wrong_word(mode, path.member("mode"), {"auto", "required"});
  }
  auto& tools = reading.request().tools;
  const std::size_t before = tools.size();
  std::erase_if(tools, [&](const chat::Tool& tool) { return !names.contains(tool.name); });
  if (tools.size() < before) reading.warn(path, "only the allowed tools were sent.");
  reading.request().tool_choice =
      chat::ToolChoice{.mode = mode == "auto" ? Mode::automatic : Mode::required, .name = {}};
}

void choose_word(std::string_view word, const Path& path, Reading& reading) {
  if (word != "auto" && word != "none" && word != "required") {
    return reading.wrong_word(word, path, {"none", "auto", "required"});
  }
  if (!reading.request().tools.empty()) {
    const Mode mode = word == "auto" ? Mode::automatic : word == "none" ? Mode::none : Mode::required;
    reading.request().tool_choice = chat::ToolChoice{.mode = mode, .name = {}};
  } else if (word == "required") {
    reading.fault(path, "Tool choice 'required' must be specified with 'tools' parameter.");
  }
}

}  // namespace

void read_flat_tools(const json::Value& tools, const Path& path, Reading& reading) {
  std::size_t index = 0;
  for (const json::Value value : reading.array(tools, path)) {
    read_tool(value, path.element(index++), reading);
  }
}

void read_flat_choice(const json::Value& choice, const Path& path, Reading& reading) {
  if (!choice.has_value()) return;
  if (const auto word = choice.string()) return choose_word(*word, path, reading);
  if (!choice.is_object()) return reading.wrong_type(choice, path, "a string or an object");
  if (choice["type"].string_or("") == "allowed_tools") return choose_allowed(choice, path, reading);
  const std::string_view name = chosen_name(choice, path, reading.request().tool_names(), reading);
  reading.request().tool_choice = chat::ToolChoice{.mode = Mode::named, .name = name};
}

}  // namespace ai_proxy::dialects::openai_responses
