#include <gtest/gtest.h>

#include "dialects/native/request_under_test.h"

namespace ai_proxy::dialects::native {
namespace {

TEST(NativeMessages, ReadsEveryRole) {
  const RequestUnderTest test(with_messages(
      R"({"role":"system","content":"s"},{"role":"developer","content":"d"},{"role":"user","name":"Ann","content":""},)"
      R"({"role":"assistant","content":"a"})"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  EXPECT_EQ(test.message(0).role, chat::Role::system);
  EXPECT_EQ(test.message(1).role, chat::Role::system);
  EXPECT_EQ(test.message(2).role, chat::Role::user);
  EXPECT_EQ(test.message(2).name, "Ann");
  EXPECT_EQ(test.message(2).parts.size(), 1u);
  EXPECT_EQ(test.message(3).role, chat::Role::assistant);
}

TEST(NativeMessages, NamesTheFaultsOfEachMessage) {
  const RequestUnderTest test(with_messages(
      R"({"content":"x"},{"role":"root","content":1},null,{"role":"user"},{"role":"user","content":null},)"
      R"({"role":"user","content":[]},{"role":"user","content":[[["x"]]]})"));
  EXPECT_EQ(test.faults("messages.0.role"), "Required");
  EXPECT_EQ(test.faults("messages.1.role"),
            "Invalid enum value. Expected 'system' | 'user' | 'assistant' | 'tool', received 'root'.");
  EXPECT_EQ(test.faults("messages.1.content"), "Expected string or array, received number");
  EXPECT_EQ(test.faults("messages.2"), "Expected object, received null");
  EXPECT_EQ(test.faults("messages.3.content"), "Required");
  EXPECT_EQ(test.faults("messages.4.content"), "Expected string or array, received null");
  EXPECT_EQ(test.faults("messages.5.content"), "Array must contain at least 1 element(s)");
  EXPECT_EQ(test.faults("messages.6.content.0"), "Expected object, received array");
  EXPECT_EQ(RequestUnderTest(with_messages("")).faults("messages"),
            "Array must contain at least 1 element(s)");
  EXPECT_EQ(RequestUnderTest(R"({"provider":"openai","model":"m","messages":null})").faults("messages"),
            "Expected array, received null");
  EXPECT_EQ(RequestUnderTest(R"({"provider":"openai","model":"m","messages":{}})").faults("messages"),
            "Expected array, received object");
}

TEST(NativeMessages, ReadsTextAndCacheMarkers) {
  const RequestUnderTest test(with_parts(
      R"({"type":"text","text":"a","cache_control":{"type": "ephemeral"}},{"type":"text","text":"b"})"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  EXPECT_EQ(std::get<chat::TextPart>(test.part(0).kind).text, "a");
  EXPECT_EQ(test.part(0).cache_control, R"({"type": "ephemeral"})");
  EXPECT_TRUE(test.part(1).cache_control.empty());
  const RequestUnderTest whole(
      with_messages(R"({"role":"user","content":"x","cache_control":{"type":"ephemeral"}})"));
  EXPECT_EQ(whole.part(0).cache_control, R"({"type":"ephemeral"})");
}

TEST(NativeMessages, SplitsImagesFromDataUris) {
  const RequestUnderTest test(
      with_parts(R"({"type":"image_url","image_url":{"url":"https://example.com/a.png","detail":"low"}},)"
                 R"({"type":"image_url","image_url":{"url":"data:image/jpg;base64,AAAA"}},)"
                 R"({"type":"image_url","image_url":{"url":"DATA:Image/PNG;charset=x;BASE64,AAA="}})"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  const auto& by_url = std::get<chat::ImagePart>(test.part(0).kind);
  EXPECT_EQ(by_url.url, "https://example.com/a.png");
  EXPECT_EQ(by_url.detail, "low");
  EXPECT_TRUE(by_url.base64.empty());
  const auto& jpeg = std::get<chat::ImagePart>(test.part(1).kind);
  EXPECT_TRUE(jpeg.url.empty());
  EXPECT_EQ(jpeg.media_type, "image/jpeg");
  EXPECT_EQ(jpeg.base64, "AAAA");
  EXPECT_EQ(std::get<chat::ImagePart>(test.part(2).kind).media_type, "image/png");
}

TEST(NativeMessages, RefusesImagesNobodyCanTake) {
  const auto fault = [](std::string_view url) {
    return RequestUnderTest(
               with_parts(R"({"type":"image_url","image_url":{"url":")" + std::string(url) + "\"}}"))
        .faults("messages.0.content.0.image_url.url");
  };
  const std::string neither =
      "Expected an https or http URL or a data: URI with an image in base64, received '";
  EXPECT_EQ(fault("file:///etc/passwd"), neither + "file:///etc/passwd'");
  EXPECT_EQ(fault("https://"), neither + "https://'");
  EXPECT_EQ(fault("AAAA"), neither + "AAAA'");
  EXPECT_EQ(fault("https://a b"), neither + "https://a b'");
  EXPECT_EQ(fault("data:image/png,AAAA"), "A data: URI must look like data:image/png;base64,…");
  EXPECT_EQ(fault("data:;base64,AAAA"), "A data: URI must look like data:image/png;base64,…");
  EXPECT_EQ(fault("data:text/html;base64,AAAA"),
            "Expected image/png, image/jpeg, image/webp or image/gif, received 'text/html'");
  const std::string base64 = "Invalid base64 (standard alphabet, padded with =, no line breaks)";
  EXPECT_EQ(fault("data:image/png;base64,"), base64);
  EXPECT_EQ(fault("data:image/png;base64,AAA"), base64);
  EXPECT_EQ(fault("data:image/png;base64,AA-_"), base64);
  EXPECT_EQ(fault("data:image/png;base64,A==="), base64);
  EXPECT_EQ(fault("data:image/png;base64,AA==AAAA"), base64);
}

TEST(NativeMessages, ReadsSoundsAndDocuments) {
  const RequestUnderTest test(with_parts(
      R"({"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}},)"
      R"({"type":"file","file":{"file_data":"data:Application/PDF;base64,AAAA","filename":"a.pdf"}},)"
      R"({"type":"file","file":{"file_id":"file-1"}})"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  EXPECT_EQ(std::get<chat::AudioPart>(test.part(0).kind).format, "wav");
  EXPECT_EQ(std::get<chat::AudioPart>(test.part(0).kind).base64, "AAAA");
  const auto& document = std::get<chat::DocumentPart>(test.part(1).kind);
  EXPECT_EQ(document.media_type, "application/pdf");
  EXPECT_EQ(document.base64, "AAAA");
  EXPECT_EQ(document.name, "a.pdf");
  EXPECT_EQ(std::get<chat::DocumentPart>(test.part(2).kind).file_id, "file-1");

  const RequestUnderTest bad(
      with_parts(R"({"type":"input_audio","input_audio":{"data":"!","format":"wav"}},)"
                 R"({"type":"input_audio","input_audio":{"data":"AAAA","format":"ogg"}},)"
                 R"({"type":"file","file":{"filename":"a"}},{"type":"file","file":{"file_data":"AAAA"}},)"
                 R"({"type":"file","file":{"file_data":"data:application/pdf;base64,A"}})"));
  EXPECT_NE(bad.faults("messages.0.content.0.input_audio.data"), "");
  EXPECT_EQ(bad.faults("messages.0.content.1.input_audio.format"),
            "Invalid enum value. Expected 'wav' | 'mp3', received 'ogg'.");
  EXPECT_EQ(bad.faults("messages.0.content.2.file"), "Expected file_data or file_id");
  EXPECT_EQ(bad.faults("messages.0.content.3.file.file_data"),
            "Expected a data: URI such as data:application/pdf;base64,…");
  EXPECT_NE(bad.faults("messages.0.content.4.file.file_data"), "");
}

TEST(NativeMessages, AsksForTheMemberThatGoesWithTheType) {
  const RequestUnderTest test(with_parts(
      R"({"type":"text"},{"type":"image_url"},{"type":"zzz"},{"text":"x"},{"type":"text","text":null})"));
  EXPECT_EQ(test.faults("messages.0.content.0.text"), "Required");
  EXPECT_EQ(test.faults("messages.0.content.1.image_url"), "Required");
  EXPECT_NE(test.faults("messages.0.content.2.type"), "");
  EXPECT_EQ(test.faults("messages.0.content.3.type"), "Required");
  EXPECT_EQ(test.faults("messages.0.content.4.text"), "Required");
}

TEST(NativeMessages, KeepsThinkingInItsOrder) {
  const RequestUnderTest test(with_messages(
      R"({"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"s1"},)"
      R"({"type":"redacted_thinking","data":"blob"},{"type":"text","text":"so"},{"type":"refusal","refusal":"no"}],)"
      R"("tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]})"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  ASSERT_EQ(test.message(0).parts.size(), 5u);
  EXPECT_EQ(std::get<chat::ThinkingPart>(test.part(0).kind).text, "hm");
  EXPECT_EQ(std::get<chat::ThinkingPart>(test.part(0).kind).signature, "s1");
  EXPECT_EQ(std::get<chat::ThinkingPart>(test.part(1).kind).redacted_data, "blob");
  EXPECT_EQ(std::get<chat::TextPart>(test.part(2).kind).text, "so");
  EXPECT_EQ(std::get<chat::RefusalPart>(test.part(3).kind).text, "no");
  EXPECT_EQ(std::get<chat::ToolCallPart>(test.part(4).kind).name, "f");
  EXPECT_EQ(RequestUnderTest(with_parts(R"({"type":"thinking","thinking":"x"})"))
                .faults("messages.0.content.0.type"),
            "Only an assistant message can have a thinking part");
}

constexpr std::string_view kCall =
    R"({"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function",)"
    R"("function":{"name":"get_weather","arguments":"{\"city\":\"Bern\"}"}}]})";

TEST(NativeMessages, PairsToolResultsWithTheirCalls) {
  const RequestUnderTest test(
      with_messages(std::string(kCall) +
                    R"(,{"role":"tool","tool_call_id":"call_1","content":[{"type":"text","text":"rain"}]})"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  ASSERT_EQ(test.message(0).parts.size(), 1u);
  const auto& call = std::get<chat::ToolCallPart>(test.part(0).kind);
  EXPECT_EQ(call.id, "call_1");
  EXPECT_EQ(call.arguments, R"({"city":"Bern"})");
  EXPECT_EQ(test.message(1).role, chat::Role::tool);
  const auto& result = std::get<chat::ToolResultPart>(test.message(1).parts.at(0).kind);
  EXPECT_EQ(result.tool_call_id, "call_1");
  EXPECT_EQ(std::get<chat::TextPart>(result.content.at(0).kind).text, "rain");
}

TEST(NativeMessages, RefusesToolResultsWithoutACall) {
  EXPECT_EQ(
      RequestUnderTest(with_messages(R"({"role":"tool","content":"x"})")).faults("messages.0.tool_call_id"),
      "Required");
  const RequestUnderTest unknown(
      with_messages(std::string(kCall) + R"(,{"role":"tool","tool_call_id":"call_2","content":"x"})"));
  EXPECT_EQ(
      unknown.details(),
      R"({"messages":{"1":{"tool_call_id":{"_errors":["No earlier assistant message has a tool call with )"
      R"(the id 'call_2'"]}}}})");
  const RequestUnderTest later(
      with_messages(R"({"role":"tool","tool_call_id":"call_1","content":"x"},)" + std::string(kCall)));
  EXPECT_NE(later.faults("messages.0.tool_call_id"), "");
}

TEST(NativeMessages, NamesBrokenToolArguments) {
  const auto fault = [](std::string_view arguments) {
    return RequestUnderTest(
               with_messages(
                   R"({"role":"assistant","tool_calls":[{"id":"c","function":{"name":"f","arguments":)" +
                   std::string(arguments) + "}}]}"))
        .faults("messages.0.tool_calls.0.function.arguments");
  };
  EXPECT_EQ(
      fault(R"("{\"a\":1")"),
      "Expected the JSON text of an object, received broken JSON: Missing a comma or '}' after an object "
      "member. "
      "At line 1, column 7 of the text");
  EXPECT_EQ(fault(R"("[]")"), "Expected the JSON text of an object, received '[]'");
  EXPECT_EQ(fault("5"), "Expected string or object, received number");
  for (const char* good :
       {R"("")", "null", R"("null")", R"(" ")", "{}", R"({"a":1})", R"("{\"a\":1,\"a\":2}")"}) {
    EXPECT_EQ(fault(good), "") << good;
  }
}

TEST(NativeMessages, TreatsEmptyTextBesideToolCallsAsNone) {
  for (const char* content : {R"("content":null,)", R"("content":"",)", R"("content":[],)", ""}) {
    const RequestUnderTest test(with_messages(std::string(R"({"role":"assistant",)") + content +
                                              R"("tool_calls":[{"id":"c","function":{"name":"f"}}]})"));
    ASSERT_TRUE(test.accepted()) << test.failure_body();
    ASSERT_EQ(test.message(0).parts.size(), 1u) << content;
    EXPECT_EQ(std::get<chat::ToolCallPart>(test.part(0).kind).arguments, "");
  }
}

TEST(NativeMessages, KeepsToolMembersToTheirRoles) {
  EXPECT_EQ(
      RequestUnderTest(
          with_messages(R"({"role":"user","content":"x","tool_calls":[{"id":"c","function":{"name":"f"}}]})"))
          .faults("messages.0.tool_calls"),
      "Only an assistant message can carry tool calls");
  const RequestUnderTest warned(
      with_messages(R"({"role":"user","content":"x","tool_call_id":"c","refusal":"r","tool_calls":[]})"));
  ASSERT_TRUE(warned.accepted()) << warned.failure_body();
  EXPECT_EQ(warned.warnings(),
            (std::vector<std::string>{"messages[0].refusal: only an assistant message has it; ignored.",
                                      "messages[0].tool_call_id: only a tool message has it; ignored."}));
  EXPECT_EQ(
      RequestUnderTest(with_messages(R"({"role":"assistant","content":null})")).faults("messages.0.content"),
      "Expected string or array, received null");
}

TEST(NativeMessages, TakesAnOpenAiRefusalBack) {
  const RequestUnderTest test(with_messages(R"({"role":"assistant","content":null,"refusal":"I cannot."})"));
  ASSERT_TRUE(test.accepted()) << test.failure_body();
  EXPECT_EQ(std::get<chat::RefusalPart>(test.part(0).kind).text, "I cannot.");
}

}  // namespace
}  // namespace ai_proxy::dialects::native
