#include <gtest/gtest.h>

#include <array>

#include "dialects/chat_completions/door_fixture.h"
#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

using chat_completions::fixture::AtDoor;
using chat_completions::fixture::with_messages;
using chat_completions::fixture::with_parts;

TEST(ChatDoorMessages, KnowsEveryRole) {
  const AtDoor at(with_messages(
      R"({"role":"system","content":"s"},{"role":"developer","content":[{"type":"text","text":"d"}]},)"
      R"({"role":"user","content":"u","name":"ann"},{"role":"assistant","content":"a"})"));
  ASSERT_EQ(at.fault(), "");
  EXPECT_EQ(at.message(0).role, chat::Role::system);
  EXPECT_EQ(at.message(1).role, chat::Role::developer);
  EXPECT_EQ(at.message(2).role, chat::Role::user);
  EXPECT_EQ(at.message(2).name, "ann");
  EXPECT_EQ(at.message(3).role, chat::Role::assistant);
  EXPECT_EQ(at.part_as<chat::TextPart>(1, 0).text, "d");
}

TEST(ChatDoorMessages, SplitsImagesAndNormalisesTheirType) {
  const AtDoor at(
      with_parts(R"({"type":"text","text":"t","cache_control":{"type":"ephemeral","ttl":"1h"}},)"
                 R"({"type":"image_url","image_url":{"url":"data:image/jpg;base64,AAAA","detail":"low"}},)"
                 R"({"type":"image_url","image_url":{"url":"https://example.com/a.png"}},)"
                 R"({"type":"image_url","image_url":"https://example.com/b.png"})"));
  ASSERT_EQ(at.fault(), "");
  EXPECT_EQ(at.part(0, 0).cache_control, R"({"type":"ephemeral","ttl":"1h"})");
  EXPECT_EQ(at.part_as<chat::ImagePart>(0, 1).media_type, "image/jpeg");
  EXPECT_EQ(at.part_as<chat::ImagePart>(0, 1).base64, "AAAA");
  EXPECT_EQ(at.part_as<chat::ImagePart>(0, 1).detail, "low");
  EXPECT_EQ(at.part_as<chat::ImagePart>(0, 2).url, "https://example.com/a.png");
  EXPECT_EQ(at.part_as<chat::ImagePart>(0, 3).url, "https://example.com/b.png");
}

TEST(ChatDoorMessages, ReadsSoundsAndDocumentsOfBothProviders) {
  const AtDoor at(with_parts(
      R"({"type":"input_audio","input_audio":{"data":"AAAA","format":"mp3"}},)"
      R"({"type":"input_audio","input_audio":"UklGRAAA"},)"
      R"({"type":"file","file":{"filename":"a.pdf","file_data":"data:Application/PDF;base64,AAAA"}},)"
      R"({"type":"file","file":{"file_id":"file-1"}},{"type":"file","file_id":"m-1"},)"
      R"({"type":"document_url","document_url":"https://example.com/a.pdf","document_name":"a"},)"
      R"({"type":"reference","reference_ids":[1]})"));
  ASSERT_EQ(at.fault(), "");
  EXPECT_EQ(at.part_as<chat::AudioPart>(0, 0).format, "mp3");
  EXPECT_EQ(at.part_as<chat::AudioPart>(0, 1).format, "wav");
  EXPECT_EQ(at.part_as<chat::DocumentPart>(0, 2).media_type, "application/pdf");
  EXPECT_EQ(at.part_as<chat::DocumentPart>(0, 2).name, "a.pdf");
  EXPECT_EQ(at.part_as<chat::DocumentPart>(0, 3).file_id, "file-1");
  EXPECT_EQ(at.part_as<chat::DocumentPart>(0, 4).file_id, "m-1");
  EXPECT_EQ(at.part_as<chat::DocumentPart>(0, 5).url, "https://example.com/a.pdf");
  EXPECT_EQ(at.part_as<chat::OpaquePart>(0, 6).dialect, "mistral_chat");
}

TEST(ChatDoorMessages, ReadsAToolTurn) {
  const AtDoor at(with_messages(
      R"({"role":"user","content":"u"},)"
      R"({"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"x\":1.0}"}},)"
      R"({"id":"b","function":{"name":"g","arguments":""}},{"id":"c","type":"custom","custom":{"name":"h","input":"say \"x\""}}]},)"
      R"({"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"r"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}],"cache_control":{"type":"ephemeral"}},)"
      R"({"role":"tool","tool_call_id":"a","content":""},{"role":"tool","name":"h","content":"by name"})"));
  ASSERT_EQ(at.fault(), "");
  ASSERT_EQ(at.message(1).parts.size(), 3u);
  EXPECT_EQ(at.part_as<chat::ToolCallPart>(1, 0).arguments, R"({"x":1.0})");
  EXPECT_EQ(at.part_as<chat::ToolCallPart>(1, 1).arguments, "");
  EXPECT_EQ(at.part_as<chat::ToolCallPart>(1, 2).arguments, R"({"input":"say \"x\""})");
  const auto& result = at.part_as<chat::ToolResultPart>(2, 0);
  EXPECT_EQ(result.tool_call_id, "b");
  EXPECT_EQ(result.content.size(), 2u);
  EXPECT_EQ(at.part(2, 0).cache_control, R"({"type":"ephemeral"})");
  EXPECT_EQ(at.part_as<chat::ToolResultPart>(4, 0).tool_call_id, "c");
}

TEST(ChatDoorMessages, TakesThinkingBackByteForByte) {
  const AtDoor at(with_messages(
      R"({"role":"user","content":"u"},{"role":"assistant","content":"a","reasoning_content":"all of it","thinking_blocks":[)"
      R"({"type":"thinking","thinking":"one","signature":"Eq+\/=="},{"type":"redacted_thinking","data":"zz"},)"
      R"({"type":"thinking","thinking":"","signature":"s2"}]})"));
  ASSERT_EQ(at.fault(), "");
  ASSERT_EQ(at.message(1).parts.size(), 4u);
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).text, "one");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).signature, "Eq+/==");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 1).redacted_data, "zz");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 2).signature, "s2");
  EXPECT_EQ(at.part_as<chat::TextPart>(1, 3).text, "a");

  const AtDoor unsigned_only(with_messages(
      R"({"role":"user","content":"u"},{"role":"assistant","content":"a","reasoning_content":"r"})"));
  EXPECT_EQ(unsigned_only.part_as<chat::ThinkingPart>(1, 0).text, "r");
  EXPECT_EQ(unsigned_only.part_as<chat::ThinkingPart>(1, 0).signature, "");
}

TEST(ChatDoorMessages, JoinsAStreamsThinkingChunks) {
  const AtDoor at(
      with_messages(
          R"({"role":"user","content":"u"},{"role":"assistant","content":[)"
          R"({"type":"thinking","closed":false,"thinking":[{"type":"text","text":"on"}]},)"
          R"({"type":"thinking","closed":false,"thinking":[{"type":"text","text":"e"}]},)"
          R"({"type":"thinking","closed":true,"thinking":[],"signature":"s1"},)"
          R"({"type":"thinking","closed":true,"thinking":[{"type":"text","text":"t"},{"type":"text","text":"wo"}]},)"
          R"({"type":"text","text":"a"}],"prefix":true})"),
      kMistralChatDoor);
  ASSERT_EQ(at.fault(), "");
  ASSERT_EQ(at.message(1).parts.size(), 3u);
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).text, "one");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).signature, "s1");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 1).text, "two");
  EXPECT_TRUE(at.message(1).prefix);
}

TEST(ChatDoorMessages, KeepsRefusals) {
  const AtDoor at(
      with_messages(R"({"role":"user","content":"u"},{"role":"assistant","content":null,"refusal":"no"},)"
                    R"({"role":"assistant","content":[{"type":"refusal","refusal":"never"}]})"));
  ASSERT_EQ(at.fault(), "");
  EXPECT_EQ(at.part_as<chat::RefusalPart>(1, 0).text, "no");
  EXPECT_EQ(at.part_as<chat::RefusalPart>(2, 0).text, "never");
}

TEST(ChatDoorMessages, TellsOfMembersNobodyElseKnows) {
  const AtDoor at(with_messages(
      R"({"role":"user","content":"u","mood":"sad","annotations":[]},{"role":"assistant","content":"a","audio":{"id":"x"},"tool_calls":[]})"));
  EXPECT_EQ(at.warnings(),
            (std::vector<std::string>{"messages[0].mood: no other provider knows it; it was left out.",
                                      "messages[1].audio: no other provider knows it; it was left out."}));
}

// C3: what a door showed of a thought comes back to the provider that signed it, byte for byte.
TEST(ChatDoorMessages, ThinkingMakesTheRoundTripThroughEitherDoor) {
  chat::Reply reply;
  reply.id = "msg_1";
  reply.thinking = {{.text = "on\ne", .signature = "Eq+/==", .redacted_data = {}},
                    {.text = {}, .signature = "s2", .redacted_data = {}}};
  reply.tool_calls = {{.id = "toolu_01AbC", .name = "f", .arguments = R"({"x":1.0})"}};
  for (const Door* door : {&kOpenAiChatDoor, &kMistralChatDoor}) {
    json::Document answer;
    const std::string body = door->render_reply(reply, {.model = "m", .id = {}});
    ASSERT_FALSE(answer.parse(body));
    const json::Value message = answer.root()["choices"][0]["message"];
    const std::string id(message["tool_calls"][0]["id"].string_or(""));
    std::string messages = R"({"role":"user","content":"u"},)";
    messages.append(message.raw()).append(R"(,{"role":"tool","content":"r","tool_call_id":")");
    messages.append(id).append("\"}");
    const AtDoor at(with_messages(messages), *door);
    ASSERT_EQ(at.fault(), "");
    EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).text, "on\ne");
    EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).signature, "Eq+/==");
    EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 1).text, "");
    EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 1).signature, "s2");
    EXPECT_EQ(at.part_as<chat::ToolCallPart>(1, 2).arguments, R"({"x":1.0})");

    chat::Warnings warnings;
    const auto rendered = kAnthropicMessages.render_request(at.request(), "claude", {}, warnings);
    ASSERT_TRUE(rendered) << rendered.error().message;
    EXPECT_NE(rendered->find(R"({"type":"thinking","thinking":"on\ne","signature":"Eq+/=="},)"
                             R"({"type":"thinking","thinking":"","signature":"s2"},{"type":"tool_use")"),
              std::string::npos)
        << *rendered;
  }
}

struct FaultCase {
  std::string_view messages;
  std::string_view fault;
};

TEST(ChatDoorMessages, NamesWhatIsWrong) {
  const std::array cases{
      FaultCase{"", "messages: Invalid 'messages': empty array. Expected at least one message."},
      FaultCase{"7",
                "messages[0]: Invalid type for 'messages[0]': expected an object, but got an integer "
                "instead."},
      FaultCase{R"({"content":"x"})", "messages[0].role: Missing required parameter: 'messages[0].role'."},
      FaultCase{
          R"({"role":"usr","content":"x"})",
          "messages[0].role: Invalid value: 'usr'. Supported values are: 'system', 'developer', 'user', "
          "'assistant', 'tool', 'function'. Did you mean \"user\"?"},
      FaultCase{R"({"role":"user"})",
                "messages[0].content: Missing required parameter: 'messages[0].content'."},
      FaultCase{
          R"({"role":"user","content":null})",
          "messages[0].content: Invalid type for 'messages[0].content': expected a string or an array of "
          "parts, but got null instead."},
      FaultCase{
          R"({"role":"user","content":[]})",
          "messages[0].content: Invalid 'messages[0].content': empty array. Expected at least one part."},
      FaultCase{R"({"role":"assistant","content":null})",
                "messages[0].content: An assistant message needs content or tool calls."},
      FaultCase{R"({"role":"user","content":"x","tool_calls":[{}]})",
                "messages[0].tool_calls: Only an assistant message can carry tool calls."},
      FaultCase{R"({"role":"tool","tool_call_id":"x","content":"r"})",
                "messages[0].tool_call_id: No earlier assistant message has a tool call with the id 'x'."},
      FaultCase{R"({"role":"tool","content":"r"})",
                "messages[0].tool_call_id: Missing required parameter: 'messages[0].tool_call_id'."},
      FaultCase{R"({"role":"function","name":"f","content":"r"})",
                "messages[0].name: No earlier assistant message calls a function 'f'."},
      FaultCase{
          R"({"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"[]"}}]})",
          "messages[0].tool_calls[0].function.arguments: 'messages[0].tool_calls[0].function.arguments' "
          "must be the text of one JSON object, but holds an array."},
      FaultCase{R"({"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]})",
                "messages[0].tool_calls[0].id: Missing required parameter: 'messages[0].tool_calls[0].id'."},
      FaultCase{R"({"role":"assistant","thinking_blocks":[{"type":"thought"}]})",
                "messages[0].thinking_blocks[0].type: Invalid value: 'thought'. Supported values are: "
                "'thinking', 'redacted_thinking'."},
  };
  for (const FaultCase& one : cases) EXPECT_EQ(AtDoor(with_messages(one.messages)).fault(), one.fault);
  EXPECT_EQ(AtDoor(R"({"model":"m"})").fault(), "messages: Missing required parameter: 'messages'.");
}

TEST(ChatDoorMessages, NamesBrokenArgumentsByPlace) {
  const AtDoor at(with_messages(
      R"({"role":"user","content":"u"},{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":"null"}},{"id":"b","function":{"name":"f","arguments":"{\"a\":1"}}]})"));
  EXPECT_TRUE(at.fault().starts_with("messages[1].tool_calls[1].function.arguments: ")) << at.fault();
}

TEST(ChatDoorMessages, NamesThePartAtFault) {
  const std::array cases{
      FaultCase{R"({"type":"txt","text":"x"})", "messages[0].content[0].type: Invalid value: 'txt'."},
      FaultCase{R"({"type":"text","text":"x"},{"type":"text"})",
                "messages[0].content[1].text: Missing required parameter"},
      FaultCase{R"({"type":"image_url","image_url":{"url":"AAAA"}})",
                "messages[0].content[0].image_url.url: Expected an https URL, or a data: URI"},
      FaultCase{R"({"type":"image_url","image_url":{"url":"data:image/png;base64,A*=="}})",
                "messages[0].content[0].image_url.url: Invalid base64"},
      FaultCase{
          R"({"type":"image_url","image_url":{"url":"data:image/tiff;base64,AAAA"}})",
          "messages[0].content[0].image_url.url: Expected image/png, image/jpeg, image/webp or image/gif"},
      FaultCase{R"({"type":"image_url"})", "messages[0].content[0].image_url: Missing required parameter"},
      FaultCase{R"({"type":"input_audio","input_audio":{"data":"?","format":"wav"}})",
                "messages[0].content[0].input_audio.data: Invalid base64"},
      FaultCase{R"({"type":"input_audio","input_audio":"https://example.com/a.mp3"})",
                "messages[0].content[0].input_audio: Other providers take audio as base64 data only"},
      FaultCase{R"({"type":"file","file":{}})",
                "messages[0].content[0].file: A file needs file_data or file_id."},
      FaultCase{R"({"type":"file","file":{"file_data":"AAAA"}})",
                "messages[0].content[0].file.file_data: Expected a data: URI"},
      FaultCase{R"({"type":"refusal","refusal":"x"})",
                "messages[0].content[0].type: Invalid value: 'refusal'"},
  };
  for (const FaultCase& one : cases) {
    const std::string fault = AtDoor(with_parts(one.messages)).fault();
    EXPECT_TRUE(fault.starts_with(one.fault)) << fault;
  }
}

}  // namespace
}  // namespace ai_proxy::dialects
