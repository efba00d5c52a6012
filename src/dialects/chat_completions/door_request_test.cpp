#include <gtest/gtest.h>

#include <array>

#include "dialects/chat_completions/door_fixture.h"

namespace ai_proxy::dialects {
namespace {

using chat_completions::fixture::AtDoor;
using chat_completions::fixture::with_members;

constexpr std::string_view kTool =
    R"({"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object","z":1.0},"strict":true}})";

std::string with_tool(std::string_view members) {
  return with_members(std::string(R"("tools":[)").append(kTool).append("],").append(members));
}

std::string glance_fault(std::string_view body) {
  json::Document document;
  EXPECT_FALSE(document.parse(body)) << body;
  const auto seen = kOpenAiChatDoor.glance(document.root());
  return seen ? "taken" : seen.error().parameter + ": " + seen.error().message;
}

TEST(ChatDoorGlance, SeesModelStreamAndUsageOption) {
  const AtDoor at(with_members(R"("stream":true,"stream_options":{"include_usage":true,"x":1})"));
  ASSERT_TRUE(at.glance());
  EXPECT_EQ(at.glance()->model, "m");
  EXPECT_TRUE(at.glance()->stream);
  EXPECT_TRUE(at.glance()->stream_usage);
  const AtDoor plain(with_members(R"("stream":null,"stream_options":null)"));
  EXPECT_FALSE(plain.glance()->stream);
  EXPECT_FALSE(plain.glance()->stream_usage);
}

TEST(ChatDoorGlance, NamesTheMemberAtFault) {
  EXPECT_EQ(glance_fault("[]"), ": The request body must be a JSON object, but it is an array.");
  EXPECT_EQ(glance_fault("{}"), "model: Missing required parameter: 'model'.");
  EXPECT_EQ(glance_fault(R"({"model":7})"),
            "model: Invalid type for 'model': expected a string, but got an integer instead.");
  EXPECT_EQ(glance_fault(R"({"model":""})"), "model: you must provide a model parameter");
  EXPECT_EQ(glance_fault(R"({"model":"m","stream":"yes"})"),
            "stream: Invalid type for 'stream': expected a boolean, but got a string instead.");
  EXPECT_EQ(
      glance_fault(R"({"model":"m","stream_options":[]})"),
      "stream_options: Invalid type for 'stream_options': expected an object, but got an array instead.");
  EXPECT_EQ(
      glance_fault(R"({"model":"m","stream_options":{"include_usage":1}})"),
      "stream_options.include_usage: Invalid type for 'stream_options.include_usage': expected a boolean, "
      "but got an integer instead.");
}

TEST(ChatDoorGlance, JudgesNothingElse) {
  EXPECT_EQ(glance_fault(R"({"model":"m","messages":"?","tools":7})"), "taken");
}

TEST(ChatDoorPassThrough, ReplacesTheModelAlone) {
  const std::string body =
      R"({ "z" : 1.0, "messages":[{"role":"user","content":"\u00fc \/","new":9007199254740993}], "model" : "a\/b" ,"y":{"model":"x"}})";
  EXPECT_EQ(
      AtDoor(body).passed("gpt \"1\""),
      R"({ "z" : 1.0, "messages":[{"role":"user","content":"\u00fc \/","new":9007199254740993}], "model" : "gpt \"1\"" ,"y":{"model":"x"}})");
  EXPECT_EQ(AtDoor(body).passed("a/b"), body);
  EXPECT_EQ(AtDoor(body, kMistralChatDoor).passed("a/b"), body);
}

struct UsageCase {
  std::string_view given;
  std::string_view passed;
};

TEST(ChatDoorPassThrough, AsksForTheUsageOfStreams) {
  const std::array cases{
      UsageCase{R"({"model":"m","stream":true,"a":1})",
                R"({"model":"n","stream":true,"stream_options":{"include_usage":true},"a":1})"},
      UsageCase{R"({"stream" : true , "model":"m"})",
                R"({"stream" : true,"stream_options":{"include_usage":true} , "model":"n"})"},
      UsageCase{R"({"model":"m","stream_options":null,"stream":true})",
                R"({"model":"n","stream_options":{"include_usage":true},"stream":true})"},
      UsageCase{R"({"stream_options":{},"model":"m","stream":true})",
                R"({"stream_options":{"include_usage":true},"model":"n","stream":true})"},
      UsageCase{R"({"model":"m","stream":true,"stream_options":{ "x": 1.0 }})",
                R"({"model":"n","stream":true,"stream_options":{"include_usage":true, "x": 1.0 }})"},
      UsageCase{R"({"model":"m","stream":true,"stream_options":{"x":1,"include_usage": false}})",
                R"({"model":"n","stream":true,"stream_options":{"x":1,"include_usage": true}})"},
      UsageCase{R"({"model":"m","stream":true,"stream_options":{"include_usage":null}})",
                R"({"model":"n","stream":true,"stream_options":{"include_usage":true}})"},
      UsageCase{R"({"model":"m","stream":true,"stream_options":{"include_usage" :true}})",
                R"({"model":"n","stream":true,"stream_options":{"include_usage" :true}})"},
      UsageCase{R"({"model":"m","stream":false})", R"({"model":"n","stream":false})"},
  };
  for (const UsageCase& one : cases) {
    EXPECT_EQ(AtDoor(std::string(one.given)).passed("n"), one.passed);
    json::Document document;
    EXPECT_FALSE(document.parse(one.passed)) << one.passed;
  }
}

TEST(ChatDoorPassThrough, NeverAsksMistral) {
  const AtDoor at(R"({"model":"m","stream":true})", kMistralChatDoor);
  EXPECT_EQ(at.passed("n"), R"({"model":"n","stream":true})");
}

TEST(ChatDoorRequest, ReadsEverySetting) {
  const AtDoor at(with_members(
      R"("temperature":0.70,"top_p":1.0,"top_k":5,"presence_penalty":-1,"frequency_penalty":2e0,"seed":-7,)"
      R"("stop":["a","b"],"max_completion_tokens":9,"max_tokens":9,"reasoning_effort":"high","user":"u",)"
      R"("metadata":{"k":"v"},"service_tier":"flex","parallel_tool_calls":false,"stream":true,)"
      R"("response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"b":1,"a":2},"strict":false}})"));
  ASSERT_EQ(at.fault(), "");
  const chat::Request& request = at.request();
  EXPECT_EQ(request.model, "m");
  EXPECT_EQ(request.sampling.temperature, "0.70");
  EXPECT_EQ(request.sampling.top_p, "1.0");
  EXPECT_EQ(request.sampling.top_k, "5");
  EXPECT_EQ(request.sampling.presence_penalty, "-1");
  EXPECT_EQ(request.sampling.frequency_penalty, "2e0");
  EXPECT_EQ(request.sampling.seed, -7);
  EXPECT_EQ(request.sampling.stop, (std::vector<std::string_view>{"a", "b"}));
  EXPECT_EQ(request.max_tokens, 9);
  EXPECT_EQ(request.reasoning.effort, "high");
  EXPECT_EQ(request.user, "u");
  EXPECT_EQ(request.metadata, R"({"k":"v"})");
  EXPECT_EQ(request.service_tier, "flex");
  EXPECT_EQ(request.parallel_tool_calls, false);
  EXPECT_TRUE(request.stream);
  ASSERT_TRUE(request.response_format);
  EXPECT_EQ(request.response_format->kind, chat::ResponseFormatKind::json_schema);
  EXPECT_EQ(request.response_format->schema, R"({"b":1,"a":2})");
  EXPECT_EQ(request.response_format->strict, false);
  EXPECT_TRUE(request.extra.empty());
  EXPECT_TRUE(at.warnings().empty());
}

TEST(ChatDoorRequest, TheNewerTokenLimitWinsAndSaysSo) {
  const AtDoor at(with_members(R"("max_tokens":5,"max_completion_tokens":6)"));
  EXPECT_EQ(at.request().max_tokens, 6);
  EXPECT_EQ(at.warnings(),
            std::vector<std::string>{"max_tokens: max_completion_tokens stands there too and wins."});
}

TEST(ChatDoorRequest, KeepsWhatOnlyOneProviderTakesForWhoeverRendersIt) {
  const AtDoor at(with_members(
      R"("logprobs":true,"top_logprobs":2,"logit_bias":{"1":-100},"n":2,"store":true,"prediction":{"type":"content"},)"
      R"("modalities":["text","audio"],"audio":{"voice":"x"},"web_search_options":{},"prompt_cache_key":"k",)"
      R"("verbosity":"low","safety_identifier":"s","brand_new":1.0,"stream_options":{"include_obfuscation":false})"));
  for (const std::string_view name : {"logprobs", "top_logprobs", "logit_bias", "n", "store", "prediction",
                                      "modalities", "audio", "web_search_options", "prompt_cache_key",
                                      "verbosity", "safety_identifier", "brand_new", "stream_options"}) {
    EXPECT_EQ(at.extra(name), at.body()[name].raw()) << name;
  }
}

TEST(ChatDoorRequest, LeavesOutWhatAsksForNothing) {
  const AtDoor at(with_members(
      R"("logprobs":false,"top_logprobs":0,"logit_bias":{},"n":1,"store":false,"modalities":["text"],"audio":null,)"
      R"("safe_prompt":false,"stream_options":{"include_usage":true})"));
  EXPECT_TRUE(at.request().extra.empty());
}

TEST(ChatDoorRequest, UnderstandsOtherGatewaysWaysToAskForThought) {
  const AtDoor anthropic(with_members(R"("thinking":{"type":"enabled","budget_tokens":2048})"));
  EXPECT_EQ(anthropic.request().reasoning.budget_tokens, 2048);
  EXPECT_EQ(anthropic.extra("thinking"), "");
  EXPECT_EQ(AtDoor(with_members(R"("thinking":{"type":"disabled"})")).request().reasoning.effort, "none");
  EXPECT_EQ(AtDoor(with_members(R"("thinking":{"type":"adaptive"})")).extra("thinking"),
            R"({"type":"adaptive"})");
  const AtDoor relay(with_members(R"("reasoning":{"effort":"low","max_tokens":1024})"));
  EXPECT_EQ(relay.request().reasoning.effort, "low");
  EXPECT_EQ(relay.request().reasoning.budget_tokens, 1024);
}

TEST(ChatDoorRequest, ReadsToolsWithTheirBytes) {
  const AtDoor at(with_members(
      R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{ "z":1.0,"a":2 },"strict":true},"cache_control":{"type":"ephemeral"}},)"
      R"({"function":{"name":"g"}},{"type":"custom","custom":{"name":"c"}}])"));
  ASSERT_EQ(at.fault(), "");
  const auto& tools = at.request().tools;
  ASSERT_EQ(tools.size(), 3u);
  EXPECT_EQ(tools[0].parameters, R"({ "z":1.0,"a":2 })");
  EXPECT_EQ(tools[0].strict, true);
  EXPECT_EQ(tools[0].cache_control, R"({"type":"ephemeral"})");
  EXPECT_EQ(tools[1].name, "g");  // Mistral leaves the type out
  EXPECT_EQ(tools[1].parameters, "");
  EXPECT_EQ(tools[2].name, "c");
  EXPECT_EQ(tools[2].raw, R"({"type":"custom","custom":{"name":"c"}})");
}

TEST(ChatDoorRequest, ReadsEveryToolChoice) {
  using Mode = chat::ToolChoiceMode;
  const auto mode = [](std::string_view choice) {
    const AtDoor at(with_tool(std::string(R"("tool_choice":)").append(choice)));
    EXPECT_EQ(at.fault(), "");
    return at.request().tool_choice->mode;
  };
  EXPECT_EQ(mode(R"("auto")"), Mode::automatic);
  EXPECT_EQ(mode(R"("none")"), Mode::none);
  EXPECT_EQ(mode(R"("required")"), Mode::required);
  EXPECT_EQ(mode(R"("any")"), Mode::required);
  EXPECT_EQ(mode(R"({"type":"function","function":{"name":"f"}})"), Mode::named);
  EXPECT_EQ(mode(R"({"function":{"name":"f"}})"), Mode::named);
}

TEST(ChatDoorRequest, SendsOnlyTheAllowedTools) {
  const AtDoor at(with_members(
      R"("tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],)"
      R"("tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}}]}})"));
  ASSERT_EQ(at.fault(), "");
  ASSERT_EQ(at.request().tools.size(), 1u);
  EXPECT_EQ(at.request().tools[0].name, "g");
  EXPECT_EQ(at.request().tool_choice->mode, chat::ToolChoiceMode::required);
  EXPECT_EQ(at.warnings(),
            std::vector<std::string>{"tool_choice.allowed_tools: only the allowed tools were sent."});
}

TEST(ChatDoorRequest, RefusesAChoiceThatCannotBeMade) {
  EXPECT_EQ(AtDoor(with_members(R"("tool_choice":"auto")")).fault(),
            "tool_choice: 'tool_choice' is only allowed when 'tools' are specified.");
  EXPECT_EQ(AtDoor(with_members(R"("tool_choice":"any")"), kMistralChatDoor).fault(),
            "tool_choice: 'tool_choice' is only allowed when 'tools' are specified.");
  EXPECT_EQ(AtDoor(with_members(R"("tool_choice":"auto")"), kMistralChatDoor).fault(), "");
  EXPECT_EQ(AtDoor(with_members(R"("function_call":"auto")")).fault(),
            "function_call: 'function_call' is only allowed when 'functions' are specified.");
  EXPECT_EQ(AtDoor(with_tool(R"("tool_choice":{"type":"function","function":{"name":"ff"}})")).fault(),
            "tool_choice.function.name: No tool has the name 'ff'. Did you mean \"f\"?");
  EXPECT_EQ(AtDoor(with_tool(R"("tool_choice":"requird")")).fault(),
            "tool_choice: Invalid value: 'requird'. Supported values are: 'none', 'auto', 'required'. "
            "Did you mean \"required\"?");
  EXPECT_EQ(AtDoor(with_tool(R"("tool_choice":{"type":"mcp"})")).fault().substr(0, 36),
            "tool_choice.type: Invalid value: 'mc");
}

TEST(ChatDoorRequest, ReadsTheRetiredFunctions) {
  const AtDoor at(R"({"model":"m","functions":[{"name":"f","parameters":{"type":"object"}}],)"
                  R"("function_call":{"name":"f"},"messages":[{"role":"user","content":"hi"},)"
                  R"({"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},)"
                  R"({"role":"function","name":"f","content":"1"}]})");
  ASSERT_EQ(at.fault(), "");
  EXPECT_EQ(at.request().tools.at(0).name, "f");
  EXPECT_EQ(at.request().tool_choice->name, "f");
  const auto& call = at.part_as<chat::ToolCallPart>(1, 0);
  EXPECT_EQ(call.id, "call_function_1");
  EXPECT_EQ(at.message(2).role, chat::Role::tool);
  EXPECT_EQ(at.part_as<chat::ToolResultPart>(2, 0).tool_call_id, call.id);
}

TEST(ChatDoorRequest, UnderstandsMistralsWordsAtEitherDoor) {
  for (const Door* door : {&kMistralChatDoor, &kOpenAiChatDoor}) {
    const AtDoor at(
        with_members(
            R"("random_seed":4,"safe_prompt":true,"prompt_mode":"reasoning","guardrails":[{"x":1}])"),
        *door);
    ASSERT_EQ(at.fault(), "");
    EXPECT_EQ(at.request().sampling.seed, 4);
    EXPECT_EQ(at.extra("random_seed"), "");
    EXPECT_EQ(at.extra("safe_prompt"), "true");
    EXPECT_EQ(at.extra("prompt_mode"), R"("reasoning")");
    EXPECT_EQ(at.extra("guardrails"), R"([{"x":1}])");
  }
}

struct FaultCase {
  std::string_view members;
  std::string_view fault;
};

TEST(ChatDoorRequest, NamesWhatIsWrong) {
  const std::array cases{
      FaultCase{R"("temperature":"hot")",
                "temperature: Invalid type for 'temperature': expected a decimal, but got a string instead."},
      FaultCase{R"("seed":1.5)",
                "seed: Invalid type for 'seed': expected an integer of 64 bits, but got a "
                "decimal instead."},
      FaultCase{R"("stop":["a",2])",
                "stop[1]: Invalid type for 'stop[1]': expected a string, but got an integer instead."},
      FaultCase{R"("stop":7)",
                "stop: Invalid type for 'stop': expected an array, but got an integer instead."},
      FaultCase{R"("max_tokens":0)",
                "max_tokens: Invalid 'max_tokens': expected a value of at least 1, but "
                "got 0 instead."},
      FaultCase{R"("metadata":[])",
                "metadata: Invalid type for 'metadata': expected an object, but got an array instead."},
      FaultCase{R"("tools":[{"type":"function"}])",
                "tools[0].function: Missing required parameter: 'tools[0].function'."},
      FaultCase{R"("tools":[{"type":"function","function":{"name":"f","parameters":7}}])",
                "tools[0].function.parameters: Invalid type for 'tools[0].function.parameters': expected an "
                "object, but got an integer instead."},
      FaultCase{R"("response_format":{"type":"json"})",
                "response_format.type: Invalid value: 'json'. Supported values are: 'text', 'json_object', "
                "'json_schema'."},
      FaultCase{R"("response_format":{"type":"json_schema","json_schema":{"schema":{}}})",
                "response_format.json_schema.name: Missing required parameter: "
                "'response_format.json_schema.name'."},
  };
  for (const FaultCase& one : cases) EXPECT_EQ(AtDoor(with_members(one.members)).fault(), one.fault);
}

}  // namespace
}  // namespace ai_proxy::dialects
