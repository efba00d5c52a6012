#include <gtest/gtest.h>

#include <array>

#include "dialects/chat_completions/door_fixture.h"
#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

using chat_completions::fixture::AtDoor;

constexpr std::string_view kTool =
    R"({"type":"function","name":"f","description":"d","parameters":{"type":"object","z":1.0},"strict":true})";

AtDoor with(std::string_view members) {
  return AtDoor(std::string(R"({"model":"m","input":"hi",)").append(members).append("}"),
                kOpenAiResponsesDoor);
}
AtDoor with_items(std::string_view items) {
  return AtDoor(std::string(R"({"model":"m","input":[)").append(items).append("]}"), kOpenAiResponsesDoor);
}
AtDoor with_parts(std::string_view parts) {
  return with_items(std::string(R"({"role":"user","content":[)").append(parts).append("]}"));
}
AtDoor with_tool(std::string_view members) {
  return with(std::string(R"("tools":[)").append(kTool).append("]").append(members));
}

TEST(ResponsesDoorGlance, AlwaysGivesUsage) {
  const AtDoor at(R"({"model":"m","input":7,"stream":true})", kOpenAiResponsesDoor);
  ASSERT_TRUE(at.glance());
  EXPECT_TRUE(at.glance()->stream);
  EXPECT_TRUE(at.glance()->stream_usage);
}

TEST(ResponsesDoorPassThrough, ReplacesTheModelAndNothingElse) {
  const AtDoor at("{ \"stream\":true,\n\"x\":1.0, \"model\" : \"openai/gpt\", \"input\":\"\\u00e9\" }",
                  kOpenAiResponsesDoor);
  EXPECT_EQ(at.passed("gpt"), "{ \"stream\":true,\n\"x\":1.0, \"model\" : \"gpt\", \"input\":\"\\u00e9\" }");
}

TEST(ResponsesDoor, ReadsPlainMembers) {
  const AtDoor at = with(
      R"("instructions":"be brief","temperature":0.70,"top_p":1.0,"max_output_tokens":50,"stream":true,)"
      R"("metadata":{"a":"b"},"user":"u","service_tier":"flex","reasoning":{"effort":"low","summary":"auto"},)"
      R"("text":{"verbosity":"low"},"prompt_cache_key":"k","store":false,"background":null,)"
      R"("previous_response_id":null,"truncation":"disabled","include":["reasoning.encrypted_content"])");
  ASSERT_EQ(at.fault(), "");
  const chat::Request& request = at.request();
  ASSERT_EQ(request.messages.size(), 2u);
  EXPECT_EQ(at.message(0).role, chat::Role::system);
  EXPECT_EQ(at.part_as<chat::TextPart>(0, 0).text, "be brief");
  EXPECT_EQ(at.message(1).role, chat::Role::user);
  EXPECT_EQ(at.part_as<chat::TextPart>(1, 0).text, "hi");
  EXPECT_EQ(request.sampling.temperature, "0.70");
  EXPECT_EQ(request.sampling.top_p, "1.0");
  EXPECT_EQ(request.max_tokens, 50);
  EXPECT_TRUE(request.stream);
  EXPECT_EQ(request.metadata, R"({"a":"b"})");
  EXPECT_EQ(request.user, "u");
  EXPECT_EQ(request.service_tier, "flex");
  EXPECT_EQ(request.reasoning.effort, "low");
  EXPECT_EQ(at.extra("verbosity"), "\"low\"");
  EXPECT_EQ(at.extra("prompt_cache_key"), "\"k\"");
  EXPECT_TRUE(at.warnings().empty());
}

TEST(ResponsesDoor, WarnsOfWhatNoOtherProviderKnows) {
  const AtDoor at = with(R"("truncation":"auto","top_logprobs":3,"brand_new":1,"max_tool_calls":4)");
  ASSERT_EQ(at.fault(), "");
  EXPECT_EQ(at.warnings(), (std::vector<std::string>{
                               "truncation: no other provider shortens the input by itself; it was left out.",
                               "top_logprobs: no other provider knows it; it was left out.",
                               "brand_new: no other provider knows it; it was left out."}));
}

TEST(ResponsesDoor, RefusesStateThatOnlyOpenAiKeeps) {
  EXPECT_TRUE(with(R"("store":true)").fault().starts_with("store: Only OpenAI itself stores responses."));
  EXPECT_TRUE(with(R"("background":true)").fault().starts_with("background: Only OpenAI itself"));
  EXPECT_TRUE(with(R"("previous_response_id":"resp_1")")
                  .fault()
                  .starts_with("previous_response_id: 'previous_response_id' refers to what only OpenAI"));
  EXPECT_TRUE(with(R"("conversation":{"id":"conv_1"})").fault().starts_with("conversation: "));
  EXPECT_TRUE(with(R"("prompt":{"id":"pmpt_1"})").fault().starts_with("prompt: "));
  EXPECT_TRUE(with_items(R"({"type":"item_reference","id":"msg_1"})").fault().starts_with("input[0].type: "));
  EXPECT_TRUE(with_items(R"({"type":"compaction","encrypted_content":"x"})")
                  .fault()
                  .starts_with("input[0].type: Only OpenAI can read a compaction"));
}

TEST(ResponsesDoor, RefusesToolsThatRunAtOpenAi) {
  for (const std::string_view type : {"web_search", "file_search", "code_interpreter", "mcp",
                                      "computer_use_preview", "custom", "namespace"}) {
    const AtDoor at = with(std::string(R"("tools":[)")
                               .append(kTool)
                               .append(R"(,{"type":")")
                               .append(type)
                               .append(R"(","name":"n"}])"));
    EXPECT_TRUE(at.fault().starts_with("tools[1].type: Tools of the type '" + std::string(type)))
        << at.fault();
  }
}

TEST(ResponsesDoor, ReadsFunctionsAndTheChoiceAmongThem) {
  const AtDoor at = with_tool(R"(,"tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false)");
  ASSERT_EQ(at.fault(), "");
  const chat::Tool& tool = at.request().tools.at(0);
  EXPECT_EQ(tool.name, "f");
  EXPECT_EQ(tool.description, "d");
  EXPECT_EQ(tool.parameters, R"({"type":"object","z":1.0})");
  EXPECT_EQ(tool.strict, true);
  EXPECT_EQ(at.request().tool_choice->mode, chat::ToolChoiceMode::named);
  EXPECT_EQ(at.request().tool_choice->name, "f");
  EXPECT_EQ(at.request().parallel_tool_calls, false);

  const auto mode = [](std::string_view choice) {
    return with_tool(std::string(R"(,"tool_choice":)").append(choice)).request().tool_choice->mode;
  };
  EXPECT_EQ(mode(R"("auto")"), chat::ToolChoiceMode::automatic);
  EXPECT_EQ(mode(R"("none")"), chat::ToolChoiceMode::none);
  EXPECT_EQ(mode(R"("required")"), chat::ToolChoiceMode::required);
  EXPECT_EQ(mode(R"({"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"}]})"),
            chat::ToolChoiceMode::required);
}

TEST(ResponsesDoor, NamesTheMemberOfAToolAtFault) {
  const auto fault = [](std::string_view choice) {
    return with_tool(std::string(R"(,"tool_choice":)").append(choice)).fault();
  };
  EXPECT_EQ(fault(R"("some")"),
            "tool_choice: Invalid value: 'some'. Supported values are: 'none', 'auto', 'required'.");
  EXPECT_EQ(fault(R"({"type":"function","name":"g"})"),
            "tool_choice.name: No tool has the name 'g'. Did you mean \"f\"?");
  EXPECT_TRUE(fault(R"({"type":"web_search"})").starts_with("tool_choice.type: Tools of the type"));
  EXPECT_EQ(fault(R"({"type":"allowed_tools","tools":[]})"),
            "tool_choice.tools: At least one tool must be allowed.");
  EXPECT_EQ(with(R"("tool_choice":"required")").fault(),
            "tool_choice: Tool choice 'required' must be specified with 'tools' parameter.");
  EXPECT_EQ(with(R"("tool_choice":"auto")").fault(), "");
  EXPECT_EQ(with(R"("tools":[{"type":"function"}])").fault(),
            "tools[0].name: Missing required parameter: 'tools[0].name'.");
  EXPECT_EQ(with(R"("tools":[{"type":"function","name":"f","parameters":7}])").fault(),
            "tools[0].parameters: Invalid type for 'tools[0].parameters': expected an object, but got an "
            "integer instead.");
}

TEST(ResponsesDoor, ReadsTheFormOfTheAnswer) {
  const AtDoor at = with(
      R"("text":{"format":{"type":"json_schema","name":"n","description":"d","schema":{"a":1.0},"strict":true}})");
  const chat::ResponseFormat& format = at.request().response_format.value();
  EXPECT_EQ(format.kind, chat::ResponseFormatKind::json_schema);
  EXPECT_EQ(format.name, "n");
  EXPECT_EQ(format.description, "d");
  EXPECT_EQ(format.schema, R"({"a":1.0})");
  EXPECT_EQ(format.strict, true);
  EXPECT_EQ(with(R"("text":{"format":{"type":"json_object"}})").request().response_format->kind,
            chat::ResponseFormatKind::json_object);
  EXPECT_FALSE(with(R"("text":{"format":{"type":"text"}})").request().response_format);
  EXPECT_EQ(with(R"("text":{"format":{"type":"grammar"}})").fault(),
            "text.format.type: Invalid value: 'grammar'. Supported values are: 'text', 'json_object', "
            "'json_schema'.");
  EXPECT_EQ(with(R"("text":{"format":{"type":"json_schema","name":"n"}})").fault(),
            "text.format.schema: Missing required parameter: 'text.format.schema'.");
}

TEST(ResponsesDoor, ReadsEveryKindOfContent) {
  const AtDoor at = with_parts(
      R"({"type":"input_text","text":"t"},{"type":"input_image","image_url":"https://a.example/b.png","detail":"low"},)"
      R"({"type":"input_image","image_url":"data:image/png;base64,aGk="},)"
      R"({"type":"input_file","filename":"a.pdf","file_data":"data:Application/PDF;base64,aGk="},)"
      R"({"type":"input_file","file_url":"https://a.example/b.pdf"},{"type":"input_file","file_id":"file-1"},)"
      R"({"type":"input_audio","input_audio":{"data":"aGk=","format":"wav"}})");
  ASSERT_EQ(at.fault(), "");
  EXPECT_EQ(at.part_as<chat::TextPart>(0, 0).text, "t");
  EXPECT_EQ(at.part_as<chat::ImagePart>(0, 1).url, "https://a.example/b.png");
  EXPECT_EQ(at.part_as<chat::ImagePart>(0, 1).detail, "low");
  EXPECT_EQ(at.part_as<chat::ImagePart>(0, 2).media_type, "image/png");
  EXPECT_EQ(at.part_as<chat::ImagePart>(0, 2).base64, "aGk=");
  EXPECT_EQ(at.part_as<chat::DocumentPart>(0, 3).name, "a.pdf");
  EXPECT_EQ(at.part_as<chat::DocumentPart>(0, 3).media_type, "application/pdf");
  EXPECT_EQ(at.part_as<chat::DocumentPart>(0, 4).url, "https://a.example/b.pdf");
  EXPECT_EQ(at.part_as<chat::DocumentPart>(0, 5).file_id, "file-1");
  EXPECT_EQ(at.part_as<chat::AudioPart>(0, 6).format, "wav");
}

TEST(ResponsesDoor, JudgesContent) {
  const std::array<std::array<std::string_view, 2>, 9> cases{{
      {R"({"type":"picture"})", "input[0].content[0].type: Invalid value: 'picture'."},
      {R"({"text":"t"})", "input[0].content[0].type: Missing required parameter"},
      {R"({"type":"input_image","file_id":"file-1"})", "input[0].content[0].file_id: Only OpenAI can read"},
      {R"({"type":"input_image","image_url":"ftp://x"})", "input[0].content[0].image_url: Expected an https"},
      {R"({"type":"input_image","image_url":"data:image/bmp;base64,aGk="})",
       "input[0].content[0].image_url: Expected image/png"},
      {R"({"type":"input_image","image_url":"data:image/png;base64,??"})",
       "input[0].content[0].image_url: Invalid base64"},
      {R"({"type":"input_file"})", "input[0].content[0]: A file needs"},
      {R"({"type":"input_file","file_data":"aGk="})", "input[0].content[0].file_data: Expected a data: URI"},
      {R"({"type":"input_file","file_url":"x"})", "input[0].content[0].file_url: Expected an https URL."},
  }};
  for (const auto& [part, fault] : cases) {
    EXPECT_TRUE(with_parts(part).fault().starts_with(fault)) << with_parts(part).fault();
  }
}

TEST(ResponsesDoor, JudgesInput) {
  const auto of = [](std::string_view body) {
    return AtDoor(std::string(body), kOpenAiResponsesDoor).fault();
  };
  EXPECT_EQ(of(R"({"model":"m"})"), "input: Missing required parameter: 'input'.");
  EXPECT_EQ(of(R"({"model":"m","input":[]})"),
            "input: Invalid 'input': empty array. Expected at least one item.");
  EXPECT_EQ(of(R"({"model":"m","input":7})"),
            "input: Invalid type for 'input': expected a string or an array of items, but got an integer "
            "instead.");
  EXPECT_TRUE(with_items("7").fault().starts_with("input[0]: Invalid type"));
  EXPECT_TRUE(
      with_items(R"({"type":"dream"})").fault().starts_with("input[0].type: Invalid value: 'dream'."));
  EXPECT_TRUE(with_items(R"({"role":"tool","content":"x"})").fault().starts_with("input[0].role: Invalid"));
  EXPECT_TRUE(with_items(R"({"role":"user"})").fault().starts_with("input[0].content: Missing"));
  EXPECT_TRUE(with_items(R"({"role":"user","content":[]})").fault().starts_with("input[0].content: Invalid"));
  EXPECT_TRUE(with_items(R"({"type":"computer_call"})").fault().starts_with("input[0].type: Items of"));
  EXPECT_TRUE(
      with_items(R"({"type":"function_call_output","call_id":"c","output":"x"})")
          .fault()
          .starts_with("input[0].call_id: No tool call found for function call output with call_id c."));
  EXPECT_TRUE(with_items(R"({"type":"function_call","call_id":"c","name":"f","arguments":"{\"a\":"})")
                  .fault()
                  .starts_with("input[0].arguments: 'input[0].arguments' must be the text of one JSON"));
  EXPECT_TRUE(with(R"("max_output_tokens":0)").fault().starts_with("max_output_tokens: Invalid"));
}

// What the model said, thought and called in a row is one turn.
TEST(ResponsesDoor, GathersTheTurnsOfTheModel) {
  const AtDoor at = with_items(
      R"({"role":"user","content":"q"},)"
      R"({"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"signed.S1"},)"
      R"({"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"a","annotations":[]},{"type":"refusal","refusal":"no"}]},)"
      R"({"type":"web_search_call","id":"ws_1","status":"completed"},)"
      R"({"type":"function_call","call_id":"c1","name":"f","arguments":"{\"x\":1}"},)"
      R"({"type":"custom_tool_call","call_id":"c2","name":"g","input":"free"},)"
      R"({"type":"function_call_output","call_id":"c1","output":"one"},)"
      R"({"type":"custom_tool_call_output","call_id":"c2","output":[{"type":"input_text","text":"two"}]},)"
      R"({"role":"developer","content":"d"})");
  ASSERT_EQ(at.fault(), "");
  ASSERT_EQ(at.request().messages.size(), 5u);
  EXPECT_EQ(at.message(1).role, chat::Role::assistant);
  ASSERT_EQ(at.message(1).parts.size(), 6u);
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).text, "hm");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).signature, "S1");
  EXPECT_EQ(at.part_as<chat::TextPart>(1, 1).text, "a");
  EXPECT_EQ(at.part_as<chat::RefusalPart>(1, 2).text, "no");
  EXPECT_EQ(at.part_as<chat::OpaquePart>(1, 3).dialect, "openai_responses");
  EXPECT_EQ(at.part_as<chat::ToolCallPart>(1, 4).arguments, R"({"x":1})");
  EXPECT_EQ(at.part_as<chat::ToolCallPart>(1, 5).arguments, R"({"input":"free"})");
  EXPECT_EQ(at.message(2).role, chat::Role::tool);
  EXPECT_EQ(at.part_as<chat::ToolResultPart>(3, 0).tool_call_id, "c2");
  EXPECT_EQ(std::get<chat::TextPart>(at.part_as<chat::ToolResultPart>(3, 0).content.at(0).kind).text, "two");
  EXPECT_EQ(at.message(4).role, chat::Role::developer);
}

TEST(ResponsesDoor, KeepsOpenAisOwnThoughtsWholeAndDropsWhatHoldsNone) {
  const std::string sealed = R"({"type":"reasoning","summary":[],"encrypted_content":"gAAAAABx"})";
  const AtDoor at = with_items(R"({"role":"user","content":"q"},)" + sealed +
                               R"(,{"type":"reasoning","id":"rs_9","summary":[]})");
  ASSERT_EQ(at.fault(), "");
  EXPECT_EQ(at.part_as<chat::OpaquePart>(1, 0).raw, sealed);
  EXPECT_EQ(at.message(1).parts.size(), 1u);
  EXPECT_EQ(at.warnings(),
            std::vector<std::string>{
                "input[2]: it holds no thought that anyone but OpenAI could look up; it was left out."});
  chat::Warnings warnings;
  const auto back = kOpenAiResponses.render_request(at.request(), "w", {}, warnings);
  ASSERT_TRUE(back);
  EXPECT_NE(back->find(sealed), std::string::npos);
}

}  // namespace
}  // namespace ai_proxy::dialects
