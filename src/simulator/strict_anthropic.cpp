// What Anthropic's /v1/messages and /v1/messages/count_tokens refuse. Source: wire.md 3.1, 3.2; wordings as
// recorded or publicly reported.
#include <algorithm>
#include <array>
#include <vector>

#include "simulator/lists.h"
#include "simulator/strict.h"
#include "simulator/strict_anthropic.h"

namespace ai_proxy::simulator {
namespace {

using std::string_view_literals::operator""sv;

constexpr std::array kMembers = std::to_array<std::string_view>(
    {"model",         "max_tokens", "messages",     "system",        "stop_sequences", "stream",
     "temperature",   "top_p",      "top_k",        "tools",         "tool_choice",    "thinking",
     "output_config", "metadata",   "service_tier", "cache_control", "container",      "context_management",
     "inference_geo", "speed",      "diagnostics",  "mcp_servers"});
constexpr std::array kToolMembers = std::to_array<std::string_view>(
    {"name", "description", "input_schema", "strict", "cache_control", "eager_input_streaming", "type",
     "defer_loading", "allowed_callers", "input_examples"});
constexpr std::string_view kThinkingHelp =
    " Please consult our documentation at "
    "https://docs.claude.com/en/docs/build-with-claude/extended-thinking";

bool is_any_of(std::string_view model, std::initializer_list<std::string_view> families) {
  return std::ranges::any_of(families,
                             [model](std::string_view family) { return model.starts_with(family); });
}

// Thinks within a budget, and takes a prefill: everything up to 4.5.
bool is_before_4_6(std::string_view model) {
  return is_any_of(
      model, {"claude-3", "claude-sonnet-4-0", "claude-opus-4-0", "claude-sonnet-4-2", "claude-opus-4-2",
              "claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-5"});
}
bool is_4_6(std::string_view model) {
  return is_any_of(model, {"claude-opus-4-6", "claude-sonnet-4-6"});
}
// Effort came with Opus 4.5.
bool takes_effort(std::string_view model) {
  return !is_before_4_6(model) || model.starts_with("claude-opus-4-5");
}

Verdict judge_headers(const Call& call) {
  if (call.anthropic_version.empty()) return bad("anthropic-version: header is required");
  if (call.anthropic_version == "2023-06-01" || call.anthropic_version == "2026-10-21") return std::nullopt;
  return bad("anthropic-version: \"" + std::string(call.anthropic_version) + "\" is not a valid version");
}

Verdict judge_members(const Call& call) {
  for (const json::Value member : call.body) {
    const std::string_view name = member.key();
    const bool beta =
        name == "output_format" && call.anthropic_beta.find("structured-outputs") != std::string::npos;
    const bool counted =
        call.endpoint == Endpoint::count_tokens && (name == "max_tokens" || name == "stream");
    if ((!is_one_of(name, kMembers) && !beta) || counted) return extra(name);
  }
  for (const std::string_view name : {"model", "messages"}) {
    if (!call.body[name].present()) return bad(std::string(name) + ": Field required");
  }
  if (call.endpoint == Endpoint::chat && !call.body["max_tokens"].present())
    return bad("max_tokens: Field required");
  for (const json::Value member : call.body["metadata"]) {
    if (member.key() != "user_id") return extra("metadata." + std::string(member.key()));
  }
  for (const json::Value member : call.body["output_config"]) {
    if (!is_one_of(member.key(), std::array{"effort"sv, "format"sv, "task_budget"sv}))
      return extra("output_config." + std::string(member.key()));
  }
  if (call.body["stream"].present() && !call.body["stream"].is_boolean())
    return bad("stream: Input should be a valid boolean");
  return std::nullopt;
}

Verdict judge_length(const json::Value& body, std::string_view model) {
  const auto limit = body["max_tokens"].integer();
  if (body["max_tokens"].present() && !limit) return bad("max_tokens: Input should be a valid integer");
  if (limit && *limit < 0) return bad("max_tokens: Input should be greater than or equal to 0");
  const std::int64_t ceiling = model.starts_with("claude-opus-4-1") ? 32'000
                               : is_before_4_6(model)               ? 64'000
                                                                    : 128'000;
  if (limit && *limit > ceiling)
    return bad("max_tokens: " + std::to_string(*limit) + " > " + std::to_string(ceiling) +
               ", which is the maximum allowed number of output tokens for " +
               std::string(answering_model(Flavour::anthropic, model)));
  return std::nullopt;
}

Verdict judge_samplers(const Call& call, std::string_view model) {
  const json::Value& body = call.body;
  const json::Value temperature = body["temperature"], top_p = body["top_p"];
  if (call.anthropic_version == "2026-10-21") {
    for (const std::string_view name : {"temperature", "top_p", "top_k"}) {
      if (body[name].present()) return extra(name);
    }
  }
  if (temperature.is_number() && (*temperature.number() < 0 || *temperature.number() > 1))
    return bad("temperature: range: 0..1");
  if (top_p.is_number() && (*top_p.number() < 0 || *top_p.number() > 1)) return bad("top_p: range: 0..1");
  if (temperature.has_value() && top_p.has_value() &&
      !is_any_of(model, {"claude-3", "claude-sonnet-4-0", "claude-opus-4-0"}))
    return bad("`temperature` and `top_p` cannot both be specified for this model. Please use only one.");
  if (is_before_4_6(model) || is_4_6(model)) return std::nullopt;
  if (temperature.number().value_or(1) != 1) return bad("`temperature` is deprecated for this model.");
  if (top_p.number().value_or(1) < 0.99) return bad("`top_p` is deprecated for this model.");
  if (body["top_k"].has_value()) return bad("`top_k` is deprecated for this model.");
  return std::nullopt;
}

Verdict judge_budget(const json::Value& body) {
  const auto budget = body["thinking"]["budget_tokens"].integer();
  if (!budget) return bad("thinking.enabled.budget_tokens: Field required");
  if (*budget < 1024)
    return bad("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024");
  if (body["max_tokens"].present() && body["max_tokens"].integer_or(0) <= *budget)
    return bad("`max_tokens` must be greater than `thinking.budget_tokens`." + std::string(kThinkingHelp));
  return std::nullopt;
}

Verdict judge_thinking(const json::Value& body, std::string_view model) {
  const json::Value thinking = body["thinking"];
  if (!thinking.has_value()) return std::nullopt;
  const std::string_view type = thinking["type"].string_or({});
  if (!is_one_of(type, std::array{"enabled"sv, "adaptive"sv, "disabled"sv, "between_tools"sv}))
    return bad(
        "thinking: Input tag '" + std::string(type) +
        "' found using 'type' does not match any of the expected tags: 'adaptive', 'disabled', 'enabled'");
  if (type == "disabled")
    return model.starts_with("claude-fable-5")
               ? bad("thinking.type: 'disabled' is not supported for this model")
               : std::nullopt;
  if (type == "enabled") {
    if (!is_before_4_6(model) && !is_4_6(model))
      return bad(
          "\"thinking.type.enabled\" is not supported for this model. Use \"thinking.type.adaptive\" and "
          "\"output_config.effort\" to control thinking behavior.");
    if (auto fault = judge_budget(body)) return fault;
  }
  if (type == "adaptive" && is_before_4_6(model))
    return bad("adaptive thinking is not supported on this model");
  if (body["temperature"].number().value_or(1) != 1)
    return bad("`temperature` may only be set to 1 when thinking is enabled." + std::string(kThinkingHelp));
  if (body["top_p"].number().value_or(1) < 0.95)
    return bad("`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.");
  if (body["top_k"].has_value()) return bad("`top_k` must be unset when thinking is enabled.");
  const std::string_view choice = body["tool_choice"]["type"].string_or({});
  // Adaptive thinking goes with a forced tool (recorded: Opus 4.6).
  if (type == "enabled" && (choice == "any" || choice == "tool"))
    return bad("Thinking may not be enabled when tool_choice forces tool use.");
  return std::nullopt;
}

Verdict judge_tools(const json::Value& body) {
  std::vector<std::string_view> names;
  std::size_t i = 0;
  for (const json::Value tool : body["tools"]) {
    const std::string path = "tools." + std::to_string(i++) + ".custom";
    const std::string_view name = tool["name"].string_or({});
    if (std::ranges::find(names, name) != names.end()) return bad("tools: Tool names must be unique.");
    names.push_back(name);
    if (tool["type"].present() && tool["type"].string_or({}) != "custom") continue;  // a server tool
    if (!tool["name"].present()) return bad(path + ".name: Field required");
    if (!is_tool_name(name)) return bad(path + ".name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'");
    for (const json::Value member : tool) {
      if (!is_one_of(member.key(), kToolMembers)) return extra(path + "." + std::string(member.key()));
    }
    const json::Value schema = tool["input_schema"];
    if (!schema.present()) return bad(path + ".input_schema: Field required");
    if (!schema.is_object()) return bad(path + ".input_schema: Input does not match the expected shape.");
    if (!schema["type"].present()) return bad(path + ".input_schema.type: Field required");
    if (schema["type"].string_or({}) != "object")
      return bad(path + ".input_schema.type: Input should be 'object'");
  }
  const json::Value choice = body["tool_choice"];
  if (!choice.has_value()) return std::nullopt;
  const std::string type(choice["type"].string_or({}));
  if (!is_one_of(type, std::array{"auto"sv, "any"sv, "tool"sv, "none"sv}))
    return bad("tool_choice: Input tag '" + type +
               "' found using 'type' does not match any of the expected tags: 'any', 'auto', 'none', 'tool'");
  if (names.empty()) return bad("tool_choice may only be specified while providing tools");
  const std::string_view name = choice["name"].string_or({});
  if (type == "tool" && std::ranges::find(names, name) == names.end())
    return bad("Tool '" + std::string(name) + "' not found in provided tools");
  return std::nullopt;
}

Verdict judge_output(const json::Value& body, std::string_view model) {
  const json::Value effort = body["output_config"]["effort"];
  if (effort.has_value()) {
    const std::string word(effort.string_or({}));
    if (!takes_effort(model)) return bad("This model does not support the effort parameter.");
    const bool high = !is_4_6(model) && !is_before_4_6(model);
    const bool known = is_one_of(word, std::array{"low"sv, "medium"sv, "high"sv}) ||
                       (word == "xhigh" && high) || (word == "max" && !is_before_4_6(model));
    if (!known)
      return bad("This model does not support effort level '" + word +
                 "'. Supported levels: high, low, max, medium.");
  }
  const json::Value format = body["output_config"]["format"];
  if (!format.has_value()) return std::nullopt;
  if (!format["schema"].is_object()) return bad("output_config.format.schema: Field required");
  return judge_closed(format["schema"], "output_config.format.schema");
}

Verdict judge_stop(const json::Value& body) {
  for (const json::Value word : body["stop_sequences"]) {
    if (word.string_or({}).find_first_not_of(" \t\r\n") == std::string_view::npos)
      return bad("stop_sequences: each stop sequence must contain non-whitespace");
  }
  return std::nullopt;
}

Verdict judge_prefill(const json::Value& body, std::string_view model) {
  const json::Value messages = body["messages"];
  if (messages.empty() || is_before_4_6(model)) return std::nullopt;
  if (messages[messages.size() - 1]["role"].string_or({}) != "assistant") return std::nullopt;
  return bad(
      "This model does not support assistant message prefill. The conversation must end with a user "
      "message.");
}

}  // namespace

bool is_tool_name(std::string_view name) {
  return !name.empty() && name.size() <= 128 && is_word(name);
}

Verdict judge_closed(const json::Value& schema, const std::string& path) {
  if (schema["type"].string_or({}) == "object" && schema["additionalProperties"].boolean_or(true))
    return bad(path + ": For 'object' type, 'additionalProperties' must be explicitly set to false");
  for (const std::string_view group : {"properties", "$defs", "anyOf"}) {
    for (const json::Value part : schema[group]) {
      if (auto fault = judge_closed(part, path)) return fault;
    }
  }
  return schema["items"].is_object() ? judge_closed(schema["items"], path) : std::nullopt;
}

std::optional<Refusal> judge_anthropic(const Call& call) {
  if (auto fault = judge_headers(call)) return fault;
  if (auto fault = judge_members(call)) return fault;
  const json::Value& body = call.body;
  const std::string_view model = body["model"].string_or({});
  if (!is_model(Flavour::anthropic, model))
    return anthropic_refusal(404, "not_found_error", "model: " + std::string(model));
  if (auto fault = judge_length(body, model)) return fault;
  if (auto fault = judge_samplers(call, model)) return fault;
  if (auto fault = judge_tools(body)) return fault;
  if (auto fault = judge_thinking(body, model)) return fault;
  if (auto fault = judge_output(body, model)) return fault;
  if (auto fault = judge_stop(body)) return fault;
  if (auto fault = judge_anthropic_messages(body)) return fault;
  return judge_prefill(body, model);
}

}  // namespace ai_proxy::simulator
