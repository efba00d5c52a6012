// Golden requests: testdata/NAME.request.json -> NAME.call.json.
#include <gtest/gtest.h>

#include "dialects/chat_completions/request_fixture.h"
#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

namespace fixture = chat_completions::fixture;

TEST(MistralChatRequest, RendersEveryGoldenCase) {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(SOURCE_DIR "/src/dialects/mistral_chat/testdata")) {
    if (!entry.path().string().ends_with(".request.json")) continue;
    fixture::expect_golden(kMistralChat, entry.path());
    ++count;
  }
  EXPECT_GT(count, 8u);
}

std::string rendered(std::string_view body_text, chat::Warnings& warnings,
                     const chat::ModelTraits& traits = {}) {
  json::Document document;
  EXPECT_FALSE(document.parse(body_text));
  const chat::Request request = fixture::request_of(document.root());
  auto body = kMistralChat.render_request(request, "wire-model", traits, warnings);
  return body ? *body : "error: " + body.error().message + " at " + body.error().parameter;
}

TEST(MistralChatRequest, KeepsSchemasByteForByte) {
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

TEST(MistralChatRequest, NamesTheCallWhoseArgumentsAreNoObject) {
  for (const std::string_view bad : {R"({\"a\":1)", "[]", "7", "{} {}", R"(\"text\")"}) {
    chat::Warnings warnings;
    const std::string body = rendered(
        R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[)"
        R"({"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"f","arguments":")" +
            std::string(bad) +
            R"("}}]},{"role":"tool","tool_call_id":"a","content":""},{"role":"tool","tool_call_id":"b","content":""}]})",
        warnings);
    EXPECT_EQ(body,
              "error: The arguments of a tool call must be the text of one JSON object. at "
              "messages[1].tool_calls[1].function.arguments")
        << bad;
  }
}

TEST(MistralChatRequest, TakesNoArgumentsForAnEmptyObject) {
  for (const std::string_view none : {"", "null", " "}) {
    chat::Warnings warnings;
    const std::string body = rendered(
        R"({"messages":[{"role":"assistant","tool_calls":[{"id":"abcdefghi","function":{"name":"f","arguments":")" +
            std::string(none) + R"("}}]},{"role":"tool","tool_call_id":"abcdefghi","content":""}]})",
        warnings);
    EXPECT_NE(body.find(R"("arguments":"{}")"), std::string::npos) << body;
  }
}

TEST(MistralChatRequest, NamesCustomTools) {
  chat::Warnings warnings;
  EXPECT_EQ(
      rendered(R"({"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":)"
               R"({"name":"f"}},{"type":"custom","custom":{"name":"m"}}]})",
               warnings),
      "error: Tools of the type 'custom' are something that only OpenAI itself has; Mistral takes function "
      "tools. Leave it out, or name a model of OpenAI's. at tools[1].type");
}

TEST(MistralChatRequest, LeavesStrictSchemasAsTheyAre) {
  chat::Warnings warnings;
  const std::string body = rendered(
      R"({"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","strict":true,)"
      R"("parameters":{"type":"object"}}}]})",
      warnings);
  EXPECT_NE(body.find(R"("parameters":{"type":"object"},"strict":true)"), std::string::npos) << body;
  EXPECT_TRUE(warnings.empty());
}

}  // namespace
}  // namespace ai_proxy::dialects
