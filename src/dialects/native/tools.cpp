// See tools.h.
#include "dialects/native/tools.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "base/nearest.h"
#include "dialects/native/schema.h"

namespace ai_proxy::dialects::native {
namespace {

void read_tool(const json::Value& value, const Path& path, Checks& checks, chat::Request& request,
               std::unordered_set<std::string_view>& names) {
  Fields<kTool> fields;
  fields.read(value, path, checks);
  const json::Value described = fields.get<"function">();
  if (!described.present()) return;
  const Path function_path = path.member("function");
  Fields<kFunction> function;
  function.read(described, function_path, checks);
  const auto name = function.get<"name">().string();
  if (!name) return;
  if (!names.insert(*name).second) {
    checks.faults.add(function_path.member("name"),
                      std::string("The name '").append(*name).append("' stands twice"));
    return;
  }
  chat::Tool& tool = request.tools.emplace_back();
  tool.name = *name;
  tool.description = function.get<"description">().string_or({});
  tool.parameters = function.get<"parameters">().raw();
  tool.strict = function.get<"strict">().boolean();
  tool.cache_control = fields.get<"cache_control">().raw();
}

}  // namespace

void read_tools(const json::Value& tools, const Path& path, Checks& checks, chat::Request& request) {
  constexpr std::size_t kReservedMax = 512;
  request.tools.reserve(std::min(tools.size(), kReservedMax));
  std::unordered_set<std::string_view> names;
  std::size_t index = 0;
  for (const json::Value tool : tools) {
    if (checks.faults.overflowing()) return;
    read_tool(tool, path.element(index++), checks, request, names);
  }
}

void read_tool_choice(const json::Value& choice, bool tools_given, const Path& path, Checks& checks,
                      chat::Request& request) {
  if (!choice.present()) return;
  if (!tools_given) checks.faults.add(path, "tool_choice needs tools");
  chat::ToolChoice& chosen = request.tool_choice.emplace();
  if (const auto word = choice.string()) {
    if (*word == "none") chosen.mode = chat::ToolChoiceMode::none;
    if (*word == "required") chosen.mode = chat::ToolChoiceMode::required;
    return;
  }
  Fields<kNamedChoice> fields;
  fields.read(choice, path, checks);
  const json::Value function = fields.get<"function">();
  if (!function.present()) return;
  const Path function_path = path.member("function");
  Fields<kChosenFunction> members;
  if (!members.read(function, function_path, checks)) return;
  chosen.mode = chat::ToolChoiceMode::named;
  chosen.name = *members.get<"name">().string();
  if (!tools_given) return;
  std::vector<std::string_view> names;
  for (const chat::Tool& tool : request.tools) names.push_back(tool.name);
  if (std::ranges::find(names, chosen.name) == names.end()) {
    checks.faults.add(function_path.member("name"), "No tool has the name '" + excerpt(chosen.name) + "'." +
                                                        did_you_mean(chosen.name, names));
  }
}

void read_response_format(const json::Value& format, const Path& path, Checks& checks,
                          chat::Request& request) {
  if (!format.present()) return;
  Fields<kResponseFormat> fields;
  if (!fields.read(format, path, checks)) return;
  chat::ResponseFormat& chosen = request.response_format.emplace();
  const std::string_view type = *fields.get<"type">().string();
  if (type == "json_object") chosen.kind = chat::ResponseFormatKind::json_object;
  if (type != "json_schema") return;
  chosen.kind = chat::ResponseFormatKind::json_schema;
  Fields<kJsonSchema> schema;
  schema.read(fields.get<"json_schema">(), path.member("json_schema"), checks);
  chosen.name = schema.get<"name">().string_or({});
  chosen.description = schema.get<"description">().string_or({});
  chosen.schema = schema.get<"schema">().raw();
  chosen.strict = schema.get<"strict">().boolean();
}

}  // namespace ai_proxy::dialects::native
