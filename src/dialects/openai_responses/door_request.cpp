// See door_request.h.
#include "dialects/openai_responses/door_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dialects/chat_completions/door_request.h"
#include "dialects/openai_responses/door_input.h"

namespace ai_proxy::dialects::openai_responses {
namespace {

// Read into the canonical request, or answered by it whatever they say (stream_options: no answer of ours
// carries obfuscation).
constexpr std::array<std::string_view, 22> kRead{
    "model",       "input",      "instructions",         "stream",       "stream_options",
    "temperature", "top_p",      "max_output_tokens",    "tools",        "tool_choice",
    "reasoning",   "text",       "parallel_tool_calls",  "metadata",     "user",
    "store",       "background", "previous_response_id", "conversation", "service_tier",
    "prompt",      "include"};

// OpenAI's chat API knows these too: whoever renders the request decides, and says so.
constexpr std::array<std::string_view, 5> kChatToo{"prompt_cache_key", "prompt_cache_retention",
                                                   "prompt_cache_options", "safety_identifier", "moderation"};

// The state that OpenAI would keep between requests. Not saying `store` means, at this door, not to store.
void refuse_state(const json::Value& body, const Path& root, Reading& reading) {
  if (reading.truth(body["store"], root.member("store")).value_or(false)) {
    reading.fault(root.member("store"),
                  "Only OpenAI itself stores responses. Set store to false, or leave it out, and send the "
                  "whole input with each request.");
  }
  if (reading.truth(body["background"], root.member("background")).value_or(false)) {
    reading.fault(root.member("background"),
                  "Only OpenAI itself runs responses in the background. Leave background out, and use "
                  "stream: true for answers that take long.");
  }
  for (const std::string_view name : {"previous_response_id", "conversation"}) {
    if (!body[name].has_value()) continue;
    reading.fault(root.member(name), "'" + std::string(name) +
                                         "' refers to what only OpenAI itself keeps. Leave it out, and send "
                                         "the whole conversation in input.");
  }
  if (body["prompt"].has_value()) {
    reading.fault(root.member("prompt"),
                  "'prompt' refers to a template that only OpenAI itself keeps. Leave it out, and send its "
                  "text in instructions and input.");
  }
}

void read_plain_members(const json::Value& body, const Path& root, Reading& reading) {
  chat::Request& request = reading.request();
  const auto text = [&](std::string_view name) {
    return reading.text(body[name], root.member(name)).value_or(std::string_view{});
  };
  request.model = text("model");
  request.stream = reading.truth(body["stream"], root.member("stream")).value_or(false);
  request.metadata = reading.object(body["metadata"], root.member("metadata")).raw();
  request.user = text("user");
  request.service_tier = text("service_tier");
  request.sampling.temperature = reading.number(body["temperature"], root.member("temperature"));
  request.sampling.top_p = reading.number(body["top_p"], root.member("top_p"));

  const Path limit_path = root.member("max_output_tokens");
  request.max_tokens = reading.integer(body["max_output_tokens"], limit_path);
  if (request.max_tokens && *request.max_tokens < 1) {
    reading.fault(limit_path, "Invalid 'max_output_tokens': expected a value of at least 1, but got " +
                                  std::string(body["max_output_tokens"].raw()) + " instead.");
  }
  const std::string_view instructions = text("instructions");
  if (instructions.empty()) return;
  chat::Message& message = request.messages.emplace_back();
  message.role = chat::Role::system;
  message.parts.push_back({chat::TextPart{instructions}, {}});
}

// `summary` needs no answer: whatever thought a provider shows is given as one.
void read_reasoning(const json::Value& value, const Path& path, Reading& reading) {
  const json::Value reasoning = reading.object(value, path);
  reading.request().reasoning.effort =
      reading.text(reasoning["effort"], path.member("effort")).value_or(std::string_view{});
  for (const json::Value member : reasoning) {
    const std::string_view name = member.key();
    if (!member.has_value() || name == "effort" || name == "summary" || name == "generate_summary") continue;
    reading.warn(path.member(name), "no other provider knows it; it was left out.");
  }
}

void read_format(const json::Value& value, const Path& path, Reading& reading) {
  const json::Value format = reading.object(value, path);
  if (!format.present()) return;
  const Path type_path = path.member("type");
  const auto type = reading.needed_text(format["type"], type_path);
  if (!type) return;
  if (*type == "text") return;
  chat::ResponseFormat& chosen = reading.request().response_format.emplace();
  chosen.kind = chat::ResponseFormatKind::json_object;
  if (*type == "json_object") return;
  if (*type != "json_schema") {
    return reading.wrong_word(*type, type_path, {"text", "json_object", "json_schema"});
  }
  chosen.kind = chat::ResponseFormatKind::json_schema;
  chosen.name = reading.needed_text(format["name"], path.member("name")).value_or(std::string_view{});
  chosen.description =
      reading.text(format["description"], path.member("description")).value_or(std::string_view{});
  chosen.schema = reading.needed_object(format["schema"], path.member("schema")).raw();
  chosen.strict = reading.truth(format["strict"], path.member("strict"));
}

void read_text(const json::Value& value, const Path& path, Reading& reading) {
  const json::Value text = reading.object(value, path);
  read_format(text["format"], path.member("format"), reading);
  const auto verbosity = reading.text(text["verbosity"], path.member("verbosity"));
  // "medium" is what a model does anyway.
  if (verbosity && *verbosity != "medium") {
    reading.request().extra.emplace_back("verbosity", text["verbosity"].raw());
  }
}

// What a provider does anyway when it is not told; naming it in a warning would only be noise.
bool asks_for_nothing(const json::Value& member) {
  const std::string_view name = member.key();
  if (!member.has_value()) return true;
  if (name == "truncation") return member.string() == "disabled";
  if (name == "top_logprobs") return member.integer() == 0;
  if (name == "context_management") return member.empty();
  return name == "max_tool_calls";  // bounds OpenAI's own tools, and there are none here
}

void read_include(const json::Value& include, const Path& path, Reading& reading) {
  std::size_t index = 0;
  for (const json::Value value : reading.array(include, path)) {
    const Path one = path.element(index++);
    const auto word = reading.needed_text(value, one);
    // The others are about sealed thoughts, which always come along, or about tools that are not there.
    if (word == "message.output_text.logprobs") reading.warn(one, "only OpenAI gives these; left out.");
  }
}

void keep_or_warn(const json::Value& body, const Path& root, Reading& reading) {
  for (const json::Value member : body) {
    const std::string_view name = member.key();
    if (std::ranges::find(kRead, name) != kRead.end() || asks_for_nothing(member)) continue;
    if (std::ranges::find(kChatToo, name) != kChatToo.end()) {
      reading.request().extra.emplace_back(name, member.raw());
    } else if (name == "truncation") {
      reading.warn(root.member(name), "no other provider shortens the input by itself; it was left out.");
    } else {
      reading.warn(root.member(name), "no other provider knows it; it was left out.");
    }
  }
}

}  // namespace

Result<chat::Request> parse_request(const json::Value& body, chat::Warnings& warnings) {
  if (const auto seen = chat_completions::glance(body); !seen) return std::unexpected(seen.error());
  chat::Request request;
  Reading reading("openai_responses", request, warnings);
  const Path root;
  refuse_state(body, root, reading);
  read_plain_members(body, root, reading);
  DoorInput(reading).read(body["input"], root.member("input"));
  read_flat_tools(body["tools"], root.member("tools"), reading);
  if (!reading.first_fault()) read_flat_choice(body["tool_choice"], root.member("tool_choice"), reading);
  const auto parallel = reading.truth(body["parallel_tool_calls"], root.member("parallel_tool_calls"));
  if (!request.tools.empty()) request.parallel_tool_calls = parallel;
  read_reasoning(body["reasoning"], root.member("reasoning"), reading);
  read_text(body["text"], root.member("text"), reading);
  read_include(body["include"], root.member("include"), reading);
  keep_or_warn(body, root, reading);
  if (reading.first_fault()) return std::unexpected(*reading.first_fault());
  return request;
}

}  // namespace ai_proxy::dialects::openai_responses
