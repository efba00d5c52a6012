// The canonical request as OpenAI's body. Source: OpenAI API reference, chat completions; which model refuses
// what is recorded in the model's traits.
#include <algorithm>
#include <array>

#include "dialects/openai_chat/messages.h"
#include "dialects/openai_chat/openai_chat.h"

namespace ai_proxy::dialects::openai_chat {
namespace {

using chat_completions::Pen;

constexpr double kTemperatureMax = 2;
constexpr std::size_t kStopsMax = 4;

// Written from the canonical members; an extra of the same name would stand twice.
constexpr std::array<std::string_view, 21> kOwn{"model",
                                                "messages",
                                                "max_tokens",
                                                "max_completion_tokens",
                                                "temperature",
                                                "top_p",
                                                "top_k",
                                                "stop",
                                                "presence_penalty",
                                                "seed",
                                                "frequency_penalty",
                                                "tools",
                                                "user",
                                                "tool_choice",
                                                "metadata",
                                                "parallel_tool_calls",
                                                "response_format",
                                                "reasoning_effort",
                                                "stream",
                                                "service_tier",
                                                "stream_options"};

// What only other dialects know; OpenAI refuses unknown members.
constexpr std::array<std::string_view, 14> kForeign{
    "safe_prompt",        "prompt_mode",    "guardrails", "random_seed",   "container",
    "context_management", "inference_geo",  "speed",      "output_config", "thinking",
    "mcp_servers",        "stop_sequences", "system",     "cache_control"};

// These go with temperature: a model that takes no samplers takes none of them.
constexpr std::array<std::string_view, 3> kSamplerExtras{"logprobs", "top_logprobs", "logit_bias"};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// The words of other providers for the same tiers.
std::string_view service_tier(std::string_view asked) {
  return asked == "standard_only" || asked == "standard" ? std::string_view("default") : asked;
}

std::string_view extra_of(const chat::Request& request, std::string_view name) {
  const auto at = std::ranges::find(request.extra, name, [](const auto& extra) { return extra.first; });
  return at == request.extra.end() ? std::string_view{} : at->second;
}

void write_seed(Pen& pen) {
  if (pen.request.sampling.seed) {
    pen.out.member("seed", *pen.request.sampling.seed);
  } else if (const std::string_view seed = extra_of(pen.request, "random_seed"); !seed.empty()) {
    pen.out.raw_member("seed", seed);
  }
}

void write_extras(Pen& pen, bool samplers) {
  for (const auto& [name, raw] : pen.request.extra) {
    if (among(kOwn, name) || name == "random_seed") continue;
    if (among(kForeign, name)) {
      pen.left_out(name, pen.named(" has no such parameter"));
    } else if (!samplers && among(kSamplerExtras, name)) {
      pen.left_out(name, "this model does not take it");
    } else {
      pen.out.raw_member(name, raw);
    }
  }
}

// Usage comes only when it is asked for, and we always want to know; the caller's other options are kept.
void write_stream(Pen& pen) {
  if (!pen.request.stream) return;
  pen.out.member("stream", true);
  if (!pen.traits.stream_options) return;
  pen.out.key("stream_options").begin_object().member("include_usage", true);
  json::Document options;
  const std::string_view raw = extra_of(pen.request, "stream_options");
  if (!raw.empty() && !options.parse(raw)) {
    for (const json::Value option : options.root()) {
      if (option.key() != "include_usage" && !option.key().empty())
        pen.out.raw_member(option.key(), option.raw());
    }
  }
  pen.out.end_object();
}

Result<void> write_body(Pen& pen, std::string_view wire_model) {
  pen.out.begin_object().member("model", wire_model);
  if (auto written = write_messages(pen); !written) return written;
  const auto effort = chat_completions::effort_to_send(pen);
  if (!effort) return std::unexpected(effort.error());
  const bool samplers = chat_completions::samplers_allowed(pen.traits, *effort);

  // Every model of OpenAI takes max_completion_tokens, the newer ones refuse max_tokens; elsewhere the new
  // name may be unknown.
  chat_completions::write_max_tokens(
      pen, pen.traits.max_completion_tokens ? "max_completion_tokens" : "max_tokens");
  chat_completions::write_samplers(pen, samplers, kTemperatureMax);
  write_seed(pen);
  if (auto written = chat_completions::write_stop(pen, kStopsMax); !written) return written;
  if (auto written = chat_completions::write_tools(pen, "required"); !written) return written;
  chat_completions::write_response_format(pen);
  if (!effort->empty()) pen.out.member("reasoning_effort", *effort);
  if (!pen.request.metadata.empty()) pen.out.raw_member("metadata", pen.request.metadata);
  if (!pen.request.user.empty()) pen.out.member("user", pen.request.user);
  if (!pen.request.service_tier.empty())
    pen.out.member("service_tier", service_tier(pen.request.service_tier));
  write_extras(pen, samplers);
  write_stream(pen);
  pen.out.end_object();
  return {};
}

}  // namespace

Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const chat::ModelTraits& traits, chat::Warnings& warnings) {
  std::string body;
  body.reserve(request.bytes_to_write());
  const std::string_view provider = traits.provider.empty() ? "OpenAI" : traits.provider;
  Pen pen{json::Writer(body), request, traits, warnings, provider, "openai_chat"};
  if (auto written = write_body(pen, wire_model); !written)
    return std::unexpected(std::move(written.error()));
  return body;
}

}  // namespace ai_proxy::dialects::openai_chat
