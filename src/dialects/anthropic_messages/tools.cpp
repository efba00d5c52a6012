// See tools.h. {name, description, input_schema, strict, cache_control}; tool_choice auto | any | tool |
// none.
#include "dialects/anthropic_messages/tools.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/ascii.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using Failure = std::unexpected<Error>;

constexpr std::string_view kNoParameters = R"({"type":"object","properties":{}})";

std::string path_of_tool(std::size_t index) {
  return std::string("tools[").append(std::to_string(index)).append("].function");
}

// ^[a-zA-Z0-9_-]{1,128}$
bool is_tool_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// input_schema must say "type":"object" at its top; a schema without a type gets it in front, byte for byte
// the same behind.
Result<void> write_schema(json::Writer& out, std::string_view raw, const std::string& path) {
  raw = ascii_trim(raw);
  out.key("input_schema");
  if (!says_something(raw)) {
    out.raw(kNoParameters);
    return {};
  }
  json::Document document;
  if (document.parse(raw, json::kProviderLimits) || !document.root().is_object()) {
    return Failure(bad_request("The tool's parameters are no JSON schema object.", path));
  }
  const json::Value type = document.root()["type"];
  if (document.root().empty()) {
    out.raw(kNoParameters);
  } else if (!type.present()) {
    out.raw(std::string(R"({"type":"object",)").append(raw.substr(1)));
  } else if (type.string_or("") == "object") {
    out.raw(raw);
  } else {
    return Failure(bad_request("Anthropic takes only tools whose parameters are of type \"object\".", path));
  }
  return {};
}

Result<void> write_tool(json::Writer& out, const Scope& scope, const chat::Tool& tool, std::size_t index,
                        CacheMarkers& markers) {
  if (!tool.raw.empty()) {
    out.raw(tool.raw);
    return {};
  }
  if (!is_tool_name(tool.name)) {
    std::string message = "Anthropic refuses the tool name \"";
    message.append(tool.name.substr(0, 200)).append("\": 1 to 128 letters, digits, _ and - are allowed.");
    return Failure(bad_request(std::move(message), path_of_tool(index) + ".name"));
  }
  out.begin_object().member("name", tool.name);
  if (!tool.description.empty()) out.member("description", tool.description);
  if (auto written = write_schema(out, tool.parameters, path_of_tool(index) + ".parameters"); !written)
    return written;
  if (tool.strict && scope.traits.json_schema) {
    out.member("strict", *tool.strict);
  } else if (tool.strict.value_or(false)) {
    scope.leave_out("tools.strict", "this model does not promise schemas");
  }
  markers.write(out, tool.cache_control);
  out.end_object();
  return {};
}

std::string_view choice_word(chat::ToolChoiceMode mode) {
  switch (mode) {
    case chat::ToolChoiceMode::none:
      return "none";
    case chat::ToolChoiceMode::required:
      return "any";
    case chat::ToolChoiceMode::named:
      return "tool";
    default:
      return "auto";
  }
}

Result<void> write_choice(json::Writer& out, const Scope& scope, bool thinking) {
  const chat::Request& request = scope.request;
  const bool one_at_a_time = request.parallel_tool_calls == false;
  if (!request.tool_choice && !one_at_a_time) return {};

  chat::ToolChoice choice = request.tool_choice.value_or(chat::ToolChoice{});
  const bool forced =
      choice.mode == chat::ToolChoiceMode::required || choice.mode == chat::ToolChoiceMode::named;
  if (choice.mode == chat::ToolChoiceMode::named &&
      std::ranges::find(request.tools, choice.name, &chat::Tool::name) == request.tools.end()) {
    return Failure(bad_request("tool_choice names a tool that is not among the tools.", "tool_choice"));
  }
  if (forced && thinking) {
    scope.adapt("tool_choice", "Anthropic forces no tool while the model thinks; \"auto\" was used");
    choice.mode = chat::ToolChoiceMode::automatic;
  }
  out.key("tool_choice").begin_object().member("type", choice_word(choice.mode));
  if (choice.mode == chat::ToolChoiceMode::named) out.member("name", choice.name);
  if (one_at_a_time && choice.mode != chat::ToolChoiceMode::none)
    out.member("disable_parallel_tool_use", true);
  out.end_object();
  return {};
}

}  // namespace

Result<void> write_tools(json::Writer& out, const Scope& scope, CacheMarkers& markers, bool thinking) {
  const auto& tools = scope.request.tools;
  if (tools.empty()) {
    if (!scope.request.tool_choice) return {};
    return Failure(bad_request("tool_choice needs tools to choose from.", "tool_choice"));
  }
  out.key("tools").begin_array();
  for (std::size_t i = 0; i < tools.size(); ++i) {
    if (auto written = write_tool(out, scope, tools[i], i, markers); !written) return written;
  }
  out.end_array();
  return write_choice(out, scope, thinking);
}

}  // namespace ai_proxy::dialects::anthropic_messages
