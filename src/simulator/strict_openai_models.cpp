// Which of OpenAI's models takes what, and the wordings that its two chat APIs share. Source: wire.md 2.3.
#include <array>

#include "simulator/strict_openai.h"

namespace ai_proxy::simulator {
namespace {

using std::string_view_literals::operator""sv;

bool is_o_series(std::string_view model) {
  return model.size() > 1 && model[0] == 'o' && model[1] >= '1' && model[1] <= '9';
}

// gpt-5, gpt-5-mini, gpt-5-nano: before effort none was there.
bool is_first_gpt_5(std::string_view model) {
  return model == "gpt-5" || model.starts_with("gpt-5-");
}

bool takes_effort(std::string_view model, std::string_view effort) {
  if (is_one_of(effort, std::array{"low"sv, "medium"sv, "high"sv})) return true;
  if (is_o_series(model)) return false;
  if (is_first_gpt_5(model)) return effort == "minimal";
  const bool no_none = model.starts_with("gpt-6-astra") || model.starts_with("gpt-6.1-sol");
  return (effort == "none" && !no_none) || effort == "xhigh" || effort == "max";
}

std::string_view efforts_of(std::string_view model) {
  if (is_o_series(model)) return "'low', 'medium', and 'high'";
  return is_first_gpt_5(model) ? "'minimal', 'low', 'medium', and 'high'"
                               : "'none', 'low', 'medium', 'high', and 'xhigh'";
}

}  // namespace

Verdict unrecognized(std::string_view member) {
  return invalid("Unrecognized request argument supplied: " + std::string(member), member,
                 "unknown_parameter");
}

Verdict missing(const std::string& path) {
  return invalid("Missing required parameter: '" + path + "'.", path, "missing_required_parameter");
}

Verdict not_one_of(const std::string& path, const json::Value& value, std::string_view allowed) {
  std::string shown(value.is_string() ? value.string_or({}) : value.raw());
  return invalid("Invalid value: '" + shown + "'. Supported values are: " + std::string(allowed) + ".", path,
                 "invalid_value");
}

Verdict judge_function_name(const json::Value& function, const std::string& path) {
  const std::string_view name = function["name"].string_or({});
  if (!function["name"].is_string()) return missing(path + ".name");
  if (name.empty())
    return invalid("Invalid '" + path +
                       ".name': empty string. Expected a string with minimum length 1, but got an "
                       "empty string instead.",
                   path + ".name", "empty_string");
  if (name.size() > 64)
    return invalid("Invalid '" + path +
                       ".name': string too long. Expected a string with maximum length 64, but got "
                       "a string with length " +
                       std::to_string(name.size()) + " instead.",
                   path + ".name", "string_above_max_length");
  if (!is_word(name))
    return invalid("Invalid '" + path +
                       ".name': string does not match pattern. Expected a string that matches the "
                       "pattern '^[a-zA-Z0-9_-]+$'.",
                   path + ".name", "invalid_value");
  return std::nullopt;
}

Verdict judge_function(const json::Value& function, const std::string& path) {
  if (auto fault = judge_function_name(function, path)) return fault;
  const json::Value schema = function["parameters"];
  const std::string of = "function '" + std::string(function["name"].string_or({})) + "'";
  if (schema.has_value() && schema["type"].string_or({}) != "object" && !schema.empty())
    return invalid("Invalid schema for " + of +
                       ": schema must be a JSON Schema of 'type: \"object\"', got 'type: \"" +
                       std::string(schema["type"].string_or("None")) + "\"'.",
                   path + ".parameters", "invalid_function_parameters");
  if (!function["strict"].boolean_or(false)) return std::nullopt;
  return judge_strict_schema(schema, of, path + ".parameters");
}

Verdict judge_strict_schema(const json::Value& schema, const std::string& of, std::string_view param) {
  const std::string_view code = param == "response_format" ? ""sv : "invalid_function_parameters"sv;
  if (schema["type"].string_or({}) == "object" || schema["properties"].present()) {
    if (schema["additionalProperties"].boolean_or(true))
      return invalid("Invalid schema for " + of +
                         ": In context=(), 'additionalProperties' is required to be supplied "
                         "and to be false.",
                     param, code);
    for (const json::Value property : schema["properties"]) {
      bool required = false;
      for (const json::Value name : schema["required"]) required |= name.string_or({}) == property.key();
      if (!required)
        return invalid("Invalid schema for " + of +
                           ": In context=(), 'required' is required to be supplied and to be "
                           "an array including every key in properties. Missing '" +
                           std::string(property.key()) + "'.",
                       param, code);
    }
  }
  for (const std::string_view group : {"properties", "$defs", "anyOf"}) {
    for (const json::Value part : schema[group]) {
      if (auto fault = judge_strict_schema(part, of, param)) return fault;
    }
  }
  return schema["items"].is_object() ? judge_strict_schema(schema["items"], of, param) : std::nullopt;
}

bool is_reasoner(std::string_view model) {
  return is_o_series(model) || model.starts_with("gpt-5") || model.starts_with("gpt-6");
}

std::string_view default_effort(std::string_view model) {
  for (const std::string_view family : {"gpt-5.1", "gpt-5.2", "gpt-5.4"}) {
    if (model.starts_with(family)) return "none";
  }
  return "medium";
}

bool refuses_stop(std::string_view model) {
  return is_first_gpt_5(model) || model == "o3" || model.starts_with("o3-2") || model.starts_with("o4-mini");
}

bool refuses_tools_with_effort(std::string_view model) {
  return model.starts_with("gpt-5.6") || model.starts_with("gpt-6");
}

Verdict tools_with_effort(std::string_view model) {
  return invalid(
      "Function tools with reasoning_effort are not supported for " + std::string(model) +
          " in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to "
          "'none'.",
      "reasoning_effort", {});
}

Verdict judge_effort(const json::Value& effort, std::string_view model, std::string_view path) {
  const std::string word(effort.string_or({}));
  if (takes_effort(model, word)) return std::nullopt;
  return invalid("Unsupported value: '" + word + "' is not supported with the '" + std::string(model) +
                     "' model. Supported values are: " + std::string(efforts_of(model)) + ".",
                 path, "unsupported_value");
}

}  // namespace ai_proxy::simulator
