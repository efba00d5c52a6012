#include <gtest/gtest.h>

#include "dialects/chat_completions/request_fixture.h"
#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

namespace fixture = chat_completions::fixture;

struct Rendered {
  std::string body;
  std::string fault;
  std::vector<std::string> warnings;
};

// A chat completions request (request_fixture.h), for a model with these traits.
Rendered rendered(std::string_view request, std::string_view traits = "{}") {
  json::Document given;
  json::Document model;
  EXPECT_FALSE(given.parse(request)) << request;
  EXPECT_FALSE(model.parse(traits));
  chat::Warnings warnings;
  const auto body = kOpenAiResponses.render_request(fixture::request_of(given.root()), "wire",
                                                    fixture::traits_of(model.root()), warnings);
  Rendered out;
  out.warnings = warnings.list();
  if (body) {
    out.body = *body;
    json::Document document;
    EXPECT_FALSE(document.parse(*body)) << *body;
  } else {
    out.fault = body.error().parameter + ": " + body.error().message;
  }
  return out;
}

TEST(ResponsesRequest, StoresNothing) {
  EXPECT_EQ(rendered(R"({"messages":[{"role":"user","content":"hi"}]})").body,
            R"({"model":"wire","input":[{"role":"user","content":"hi"}],"store":false})");
  EXPECT_EQ(
      rendered(
          R"({"messages":[{"role":"system","content":"s"},{"role":"user","content":"hi"}],"stream":true,)"
          R"("max_tokens":50,"reasoning_effort":"low","user":"u","metadata":{"a":"b"},"verbosity":"low"})",
          R"({"system_role":"developer","thinking":"effort","efforts":["low"]})")
          .body,
      R"({"model":"wire","input":[{"role":"developer","content":"s"},{"role":"user","content":"hi"}],)"
      R"("max_output_tokens":50,"text":{"verbosity":"low"},"reasoning":{"effort":"low"},"metadata":{"a":"b"},)"
      R"("user":"u","store":false,"include":["reasoning.encrypted_content"],"stream":true})");
}

TEST(ResponsesRequest, WritesToolsFlatAndTheirTurnsAsItems) {
  const Rendered out = rendered(
      R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},{"role":"tool","tool_call_id":"c1","content":"r"}],)"
      R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}],)"
      R"("tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false})",
      R"({"tools_with_effort":false})");
  EXPECT_EQ(
      out.body,
      R"({"model":"wire","input":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},)"
      R"({"type":"function_call","call_id":"c1","name":"f","arguments":"{\"x\":1}"},)"
      R"({"type":"function_call_output","call_id":"c1","output":"r"}],)"
      R"("tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false}],)"
      R"("tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false,"store":false})");
  EXPECT_TRUE(out.warnings.empty());
}

TEST(ResponsesRequest, WritesMedia) {
  EXPECT_EQ(
      rendered(
          R"({"messages":[{"role":"user","content":[{"type":"text","text":"t"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aGk="}},{"type":"document","url":"https://x.example/a.pdf"},{"type":"document","media_type":"application/pdf","base64":"aGk="}]}]})")
          .body,
      R"({"model":"wire","input":[{"role":"user","content":[{"type":"input_text","text":"t"},)"
      R"({"type":"input_image","image_url":"data:image/png;base64,aGk=","detail":"auto"},)"
      R"({"type":"input_file","file_url":"https://x.example/a.pdf"},)"
      R"({"type":"input_file","filename":"document.pdf","file_data":"data:application/pdf;base64,aGk="}]}],"store":false})");
  EXPECT_EQ(
      rendered(
          R"({"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"format":"wav","data":"aGk="}},{"type":"text","text":"t"}]}]})")
          .fault,
      "messages[0].content[0]: OpenAI's Responses API takes no audio.");
}

TEST(ResponsesRequest, SendsBackOnlyWhatOpenAiSealed) {
  const Rendered out = rendered(
      R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"gAAAAABx"},{"type":"thinking","data":"gAAAAABy"},{"type":"thinking","thinking":"x","signature":"EqQB"},{"type":"text","text":"a"}]},{"role":"user","content":"r"}]})");
  EXPECT_EQ(
      out.body,
      R"({"model":"wire","input":[{"role":"user","content":"q"},)"
      R"({"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"gAAAAABx"},)"
      R"({"type":"reasoning","summary":[],"encrypted_content":"gAAAAABy"},)"
      R"({"role":"assistant","content":"a"},{"role":"user","content":"r"}],"store":false})");
  EXPECT_EQ(out.warnings,
            std::vector<std::string>{
                "thinking: OpenAI takes back only thoughts that it sealed itself; it was left out."});
}

TEST(ResponsesRequest, PromisesOnlyWhatOpenAiPromises) {
  const Rendered out = rendered(
      R"({"messages":[{"role":"user","content":"q"}],"tools":[{"type":"function","function":{"name":"f","strict":true,)"
      R"("parameters":{"type":"object","properties":{"a":{}},"additionalProperties":false}}}],)"
      R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object"},"strict":true}}})");
  EXPECT_NE(out.body.find(R"("additionalProperties":false},"strict":false})"), std::string::npos) << out.body;
  EXPECT_NE(out.body.find(R"("schema":{"type":"object"}})"), std::string::npos) << out.body;
  EXPECT_EQ(out.warnings.size(), 2u);
}

TEST(ResponsesRequest, ShortensIdsThatAreTooLong) {
  const std::string fits(64, 'a');
  for (const std::string& id : {fits, fits + "b"}) {
    const Rendered out =
        rendered(R"({"messages":[{"role":"assistant","tool_calls":[{"id":")" + id +
                 R"(","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":")" + id +
                 R"(","content":"1"}]})");
    json::Document document;
    ASSERT_FALSE(document.parse(out.body));
    const json::Value input = document.root()["input"];
    const std::string_view call = input[0]["call_id"].string_or("");
    EXPECT_EQ(call == id, id == fits);
    EXPECT_LE(call.size(), 64u);
    EXPECT_EQ(input[1]["call_id"].string_or(""), call);
  }
}

TEST(ResponsesRequest, NamesCustomTools) {
  const Rendered out = rendered(
      R"({"messages":[{"role":"user","content":"q"}],"tools":[{"type":"custom","custom":{"name":"m"}}]})");
  EXPECT_TRUE(out.fault.starts_with("tools[0].type: ")) << out.fault;
}

TEST(ResponsesRequest, TellsWhatTheApiDoesNotHave) {
  const Rendered out = rendered(
      R"({"messages":[{"role":"user","content":"q"}],"temperature":3,"top_p":0.5,"presence_penalty":1,"seed":7,"stop":"x","logit_bias":{},"max_tokens":5})");
  EXPECT_EQ(
      out.body,
      R"({"model":"wire","input":[{"role":"user","content":"q"}],"max_output_tokens":16,"temperature":2,"top_p":0.5,"store":false})");
  EXPECT_EQ(out.warnings.size(), 6u);
}

TEST(ResponsesRequest, WritesTheFormOfTheAnswer) {
  constexpr std::string_view kSchema =
      R"({"messages":[{"role":"user","content":"q"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{"type":"object","additionalProperties":false,"a":1.0},"strict":true}}})";
  EXPECT_NE(
      rendered(kSchema).body.find(
          R"("text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object","additionalProperties":false,"a":1.0},"strict":true}})"),
      std::string::npos);
  const Rendered plain = rendered(kSchema, R"({"json_schema":false})");
  EXPECT_NE(plain.body.find(R"("text":{"format":{"type":"json_object"}})"), std::string::npos);
  EXPECT_NE(plain.body.find("Answer with one JSON object"), std::string::npos);
}

}  // namespace
}  // namespace ai_proxy::dialects
