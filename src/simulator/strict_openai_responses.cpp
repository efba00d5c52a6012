// What OpenAI's /v1/responses refuses. Source: wire.md 2.6, 2.8 and the recorded refusals.
#include <array>
#include <vector>

#include "simulator/lists.h"
#include "simulator/strict.h"
#include "simulator/strict_openai.h"

namespace ai_proxy::simulator {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kMembers = std::to_array<std::string_view>({"model",
                                                                 "input",
                                                                 "instructions",
                                                                 "max_output_tokens",
                                                                 "tools",
                                                                 "tool_choice",
                                                                 "reasoning",
                                                                 "text",
                                                                 "store",
                                                                 "previous_response_id",
                                                                 "include",
                                                                 "stream",
                                                                 "stream_options",
                                                                 "truncation",
                                                                 "service_tier",
                                                                 "background",
                                                                 "conversation",
                                                                 "context_management",
                                                                 "max_tool_calls",
                                                                 "metadata",
                                                                 "moderation",
                                                                 "parallel_tool_calls",
                                                                 "prompt",
                                                                 "prompt_cache_key",
                                                                 "prompt_cache_options",
                                                                 "prompt_cache_retention",
                                                                 "safety_identifier",
                                                                 "temperature",
                                                                 "top_logprobs",
                                                                 "top_p",
                                                                 "user"});
constexpr std::array kParts{"input_text"sv,  "input_image"sv, "input_file"sv,
                            "input_audio"sv, "output_text"sv, "refusal"sv};

Verdict judge_message(const json::Value& item, const std::string& path) {
  std::size_t i = 0;
  for (const json::Value part : item["content"]) {
    const std::string at = path + ".content[" + std::to_string(i++) + "]";
    const std::string_view type = part["type"].string_or({});
    const bool output = type == "output_text" || type == "refusal";
    const bool assistant = item["role"].string_or({}) == "assistant";
    if (!is_one_of(type, kParts) || output != assistant)
      return not_one_of(at, part["type"],
                        assistant ? "'output_text' and 'refusal'"
                                  : "'input_text', 'input_image', 'input_file', and 'input_audio'");
    if (type == "input_image" && part.present() && part["image_url"].is_object())
      return invalid(
          "Invalid type for '" + at + ".image_url': expected an image URL, but got an object instead.",
          at + ".image_url", "invalid_type");
  }
  return std::nullopt;
}

// Every result must have had its call, and every call gets its result. A conversation that is kept at the
// provider has calls that cannot be seen here.
Verdict judge_input(const json::Value& body) {
  const json::Value input = body["input"];
  const bool continued = body["previous_response_id"].has_value() || body["conversation"].has_value();
  std::vector<std::string_view> waiting;
  std::size_t i = 0;
  for (const json::Value item : input) {
    const std::string path = "input[" + std::to_string(i++) + "]";
    const std::string_view type = item["type"].string_or({});
    if (type == "function_call") {
      waiting.push_back(item["call_id"].string_or({}));
      if (auto fault = judge_function_name(item, path)) return fault;
      if (!item["arguments"].is_string()) return missing(path + ".arguments");
    }
    if (type == "function_call_output") {
      const std::string_view id = item["call_id"].string_or({});
      if (std::erase(waiting, id) == 0 && !continued)
        return invalid("No tool call found for function call output with call_id " + std::string(id) + ".",
                       "input", {});
    }
    if (item["role"].present()) {
      if (!is_one_of(item["role"].string_or({}),
                     std::array{"user"sv, "assistant"sv, "system"sv, "developer"sv}))
        return not_one_of(path, item["role"], "'assistant', 'system', 'developer', and 'user'");
      if (auto fault = judge_message(item, path)) return fault;
    }
  }
  if (!waiting.empty())
    return invalid("No tool output found for function call " + std::string(waiting.front()) + ".", "input",
                   {});
  return std::nullopt;
}

Verdict judge_response_tools(const json::Value& tools) {
  std::size_t i = 0;
  for (const json::Value tool : tools) {
    const std::string path = "tools[" + std::to_string(i++) + "]";
    if (!tool["type"].is_string()) return missing(path + ".type");
    if (tool["type"].string_or({}) != "function") continue;
    if (auto fault = judge_function(tool, path)) return fault;
  }
  return std::nullopt;
}

Verdict judge_reasoner(const json::Value& body, std::string_view model) {
  const json::Value effort = body["reasoning"]["effort"];
  if (!is_reasoner(model)) {
    if (!effort.has_value()) return std::nullopt;
    return invalid("Unsupported parameter: 'reasoning.effort' is not supported with this model.",
                   "reasoning.effort", "unsupported_parameter");
  }
  if (effort.has_value()) {
    if (auto fault = judge_effort(effort, model, "reasoning.effort")) return fault;
  }
  if (effort.string().value_or(default_effort(model)) == "none") return std::nullopt;
  for (const std::string_view name : {"temperature", "top_p"}) {
    if (body[name].number().value_or(1) != 1)
      return invalid("Unsupported parameter: '" + std::string(name) + "' is not supported with this model.",
                     name, "unsupported_parameter");
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> judge_openai_responses(const json::Value& body) {
  for (const json::Value member : body) {
    if (!is_one_of(member.key(), kMembers))
      return invalid("Unknown parameter: '" + std::string(member.key()) + "'.", member.key(),
                     "unknown_parameter");
  }
  const std::string model(body["model"].string_or({}));
  // A stored prompt brings its own model.
  if (model.empty() && !body["prompt"].has_value()) return missing("model");
  if (!model.empty() && !is_model(Flavour::openai, model))
    return invalid("The requested model '" + model + "' does not exist.", "model", "model_not_found");
  if (!body["input"].has_value() && !body["prompt"].has_value()) return missing("input");
  if (body["previous_response_id"].has_value())
    return invalid("Previous response with id '" + std::string(body["previous_response_id"].string_or({})) +
                       "' not found.",
                   "previous_response_id", "previous_response_not_found");
  if (const auto limit = body["max_output_tokens"].integer(); limit && *limit < 16)
    return invalid(
        "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16, but got " +
            std::to_string(*limit) + " instead.",
        "max_output_tokens", "integer_below_min_value");
  if (auto fault = judge_input(body)) return fault;
  if (auto fault = judge_response_tools(body["tools"])) return fault;
  if (auto fault = judge_reasoner(body, model)) return fault;
  const json::Value format = body["text"]["format"];
  if (format["type"].string_or({}) != "json_schema") return std::nullopt;
  if (!format["name"].is_string()) return missing("text.format.name");
  if (!format["schema"].is_object()) return missing("text.format.schema");
  if (!format["strict"].boolean_or(false)) return std::nullopt;
  return judge_strict_schema(format["schema"],
                             "response_format '" + std::string(format["name"].string_or({})) + "'",
                             "text.format.schema");
}

}  // namespace ai_proxy::simulator
