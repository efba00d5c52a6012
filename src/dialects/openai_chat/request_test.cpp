// Golden requests: testdata/NAME.request.json -> NAME.call.json.
#include <gtest/gtest.h>

#include "dialects/chat_completions/request_fixture.h"
#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

namespace fixture = chat_completions::fixture;

TEST(OpenAiChatRequest, RendersEveryGoldenCase) {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(SOURCE_DIR "/src/dialects/openai_chat/testdata")) {
    if (!entry.path().string().ends_with(".request.json")) continue;
    fixture::expect_golden(kOpenAiChat, entry.path());
    ++count;
  }
  EXPECT_GT(count, 8u);
}

std::string rendered(std::string_view body_text, chat::Warnings& warnings,
                     const chat::ModelTraits& traits = {}) {
  json::Document document;
  EXPECT_FALSE(document.parse(body_text));
  const chat::Request request = fixture::request_of(document.root());
  auto body = kOpenAiChat.render_request(request, "wire-model", traits, warnings);
  return body ? *body : "error: " + body.error().message + " at " + body.error().parameter;
}

TEST(OpenAiChatRequest, KeepsSchemasByteForByte) {
  constexpr std::string_view kSchema =
      R"({ "type" : "object", "z":{"m":[1.0,1E2,{"a":9007199254740993}]} , "a":"\/ü\u00fc", "ключ": {}})";
  const std::string schema(kSchema);
  chat::Warnings warnings;
  const std::string body = rendered(
      R"({"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","parameters":)" +
          schema + R"(}}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":)" +
          schema + "}}}",
      warnings);
  const std::size_t first = body.find(kSchema);
  ASSERT_NE(first, std::string::npos) << body;
  EXPECT_NE(body.find(kSchema, first + 1), std::string::npos) << body;
  EXPECT_TRUE(warnings.empty());
}

TEST(OpenAiChatRequest, NamesTheCallWhoseArgumentsAreNoObject) {
  for (const std::string_view bad : {R"({\"a\":1)", "[]", "7", "{} {}", R"(\"text\")"}) {
    chat::Warnings warnings;
    const std::string body = rendered(
        R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[)"
        R"({"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":")" +
            std::string(bad) + R"("}}]}]})",
        warnings);
    EXPECT_EQ(body,
              "error: The arguments of a tool call must be the text of one JSON object. at "
              "messages[1].tool_calls[1].function.arguments")
        << bad;
  }
}

TEST(OpenAiChatRequest, TakesNoArgumentsForAnEmptyObject) {
  for (const std::string_view none : {"", "null", " "}) {
    chat::Warnings warnings;
    const std::string body = rendered(
        R"({"messages":[{"role":"assistant","tool_calls":[{"id":"abcdefghi","function":{"name":"f","arguments":")" +
            std::string(none) + R"("}}]}]})",
        warnings);
    EXPECT_NE(body.find(R"("arguments":"{}")"), std::string::npos) << body;
  }
}

TEST(OpenAiChatRequest, ShortensIdsThatAreTooLong) {
  const std::string fits(40, 'a');
  std::vector<std::string> sent;
  for (const std::string& id : {fits, fits + "b", fits + "c"}) {
    chat::Warnings warnings;
    const std::string body =
        rendered(R"({"messages":[{"role":"assistant","tool_calls":[{"id":")" + id +
                     R"(","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":")" + id +
                     R"(","content":"1"}]})",
                 warnings);
    json::Document document;
    ASSERT_FALSE(document.parse(body)) << body;
    const json::Value messages = document.root()["messages"];
    sent.emplace_back(messages[0]["tool_calls"][0]["id"].string_or(""));
    EXPECT_LE(sent.back().size(), 40u);
    EXPECT_EQ(messages[1]["tool_call_id"].string_or(""), sent.back());
  }
  EXPECT_EQ(sent[0], fits);
  EXPECT_NE(sent[1], sent[2]);
}

// Anthropic's strict tools may have optional parameters.
TEST(OpenAiChatRequest, PromisesOnlyWhatOpenAiPromises) {
  chat::Warnings warnings;
  const std::string body = rendered(
      R"({"messages":[{"role":"user","content":"q"}],"tools":[{"type":"function","function":{"name":"f","strict":true,)"
      R"("parameters":{"type":"object","properties":{"a":{}},"additionalProperties":false}}}],)"
      R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}})",
      warnings);
  EXPECT_EQ(body.find("strict"), std::string::npos) << body;
  EXPECT_EQ(warnings.list().size(), 2u);
}

}  // namespace
}  // namespace ai_proxy::dialects
