#include <gtest/gtest.h>

#include "dialects/native/request_under_test.h"

namespace ai_proxy::dialects::native {
namespace {

constexpr std::string_view kTools = R"("tools":[{"type":"function","function":{"name":"get_weather"}}])";

TEST(NativeTools, KeepsSchemasByteByByte) {
  const std::string schema = R"({"z":{"a":9007199254740993, "m":1.0},"\u00e9":"\/" ,"a":1E2})";
  const RequestUnderTest test(with_members(
      R"("tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,"parameters":)" +
      schema +
      R"(},"cache_control":{"type":"ephemeral"}},{"type":"function","function":{"name":"g","parameters":{}}}])"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  const chat::Tool& tool = test.request().tools.at(0);
  EXPECT_EQ(tool.name, "f");
  EXPECT_EQ(tool.description, "d");
  EXPECT_EQ(tool.strict, true);
  EXPECT_EQ(tool.parameters, schema);
  EXPECT_EQ(tool.cache_control, R"({"type":"ephemeral"})");
  EXPECT_EQ(test.request().tools.at(1).parameters, "{}");
}

TEST(NativeTools, NamesWhatIsWrongWithATool) {
  const RequestUnderTest test(with_members(
      R"("tools":[{"type":"function","function":{"name":"a\u0007b"}},{"type":"web","function":{"name":"x"}},)"
      R"({"type":"function"},{"type":"function","function":{"parameters":[]}},{"type":"function","function":{"name":"f"}},)"
      R"({"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":")" +
      std::string(257, 'n') + R"("}}])"));
  EXPECT_EQ(test.faults("tools.0.function.name"),
            "Control characters and characters that turn the direction of text are not allowed");
  EXPECT_EQ(test.faults("tools.1.type"), "Invalid enum value. Expected 'function', received 'web'.");
  EXPECT_EQ(test.faults("tools.2.function"), "Required");
  EXPECT_EQ(test.faults("tools.3.function.name"), "Required");
  EXPECT_EQ(test.faults("tools.3.function.parameters"), "Expected object, received array");
  EXPECT_EQ(test.faults("tools.5.function.name"), "The name 'f' stands twice");
  EXPECT_EQ(test.faults("tools.6.function.name"),
            "String must contain at most 256 character(s), received 257");
}

TEST(NativeTools, ReadsToolChoice) {
  const auto mode = [](std::string_view choice) {
    const RequestUnderTest test(
        with_members(std::string(kTools) + ",\"tool_choice\":" + std::string(choice)));
    EXPECT_TRUE(test.accepted()) << test.failure_body();
    return test.request().tool_choice.value().mode;
  };
  EXPECT_EQ(mode("\"auto\""), chat::ToolChoiceMode::automatic);
  EXPECT_EQ(mode("\"none\""), chat::ToolChoiceMode::none);
  EXPECT_EQ(mode("\"required\""), chat::ToolChoiceMode::required);
  EXPECT_EQ(mode(R"({"type":"function","function":{"name":"get_weather"}})"), chat::ToolChoiceMode::named);
}

TEST(NativeTools, RefusesAToolChoiceThatCannotBe) {
  const auto fault = [](std::string_view choice, std::string_view place) {
    return RequestUnderTest(with_members(std::string(kTools) + ",\"tool_choice\":" + std::string(choice)))
        .faults(place);
  };
  EXPECT_EQ(RequestUnderTest(with_members(R"("tool_choice":"auto")")).faults("tool_choice"),
            "tool_choice needs tools");
  EXPECT_EQ(RequestUnderTest(with_members(R"("tools":[],"tool_choice":"auto")")).faults("tool_choice"),
            "tool_choice needs tools");
  EXPECT_EQ(fault(R"({"type":"function","function":{"name":"get_wether"}})", "tool_choice.function.name"),
            "No tool has the name 'get_wether'. Did you mean \"get_weather\"?");
  EXPECT_EQ(fault(R"({"type":"function","function":{}})", "tool_choice.function.name"), "Required");
  EXPECT_EQ(fault(R"({})", "tool_choice.type"), "Required");
  EXPECT_EQ(fault("\"any\"", "tool_choice"),
            "Invalid enum value. Expected 'none' | 'auto' | 'required', received 'any'.");
  EXPECT_EQ(fault("true", "tool_choice"),
            "Expected 'none' | 'auto' | 'required' or object, received boolean");
}

TEST(NativeTools, ReadsResponseFormats) {
  using Kind = chat::ResponseFormatKind;
  EXPECT_EQ(
      RequestUnderTest(with_members(R"("response_format":{"type":"text"})")).request().response_format->kind,
      Kind::text);
  EXPECT_EQ(RequestUnderTest(with_members(R"("response_format":{"type":"json_object"})"))
                .request()
                .response_format->kind,
            Kind::json_object);
  const RequestUnderTest test(with_members(
      R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"b":1.0,"a":2},"strict":true}})"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  EXPECT_EQ(test.request().response_format->kind, Kind::json_schema);
  EXPECT_EQ(test.request().response_format->name, "n");
  EXPECT_EQ(test.request().response_format->schema, R"({"b":1.0,"a":2})");
  EXPECT_EQ(test.request().response_format->strict, true);
}

TEST(NativeTools, NamesWhatAResponseFormatLacks) {
  EXPECT_EQ(RequestUnderTest(with_members(R"("response_format":{"type":"json_schema"})"))
                .faults("response_format.json_schema"),
            "Required");
  const RequestUnderTest bare(with_members(R"("response_format":{"type":"json_schema","json_schema":{}})"));
  EXPECT_EQ(bare.faults("response_format.json_schema.name"), "Required");
  EXPECT_EQ(bare.faults("response_format.json_schema.schema"), "Required");
  EXPECT_EQ(
      RequestUnderTest(with_members(R"("response_format":{"type":"json"})")).faults("response_format.type"),
      "Invalid enum value. Expected 'text' | 'json_object' | 'json_schema', received 'json'.");
}

}  // namespace
}  // namespace ai_proxy::dialects::native
