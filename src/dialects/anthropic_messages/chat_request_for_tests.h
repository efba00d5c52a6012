// Tests only: a chat::Request out of an OpenAI-chat-shaped text, so that golden requests read as people write
// them. Beyond OpenAI's shape: cache_control and is_error members, "thinking" and "redacted_thinking" parts,
// a document part ("document": {url, media_type, base64, file_id, text, name}); any other part is opaque, of
// the dialect that its member "dialect" names (ours when it has none). Members that start with "_" are the
// test's own.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "chat/conversation.h"
#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages::for_tests {

inline chat::PartKind image_of(const json::Value& image) {
  chat::ImagePart part{.url = image["url"].string_or(""),
                       .media_type = {},
                       .base64 = {},
                       .detail = image["detail"].string_or("")};
  if (part.url.starts_with("data:")) {
    const std::size_t comma = part.url.find(',');
    part.media_type = part.url.substr(5, part.url.find(';') - 5);
    part.base64 = part.url.substr(comma + 1);
    part.url = {};
  }
  return part;
}

inline chat::Part part_of(const json::Value& value) {
  const std::string_view type = value["type"].string_or("");
  chat::Part part{.kind = chat::TextPart{value["text"].string_or("")},
                  .cache_control = value["cache_control"].raw()};
  if (type == "image_url") {
    part.kind = image_of(value["image_url"]);
  } else if (type == "input_audio") {
    part.kind = chat::AudioPart{.format = value["input_audio"]["format"].string_or(""),
                                .base64 = value["input_audio"]["data"].string_or("")};
  } else if (type == "document") {
    const json::Value document = value["document"];
    part.kind = chat::DocumentPart{.url = document["url"].string_or(""),
                                   .media_type = document["media_type"].string_or(""),
                                   .base64 = document["base64"].string_or(""),
                                   .file_id = document["file_id"].string_or(""),
                                   .text = document["text"].string_or(""),
                                   .name = document["name"].string_or("")};
  } else if (type == "thinking" || type == "redacted_thinking") {
    part.kind = chat::ThinkingPart{.text = value["thinking"].string_or(""),
                                   .signature = value["signature"].string_or(""),
                                   .redacted_data = value["data"].string_or("")};
  } else if (type == "refusal") {
    part.kind = chat::RefusalPart{value["refusal"].string_or("")};
  } else if (type != "text") {
    part.kind = chat::OpaquePart{.dialect = value["dialect"].string_or(kName), .raw = value.raw()};
  }
  return part;
}

inline std::vector<chat::Part> parts_of(const json::Value& content) {
  std::vector<chat::Part> parts;
  if (const auto text = content.string())
    parts.push_back({.kind = chat::TextPart{*text}, .cache_control = {}});
  for (const json::Value part : content) parts.push_back(part_of(part));
  return parts;
}

inline chat::Role role_of(std::string_view word) {
  if (word == "system") return chat::Role::system;
  if (word == "developer") return chat::Role::developer;
  if (word == "assistant") return chat::Role::assistant;
  return word == "tool" ? chat::Role::tool : chat::Role::user;
}

inline chat::Message message_of(const json::Value& value) {
  chat::Message message;
  message.role = role_of(value["role"].string_or("user"));
  message.name = value["name"].string_or("");
  message.parts = parts_of(value["content"]);
  if (message.role == chat::Role::tool) {
    chat::ToolResultPart result{.tool_call_id = value["tool_call_id"].string_or(""),
                                .content = std::move(message.parts),
                                .is_error = value["is_error"].boolean_or(false)};
    message.parts.clear();
    message.parts.push_back({.kind = std::move(result), .cache_control = value["cache_control"].raw()});
  }
  for (const json::Value call : value["tool_calls"]) {
    message.parts.push_back(
        {.kind = chat::ToolCallPart{.id = call["id"].string_or(""),
                                    .name = call["function"]["name"].string_or(""),
                                    .arguments = call["function"]["arguments"].string_or("")},
         .cache_control = {}});
  }
  return message;
}

inline chat::Tool tool_of(const json::Value& value) {
  chat::Tool tool;
  if (value["type"].string_or("") != "function") {
    tool.name = value["name"].string_or("");
    tool.raw = value.raw();
    return tool;
  }
  const json::Value function = value["function"];
  tool.name = function["name"].string_or("");
  tool.description = function["description"].string_or("");
  tool.parameters = function["parameters"].raw();
  tool.strict = function["strict"].boolean();
  tool.cache_control = value["cache_control"].raw();
  return tool;
}

inline chat::ToolChoice choice_of(const json::Value& value) {
  const std::string_view word = value.string_or("named");
  if (word == "auto") return {.mode = chat::ToolChoiceMode::automatic, .name = {}};
  if (word == "none") return {.mode = chat::ToolChoiceMode::none, .name = {}};
  if (word == "required") return {.mode = chat::ToolChoiceMode::required, .name = {}};
  return {.mode = chat::ToolChoiceMode::named, .name = value["function"]["name"].string_or("")};
}

inline chat::ResponseFormat format_of(const json::Value& value) {
  chat::ResponseFormat format;
  const std::string_view type = value["type"].string_or("");
  if (type == "json_object") format.kind = chat::ResponseFormatKind::json_object;
  if (type == "json_schema") format.kind = chat::ResponseFormatKind::json_schema;
  format.name = value["json_schema"]["name"].string_or("");
  format.schema = value["json_schema"]["schema"].raw();
  return format;
}

// One top-level member. What it does not know is an extra member, as in a door.
inline void take_member(chat::Request& request, const json::Value& value) {
  const std::string_view name = value.key();
  chat::Sampling& sampling = request.sampling;
  if (name == "model")
    request.model = value.string_or("");
  else if (name == "messages")
    for (const json::Value message : value) request.messages.push_back(message_of(message));
  else if (name == "tools")
    for (const json::Value tool : value) request.tools.push_back(tool_of(tool));
  else if (name == "tool_choice")
    request.tool_choice = choice_of(value);
  else if (name == "parallel_tool_calls")
    request.parallel_tool_calls = value.boolean();
  else if (name == "max_tokens")
    request.max_tokens = value.integer();
  else if (name == "temperature")
    sampling.temperature = value.raw();
  else if (name == "top_p")
    sampling.top_p = value.raw();
  else if (name == "top_k")
    sampling.top_k = value.raw();
  else if (name == "presence_penalty")
    sampling.presence_penalty = value.raw();
  else if (name == "frequency_penalty")
    sampling.frequency_penalty = value.raw();
  else if (name == "seed")
    sampling.seed = value.integer();
  else if (name == "stop" && value.is_string())
    sampling.stop.push_back(*value.string());
  else if (name == "stop")
    for (const json::Value stop : value) sampling.stop.push_back(stop.string_or(""));
  else if (name == "response_format")
    request.response_format = format_of(value);
  else if (name == "reasoning_effort")
    request.reasoning.effort = value.string_or("");
  else if (name == "budget_tokens")
    request.reasoning.budget_tokens = value.integer();
  else if (name == "metadata")
    request.metadata = value.raw();
  else if (name == "user")
    request.user = value.string_or("");
  else if (name == "service_tier")
    request.service_tier = value.string_or("");
  else if (name == "stream")
    request.stream = value.boolean_or(false);
  else if (!name.starts_with("_"))
    request.extra.emplace_back(name, value.raw());
}

inline chat::Request request_of(const json::Value& root) {
  chat::Request request;
  for (const json::Value member : root) take_member(request, member);
  return request;
}

// "_traits": every member of chat::ModelTraits by its own name.
inline chat::ModelTraits traits_of(const json::Value& value) {
  chat::ModelTraits traits;
  const auto flag = [&](std::string_view name, bool& slot) { slot = value[name].boolean_or(slot); };
  traits.max_output_tokens = value["max_output_tokens"].integer_or(0);
  const std::string_view thinking = value["thinking"].string_or("none");
  if (thinking == "budget") traits.thinking = chat::ThinkingStyle::budget;
  if (thinking == "adaptive") traits.thinking = chat::ThinkingStyle::adaptive;
  if (thinking == "effort") traits.thinking = chat::ThinkingStyle::effort;
  for (const json::Value effort : value["efforts"]) traits.efforts.push_back(effort.string_or(""));
  flag("samplers", traits.samplers);
  flag("temperature_with_top_p", traits.temperature_with_top_p);
  flag("temperature_only_one", traits.temperature_only_one);
  flag("top_k", traits.top_k);
  flag("stop", traits.stop);
  flag("prefill", traits.prefill);
  flag("json_schema", traits.json_schema);
  flag("images", traits.images);
  return traits;
}

}  // namespace ai_proxy::dialects::anthropic_messages::for_tests
