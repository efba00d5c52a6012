// What cannot be sent to Anthropic at all is an error that names the member; and the rules behind the golden
// cases.
#include <gtest/gtest.h>

#include <algorithm>

#include "dialects/anthropic_messages/chat_request_for_tests.h"
#include "dialects/anthropic_messages/conversation.h"
#include "dialects/dialects.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

Result<std::string> rendered(std::string_view text, const chat::ModelTraits& traits = {},
                             std::string_view model = "claude-sonnet-4-5") {
  json::Document document;
  const auto fault = document.parse(text);
  EXPECT_FALSE(fault) << text;
  chat::Warnings warnings;
  return render_request(for_tests::request_of(document.root()), model, traits, warnings);
}

template <class Member>
chat::ModelTraits with(Member chat::ModelTraits::* member, Member value) {
  chat::ModelTraits traits;
  traits.*member = value;
  return traits;
}

std::string parameter(std::string_view text, const chat::ModelTraits& traits = {}) {
  const auto body = rendered(text, traits);
  if (body) return "no error: " + *body;
  EXPECT_EQ(body.error().code, ErrorCode::invalid_request);
  EXPECT_FALSE(body.error().retryable);
  EXPECT_FALSE(body.error().message.empty());
  return body.error().parameter;
}

std::string call_with_arguments(std::string_view arguments) {
  std::string text =
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[)"
      R"({"id":"x","function":{"name":"f","arguments":"{}"}},{"id":"y","function":{"name":"f","arguments":")";
  return text.append(arguments).append(R"("}}]},{"role":"tool","tool_call_id":"x","content":"1"}]})");
}

std::string tool_with(std::string_view function) {
  std::string text = R"({"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":)";
  return text.append(function).append("}]}");
}

TEST(AnthropicRequest, RefusesArgumentsThatAreNoCompleteObject) {
  const std::string path = "messages[1].tool_calls[1].function.arguments";
  EXPECT_EQ(parameter(call_with_arguments(R"({\"a\":1)")), path);
  EXPECT_EQ(parameter(call_with_arguments("[]")), path);
  EXPECT_EQ(parameter(call_with_arguments("7")), path);
  EXPECT_EQ(parameter(call_with_arguments("{} {}")), path);
}

TEST(AnthropicRequest, TakesAbsentArgumentsAsNone) {
  for (const std::string_view arguments : {"", "null", " "}) {
    const auto body = rendered(call_with_arguments(arguments));
    ASSERT_TRUE(body) << body.error().message;
    EXPECT_NE(body->find(R"("id":"y","name":"f","input":{}})"), std::string::npos) << *body;
  }
}

TEST(AnthropicRequest, RefusesContentAnthropicHasNoPlaceFor) {
  EXPECT_EQ(parameter(R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},
    {"type":"input_audio","input_audio":{"format":"wav","data":"AAAA"}}]}]})"),
            "messages[0].content[1]");
  EXPECT_EQ(
      parameter(
          R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/bmp;base64,AAAA"}}]}]})"),
      "messages[0].content[0]");
  EXPECT_EQ(
      parameter(
          R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,A*=="}}]}]})"),
      "messages[0].content[0]");
  EXPECT_EQ(
      parameter(
          R"({"messages":[{"role":"user","content":[{"type":"document","document":{"media_type":"text/csv","base64":"AAAA"}}]}]})"),
      "messages[0].content[0]");
  EXPECT_EQ(
      parameter(
          R"({"messages":[{"role":"system","content":[{"type":"image_url","image_url":{"url":"https://a/b.png"}}]}]})"),
      "messages[0].content[0]");
  EXPECT_EQ(
      parameter(
          R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://a/b.png"}}]}]})",
          with(&chat::ModelTraits::images, false)),
      "messages[0].content[0]");
}

TEST(AnthropicRequest, RefusesToolsAnthropicRefuses) {
  EXPECT_EQ(parameter(tool_with(R"({"name":"a","parameters":{"type":"string"}})")),
            "tools[0].function.parameters");
  EXPECT_EQ(parameter(tool_with(R"({"name":"a","parameters":[]})")), "tools[0].function.parameters");
}

TEST(AnthropicRequest, PutsTheMissingTypeInFrontOfASchema) {
  const auto body = rendered(tool_with(R"({"name":"a","parameters":{ "z":1.0,"\u0061":{"type":"x"}}})"));
  ASSERT_TRUE(body);
  EXPECT_NE(body->find(R"("input_schema":{"type":"object", "z":1.0,"\u0061":{"type":"x"}})"),
            std::string::npos)
      << *body;
}

TEST(AnthropicRequest, RefusesAToolChoiceWithoutItsTool) {
  EXPECT_EQ(parameter(R"({"messages":[{"role":"user","content":"a"}],"tool_choice":"auto"})"), "tool_choice");
  EXPECT_EQ(
      parameter(
          R"({"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"a"}}],
    "tool_choice":{"type":"function","function":{"name":"b"}}})"),
      "tool_choice");
}

TEST(AnthropicRequest, MapsEveryToolChoice) {
  const auto choice = [](std::string_view word) {
    std::string text =
        R"({"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"a"}}],"tool_choice":)";
    const std::string body = rendered(text.append(word).append("}")).value_or("");
    const std::size_t at = body.find("\"tool_choice\":");
    return at == std::string::npos ? body : body.substr(at + 14, body.find('}', at) - at - 13);
  };
  EXPECT_EQ(choice(R"("auto")"), R"({"type":"auto"})");
  EXPECT_EQ(choice(R"("none")"), R"({"type":"none"})");
  EXPECT_EQ(choice(R"("required")"), R"({"type":"any"})");
  EXPECT_EQ(choice(R"({"type":"function","function":{"name":"a"}})"), R"({"type":"tool","name":"a"})");
}

TEST(AnthropicRequest, NeedsAMessageWithContent) {
  EXPECT_EQ(parameter(R"({"messages":[{"role":"system","content":"a"}]})"), "messages");
  EXPECT_EQ(parameter(R"({"messages":[{"role":"user","content":""},{"role":"assistant","content":null}]})"),
            "messages");
}

TEST(AnthropicRequest, RefusesAPrefillWhereTheModelDoes) {
  constexpr std::string_view kText =
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]})";
  EXPECT_EQ(parameter(kText, with(&chat::ModelTraits::prefill, false)), "messages[1]");
  EXPECT_TRUE(rendered(kText));
}

TEST(AnthropicRequest, RefusesNumbersNobodyCanMean) {
  EXPECT_EQ(parameter(R"({"messages":[{"role":"user","content":"a"}],"temperature":-1})"), "temperature");
  EXPECT_EQ(parameter(R"({"messages":[{"role":"user","content":"a"}],"max_tokens":-1})"), "max_tokens");
  EXPECT_EQ(parameter(R"({"messages":[{"role":"user","content":"a"}],"reasoning_effort":"huge"})",
                      with(&chat::ModelTraits::thinking, chat::ThinkingStyle::budget)),
            "reasoning_effort");
}

TEST(AnthropicRequest, RefusesASchemaFormatWithoutSchema) {
  EXPECT_EQ(
      parameter(R"({"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema"}})"),
      "response_format.json_schema.schema");
}

TEST(AnthropicRequest, RefusesCallsAndResultsWithoutId) {
  EXPECT_EQ(parameter(R"({"messages":[{"role":"user","content":"a"},{"role":"tool","content":"b"}]})"),
            "messages[1].tool_call_id");
  EXPECT_EQ(
      parameter(
          R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]},
    {"role":"user","content":"b"}]})"),
      "messages[1].tool_calls[0].id");
}

TEST(AnthropicRequest, KnowsWhoTakesSystemMessages) {
  for (const std::string_view model :
       {"claude-opus-4-8", "claude-opus-5", "claude-opus-5-5", "claude-fable-5", "claude-fable-5-2"}) {
    EXPECT_TRUE(takes_system_messages(model)) << model;
  }
  for (const std::string_view model :
       {"claude-opus-4-1", "claude-opus-4-20250514", "claude-opus-4-7", "claude-sonnet-4-5-20250929",
        "claude-3-opus-20240229", "claude-haiku-4-5", "opus-", "other"}) {
    EXPECT_FALSE(takes_system_messages(model)) << model;
  }
}

TEST(AnthropicRequest, NamesToolsThatOnlyOpenAiHas) {
  EXPECT_EQ(
      parameter(
          R"({"messages":[{"role":"user","content":"a"}],"tools":[)"
          R"({"type":"web_search_20250305","name":"web_search"},{"type":"custom","custom":{"name":"m"}}]})"),
      "tools[1].type");
  // Anthropic's own spelling of a function.
  EXPECT_TRUE(rendered(R"({"messages":[{"role":"user","content":"a"}],"tools":[)"
                       R"({"type":"custom","name":"m","input_schema":{"type":"object"}}]})"));
}

std::string with_schema(std::string_view schema, std::string_view format) {
  std::string text = R"({"messages":[{"role":"user","content":"a"}],)";
  const std::size_t at = format.find('$');
  text.append(format.substr(0, at)).append(schema).append(format.substr(at + 1));
  return text.append("}");
}

constexpr std::string_view kAnswer =
    R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":$}})";
constexpr std::string_view kStrictTool =
    R"("tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":$}}])";

TEST(AnthropicRequest, ClosesTheObjectsOfAPromisedSchema) {
  const std::string_view open = R"({ "type":"object", "properties":{"a":{"type":"object"}}})";
  const std::string_view closed =
      R"({"additionalProperties":false, "type":"object", "properties":{"a":{"additionalProperties":false,"type":"object"}}})";
  for (const std::string_view format : {kAnswer, kStrictTool}) {
    const auto body = rendered(with_schema(open, format));
    ASSERT_TRUE(body);
    EXPECT_NE(body->find(closed), std::string::npos) << *body;
  }
}

TEST(AnthropicRequest, AsksInWordsForObjectsThatAreOpenOnPurpose) {
  const std::string_view open = R"({"type":"object","additionalProperties":{"type":"string"}})";
  const auto body = rendered(with_schema(open, kAnswer));
  ASSERT_TRUE(body);
  EXPECT_EQ(body->find("output_config"), std::string::npos) << *body;
  EXPECT_NE(body->find("Answer with JSON that matches this JSON schema"), std::string::npos) << *body;

  const auto tool = rendered(with_schema(open, kStrictTool));
  ASSERT_TRUE(tool);
  EXPECT_NE(tool->find(std::string(R"("input_schema":)").append(open).append("}")), std::string::npos)
      << *tool << " without strict";
}

TEST(AnthropicRequest, MergesAnyNumberOfMessagesOfOneRole) {
  chat::Request request;
  for (int i = 0; i < 100'000; ++i) {
    chat::Message& message = request.messages.emplace_back();
    message.parts.push_back({.kind = chat::TextPart{"x"}, .cache_control = {}});
  }
  chat::Warnings warnings;
  const auto body = render_request(request, "m", {}, warnings);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->find("\"role\""), body->rfind("\"role\""));
}

TEST(AnthropicDialect, StandsInTheTable) {
  EXPECT_EQ(kAnthropicMessages.name, "anthropic_messages");
  EXPECT_EQ(kAnthropicMessages.path, "/v1/messages");
  EXPECT_NE(kAnthropicMessages.render_request, nullptr);
  EXPECT_NE(kAnthropicMessages.parse_usage, nullptr);
}

std::string fields_for(chat::DocumentPart document, std::string_view configured, bool in_result = false) {
  chat::Request request;
  chat::Part part{document, {}};
  if (in_result) part = {chat::ToolResultPart{.tool_call_id = "t", .content = {part}}, {}};
  request.messages.emplace_back().parts.push_back(part);
  return request_fields(request, configured);
}

TEST(AnthropicRequest, AsksForFilesInTheHeader) {
  chat::DocumentPart file, linked;
  file.file_id = "file_1";
  linked.url = "https://a/b.pdf";
  constexpr std::string_view kVersion = "anthropic-version: 2023-06-01\r\n";
  const std::string asked = "anthropic-beta: files-api-2025-04-14\r\n";
  EXPECT_EQ(fields_for(file, kVersion), asked);
  EXPECT_EQ(fields_for(file, kVersion, true), asked);
  EXPECT_EQ(fields_for(linked, kVersion), "");
  EXPECT_EQ(fields_for(file, "Anthropic-Beta: files-api-2025-04-14\r\n"), asked);
  EXPECT_EQ(fields_for(file, "x: y\r\nAnthropic-Beta: context-1m-2025-08-07\r\n"),
            "anthropic-beta: context-1m-2025-08-07,files-api-2025-04-14\r\n");
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
