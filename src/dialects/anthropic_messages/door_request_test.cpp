// Requests in Anthropic's words: what each member becomes, what passes untouched, and the faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <variant>

#include "dialects/anthropic_messages/anthropic_messages.h"
#include "dialects/doors.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

const Door& door = kAnthropicMessagesDoor;

struct Parsed {
  std::string text;
  json::Document document;
  chat::Warnings warnings;
  Result<chat::Request> result;

  explicit Parsed(std::string body) : text(std::move(body)) {
    const auto fault = document.parse(text);
    EXPECT_FALSE(fault) << fault->message << " in " << text;
    result = door.parse_request(document.root(), warnings);
  }
  const chat::Request* operator->() const { return &*result; }
  std::string fault() const { return result ? "none" : result.error().message; }
  template <class Kind>
  const Kind& part(std::size_t message, std::size_t index) const {
    return std::get<Kind>(result->messages.at(message).parts.at(index).kind);
  }
};

// A request with these members beside the required ones.
Parsed with(std::string_view members) {
  std::string body = R"({"model":"m","max_tokens":2000,"messages":[{"role":"user","content":"Hi"}])";
  return Parsed(body.append(members.empty() ? "" : ",").append(members).append("}"));
}
Parsed with_messages(std::string_view messages) {
  std::string body = R"({"model":"m","max_tokens":10,"messages":)";
  return Parsed(body.append(messages).append("}"));
}
Parsed with_blocks(std::string_view role, std::string_view blocks) {
  std::string messages = R"([{"role":")";
  return with_messages(messages.append(role).append(R"(","content":[)").append(blocks).append("]}]"));
}

TEST(AnthropicDoorGlance, ReadsModelAndStreamAndNothingElse) {
  json::Document document;
  ASSERT_FALSE(document.parse(R"({"messages":7,"stream":true,"model":"anthropic\/x"})"));
  const auto seen = door.glance(document.root());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->model, "anthropic/x");
  EXPECT_TRUE(seen->stream);
  ASSERT_FALSE(document.parse(R"({"model":"x","stream":null})"));
  EXPECT_FALSE(door.glance(document.root())->stream);
}

TEST(AnthropicDoorGlance, TellsWhatIsWrong) {
  const auto fault = [](std::string_view body) {
    json::Document document;
    EXPECT_FALSE(document.parse(body));
    const auto seen = door.glance(document.root());
    return seen ? std::string("none") : seen.error().message;
  };
  EXPECT_EQ(fault("[]"), "Input should be a valid dictionary");
  EXPECT_EQ(fault("{}"), "model: Field required");
  EXPECT_EQ(fault(R"({"model":7})"), "model: Input should be a valid string");
  EXPECT_EQ(fault(R"({"model":""})"), "model: String should have at least 1 character");
  EXPECT_EQ(fault(R"({"model":"x","stream":"yes"})"), "stream: Input should be a valid boolean");
}

TEST(AnthropicDoorPassThrough, ReplacesTheModelsValueAndNoOtherByte) {
  const auto passed = [](const std::string& body, std::string_view model) {
    json::Document document;
    EXPECT_FALSE(document.parse(body));
    return door.pass_through(document.root(), model, *door.glance(document.root())).value_or(body);
  };
  const std::string body =
      "{ \"z\" : 1.0, \"model\" :\t\"anthropic\\/claude-x\" ,\"metadata\":{\"model\":\"keep\"},\n"
      "\"n\":9007199254740993,\"e\":1E2,\"s\":\"\\u00e9\\/\" }";
  std::string expected = body;
  expected.replace(body.find("\"anthropic"), std::string_view(R"("anthropic\/claude-x")").size(),
                   "\"claude-x\"");
  EXPECT_EQ(passed(body, "claude-x"), expected);
  EXPECT_EQ(passed(body, "anthropic/claude-x"), body) << "the same name keeps its spelling";
  EXPECT_EQ(passed(R"({"model":"a"})", "q\"\\"), R"({"model":"q\"\\"})");
}

TEST(AnthropicDoorRequest, ReadsTheScalarsWithTheirSpelling) {
  const Parsed parsed =
      with(R"("stream":true,"temperature":0.70,"top_p":1.0,"top_k":40,"stop_sequences":["a","\n"],)"
           R"("metadata":{"user_id":"u1","x":1},"service_tier":"standard_only")");
  ASSERT_TRUE(parsed.result) << parsed.fault();
  EXPECT_EQ(parsed->model, "m");
  EXPECT_EQ(parsed->max_tokens, 2000);
  EXPECT_TRUE(parsed->stream);
  EXPECT_EQ(parsed->sampling.temperature, "0.70");
  EXPECT_EQ(parsed->sampling.top_p, "1.0");
  EXPECT_EQ(parsed->sampling.top_k, "40");
  EXPECT_THAT(parsed->sampling.stop, ElementsAre("a", "\n"));
  EXPECT_EQ(parsed->user, "u1");
  EXPECT_EQ(parsed->service_tier, "standard_only");
  EXPECT_THAT(parsed->extra, IsEmpty());
  EXPECT_THAT(parsed.warnings.list(),
              ElementsAre("metadata.x: Anthropic's metadata hold only user_id; it was left out."));
}

TEST(AnthropicDoorRequest, OptionalMembersMayBeNull) {
  const Parsed parsed = with(
      R"("stream":null,"temperature":null,"top_p":null,"top_k":null,"stop_sequences":null,"metadata":null,)"
      R"("service_tier":null,"system":null,"tools":null,"tool_choice":null,"thinking":null,)"
      R"("output_config":null,"output_format":null,"container":null)");
  ASSERT_TRUE(parsed.result) << parsed.fault();
  EXPECT_FALSE(parsed->tool_choice || parsed->response_format || parsed->reasoning.budget_tokens);
  EXPECT_THAT(parsed->extra, IsEmpty());
  EXPECT_EQ(parsed->messages.size(), 1U);
}

TEST(AnthropicDoorRequest, SystemStandsInFrontAndKeepsItsMarkers) {
  const Parsed text = with(R"("system":"Be brief.")");
  ASSERT_TRUE(text.result);
  ASSERT_EQ(text->messages.size(), 2U);
  EXPECT_EQ(text->messages[0].role, chat::Role::system);
  EXPECT_EQ(text.part<chat::TextPart>(0, 0).text, "Be brief.");

  const Parsed blocks =
      with(R"("system":[{"type":"text","text":"A"},{"type":"text","text":""},)"
           R"({"type":"text","text":"B","cache_control":{"type":"ephemeral","ttl":"1h"}}])");
  ASSERT_TRUE(blocks.result);
  ASSERT_EQ(blocks->messages[0].parts.size(), 2U);
  EXPECT_EQ(blocks->messages[0].parts[0].cache_control, "");
  EXPECT_EQ(blocks->messages[0].parts[1].cache_control, R"({"type":"ephemeral","ttl":"1h"})");
  EXPECT_EQ(with(R"("system":"")")->messages.size(), 1U);
}

TEST(AnthropicDoorRequest, ReadsSystemMessagesInsideTheConversation) {
  const Parsed parsed = with_messages(
      R"([{"role":"user","content":"a"},{"role":"system","content":"now"},{"role":"user","content":"b"}])");
  ASSERT_TRUE(parsed.result);
  EXPECT_EQ(parsed->messages[1].role, chat::Role::system);
  EXPECT_EQ(parsed.part<chat::TextPart>(1, 0).text, "now");
}

TEST(AnthropicDoorRequest, ReadsImagesAndDocumentsOfEverySource) {
  const Parsed parsed = with_blocks(
      "user",
      R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"},"cache_control":{"type":"ephemeral"}},)"
      R"({"type":"image","source":{"type":"url","url":"https://x/y.png"}},)"
      R"({"type":"image","source":{"type":"file","file_id":"file_1"}},)"
      R"({"type":"document","title":"T","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}},)"
      R"({"type":"document","source":{"type":"url","url":"https://x/y.pdf"}},)"
      R"({"type":"document","source":{"type":"file","file_id":"file_2"},"citations":{"enabled":false}},)"
      R"({"type":"document","source":{"type":"text","media_type":"text/plain","data":"words"},"citations":{"enabled":true},"context":"c"},)"
      R"({"type":"document","source":{"type":"content","content":"plain"}},)"
      R"({"type":"document","source":{"type":"content","content":[{"type":"text","text":"t"}]}})");
  ASSERT_TRUE(parsed.result) << parsed.fault();
  EXPECT_EQ(parsed.part<chat::ImagePart>(0, 0).media_type, "image/png");
  EXPECT_EQ(parsed.part<chat::ImagePart>(0, 0).base64, "AAAA");
  EXPECT_EQ(parsed->messages[0].parts[0].cache_control, R"({"type":"ephemeral"})");
  EXPECT_EQ(parsed.part<chat::ImagePart>(0, 1).url, "https://x/y.png");
  EXPECT_THAT(std::string(parsed.part<chat::OpaquePart>(0, 2).raw), HasSubstr("file_1"));
  EXPECT_EQ(parsed.part<chat::DocumentPart>(0, 3).base64, "JVBE");
  EXPECT_EQ(parsed.part<chat::DocumentPart>(0, 3).media_type, "application/pdf");
  EXPECT_EQ(parsed.part<chat::DocumentPart>(0, 3).name, "T");
  EXPECT_EQ(parsed.part<chat::DocumentPart>(0, 4).url, "https://x/y.pdf");
  EXPECT_EQ(parsed.part<chat::DocumentPart>(0, 5).file_id, "file_2");
  EXPECT_EQ(parsed.part<chat::DocumentPart>(0, 6).text, "words");
  EXPECT_EQ(parsed.part<chat::DocumentPart>(0, 7).text, "plain");
  EXPECT_EQ(parsed.part<chat::OpaquePart>(0, 8).dialect, kName);
  EXPECT_THAT(
      parsed.warnings.list(),
      ElementsAre("messages[0].content[6].citations: only Anthropic's own models cite; it was left out.",
                  "messages[0].content[6].context: only Anthropic knows remarks beside a document; "
                  "it was left out."));
}

TEST(AnthropicDoorRequest, C3ThinkingComesBackByteForByteAndInOrder) {
  const Parsed parsed = with_blocks(
      "assistant",
      R"({"type":"thinking","thinking":"a","signature":"s1=="},{"type":"redacted_thinking","data":"d"},)"
      R"({"type":"thinking","thinking":"","signature":"s2"},{"type":"text","text":"t"},)"
      R"({"type":"tool_use","id":"toolu_1","name":"f","input":{ "z":1.0, "a":[9007199254740993] }},)"
      R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}})");
  ASSERT_TRUE(parsed.result) << parsed.fault();
  EXPECT_EQ(parsed.part<chat::ThinkingPart>(0, 0).text, "a");
  EXPECT_EQ(parsed.part<chat::ThinkingPart>(0, 0).signature, "s1==");
  EXPECT_EQ(parsed.part<chat::ThinkingPart>(0, 1).redacted_data, "d");
  EXPECT_EQ(parsed.part<chat::ThinkingPart>(0, 2).signature, "s2");
  EXPECT_EQ(parsed.part<chat::ToolCallPart>(0, 4).arguments, R"({ "z":1.0, "a":[9007199254740993] })");
  EXPECT_EQ(parsed.part<chat::ToolCallPart>(0, 4).id, "toolu_1");
  EXPECT_EQ(parsed.part<chat::OpaquePart>(0, 5).raw,
            R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}})");
}

TEST(AnthropicDoorRequest, ToolResultsComeFirstAndKeepTheirParts) {
  const Parsed parsed = with_blocks(
      "user",
      R"({"type":"text","text":"and now?"},)"
      R"({"type":"tool_result","tool_use_id":"a","content":"42","cache_control":{"type":"ephemeral"}},)"
      R"({"type":"tool_result","tool_use_id":"b","is_error":true,"content":[{"type":"text","text":"x"},)"
      R"({"type":"image","source":{"type":"url","url":"https://i"}},{"type":"tool_reference","tool_name":"t"}]},)"
      R"({"type":"tool_result","tool_use_id":"c"})");
  ASSERT_TRUE(parsed.result) << parsed.fault();
  EXPECT_EQ(parsed->messages[0].role, chat::Role::user);
  const auto& first = parsed.part<chat::ToolResultPart>(0, 0);
  EXPECT_EQ(first.tool_call_id, "a");
  EXPECT_FALSE(first.is_error);
  EXPECT_EQ(std::get<chat::TextPart>(first.content.at(0).kind).text, "42");
  EXPECT_EQ(parsed->messages[0].parts[0].cache_control, R"({"type":"ephemeral"})");
  const auto& second = parsed.part<chat::ToolResultPart>(0, 1);
  EXPECT_TRUE(second.is_error);
  EXPECT_EQ(std::get<chat::ImagePart>(second.content.at(1).kind).url, "https://i");
  EXPECT_EQ(std::get<chat::OpaquePart>(second.content.at(2).kind).dialect, kName);
  EXPECT_THAT(parsed.part<chat::ToolResultPart>(0, 2).content, IsEmpty());
  EXPECT_EQ(parsed.part<chat::TextPart>(0, 3).text, "and now?");

  const Parsed only = with_blocks("user", R"({"type":"tool_result","tool_use_id":"a","content":"42"})");
  EXPECT_EQ(only->messages[0].role, chat::Role::tool);
}

TEST(AnthropicDoorRequest, ReadsToolsWithTheirSchemasByteForByte) {
  const Parsed parsed =
      with(R"("tools":[{"name":"f","description":"d","input_schema":{"type":"object", "z":1.0,"a":1E2},)"
           R"("strict":true,"cache_control":{"type":"ephemeral"},"defer_loading":true,"input_examples":[]},)"
           R"({"type":"custom","name":"g","input_schema":{"type":"object"}},)"
           R"({"type":"web_search_20250305","name":"web_search","max_uses":3}])");
  ASSERT_TRUE(parsed.result) << parsed.fault();
  ASSERT_EQ(parsed->tools.size(), 3U);
  EXPECT_EQ(parsed->tools[0].name, "f");
  EXPECT_EQ(parsed->tools[0].description, "d");
  EXPECT_EQ(parsed->tools[0].parameters, R"({"type":"object", "z":1.0,"a":1E2})");
  EXPECT_EQ(parsed->tools[0].strict, true);
  EXPECT_EQ(parsed->tools[0].cache_control, R"({"type":"ephemeral"})");
  EXPECT_EQ(parsed->tools[1].strict, std::nullopt);
  EXPECT_EQ(parsed->tools[2].name, "web_search");
  EXPECT_EQ(parsed->tools[2].raw, R"({"type":"web_search_20250305","name":"web_search","max_uses":3})");
  EXPECT_THAT(parsed.warnings.list(),
              ElementsAre("tools[0].defer_loading: only Anthropic's own models know it; it was left out."));
}

TEST(AnthropicDoorRequest, C8ReadsTheChoiceAmongTools) {
  using Mode = chat::ToolChoiceMode;
  const auto mode = [](std::string_view choice) {
    return with(std::string(R"("tool_choice":)").append(choice))->tool_choice->mode;
  };
  EXPECT_EQ(mode(R"({"type":"auto"})"), Mode::automatic);
  EXPECT_EQ(mode(R"({"type":"any"})"), Mode::required);
  EXPECT_EQ(mode(R"({"type":"none"})"), Mode::none);
  const Parsed named = with(R"("tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true})");
  EXPECT_EQ(named->tool_choice->mode, Mode::named);
  EXPECT_EQ(named->tool_choice->name, "f");
  EXPECT_EQ(named->parallel_tool_calls, false);
  const Parsed parallel = with(R"("tool_choice":{"type":"auto","disable_parallel_tool_use":false})");
  EXPECT_EQ(parallel->parallel_tool_calls, std::nullopt);
}

TEST(AnthropicDoorRequest, ReadsHowMuchToThink) {
  const Parsed budget = with(R"("thinking":{"type":"enabled","budget_tokens":1500})");
  EXPECT_EQ(budget->reasoning.budget_tokens, 1500);
  EXPECT_EQ(budget->reasoning.effort, "");
  EXPECT_THAT(budget->extra, IsEmpty());
  EXPECT_EQ(with(R"("thinking":{"type":"disabled"})")->reasoning.effort, "none");
  EXPECT_EQ(with(R"("thinking":{"type":"adaptive"})")->reasoning.effort, "high") << "Anthropic's default";
  const Parsed both = with(R"("thinking":{"type":"adaptive"},"output_config":{"effort":"low"})");
  EXPECT_EQ(both->reasoning.effort, "low");
  EXPECT_THAT(both->extra, IsEmpty());
}

TEST(AnthropicDoorRequest, WhatOnlyAnthropicCanSayOfThinkingGoesOnRaw) {
  const Parsed shown = with(
      R"("thinking":{"type":"adaptive","display":"omitted"},"output_config":{"effort":"low","format":null})");
  EXPECT_EQ(shown->reasoning.effort, "low");
  EXPECT_THAT(shown->extra, ElementsAre(Pair("thinking", R"({"type":"adaptive","display":"omitted"})"),
                                        Pair("output_config", R"({"effort":"low"})")));
  const Parsed off = with(R"("thinking":{"type":"disabled"},"output_config":{"effort":"low"})");
  EXPECT_EQ(off->reasoning.effort, "none");
  EXPECT_THAT(off->extra, ElementsAre(Pair("output_config", R"({"effort":"low"})")));
  const Parsed task = with(R"("output_config":{"effort":"max","task_budget":{"total":1.0}})");
  EXPECT_EQ(task->reasoning.effort, "max");
  EXPECT_THAT(task->extra, ElementsAre(Pair("output_config", R"({"task_budget":{"total":1.0}})")));
}

TEST(AnthropicDoorRequest, ReadsTheFormatUnderBothItsNames) {
  for (const std::string_view members :
       {R"("output_config":{"format":{"type":"json_schema","schema":{"z":1,"a":2.0}}})",
        R"("output_format":{"type":"json_schema","schema":{"z":1,"a":2.0}})"}) {
    const Parsed parsed = with(members);
    ASSERT_TRUE(parsed.result) << parsed.fault();
    ASSERT_TRUE(parsed->response_format);
    EXPECT_EQ(parsed->response_format->kind, chat::ResponseFormatKind::json_schema);
    EXPECT_EQ(parsed->response_format->schema, R"({"z":1,"a":2.0})");
    EXPECT_THAT(parsed->extra, IsEmpty());
  }
}

TEST(AnthropicDoorRequest, HandsOnWhatItDoesNotReadAndTellsWhatStandsInTheWay) {
  const Parsed parsed = with(R"("mcp_servers":[{"z":1.0}],"speed":"fast","tomorrow":1E2,"seed":7)");
  ASSERT_TRUE(parsed.result);
  EXPECT_THAT(parsed->extra, ElementsAre(Pair("mcp_servers", R"([{"z":1.0}])"), Pair("speed", "\"fast\""),
                                         Pair("tomorrow", "1E2")));
  EXPECT_THAT(parsed.warnings.list(),
              ElementsAre("seed: Anthropic's API has no such parameter; it was left out."));
}

TEST(AnthropicDoorRequest, FaultsSpeakAnthropicsWords) {
  struct Case {
    std::string_view body, message, parameter;
  };
  const auto check = [](const Parsed& parsed, std::string_view message, std::string_view parameter) {
    ASSERT_FALSE(parsed.result) << parsed.text;
    EXPECT_EQ(parsed.result.error().message, message);
    EXPECT_EQ(parsed.result.error().parameter, parameter);
    EXPECT_EQ(parsed.result.error().code, ErrorCode::invalid_request);
  };
  const std::vector<Case> bodies{
      {R"([])", "Input should be a valid dictionary", ""},
      {R"({"model":"m","messages":[]})", "max_tokens: Field required", "max_tokens"},
      {R"({"model":"m","max_tokens":1})", "messages: Field required", "messages"},
      {R"({"model":"m","max_tokens":1,"messages":[]})", "messages: at least one message is required",
       "messages"},
      {R"({"model":"m","max_tokens":1.5,"messages":[]})", "max_tokens: Input should be a valid integer",
       "max_tokens"},
      {R"({"model":"m","max_tokens":-1,"messages":[]})",
       "max_tokens: Input should be greater than or equal to 0", "max_tokens"},
      {R"({"model":"m","max_tokens":1,"messages":["x"]})",
       "messages.0: Input does not match the expected shape.", "messages[0]"}};
  for (const Case& one : bodies) check(Parsed(std::string(one.body)), one.message, one.parameter);

  check(with_messages(R"([{"role":"user"}])"), "messages.0.content: Field required", "messages[0].content");
  check(with_messages(R"([{"role":"user","content":7}])"),
        "messages.0.content: Input does not match the expected shape.", "messages[0].content");
  check(with_messages(R"([{"content":"x"}])"), "messages.0.role: Field required", "messages[0].role");
  check(with_messages(R"([{"role":"tool","content":"x"}])"),
        "messages.0.role: Input should be 'user', 'assistant' or 'system'", "messages[0].role");
  check(with_blocks("user", R"({"type":"text","text":"a"},{"type":"text"})"),
        "messages.0.content.1.text.text: Field required", "messages[0].content[1].text");
  check(with_blocks("user", R"({"text":"a"})"), "messages.0.content.0.type: Field required",
        "messages[0].content[0].type");
  check(with_blocks("user", R"({"type":"image","source":{"type":"base64","data":"A"}})"),
        "messages.0.content.0.image.source.base64.media_type: Field required",
        "messages[0].content[0].source.media_type");
  check(with_blocks("assistant", R"({"type":"tool_use","id":"a","name":"f","input":"{}"})"),
        "messages.0.content.0.tool_use.input: Input should be a valid dictionary",
        "messages[0].content[0].input");
  check(with_blocks("assistant", R"({"type":"tool_result","tool_use_id":"a"})"),
        "messages.0.content.0: `tool_result` blocks can only be in `user` messages",
        "messages[0].content[0]");
  check(with_blocks("user", R"({"type":"tool_use","id":"a","name":"f","input":{}})"),
        "messages.0.content.0: `tool_use` blocks can only be in `assistant` messages",
        "messages[0].content[0]");
  check(with_blocks("user", R"({"type":"tool_result","content":"x"})"),
        "messages.0.content.0.tool_result.tool_use_id: Field required", "messages[0].content[0].tool_use_id");
  check(with(R"("tools":[{"name":"f"}])"), "tools.0.custom.input_schema: Field required",
        "tools[0].input_schema");
  check(with(R"("tools":[{"name":"f","input_schema":{}}])"),
        "tools.0.custom.input_schema.type: Field required", "tools[0].input_schema.type");
  check(
      with(R"("tool_choice":{"type":"required"})"),
      "tool_choice: Input tag 'required' found using 'type' does not match any of the expected tags: 'auto', "
      "'any', 'tool', 'none'",
      "tool_choice");
  check(with(R"("tool_choice":{"type":"tool"})"), "tool_choice.tool.name: Field required",
        "tool_choice.name");
  check(with(R"("temperature":1.1)"), "temperature: range: 0..1", "temperature");
  check(with(R"("stop_sequences":["a",1])"), "stop_sequences.1: Input should be a valid string",
        "stop_sequences[1]");
  check(with(R"("thinking":{"type":"enabled"})"), "thinking.enabled.budget_tokens: Field required",
        "thinking.budget_tokens");
  check(with(R"("thinking":{"type":"enabled","budget_tokens":1023})"),
        "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024",
        "thinking.budget_tokens");
  check(with(R"("thinking":{"type":"enabled","budget_tokens":2000})"),
        "`max_tokens` must be greater than `thinking.budget_tokens`.", "max_tokens");
  check(with(R"("output_config":{"effort":"minimal"})"),
        "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'",
        "output_config.effort");
  check(with(R"("output_format":{"type":"json_schema"})"), "output_format.schema: Field required",
        "output_format.schema");
}

TEST(AnthropicDoorRequest, NoMemberOfTheWrongTypeIsTakenOrCrashes) {
  for (const std::string_view name : {"model", "max_tokens", "messages", "system", "stream", "temperature",
                                      "top_p", "top_k", "stop_sequences", "tools", "tool_choice", "thinking",
                                      "output_config", "output_format", "metadata", "service_tier"}) {
    for (const std::string_view value : {"{}", "[]", "[7]", "7", "\"x\"", "true", "[[]]", "[null]", "[{}]"}) {
      std::string body = "{\"";
      body.append(name).append("\":").append(value);
      if (name != "model") body += R"(,"model":"m")";
      if (name != "max_tokens") body += R"(,"max_tokens":9)";
      if (name != "messages") body += R"(,"messages":[{"role":"user","content":"x"}])";
      const Parsed parsed(body + "}");
      if (!parsed.result) {
        EXPECT_TRUE(parsed.fault().starts_with(name)) << body << " " << parsed.fault();
      }
    }
  }
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
