// See door_request.h.
#include "dialects/chat_completions/door_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dialects/chat_completions/door_messages.h"

namespace ai_proxy::dialects::chat_completions {
namespace {

// Members that have a place in the canonical request; every other one goes into its extras.
constexpr std::array<std::string_view, 25> kRead{"model",
                                                 "messages",
                                                 "stream",
                                                 "temperature",
                                                 "top_p",
                                                 "top_k",
                                                 "presence_penalty",
                                                 "frequency_penalty",
                                                 "seed",
                                                 "random_seed",
                                                 "stop",
                                                 "max_tokens",
                                                 "max_completion_tokens",
                                                 "tools",
                                                 "tool_choice",
                                                 "functions",
                                                 "function_call",
                                                 "parallel_tool_calls",
                                                 "response_format",
                                                 "reasoning_effort",
                                                 "reasoning",
                                                 "metadata",
                                                 "user",
                                                 "service_tier",
                                                 "stream_options"};

// What a provider does anyway when it is not told; naming it in a warning would only be noise.
bool asks_for_nothing(const json::Value& member) {
  const std::string_view name = member.key();
  if (!member.has_value()) return true;
  if (name == "n") return member.integer() == 1;
  if (name == "top_logprobs") return member.integer() == 0;
  if (name == "logprobs" || name == "store" || name == "safe_prompt") return member.boolean() == false;
  if (name == "modalities") return member.size() == 1 && member[0].string() == "text";
  return (name == "logit_bias" || name == "guardrails") && member.empty();
}

// Beyond usage, which every door gives by itself.
bool has_other_options(const json::Value& options) {
  return std::ranges::any_of(options, [](const json::Value& o) { return o.key() != "include_usage"; });
}

void read_sampling(const json::Value& body, const Path& root, Reading& reading) {
  chat::Sampling& sampling = reading.request().sampling;
  const auto number = [&](std::string_view name) { return reading.number(body[name], root.member(name)); };
  sampling.temperature = number("temperature");
  sampling.top_p = number("top_p");
  sampling.top_k = number("top_k");
  sampling.presence_penalty = number("presence_penalty");
  sampling.frequency_penalty = number("frequency_penalty");
  sampling.seed = reading.integer(body["seed"], root.member("seed"));
  const auto mistral_seed = reading.integer(body["random_seed"], root.member("random_seed"));
  if (!sampling.seed) sampling.seed = mistral_seed;

  const Path stop_path = root.member("stop");
  const json::Value stop = body["stop"];
  if (const auto text = stop.string()) {
    sampling.stop.push_back(*text);
    return;
  }
  std::size_t index = 0;
  for (const json::Value text : reading.array(stop, stop_path)) {
    if (const auto one = reading.needed_text(text, stop_path.element(index++))) sampling.stop.push_back(*one);
  }
}

void read_max_tokens(const json::Value& body, const Path& root, Reading& reading) {
  std::optional<std::int64_t>& limit = reading.request().max_tokens;
  for (const std::string_view name : {"max_completion_tokens", "max_tokens"}) {
    const Path path = root.member(name);
    const auto tokens = reading.integer(body[name], path);
    if (!tokens) continue;
    if (*tokens < 1) {
      reading.fault(path, "Invalid '" + std::string(name) + "': expected a value of at least 1, but got " +
                              std::string(body[name].raw()) + " instead.");
    }
    if (limit && *limit != *tokens) reading.warn(path, "max_completion_tokens stands there too and wins.");
    if (!limit) limit = tokens;
  }
}

// reasoning_effort; besides it what callers of other gateways write: OpenRouter's `reasoning` and Anthropic's
// `thinking`, of which only what has no canonical form stays as it is.
void read_reasoning(const json::Value& body, const Path& root, Reading& reading) {
  chat::Request& request = reading.request();
  chat::Reasoning& reasoning = request.reasoning;
  const auto effort = reading.text(body["reasoning_effort"], root.member("reasoning_effort"));
  const Path path = root.member("reasoning");
  const json::Value relay = reading.object(body["reasoning"], path);
  const auto relay_effort = reading.text(relay["effort"], path.member("effort"));
  reasoning.effort = effort.value_or(relay_effort.value_or(std::string_view{}));
  reasoning.budget_tokens = reading.integer(relay["max_tokens"], path.member("max_tokens"));

  const Path thinking_path = root.member("thinking");
  const json::Value thinking = reading.object(body["thinking"], thinking_path);
  if (!thinking.present()) return;
  const std::string_view type = thinking["type"].string_or("");
  const Path budget_path = thinking_path.member("budget_tokens");
  const auto budget = reading.integer(thinking["budget_tokens"], budget_path);
  if (type == "enabled" && budget) {
    reasoning.budget_tokens = budget;
  } else if (type == "disabled") {
    if (reasoning.effort.empty()) reasoning.effort = "none";
  } else {
    request.extra.emplace_back("thinking", thinking.raw());
  }
}

void read_plain_members(const json::Value& body, const Path& root, Reading& reading) {
  chat::Request& request = reading.request();
  const auto text = [&](std::string_view name) {
    return reading.text(body[name], root.member(name)).value_or(std::string_view{});
  };
  request.model = reading.needed_text(body["model"], root.member("model")).value_or(std::string_view{});
  request.stream = reading.truth(body["stream"], root.member("stream")).value_or(false);
  request.parallel_tool_calls =
      reading.truth(body["parallel_tool_calls"], root.member("parallel_tool_calls"));
  request.metadata = reading.object(body["metadata"], root.member("metadata")).raw();
  request.user = text("user");
  request.service_tier = text("service_tier");
}

// What only this caller's provider can take: the one that renders the request decides, and says so.
void keep_extras(const json::Value& body, const Path& root, Reading& reading) {
  auto& extra = reading.request().extra;
  for (const json::Value member : body) {
    const std::string_view name = member.key();
    if (name == "thinking" || std::ranges::find(kRead, name) != kRead.end()) continue;
    if (!asks_for_nothing(member)) extra.emplace_back(name, member.raw());
  }
  const json::Value options = reading.object(body["stream_options"], root.member("stream_options"));
  if (has_other_options(options)) extra.emplace_back("stream_options", options.raw());
}

}  // namespace

Result<Glance> glance(const json::Value& body) {
  if (!body.is_object()) {
    return std::unexpected(
        bad_request("The request body must be a JSON object, but it is " + std::string(kind_of(body)) + "."));
  }
  chat::Request unused;
  chat::Warnings unheard;
  Reading reading({}, unused, unheard);
  const Path root;
  const Path model_path = root.member("model");
  const Path options_path = root.member("stream_options");
  Glance seen;
  seen.model = reading.needed_text(body["model"], model_path).value_or(std::string_view{});
  if (seen.model.empty()) reading.fault(model_path, "you must provide a model parameter");
  seen.stream = reading.truth(body["stream"], root.member("stream")).value_or(false);
  const json::Value options = reading.object(body["stream_options"], options_path);
  const auto usage = reading.truth(options["include_usage"], options_path.member("include_usage"));
  seen.stream_usage = seen.stream && usage.value_or(false);
  if (reading.first_fault()) return std::unexpected(*reading.first_fault());
  return seen;
}

Result<chat::Request> read_request(const json::Value& body, std::string_view dialect,
                                   chat::Warnings& warnings) {
  if (const auto seen = glance(body); !seen) return std::unexpected(seen.error());
  chat::Request request;
  Reading reading(dialect, request, warnings);
  const Path root;
  read_plain_members(body, root, reading);
  DoorMessages(reading).read(body["messages"], root.member("messages"));
  read_sampling(body, root, reading);
  read_max_tokens(body, root, reading);
  read_reasoning(body, root, reading);
  read_tools(body, root, reading);
  if (!reading.first_fault()) read_tool_choice(body, root, reading);
  read_response_format(body["response_format"], root.member("response_format"), reading);
  keep_extras(body, root, reading);
  if (reading.first_fault()) return std::unexpected(*reading.first_fault());
  return request;
}

}  // namespace ai_proxy::dialects::chat_completions
