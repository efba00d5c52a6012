// The canonical request as a body for the Responses API (openai_responses.h). Nothing is stored at OpenAI:
// all that a later turn needs comes back with the answer.
#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/json.h"
#include "dialects/openai_responses/openai_responses.h"
#include "dialects/openai_responses/request_input.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

using chat_completions::Pen;

constexpr double kTemperatureMax = 2;

// A tool without parameters: said, because null is refused or misread by some models.
constexpr std::string_view kNoParameters = R"({"type":"object","properties":{}})";

// Members of OpenAI's that both of its APIs know, or this one alone.
constexpr std::array<std::string_view, 5> kSent{"prompt_cache_key", "prompt_cache_retention",
                                                "prompt_cache_options", "safety_identifier", "moderation"};

std::string_view extra_of(const chat::Request& request, std::string_view name) {
  const auto at = std::ranges::find(request.extra, name, [](const auto& extra) { return extra.first; });
  return at == request.extra.end() ? std::string_view{} : at->second;
}

// temperature and top_p as for a chat; the penalties, which they share their rules with, do not exist here.
void write_samplers(Pen& pen, bool allowed) {
  const chat::Sampling& asked = pen.request.sampling;
  chat::Request shared;
  shared.sampling.temperature = asked.temperature;
  shared.sampling.top_p = asked.top_p;
  shared.sampling.top_k = asked.top_k;
  std::string text;
  Pen side{json::Writer(text), shared, pen.traits, pen.warnings, pen.provider, pen.dialect};
  side.out.begin_object();
  chat_completions::write_samplers(side, allowed, kTemperatureMax);
  side.out.end_object();
  json::Document document;
  if (!document.parse(text)) {
    for (const json::Value member : document.root()) pen.out.raw_member(member.key(), member.raw());
  }

  constexpr std::string_view kWhy = "OpenAI's Responses API has no such parameter";
  if (!asked.presence_penalty.empty()) pen.left_out("presence_penalty", kWhy);
  if (!asked.frequency_penalty.empty()) pen.left_out("frequency_penalty", kWhy);
  if (asked.seed) pen.left_out("seed", kWhy);
  if (!asked.stop.empty()) pen.left_out("stop", kWhy);
}

// Fewer than 16 tokens are refused.
void write_limit(Pen& pen) {
  constexpr std::int64_t kTokensMin = 16;
  if (!pen.request.max_tokens || *pen.request.max_tokens >= kTokensMin)
    return chat_completions::write_max_tokens(pen, "max_output_tokens");
  pen.adapted("max_tokens", "OpenAI's Responses API takes 16 or more; 16 was sent.");
  pen.out.member("max_output_tokens", kTokensMin);
}

void write_function(Pen& pen, const chat::Tool& tool) {
  pen.out.begin_object().member("type", "function").member("name", tool.name);
  if (!tool.description.empty()) pen.out.member("description", tool.description);
  const std::string_view parameters = tool.parameters.empty() ? kNoParameters : tool.parameters;
  pen.out.raw_member("parameters", parameters);
  const auto strict = chat_completions::strict_to_send(pen, tool.strict, parameters, "tools.strict");
  // Where chat takes silence for "no", this API takes it for "yes".
  pen.out.member("strict", strict.value_or(false)).end_object();
}

Result<void> write_tool_choice(Pen& pen, bool has_tools) {
  if (!pen.request.tool_choice) return {};
  const chat::ToolChoice& choice = *pen.request.tool_choice;
  using Mode = chat::ToolChoiceMode;
  if (!has_tools) {
    if (choice.mode != Mode::required && choice.mode != Mode::named) return {};
    return std::unexpected(bad_request("A tool must be called, but there are no tools.", "tool_choice"));
  }
  if (choice.mode != Mode::named) {
    const std::string_view word = choice.mode == Mode::automatic ? "auto"
                                  : choice.mode == Mode::none    ? "none"
                                                                 : "required";
    pen.out.member("tool_choice", word);
    return {};
  }
  const bool known = std::ranges::any_of(pen.request.tools, [&](const chat::Tool& tool) {
    return tool.raw.empty() && tool.name == choice.name;
  });
  if (!known) {
    return std::unexpected(bad_request("The tool to be called is not among the tools.", "tool_choice"));
  }
  pen.out.key("tool_choice").begin_object().member("type", "function").member("name", choice.name);
  pen.out.end_object();
  return {};
}

Result<void> write_tools(Pen& pen) {
  bool has_tools = false;
  for (std::size_t i = 0; i < pen.request.tools.size(); ++i) {
    const chat::Tool& tool = pen.request.tools[i];
    if (!tool.raw.empty()) {
      std::string member = "tools[";
      append_integer(member, i);
      if (chat_completions::is_custom_tool(tool)) {
        return std::unexpected(
            bad_request("Tools of the type 'custom' are not translated to OpenAI's Responses API; this model "
                        "takes them at /v1/responses.",
                        member.append("].type")));
      }
      pen.left_out(member.append("]"), "OpenAI has no such built-in tool here");
      continue;
    }
    if (!std::exchange(has_tools, true)) pen.out.key("tools").begin_array();
    if (!tool.cache_control.empty()) pen.left_out("tools.cache_control", "this provider caches by itself");
    write_function(pen, tool);
  }
  if (has_tools) pen.out.end_array();
  if (auto written = write_tool_choice(pen, has_tools); !written) return written;
  if (!pen.request.parallel_tool_calls) return {};
  if (!has_tools) {
    pen.left_out("parallel_tool_calls", "there are no tools");
  } else if (!pen.traits.parallel_tool_calls) {
    pen.left_out("parallel_tool_calls", "this model has no such parameter");
  } else {
    pen.out.member("parallel_tool_calls", *pen.request.parallel_tool_calls);
  }
  return {};
}

void write_format(Pen& pen, const chat::ResponseFormat& format) {
  pen.out.key("format").begin_object();
  if (format.kind == chat::ResponseFormatKind::text) {
    pen.out.member("type", "text");
  } else if (format.kind == chat::ResponseFormatKind::json_object || !pen.traits.json_schema) {
    if (format.kind == chat::ResponseFormatKind::json_schema) {
      pen.adapted("response_format",
                  "this model knows no JSON schemas; it was asked for JSON, with the schema in words.");
    }
    pen.out.member("type", "json_object");
  } else {
    pen.out.member("type", "json_schema");
    pen.out.member("name", format.name.empty() ? std::string_view("response") : format.name);
    if (!format.description.empty()) pen.out.member("description", format.description);
    pen.out.raw_member("schema", format.schema.empty() ? std::string_view("{}") : format.schema);
    if (const auto strict = chat_completions::strict_to_send(pen, format.strict, format.schema,
                                                             "response_format.json_schema.strict"))
      pen.out.member("strict", *strict);
  }
  pen.out.end_object();
}

void write_text(Pen& pen) {
  const std::string_view verbosity = extra_of(pen.request, "verbosity");
  if (!pen.request.response_format && verbosity.empty()) return;
  pen.out.key("text").begin_object();
  if (pen.request.response_format) write_format(pen, *pen.request.response_format);
  if (!verbosity.empty()) pen.out.raw_member("verbosity", verbosity);
  pen.out.end_object();
}

void write_extras(Pen& pen) {
  for (const auto& [name, raw] : pen.request.extra) {
    // Streams of this API carry usage unasked, and obfuscation does no harm.
    if (name == "verbosity" || name == "stream_options") continue;
    if (std::ranges::find(kSent, name) != kSent.end()) {
      pen.out.raw_member(name, raw);
    } else {
      pen.left_out(name, "OpenAI's Responses API has no such parameter");
    }
  }
}

// The words of other providers for the same tiers.
std::string_view service_tier(std::string_view asked) {
  return asked == "standard_only" || asked == "standard" ? std::string_view("default") : asked;
}

Result<void> write_body(Pen& pen, std::string_view wire_model) {
  pen.out.begin_object().member("model", wire_model);
  if (auto written = write_input(pen); !written) return written;
  const auto effort = chat_completions::effort_to_send(pen);
  if (!effort) return std::unexpected(effort.error());
  write_limit(pen);
  write_samplers(pen, chat_completions::samplers_allowed(pen.traits, *effort));
  if (auto written = write_tools(pen); !written) return written;
  write_text(pen);
  if (!effort->empty()) {
    pen.out.key("reasoning").begin_object().member("effort", *effort).end_object();
  }
  if (!pen.request.metadata.empty()) pen.out.raw_member("metadata", pen.request.metadata);
  if (!pen.request.user.empty()) pen.out.member("user", pen.request.user);
  if (!pen.request.service_tier.empty())
    pen.out.member("service_tier", service_tier(pen.request.service_tier));
  write_extras(pen);
  pen.out.member("store", false);
  // Without it, a thought that OpenAI does not store is lost. Models that do not think refuse it.
  if (pen.traits.thinking != chat::ThinkingStyle::none) {
    pen.out.key("include").begin_array().string("reasoning.encrypted_content").end_array();
  }
  if (pen.request.stream) pen.out.member("stream", true);
  pen.out.end_object();
  return {};
}

}  // namespace

Result<std::string> render_request(const chat::Request& request, std::string_view wire_model,
                                   const chat::ModelTraits& traits, chat::Warnings& warnings) {
  chat::ModelTraits here = traits;
  here.tools_with_effort = true;  // the restriction is that of chat completions
  std::string body;
  body.reserve(request.bytes_to_write());
  Pen pen{json::Writer(body), request, here, warnings, "OpenAI", "openai_responses"};
  if (auto written = write_body(pen, wire_model); !written)
    return std::unexpected(std::move(written.error()));
  return body;
}

}  // namespace ai_proxy::dialects::openai_responses
