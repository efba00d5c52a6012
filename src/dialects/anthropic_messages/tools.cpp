// See tools.h. {name, description, input_schema, strict, cache_control}; tool_choice auto | any | tool |
// none.
#include "dialects/anthropic_messages/tools.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/ascii.h"
#include "dialects/json_schema.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using Failure = std::unexpected<Error>;

constexpr std::string_view kNoParameters = R"({"type":"object","properties":{}})";

std::string path_of_tool(std::size_t index) {
  return std::string("tools[").append(std::to_string(index)).append("].function");
}

std::string path_of_raw_tool(std::size_t index) {
  return std::string("tools[").append(std::to_string(index)).append("].type");
}

// input_schema must say "type":"object" at its top; a schema without a type gets it in front, byte for byte
// the same behind. Either a text that lives as long as the request, or `space`.
Result<std::string_view> input_schema(std::string_view raw, const std::string& path, std::string& space) {
  raw = ascii_trim(raw);
  if (!says_something(raw)) return kNoParameters;
  json::Document document;
  if (document.parse(raw, json::kProviderLimits) || !document.root().is_object()) {
    return Failure(bad_request("The tool's parameters are no JSON schema object.", path));
  }
  const json::Value type = document.root()["type"];
  if (document.root().empty()) return kNoParameters;
  if (type.string_or("") == "object") return raw;
  if (type.present()) {
    return Failure(bad_request("Anthropic takes only tools whose parameters are of type \"object\".", path));
  }
  space.assign(R"({"type":"object",)").append(raw.substr(1));
  return std::string_view(space);
}

// A strict tool's schema must be closed; one that cannot be takes the promise away.
void close_schema(const Scope& scope, std::string& schema, bool& strict) {
  json::Document document;
  if (document.parse(schema, json::kProviderLimits)) return;
  ClosedSchema closed = closed_schema(document.root());
  if (closed.kind == ClosedSchema::Kind::deliberately_open) {
    scope.leave_out("tools.strict",
                    "Anthropic promises no parameters with other properties than those that are named");
    strict = false;
  } else if (closed.kind == ClosedSchema::Kind::closed) {
    scope.adapt("tools.parameters",
                "Anthropic takes a strict tool only with \"additionalProperties\":false; it was added where "
                "nothing was said of it");
    schema = std::move(closed.text);
  }
}

// Anthropic's own tools are flat. OpenAI's hold their definition in a member named as the type: such a tool
// gives the model's words to the caller in a form that Anthropic does not have.
Result<void> write_raw_tool(json::Writer& out, const chat::Tool& tool, std::size_t index) {
  json::Document document;
  if (!document.parse(tool.raw, json::kProviderLimits)) {
    const std::string_view type = document.root()["type"].string_or("");
    if (document.root()[type].is_object()) {
      std::string message = "Tools of the type '";
      message.append(type.substr(0, 64)).append("' are something that only OpenAI itself has; Anthropic ");
      message.append("takes function tools. Leave it out, or name a model of OpenAI's.");
      return Failure(bad_request(std::move(message), path_of_raw_tool(index)));
    }
  }
  out.raw(tool.raw);
  return {};
}

Result<void> write_tool(json::Writer& out, const Scope& scope, const chat::Tool& tool, std::size_t index,
                        CacheMarkers& markers) {
  if (!tool.raw.empty()) return write_raw_tool(out, tool, index);
  std::string space;
  const auto schema = input_schema(tool.parameters, path_of_tool(index) + ".parameters", space);
  if (!schema) return Failure(schema.error());
  out.begin_object().member("name", tool.name);
  if (!tool.description.empty()) out.member("description", tool.description);
  if (tool.strict.value_or(false) && scope.traits.json_schema) {
    std::string closed(*schema);
    bool strict = true;
    close_schema(scope, closed, strict);
    out.raw_member("input_schema", closed);
    if (strict) out.member("strict", true);
  } else {
    out.raw_member("input_schema", *schema);
    if (tool.strict && scope.traits.json_schema) out.member("strict", false);
    if (tool.strict.value_or(false)) scope.leave_out("tools.strict", "this model does not promise schemas");
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
