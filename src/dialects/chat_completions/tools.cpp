// Tools, the choice among them, and the calls of earlier turns.
#include <algorithm>
#include <variant>

#include "base/ascii.h"
#include "base/json.h"
#include "dialects/chat_completions/request_pen.h"
#include "dialects/json_schema.h"

namespace ai_proxy::dialects::chat_completions {
namespace {

// A tool without parameters: said, because "absent" and {} are refused or misread by some models.
constexpr std::string_view kNoParameters = R"({"type":"object","properties":{}})";

std::string tool_path(std::size_t index) {
  std::string path = "tools[";
  append_integer(path, index);
  return path.append("]");
}

bool is_empty_object(std::string_view raw) {
  return raw.size() >= 2 && raw.front() == '{' && raw.back() == '}' &&
         ascii_trim(raw.substr(1, raw.size() - 2)).empty();
}

void write_function(Pen& pen, const chat::Tool& tool) {
  pen.out.begin_object().member("type", "function").key("function").begin_object().member("name", tool.name);
  if (!tool.description.empty()) pen.out.member("description", tool.description);
  const bool bare = tool.parameters.empty() || is_empty_object(tool.parameters);
  pen.out.raw_member("parameters", bare ? kNoParameters : tool.parameters);
  if (const auto strict =
          strict_to_send(pen, tool.strict, bare ? kNoParameters : tool.parameters, "tools.strict"))
    pen.out.member("strict", *strict);
  pen.out.end_object().end_object();
}

Error refused_custom_tool(std::string_view provider, std::size_t index) {
  std::string message = "Tools of the type 'custom' are something that only OpenAI itself has; ";
  message.append(provider).append(" takes function tools. Leave it out, or name a model of OpenAI's.");
  return bad_request(std::move(message), tool_path(index) + ".type");
}

// The tools this provider can take: functions, and OpenAI's own custom tools. What runs at another provider
// can be done without; a tool of the caller's cannot.
Result<std::vector<const chat::Tool*>> sendable_tools(Pen& pen) {
  std::vector<const chat::Tool*> tools;
  for (std::size_t i = 0; i < pen.request.tools.size(); ++i) {
    const chat::Tool& tool = pen.request.tools[i];
    if (tool.raw.empty()) {
      tools.push_back(&tool);
    } else if (!is_custom_tool(tool)) {
      pen.left_out(tool_path(i), pen.named(" has no such built-in tool here"));
    } else if (pen.dialect == "openai_chat") {
      tools.push_back(&tool);
    } else {
      return std::unexpected(refused_custom_tool(pen.provider, i));
    }
  }
  return tools;
}

Result<void> write_tool_choice(Pen& pen, const std::vector<const chat::Tool*>& tools,
                               std::string_view required_word) {
  if (!pen.request.tool_choice) return {};
  const chat::ToolChoice& choice = *pen.request.tool_choice;
  const bool demands =
      choice.mode == chat::ToolChoiceMode::required || choice.mode == chat::ToolChoiceMode::named;
  if (tools.empty()) {
    if (demands)
      return std::unexpected(bad_request("A tool must be called, but there are no tools.", "tool_choice"));
    if (choice.mode == chat::ToolChoiceMode::automatic)
      pen.left_out("tool_choice", "there are no tools to choose from");
    return {};
  }
  switch (choice.mode) {
    case chat::ToolChoiceMode::automatic:
      pen.out.member("tool_choice", "auto");
      return {};
    case chat::ToolChoiceMode::none:
      pen.out.member("tool_choice", "none");
      return {};
    case chat::ToolChoiceMode::required:
      pen.out.member("tool_choice", required_word);
      return {};
    case chat::ToolChoiceMode::named:
      break;
  }
  const auto named = std::ranges::find(tools, choice.name, [](const chat::Tool* tool) { return tool->name; });
  if (named == tools.end()) {
    return std::unexpected(bad_request("The tool to be called is not among the tools.", "tool_choice"));
  }
  const std::string_view kind = (*named)->raw.empty() ? "function" : "custom";
  pen.out.key("tool_choice").begin_object().member("type", kind);
  pen.out.key(kind).begin_object().member("name", choice.name).end_object().end_object();
  return {};
}

}  // namespace

bool is_custom_tool(const chat::Tool& tool) {
  json::Document document;
  return !document.parse(tool.raw, json::kProviderLimits) &&
         document.root()["type"].string_or("") == "custom";
}

std::optional<bool> strict_to_send(Pen& pen, std::optional<bool> strict, std::string_view schema,
                                   std::string_view member) {
  const bool judged = pen.dialect == "openai_chat" || pen.dialect == "openai_responses";
  if (!strict.value_or(false) || !judged || fits_openai_strict(schema)) return strict;
  pen.left_out(member,
               pen.named(" promises only schemas whose objects require all their properties and allow "
                         "no others"));
  return std::nullopt;
}

Result<void> write_tools(Pen& pen, std::string_view required_word) {
  const auto sendable = sendable_tools(pen);
  if (!sendable) return std::unexpected(sendable.error());
  const std::vector<const chat::Tool*>& tools = *sendable;
  if (!tools.empty()) {
    pen.out.key("tools").begin_array();
    for (const chat::Tool* tool : tools) {
      if (tool->raw.empty()) {
        write_function(pen, *tool);
      } else {
        pen.out.raw(tool->raw);
      }
    }
    pen.out.end_array();
  }
  const bool marked =
      std::ranges::any_of(pen.request.tools, [](const chat::Tool& t) { return !t.cache_control.empty(); });
  if (marked) pen.left_out("tools.cache_control", "this provider caches by itself");
  if (auto written = write_tool_choice(pen, tools, required_word); !written) return written;

  if (!pen.request.parallel_tool_calls) return {};
  if (tools.empty()) {
    pen.left_out("parallel_tool_calls", "there are no tools");
  } else if (!pen.traits.parallel_tool_calls) {
    pen.left_out("parallel_tool_calls", "this model has no such parameter");
  } else {
    pen.out.member("parallel_tool_calls", *pen.request.parallel_tool_calls);
  }
  return {};
}

Result<std::string_view> checked_arguments(const chat::ToolCallPart& call, std::size_t message_index,
                                           std::size_t call_index) {
  const std::string_view text = ascii_trim(call.arguments);
  if (text.empty() || text == "null") return std::string_view("{}");
  json::Document document;
  if (!document.parse(text, json::kProviderLimits) && document.root().is_object()) return call.arguments;
  std::string path = message_path(message_index, ".tool_calls[");
  append_integer(path, call_index);
  path.append("].function.arguments");
  return std::unexpected(
      bad_request("The arguments of a tool call must be the text of one JSON object.", path));
}

Result<void> write_tool_calls(Pen& pen, const chat::Message& message, std::size_t message_index,
                              const std::function<std::string_view(std::string_view)>& id_of) {
  std::size_t count = 0;
  for (const chat::Part& part : message.parts) {
    const auto* call = std::get_if<chat::ToolCallPart>(&part.kind);
    if (call == nullptr) continue;
    const auto arguments = checked_arguments(*call, message_index, count);
    if (!arguments) return std::unexpected(arguments.error());
    if (count++ == 0) pen.out.key("tool_calls").begin_array();
    pen.out.begin_object()
        .member("id", id_of(call->id))
        .member("type", "function")
        .key("function")
        .begin_object();
    pen.out.member("name", call->name).member("arguments", *arguments).end_object().end_object();
  }
  if (count > 0) pen.out.end_array();
  return {};
}

}  // namespace ai_proxy::dialects::chat_completions
