// For tests: an OpenAI-shaped request as a canonical one, traits from JSON, and comparison of JSON by value.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/json.h"
#include "dialects/dialect.h"

namespace ai_proxy::dialects::chat_completions::fixture {

inline std::string file_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool same_json(const json::Value& a, const json::Value& b) {
  if (a.type() != b.type()) return false;
  if (a.is_string()) return a.string() == b.string();
  if (a.size() != b.size()) return false;
  if (a.is_object()) {
    return std::ranges::all_of(a,
                               [&](const json::Value& member) { return same_json(member, b[member.key()]); });
  }
  if (a.is_array()) return std::ranges::equal(a, b, same_json);
  return a.raw() == b.raw();
}

inline chat::Part part_of(const json::Value& part) {
  const std::string_view type = part["type"].string_or("");
  chat::Part result;
  result.cache_control = part["cache_control"].raw();
  if (type == "image_url") {
    const std::string_view url = part["image_url"]["url"].string_or("");
    chat::ImagePart image{
        .url = url, .media_type = {}, .base64 = {}, .detail = part["image_url"]["detail"].string_or("")};
    if (url.starts_with("data:")) {
      const std::size_t comma = url.find(',');
      image = {.url = {},
               .media_type = url.substr(5, url.find(';') - 5),
               .base64 = url.substr(comma + 1),
               .detail = image.detail};
    }
    result.kind = image;
  } else if (type == "document") {  // not OpenAI's: every way in which a document may come
    result.kind = chat::DocumentPart{.url = part["url"].string_or(""),
                                     .media_type = part["media_type"].string_or(""),
                                     .base64 = part["base64"].string_or(""),
                                     .file_id = part["file_id"].string_or(""),
                                     .text = part["text"].string_or(""),
                                     .name = part["name"].string_or("")};
  } else if (type == "input_audio") {
    result.kind = chat::AudioPart{.format = part["input_audio"]["format"].string_or(""),
                                  .base64 = part["input_audio"]["data"].string_or("")};
  } else if (type == "thinking") {
    result.kind = chat::ThinkingPart{.text = part["thinking"].string_or(""),
                                     .signature = part["signature"].string_or(""),
                                     .redacted_data = part["data"].string_or("")};
  } else if (type == "refusal") {
    result.kind = chat::RefusalPart{.text = part["refusal"].string_or("")};
  } else if (type == "opaque") {
    result.kind = chat::OpaquePart{.dialect = part["dialect"].string_or(""), .raw = part["raw"].raw()};
  } else {
    result.kind = chat::TextPart{.text = part["text"].string_or("")};
  }
  return result;
}

inline std::vector<chat::Part> parts_of(const json::Value& content) {
  std::vector<chat::Part> parts;
  if (const auto text = content.string())
    parts.push_back({.kind = chat::TextPart{.text = *text}, .cache_control = {}});
  for (const json::Value part : content) parts.push_back(part_of(part));
  return parts;
}

inline chat::Message message_of(const json::Value& value) {
  chat::Message message;
  const std::string_view role = value["role"].string_or("");
  message.role = role == "system"      ? chat::Role::system
                 : role == "developer" ? chat::Role::developer
                 : role == "assistant" ? chat::Role::assistant
                 : role == "tool"      ? chat::Role::tool
                                       : chat::Role::user;
  message.name = value["name"].string_or("");
  message.prefix = value["prefix"].boolean_or(false);
  if (message.role == chat::Role::tool) {
    message.parts.push_back({.kind = chat::ToolResultPart{.tool_call_id = value["tool_call_id"].string_or(""),
                                                          .content = parts_of(value["content"]),
                                                          .is_error = value["is_error"].boolean_or(false)},
                             .cache_control = {}});
    return message;
  }
  message.parts = parts_of(value["content"]);
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
    tool.raw = value.raw();
    tool.name = value["custom"]["name"].string_or("");
    return tool;
  }
  const json::Value function = value["function"];
  tool.name = function["name"].string_or("");
  tool.description = function["description"].string_or("");
  tool.parameters = function["parameters"].raw();
  tool.strict = function["strict"].boolean();
  return tool;
}

inline chat::ToolChoice tool_choice_of(const json::Value& value) {
  if (value.is_object())
    return {.mode = chat::ToolChoiceMode::named, .name = value["function"]["name"].string_or("")};
  const std::string_view word = value.string_or("");
  if (word == "none") return {.mode = chat::ToolChoiceMode::none, .name = {}};
  if (word == "required") return {.mode = chat::ToolChoiceMode::required, .name = {}};
  return {};
}

inline chat::ResponseFormat response_format_of(const json::Value& value) {
  chat::ResponseFormat format;
  const std::string_view type = value["type"].string_or("");
  if (type == "json_object") format.kind = chat::ResponseFormatKind::json_object;
  if (type != "json_schema") return format;
  const json::Value schema = value["json_schema"];
  format.kind = chat::ResponseFormatKind::json_schema;
  format.name = schema["name"].string_or("");
  format.description = schema["description"].string_or("");
  format.schema = schema["schema"].raw();
  format.strict = schema["strict"].boolean();
  return format;
}

inline void read_setting(const json::Value& member, chat::Request& request) {
  const std::string_view name = member.key();
  chat::Sampling& sampling = request.sampling;
  if (name == "temperature")
    sampling.temperature = member.raw();
  else if (name == "top_p")
    sampling.top_p = member.raw();
  else if (name == "top_k")
    sampling.top_k = member.raw();
  else if (name == "presence_penalty")
    sampling.presence_penalty = member.raw();
  else if (name == "frequency_penalty")
    sampling.frequency_penalty = member.raw();
  else if (name == "seed")
    sampling.seed = member.integer();
  else if (name == "max_tokens" || name == "max_completion_tokens")
    request.max_tokens = member.integer();
  else if (name == "reasoning_effort")
    request.reasoning.effort = member.string_or("");
  else if (name == "budget_tokens")
    request.reasoning.budget_tokens = member.integer();
  else if (name == "metadata")
    request.metadata = member.raw();
  else if (name == "user")
    request.user = member.string_or("");
  else if (name == "service_tier")
    request.service_tier = member.string_or("");
  else if (name == "stream")
    request.stream = member.boolean_or(false);
  else if (name == "parallel_tool_calls")
    request.parallel_tool_calls = member.boolean();
  else
    request.extra.emplace_back(name, member.raw());
}

inline chat::Request request_of(const json::Value& body) {
  chat::Request request;
  for (const json::Value member : body) {
    const std::string_view name = member.key();
    if (name == "model") {
      request.model = member.string_or("");
    } else if (name == "messages") {
      for (const json::Value message : member) request.messages.push_back(message_of(message));
    } else if (name == "tools") {
      for (const json::Value tool : member) request.tools.push_back(tool_of(tool));
    } else if (name == "tool_choice") {
      request.tool_choice = tool_choice_of(member);
    } else if (name == "response_format") {
      request.response_format = response_format_of(member);
    } else if (name == "stop") {
      if (member.is_string()) request.sampling.stop.push_back(member.string_or(""));
      for (const json::Value text : member) request.sampling.stop.push_back(text.string_or(""));
    } else {
      read_setting(member, request);
    }
  }
  return request;
}

inline chat::ModelTraits traits_of(const json::Value& value) {
  chat::ModelTraits traits;
  const std::string_view role = value["system_role"].string_or("system");
  if (role == "developer") traits.system_role = chat::SystemRole::developer;
  if (role == "user") traits.system_role = chat::SystemRole::user;
  if (value["thinking"].string_or("") == "effort") traits.thinking = chat::ThinkingStyle::effort;
  for (const json::Value effort : value["efforts"]) traits.efforts.push_back(effort.string_or(""));
  traits.default_effort = value["default_effort"].string_or("");
  traits.max_output_tokens = value["max_output_tokens"].integer_or(0);
  traits.samplers = value["samplers"].boolean_or(true);
  traits.samplers_without_effort = value["samplers_without_effort"].boolean_or(false);
  traits.stop = value["stop"].boolean_or(true);
  traits.penalties = value["penalties"].boolean_or(true);
  traits.tools_with_effort = value["tools_with_effort"].boolean_or(true);
  traits.json_schema = value["json_schema"].boolean_or(true);
  traits.images = value["images"].boolean_or(true);
  traits.parallel_tool_calls = value["parallel_tool_calls"].boolean_or(true);
  return traits;
}

// Renders NAME.request.json ({"traits","request"}) and compares with NAME.call.json ({"body","warnings"}, or
// {"error":{"message","parameter"}}). The request says "wire-model" for the model.
inline void expect_golden(const Dialect& dialect, const std::filesystem::path& request_path) {
  SCOPED_TRACE(request_path.filename().string());
  std::string call_path = request_path.string();
  call_path.replace(call_path.rfind(".request.json"), std::string::npos, ".call.json");
  const std::string request_text = file_text(request_path);
  const std::string call_text = file_text(call_path);
  json::Document given;
  json::Document expected;
  ASSERT_FALSE(given.parse(request_text));
  ASSERT_FALSE(expected.parse(call_text)) << call_path;
  const json::Value call = expected.root();

  const chat::Request request = request_of(given.root()["request"]);
  chat::Warnings warnings;
  const auto rendered =
      dialect.render_request(request, "wire-model", traits_of(given.root()["traits"]), warnings);
  if (call["error"].is_object()) {
    ASSERT_FALSE(rendered) << *rendered;
    EXPECT_EQ(rendered.error().code, ErrorCode::invalid_request);
    EXPECT_EQ(rendered.error().parameter, call["error"]["parameter"].string_or(""));
    EXPECT_EQ(rendered.error().message, call["error"]["message"].string_or(""));
    return;
  }
  ASSERT_TRUE(rendered) << rendered.error().message;
  json::Document body;
  ASSERT_FALSE(body.parse(*rendered)) << *rendered;  // strict: no duplicate member either
  EXPECT_TRUE(same_json(body.root(), call["body"])) << *rendered;
  std::vector<std::string> told;
  for (const json::Value warning : call["warnings"]) told.emplace_back(warning.string_or(""));
  EXPECT_EQ(warnings.list(), told);

  chat::Warnings again;
  EXPECT_EQ(*dialect.render_request(request, "wire-model", traits_of(given.root()["traits"]), again),
            *rendered);
}

}  // namespace ai_proxy::dialects::chat_completions::fixture
