// What OpenAI's /v1/chat/completions and /v1/embeddings refuse. Source: wire.md 2.2, 2.3, 2.8; wordings as
// recorded or publicly reported.
#include <algorithm>
#include <array>
#include <string>

#include "simulator/lists.h"
#include "simulator/strict.h"
#include "simulator/strict_openai.h"

namespace ai_proxy::simulator {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kChatMembers = std::to_array<std::string_view>({"model",
                                                                     "messages",
                                                                     "audio",
                                                                     "frequency_penalty",
                                                                     "presence_penalty",
                                                                     "function_call",
                                                                     "functions",
                                                                     "logit_bias",
                                                                     "logprobs",
                                                                     "top_logprobs",
                                                                     "max_completion_tokens",
                                                                     "max_tokens",
                                                                     "metadata",
                                                                     "modalities",
                                                                     "moderation",
                                                                     "n",
                                                                     "parallel_tool_calls",
                                                                     "prediction",
                                                                     "prompt_cache_key",
                                                                     "prompt_cache_options",
                                                                     "prompt_cache_retention",
                                                                     "reasoning_effort",
                                                                     "response_format",
                                                                     "safety_identifier",
                                                                     "seed",
                                                                     "service_tier",
                                                                     "stop",
                                                                     "store",
                                                                     "stream",
                                                                     "stream_options",
                                                                     "temperature",
                                                                     "tool_choice",
                                                                     "tools",
                                                                     "top_p",
                                                                     "user",
                                                                     "verbosity",
                                                                     "web_search_options"});

constexpr std::array kEmbeddingMembers =
    std::to_array<std::string_view>({"model", "input", "encoding_format", "dimensions", "user"});

Verdict judge_range(const json::Value& body, std::string_view name, double min, double max) {
  const auto number = body[name].number();
  if (!number) return std::nullopt;
  const bool above = *number > max;
  if (!above && *number >= min) return std::nullopt;
  return invalid("Invalid '" + std::string(name) + "': decimal " +
                     (above ? "above maximum" : "below minimum") + " value. Expected a value " +
                     (above ? "<= " + shown(max) : ">= " + shown(min)) + ", but got " +
                     std::string(body[name].raw()) + " instead.",
                 name, above ? "decimal_above_max_value" : "decimal_below_min_value");
}

Verdict judge_ranges(const json::Value& body) {
  if (auto fault = judge_range(body, "temperature", 0, 2)) return fault;
  if (auto fault = judge_range(body, "top_p", 0, 1)) return fault;
  if (auto fault = judge_range(body, "presence_penalty", -2, 2)) return fault;
  if (auto fault = judge_range(body, "frequency_penalty", -2, 2)) return fault;
  for (const std::string_view name : {"max_tokens", "max_completion_tokens", "n"}) {
    if (const auto count = body[name].integer(); count && *count < 1)
      return invalid("Invalid '" + std::string(name) +
                         "': integer below minimum value. Expected a value >= 1, but got " +
                         std::to_string(*count) + " instead.",
                     name, "integer_below_min_value");
  }
  if (body["stop"].size() > 4)
    return invalid(
        "Invalid 'stop': array too long. Expected an array with maximum length 4, but got an array "
        "with length " +
            std::to_string(body["stop"].size()) + " instead.",
        "stop", "array_above_max_length");
  if (body["metadata"].size() > 16)
    return invalid("Invalid 'metadata': too many properties. Expected an object with at most 16 properties.",
                   "metadata", "object_above_max_properties");
  return std::nullopt;
}

Verdict judge_length(const json::Value& body, std::string_view model) {
  if (body["max_tokens"].has_value() && body["max_completion_tokens"].has_value())
    return invalid("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
                   "max_tokens", "invalid_parameter_combination");
  if (body["max_tokens"].has_value() && is_reasoner(model))
    return invalid(
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
        "'max_completion_tokens' instead.",
        "max_tokens", "unsupported_parameter");
  constexpr std::int64_t kCeiling = 16'384;
  if (!model.starts_with("gpt-4o")) return std::nullopt;
  for (const std::string_view name : {"max_tokens", "max_completion_tokens"}) {
    const std::int64_t asked = body[name].integer_or(0);
    if (asked > kCeiling)
      return invalid(std::string(name) + " is too large: " + std::to_string(asked) +
                         ". This model supports at most 16384 completion tokens, whereas you provided " +
                         std::to_string(asked) + ".",
                     name, "invalid_value");
  }
  return std::nullopt;
}

Verdict unsupported(std::string_view name) {
  return invalid("Unsupported parameter: '" + std::string(name) + "' is not supported with this model.", name,
                 "unsupported_parameter");
}

Verdict only_default(const json::Value& body, std::string_view name) {
  return invalid("Unsupported value: '" + std::string(name) + "' does not support " +
                     std::string(body[name].raw()) +
                     " with this model. Only the default (1) value is supported.",
                 name, "unsupported_value");
}

// While a model reasons it takes no samplers.
Verdict judge_samplers(const json::Value& body, std::string_view model) {
  const std::string_view effort = body["reasoning_effort"].string().value_or(default_effort(model));
  if (!is_reasoner(model) || effort == "none") return std::nullopt;
  for (const std::string_view name : {"temperature", "n"}) {
    if (body[name].number().value_or(1) != 1) return only_default(body, name);
  }
  if (body["top_p"].number().value_or(1) != 1) return unsupported("top_p");
  for (const std::string_view name : {"presence_penalty", "frequency_penalty"}) {
    if (body[name].number().value_or(0) != 0) return unsupported(name);
  }
  if (body["logprobs"].boolean_or(false)) return unsupported("logprobs");
  for (const std::string_view name : {"top_logprobs", "logit_bias"}) {
    if (body[name].has_value()) return unsupported(name);
  }
  return std::nullopt;
}

Verdict judge_reasoning(const json::Value& body, std::string_view model) {
  const json::Value effort = body["reasoning_effort"];
  if (!effort.has_value()) {
    if (refuses_tools_with_effort(model) && !body["tools"].empty() && default_effort(model) != "none")
      return tools_with_effort(model);
    return std::nullopt;
  }
  if (!is_reasoner(model)) return invalid("Unrecognized request argument supplied: reasoning_effort", {}, {});
  if (auto fault = judge_effort(effort, model, "reasoning_effort")) return fault;
  if (refuses_tools_with_effort(model) && !body["tools"].empty() && effort.string_or({}) != "none")
    return tools_with_effort(model);
  return std::nullopt;
}

Verdict judge_tools(const json::Value& body) {
  const json::Value tools = body["tools"];
  if (tools.is_array() && tools.empty())
    return invalid(
        "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array "
        "instead.",
        "tools", "empty_array");
  for (const std::string_view name : {"tool_choice", "parallel_tool_calls"}) {
    if (body[name].has_value() && !tools.present() && body[name].string_or({}) != "none")
      return invalid("Invalid value for '" + std::string(name) + "': '" + std::string(name) +
                         "' is only allowed when 'tools' are specified.",
                     name, {});
  }
  std::size_t i = 0;
  for (const json::Value tool : tools) {
    const std::string path = "tools[" + std::to_string(i++) + "]";
    const std::string_view type = tool["type"].string_or({});
    if (!tool["type"].present()) return missing(path + ".type");
    if (type == "custom") continue;
    if (type != "function") return not_one_of(path + ".type", tool["type"], "'function' and 'custom'");
    if (!tool["function"].is_object()) return missing(path + ".function");
    if (auto fault = judge_function(tool["function"], path + ".function")) return fault;
  }
  const json::Value choice = body["tool_choice"];
  if (const auto word = choice.string();
      word && !is_one_of(*word, std::array{"none"sv, "auto"sv, "required"sv}))
    return not_one_of("tool_choice", choice, "'none', 'auto', and 'required'");
  if (choice.is_object() &&
      !is_one_of(choice["type"].string_or({}), std::array{"function"sv, "custom"sv, "allowed_tools"sv}))
    return not_one_of("tool_choice.type", choice["type"], "'allowed_tools', 'function', and 'custom'");
  return std::nullopt;
}

bool mentions_json(const json::Value& messages) {
  const std::string_view text = messages.raw();
  return text.find("json") != std::string_view::npos || text.find("JSON") != std::string_view::npos ||
         text.find("Json") != std::string_view::npos;
}

Verdict judge_response_format(const json::Value& body) {
  const json::Value format = body["response_format"];
  if (!format.has_value()) return std::nullopt;
  const std::string_view type = format["type"].string_or({});
  if (!is_one_of(type, std::array{"text"sv, "json_object"sv, "json_schema"sv}))
    return not_one_of("response_format.type", format["type"], "'json_object', 'json_schema', and 'text'");
  if (type == "json_object" && !mentions_json(body["messages"]))
    return invalid(
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
        "'json_object'.",
        "messages", {});
  if (type != "json_schema") return std::nullopt;
  const json::Value schema = format["json_schema"];
  if (!schema.is_object()) return missing("response_format.json_schema");
  if (!schema["name"].is_string()) return missing("response_format.json_schema.name");
  if (!schema["schema"].is_object()) return missing("response_format.json_schema.schema");
  if (!schema["strict"].boolean_or(false)) return std::nullopt;
  return judge_strict_schema(schema["schema"],
                             "response_format '" + std::string(schema["name"].string_or({})) + "'",
                             "response_format");
}

Verdict judge_model_of_chat(const json::Value& body) {
  if (!body["model"].is_string()) return invalid("you must provide a model parameter", {}, {});
  const std::string_view model = body["model"].string_or({});
  if (is_model(Flavour::openai, model)) return std::nullopt;
  return openai_refusal(
      404, "invalid_request_error",
      "The model `" + std::string(model) + "` does not exist or you do not have access to it.", {},
      "model_not_found");
}

}  // namespace

std::optional<Refusal> judge_openai_chat(const json::Value& body) {
  for (const json::Value member : body) {
    if (!is_one_of(member.key(), kChatMembers)) return unrecognized(member.key());
  }
  if (auto fault = judge_model_of_chat(body)) return fault;
  if (auto fault = judge_openai_messages(body["messages"])) return fault;
  const std::string_view model = body["model"].string_or({});
  if (model.starts_with("o1-mini")) {
    std::size_t i = 0;
    for (const json::Value message : body["messages"]) {
      const std::string path = "messages[" + std::to_string(i++) + "].role";
      const std::string role(message["role"].string_or({}));
      if (role == "system" || role == "developer")
        return invalid(std::string("Unsupported value: '")
                           .append(path)
                           .append("' does not support '")
                           .append(role)
                           .append("' with this model."),
                       path, "unsupported_value");
    }
  }
  if (auto fault = judge_ranges(body)) return fault;
  if (auto fault = judge_length(body, model)) return fault;
  if (auto fault = judge_samplers(body, model)) return fault;
  if (body["stop"].has_value() && refuses_stop(model)) return unsupported("stop");
  if (auto fault = judge_tools(body)) return fault;
  if (auto fault = judge_reasoning(body, model)) return fault;
  if (body["stream_options"].has_value() && !body["stream"].boolean_or(false))
    return invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                   "stream_options", {});
  if (body["web_search_options"].has_value() && model.find("search") == std::string_view::npos)
    return invalid("Web search options not supported with this model.", "web_search_options", {});
  return judge_response_format(body);
}

std::optional<Refusal> judge_openai_embeddings(const json::Value& body) {
  for (const json::Value member : body) {
    if (!is_one_of(member.key(), kEmbeddingMembers)) return unrecognized(member.key());
  }
  if (auto fault = judge_model_of_chat(body)) return fault;
  if (!body["input"].has_value()) return missing("input");
  if (body["input"].is_array() && body["input"].empty())
    return invalid("Invalid 'input': input cannot be an empty array.", {}, {});
  if (const auto dimensions = body["dimensions"].integer(); dimensions && *dimensions < 1)
    return invalid(std::to_string(*dimensions) + " is less than the minimum of 1 - 'dimensions'", {}, {});
  const json::Value format = body["encoding_format"];
  if (format.has_value() && !is_one_of(format.string_or({}), std::array{"float"sv, "base64"sv}))
    return not_one_of("encoding_format", format, "'float' and 'base64'");
  return std::nullopt;
}

}  // namespace ai_proxy::simulator
