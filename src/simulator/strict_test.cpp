// Strict mode: what it refuses and in which words, and that it refuses nothing that the real providers took.
#include "simulator/strict.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/json_writer.h"
#include "simulator/wire.h"

namespace ai_proxy::simulator {
namespace {

// Status and body of the verdict; status 200 when there is none.
Refusal verdict(Flavour flavour, Endpoint endpoint, const std::string& body,
                std::string_view version = "2023-06-01", std::string_view beta = {}) {
  json::Document document;
  EXPECT_FALSE(document.parse(body, json::kProviderLimits).has_value()) << body;
  const bool anthropic = flavour == Flavour::anthropic;
  const Call call{.flavour = flavour,
                  .endpoint = endpoint,
                  .authorization = anthropic ? "" : "Bearer sk-test",
                  .x_api_key = anthropic ? "sk-test" : "",
                  .anthropic_version = version,
                  .anthropic_beta = beta,
                  .body = document.root()};
  return judge(call).value_or(Refusal{.status = 200, .fields = {}, .body = {}});
}

Refusal openai(const std::string& more, const std::string& model = "gpt-4o-mini",
               const std::string& messages = R"([{"role":"user","content":"Hi"}])") {
  return verdict(Flavour::openai, Endpoint::chat,
                 R"({"model":")" + model + R"(","messages":)" + messages + more + "}");
}
Refusal anthropic(const std::string& more, const std::string& model = "claude-sonnet-4-5",
                  const std::string& messages = R"([{"role":"user","content":"Hi"}])") {
  return verdict(Flavour::anthropic, Endpoint::chat,
                 R"({"model":")" + model + R"(","max_tokens":4096,"messages":)" + messages + more + "}");
}
Refusal mistral(const std::string& more, const std::string& model = "mistral-small-latest",
                const std::string& messages = R"([{"role":"user","content":"Hi"}])") {
  return verdict(Flavour::mistral, Endpoint::chat,
                 R"({"model":")" + model + R"(","messages":)" + messages + more + "}");
}

struct Case {
  Refusal got;
  int status;
  std::string_view words;  // in the body
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    EXPECT_EQ(one.got.status, one.status) << one.words << "\n" << one.got.body;
    EXPECT_NE(one.got.body.find(one.words), std::string::npos) << one.words << "\n" << one.got.body;
    EXPECT_TRUE(one.got.body.empty() || json::valid(one.got.body)) << one.got.body;
  }
}

TEST(StrictTest, PlainRequestsPassEverywhere) {
  EXPECT_EQ(openai("").body, "");
  EXPECT_EQ(anthropic("").body, "");
  EXPECT_EQ(mistral("").body, "");
}

TEST(StrictTest, KeysAreAskedFor) {
  Call call;
  call.authorization = "Bearer sk-invalid";
  EXPECT_EQ(judge_key(call)->status, 401);
  call = {};
  call.flavour = Flavour::mistral;
  EXPECT_EQ(judge_key(call)->body, R"({"detail":"Invalid API Key"})");
  call.flavour = Flavour::anthropic;
  EXPECT_EQ(judge_key(call)->status, 401);
  call.authorization = "Bearer sk";
  EXPECT_FALSE(judge_key(call).has_value());
  call.x_api_key = "sk";
  EXPECT_TRUE(judge_key(call).has_value());
}

TEST(StrictTest, OpenAiRefusesByModel) {
  expect_all({
      {openai(R"(,"random_seed":1)"), 400, "Unrecognized request argument supplied: random_seed"},
      {openai("", "gpt-nothing"), 404, "The model `gpt-nothing` does not exist"},
      {openai(R"(,"max_tokens":9)", "gpt-5-nano"), 400,
       R"("param":"max_tokens","code":"unsupported_parameter")"},
      {openai(R"(,"max_completion_tokens":9)", "gpt-5-nano"), 200, ""},
      {openai(R"(,"temperature":0.5)", "o3"), 400, "Only the default (1) value is supported."},
      {openai(R"(,"temperature":1)", "o3"), 200, ""},
      {openai(R"(,"temperature":0)", "gpt-5.4-nano"), 200, ""},
      {openai(R"(,"temperature":0.5,"reasoning_effort":"none")", "gpt-5.6-sol"), 200, ""},
      {openai(R"(,"stop":"x")", "o3-mini"), 200, ""},
      {openai(R"(,"stop":"x")", "gpt-5-mini"), 400, "'stop' is not supported with this model"},
      {openai(R"(,"reasoning_effort":"minimal")", "o4-mini"), 400, "unsupported_value"},
      {openai(R"(,"reasoning_effort":"low")"), 400, "reasoning_effort"},
      {openai(R"(,"tools":[{"type":"function","function":{"name":"f"}}],"reasoning_effort":"low")",
              "gpt-6-sol"),
       400, "Function tools with reasoning_effort are not supported"},
      {openai("", "o1-mini", R"([{"role":"system","content":"x"},{"role":"user","content":"x"}])"), 400,
       "'messages[0].role' does not support 'system'"},
      {openai(R"(,"temperature":2.5)"), 400, "decimal_above_max_value"},
      {openai(R"(,"max_tokens":0)"), 400, "integer_below_min_value"},
      {openai(R"(,"tools":[])"), 400, "empty_array"},
      {openai(R"(,"tool_choice":"auto")"), 400, "only allowed when 'tools' are specified"},
      {openai(R"(,"stream_options":{"include_usage":true})"), 400, "only allowed when 'stream' is enabled"},
      {openai(R"(,"response_format":{"type":"json_object"})"), 400, "must contain the word 'json'"},
      {openai(R"(,"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":)"
              R"({"type":"object","properties":{}}}})"),
       400, "'additionalProperties' is required to be supplied"},
  });
}

TEST(StrictTest, OpenAiWantsEveryCallAnswered) {
  const std::string call = R"({"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function",)"
                           R"("function":{"name":"f","arguments":"{}"}}]})";
  const std::string user = R"({"role":"user","content":"x"})";
  const std::string result = R"({"role":"tool","tool_call_id":"c1","content":"1"})";
  expect_all({
      {openai("", "gpt-4o", "[" + user + "," + call + "," + result + "]"), 200, ""},
      {openai("", "gpt-4o", "[" + user + "," + call + "," + user + "]"), 400,
       "did not have response messages: c1"},
      {openai("", "gpt-4o", "[" + user + "," + result + "]"), 400,
       "must be a response to a preceeding message"},
      {openai("", "gpt-4o", R"([{"role":"user","content":null}])"), 400, "expected a string, got null"},
      {openai("", "gpt-4o", R"([{"role":"boss","content":"x"}])"), 400, "Invalid value: 'boss'"},
      {openai("", "gpt-4o", R"([{"role":"user","content":[{"type":"image","source":{}}]}])"), 400,
       "invalid_value"},
  });
}

TEST(StrictTest, OpenAiResponsesHasItsOwnRules) {
  const auto ask = [](const std::string& more, const std::string& model = "gpt-4o-mini") {
    return verdict(Flavour::openai, Endpoint::responses,
                   R"({"model":")" + model + R"(","input":"Hi")" + more + "}");
  };
  expect_all({
      {ask(""), 200, ""},
      {ask("", "gpt-nothing"), 400, R"("param":"model","code":"model_not_found")"},
      {ask(R"(,"max_tokens":5)"), 400, "Unknown parameter: 'max_tokens'."},
      {ask(R"(,"tools":[{"type":"function","function":{"name":"f"}}])"), 400, "tools[0].name"},
      {ask(R"(,"max_output_tokens":3)"), 400, "integer_below_min_value"},
      {ask(R"(,"reasoning":{"effort":"low"})"), 400, "reasoning.effort"},
      {verdict(Flavour::openai, Endpoint::responses,
               R"({"model":"gpt-4o","input":[{"type":"function_call_output","call_id":"c","output":"1"}]})"),
       400, "No tool call found for function call output with call_id c."},
  });
}

TEST(StrictTest, AnthropicRefusesMembersRangesAndModels) {
  const std::string plain = R"({"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"Hi"}])";
  expect_all({
      {verdict(Flavour::anthropic, Endpoint::chat, plain + "}"), 400, "max_tokens: Field required"},
      {verdict(Flavour::anthropic, Endpoint::count_tokens, plain + "}"), 200, ""},
      {verdict(Flavour::anthropic, Endpoint::chat, plain + R"(,"max_tokens":5})", ""), 400,
       "anthropic-version: header"},
      {verdict(Flavour::anthropic, Endpoint::chat, plain + R"(,"max_tokens":5,"temperature":1})",
               "2026-10-21"),
       400, "temperature"},
      {anthropic(R"(,"seed":1)"), 400, "seed: Extra inputs are not permitted"},
      {anthropic("", "claude-none"), 404, "model: claude-none"},
      {anthropic(R"(,"temperature":1.5)"), 400, "temperature: range: 0..1"},
      {anthropic(R"(,"temperature":0.5,"top_p":0.5)"), 400, "cannot both be specified for this model"},
      {anthropic(R"(,"temperature":0.5)", "claude-opus-5"), 400, "temperature"},
      {anthropic(R"(,"thinking":{"type":"enabled","budget_tokens":512})"), 400,
       "greater than or equal to 1024"},
      {anthropic(R"(,"thinking":{"type":"enabled","budget_tokens":4096})"), 400, "must be greater than"},
      {anthropic(R"(,"thinking":{"type":"adaptive"})"), 400, "adaptive thinking is not supported"},
      {anthropic(R"(,"thinking":{"type":"enabled","budget_tokens":1024})", "claude-opus-5"), 400,
       "not supported"},
      {anthropic(R"(,"stop_sequences":[" \n"])"), 400, "must contain non-whitespace"},
      {anthropic(R"(,"tools":[{"name":"f","input_schema":{}}])"), 400,
       "tools.0.custom.input_schema.type: Field required"},
      {anthropic(R"(,"tools":[{"name":"f","parameters":{}}])"), 400,
       "tools.0.custom.parameters: Extra inputs"},
      {anthropic(R"(,"tool_choice":{"type":"required"})"), 400, "'any', 'auto', 'none', 'tool'"},
      {anthropic(R"(,"output_config":{"effort":"high"})"), 400, "effort"},
      {anthropic("", "claude-sonnet-4-6",
                 R"([{"role":"user","content":"x"},{"role":"assistant","content":"y"}])"),
       400, "does not support assistant message prefill"},
      {anthropic("", "claude-sonnet-4-5",
                 R"([{"role":"user","content":"x"},{"role":"assistant","content":"y"}])"),
       200, ""},
  });
}

TEST(StrictTest, AnthropicReadsTheConversation) {
  const auto ask = [](const std::string& messages, const std::string& more = "") {
    return anthropic(more, "claude-sonnet-4-5", "[" + messages + "]");
  };
  const std::string user = R"({"role":"user","content":"x"},)";
  const std::string call =
      R"({"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]},)";
  const std::string result = R"({"type":"tool_result","tool_use_id":"t1","content":"1"})";
  const std::string thinking = R"(,"thinking":{"type":"enabled","budget_tokens":1024})";
  expect_all({
      {ask(R"({"role":"user","content":""})"), 400, "all messages must have non-empty content"},
      {ask(R"({"role":"user","content":[{"type":"text","text":""}]})"), 400,
       "text content blocks must be non-empty"},
      {ask(R"({"role":"system","content":"x"})"), 400, "top-level `system` parameter"},
      {ask(R"({"role":"assistant","content":"x"},{"role":"user","content":"x"})"), 200, ""},
      {ask(user + call + R"({"role":"user","content":[)" + result + "]}"), 200, ""},
      {ask(user + call + R"({"role":"user","content":[{"type":"text","text":"x"},)" + result + "]}"), 400,
       "without `tool_result` blocks immediately after: t1"},
      {ask(user + R"({"role":"user","content":[)" + result + "]}"), 400, "unexpected `tool_use_id`"},
      {ask(user + call + R"({"role":"user","content":[)" + result + "]}", thinking), 400,
       "Expected `thinking`"},
      {ask(R"({"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/bmp","data":"A"}}]})"),
       400, "media_type: Input should be"},
      {ask(user + R"({"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":"b"}]},)" +
           R"({"role":"user","content":"x"})"),
       400, "Invalid `signature`"},
      {ask(user + R"({"role":"assistant","content":[{"type":"thinking","thinking":"a","signature":")" +
           signature_of("a") + R"("},{"type":"text","text":"b"}]},{"role":"user","content":"x"})"),
       200, ""},
  });
}

TEST(StrictTest, MistralForbidsWhatItDoesNotKnow) {
  const auto ask = [](const std::string& messages, const std::string& model = "mistral-small-latest") {
    return mistral("", model, "[" + messages + "]");
  };
  const auto call = [](const std::string& id) {
    return R"({"role":"assistant","content":"","tool_calls":[{"id":")" + id +
           R"(","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":")" + id +
           R"(","content":"1"})";
  };
  const std::string user = R"({"role":"user","content":"x"})";
  expect_all({
      {mistral(R"(,"seed":1)"), 422,
       R"({"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted","input":1}]})"},
      {mistral(R"(,"random_seed":1)"), 200, ""},
      {mistral(R"(,"temperature":1.6)"), 422, "less than or equal to 1.5"},
      {mistral("", "mistral-large"), 400, R"("type":"invalid_model","param":null,"code":"1500")"},
      {mistral(R"(,"tool_choice":"always")"), 422, "'auto', 'none', 'any' or 'required'"},
      {mistral(R"(,"logprobs":true)"), 400, "3051"},
      {ask(R"({"role":"user","content":"x","name":"y"})"), 422, R"(["body","messages",0,"user","name"])"},
      {ask(user + R"(,{"role":"assistant","content":"x"})"), 400, "Expected last role User or Tool"},
      {ask(user + R"(,{"role":"assistant","content":"x","prefix":true})"), 200, ""},
      {ask(user + "," + call("abcdefgh1")), 200, ""},
      {ask(user + "," + call("call_abcdefgh1")), 400, "with a length of 9."},
      {ask(user + "," + call("abcdefgh1") + "," + user), 200, ""},
      {ask(user + "," + call("abcdefgh1") + "," + user, "mistral-large-latest"), 400,
       "Unexpected role 'user' after role 'tool'"},
  });
}

std::filesystem::path traffic() {
  const char* shared = std::getenv("AI_PROXY_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : SOURCE_DIR "/../shared") / "data/traffic";
}

// Signatures that are not ours, names of models that came and went, conversations kept at the provider, and
// requests whose recorder changed them: strict mode cannot judge these.
bool is_beyond_judging(std::string_view body, std::string_view verdict) {
  return body.find("\"signature\"") != std::string_view::npos ||
         verdict.find("model: ") != std::string_view::npos ||
         verdict.find("model_not_found") != std::string_view::npos ||
         verdict.find("_REDACTED_") != std::string_view::npos ||
         verdict.find("invalid_model") != std::string_view::npos ||
         verdict.find("previous_response_not_found") != std::string_view::npos;
}

TEST(StrictTest, RecordedRequestsThatWereAnsweredPass) {
  if (!std::filesystem::exists(traffic())) GTEST_SKIP() << "the recordings are not at hand (AI_PROXY_SHARED)";
  constexpr std::pair<std::string_view, Flavour> kFolders[] = {
      {"openai", Flavour::openai}, {"anthropic", Flavour::anthropic}, {"mistral", Flavour::mistral}};
  int passed = 0, refused = 0;
  for (const auto& [folder, flavour] : kFolders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(traffic() / folder)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path());
      std::stringstream text;
      text << file.rdbuf();
      json::Document document;
      ASSERT_FALSE(document.parse(text.str(), json::kProviderLimits).has_value()) << entry.path();
      const json::Value recorded = document.root();
      const json::Value body = recorded["request"]["body"];
      const std::string_view endpoint = recorded["endpoint"].string_or({});
      if (recorded["response"]["status"].integer_or(0) != 200 || !body.is_object()) continue;
      if (endpoint == "completions" || endpoint == "models") continue;
      const Refusal refusal = verdict(flavour,
                                      endpoint == "responses"      ? Endpoint::responses
                                      : endpoint == "embeddings"   ? Endpoint::embeddings
                                      : endpoint == "count_tokens" ? Endpoint::count_tokens
                                                                   : Endpoint::chat,
                                      std::string(body.raw()), "2023-06-01", "structured-outputs-2025-11-13");
      if (refusal.status == 200 || is_beyond_judging(body.raw(), refusal.body)) {
        ++passed;
        continue;
      }
      ++refused;
      ADD_FAILURE() << entry.path().filename() << "\n" << refusal.body;
    }
  }
  EXPECT_EQ(refused, 0);
  EXPECT_GT(passed, 2000);
}

}  // namespace
}  // namespace ai_proxy::simulator
