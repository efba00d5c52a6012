// What Mistral's /v1/chat/completions and /v1/embeddings refuse. Source: wire.md 4.2, 4.5; wordings as
// recorded or publicly reported.
#include <algorithm>
#include <array>

#include "simulator/lists.h"
#include "simulator/strict.h"
#include "simulator/strict_mistral.h"

namespace ai_proxy::simulator {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kMembers = std::to_array<std::string_view>({"model",
                                                                 "messages",
                                                                 "temperature",
                                                                 "top_p",
                                                                 "max_tokens",
                                                                 "stream",
                                                                 "stop",
                                                                 "random_seed",
                                                                 "metadata",
                                                                 "response_format",
                                                                 "tools",
                                                                 "tool_choice",
                                                                 "presence_penalty",
                                                                 "frequency_penalty",
                                                                 "n",
                                                                 "prediction",
                                                                 "parallel_tool_calls",
                                                                 "reasoning_effort",
                                                                 "prompt_mode",
                                                                 "guardrails",
                                                                 "prompt_cache_key",
                                                                 "service_tier",
                                                                 "safe_prompt",
                                                                 "logprobs",
                                                                 "top_logprobs"});
constexpr std::array kEmbeddingMembers = std::to_array<std::string_view>(
    {"model", "input", "encoding_format", "output_dimension", "output_dtype", "metadata"});

Verdict judge_number(const json::Value& body, std::string_view name, double min, double max) {
  const json::Value value = body[name];
  if (!value.has_value()) return std::nullopt;
  const std::string at = "[\"body\",\"" + std::string(name) + "\"]";
  if (!value.is_number())
    return mistral_invalid("float_type", at, "Input should be a valid number", value.raw());
  if (*value.number() > max)
    return mistral_invalid("less_than_equal", at, "Input should be less than or equal to " + shown(max),
                           value.raw());
  if (*value.number() < min)
    return mistral_invalid("greater_than_equal", at, "Input should be greater than or equal to " + shown(min),
                           value.raw());
  return std::nullopt;
}

Verdict judge_word(const json::Value& value, const std::string& location,
                   std::span<const std::string_view> words) {
  if (!value.has_value() || is_one_of(value.string_or({}), words)) return std::nullopt;
  std::string allowed;
  for (std::size_t i = 0; i < words.size(); ++i)
    allowed.append(i == 0 ? "'" : i + 1 == words.size() ? "' or '" : "', '").append(words[i]);
  return mistral_invalid("literal_error", location, "Input should be " + allowed + "'", value.raw());
}

Verdict judge_model(const json::Value& body) {
  if (!body["model"].present()) return missing_at(R"(["body","model"])", body);
  const std::string_view model = body["model"].string_or({});
  if (is_model(Flavour::mistral, model)) return std::nullopt;
  return mistral_refusal(400, "invalid_model", "Invalid model: " + std::string(model), "1500");
}

Verdict judge_numbers(const json::Value& body) {
  if (auto fault = judge_number(body, "temperature", 0, 1.5)) return fault;
  if (auto fault = judge_number(body, "top_p", 1e-9, 1)) return fault;
  if (auto fault = judge_number(body, "presence_penalty", -2, 2)) return fault;
  if (auto fault = judge_number(body, "frequency_penalty", -2, 2)) return fault;
  if (auto fault = judge_number(body, "max_tokens", 0, 1e9)) return fault;
  if (auto fault = judge_number(body, "random_seed", 0, 1e19)) return fault;
  return judge_number(body, "n", 1, 128);
}

}  // namespace

Verdict judge_mistral_function_name(std::string_view name) {
  if (!name.empty() && name.size() <= 64 && is_word(name)) return std::nullopt;
  return mistral_refusal(400, "invalid_function_call",
                         "Function name was " + std::string(name) +
                             " but must be a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum "
                             "length of 64.",
                         "3280");
}

namespace {

Verdict judge_tools(const json::Value& body) {
  std::size_t i = 0;
  for (const json::Value tool : body["tools"]) {
    const std::string at = "[\"body\",\"tools\"," + std::to_string(i++);
    if (auto fault = judge_word(tool["type"], at + ",\"type\"]", std::array{"function"sv})) return fault;
    const json::Value function = tool["function"];
    if (!function.is_object()) return missing_at(at + ",\"function\"]", tool);
    if (!function["parameters"].present()) return missing_at(at + ",\"function\",\"parameters\"]", function);
    if (auto fault = judge_mistral_function_name(function["name"].string_or({}))) return fault;
    for (const json::Value member : function) {
      if (!is_one_of(member.key(), std::array{"name"sv, "description"sv, "parameters"sv, "strict"sv}))
        return extra_at(at + ",\"function\",\"" + std::string(member.key()) + "\"]", member);
    }
  }
  const json::Value choice = body["tool_choice"];
  if (!choice.is_object())
    return judge_word(choice, R"(["body","tool_choice"])",
                      std::array{"auto"sv, "none"sv, "any"sv, "required"sv});
  if (!choice["function"]["name"].is_string())
    return missing_at(R"(["body","tool_choice","ToolChoice","function"])", choice);
  return std::nullopt;
}

Verdict judge_format(const json::Value& body) {
  const json::Value format = body["response_format"];
  if (auto fault = judge_word(format["type"], R"(["body","response_format","type"])",
                              std::array{"text"sv, "json_object"sv, "json_schema"sv}))
    return fault;
  if (format["type"].string_or({}) != "json_schema") return std::nullopt;
  const json::Value schema = format["json_schema"];
  if (!schema.is_object()) return missing_at(R"(["body","response_format","json_schema"])", format);
  for (const std::string_view name : {"name", "schema"}) {
    if (!schema[name].has_value())
      return missing_at("[\"body\",\"response_format\",\"json_schema\",\"" + std::string(name) + "\"]",
                        schema);
  }
  return std::nullopt;
}

}  // namespace

std::optional<Refusal> judge_mistral_chat(const json::Value& body) {
  for (const json::Value member : body) {
    if (!is_one_of(member.key(), kMembers))
      return extra_at("[\"body\",\"" + std::string(member.key()) + "\"]", member);
  }
  if (!body["messages"].present()) return missing_at(R"(["body","messages"])", body);
  if (auto fault = judge_numbers(body)) return fault;
  if (auto fault = judge_tools(body)) return fault;
  if (auto fault = judge_format(body)) return fault;
  if (auto fault = judge_word(body["reasoning_effort"], R"(["body","reasoning_effort"])",
                              std::array{"none"sv, "minimal"sv, "low"sv, "medium"sv, "high"sv, "xhigh"sv}))
    return fault;
  if (auto fault = judge_model(body)) return fault;
  if (body["logprobs"].boolean_or(false))
    return mistral_refusal(400, "invalid_request_invalid_args", "Logprobs are not enabled for this model",
                           "3051");
  return judge_mistral_messages(body);
}

std::optional<Refusal> judge_mistral_embeddings(const json::Value& body) {
  for (const json::Value member : body) {
    if (!is_one_of(member.key(), kEmbeddingMembers))
      return extra_at("[\"body\",\"" + std::string(member.key()) + "\"]", member);
  }
  if (!body["input"].has_value()) return missing_at(R"(["body","input"])", body);
  if (auto fault = judge_word(body["encoding_format"], R"(["body","encoding_format"])",
                              std::array{"float"sv, "base64"sv}))
    return fault;
  return judge_model(body);
}

}  // namespace ai_proxy::simulator
