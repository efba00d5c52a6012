// What the simulated providers answer: directives, and a stream that says the same as the whole answer.
#include "simulator/wire.h"

#include <gtest/gtest.h>

#include "simulator/directives.h"
#include "simulator/lists.h"
#include "simulator/sample.h"

namespace ai_proxy::simulator {
namespace {

constexpr Format kFormats[] = {Format::openai_chat, Format::anthropic_messages, Format::mistral_chat,
                               Format::openai_responses};

Flavour flavour_of(Format format) {
  if (format == Format::anthropic_messages) return Flavour::anthropic;
  return format == Format::mistral_chat ? Flavour::mistral : Flavour::openai;
}

// A document and the answer to it, which points into it.
struct Asked {
  Asked(Format format, const std::string& text, const std::string& more = "") {
    const std::string turns = format == Format::openai_responses ? "input" : "messages";
    std::string content;
    json::Writer(content).string(text);
    body = R"({"model":"m",")" + turns + R"(":[{"role":"user","content":)" + content + "}]" + more + "}";
    EXPECT_FALSE(document.parse(body, json::kProviderLimits).has_value()) << body;
    answer = make_answer(flavour_of(format), document.root(), 0);
  }
  std::string body;
  json::Document document;
  Answer answer;
};

TEST(DirectivesTest, AreReadAndTakenOutOfTheText) {
  const Directives found = read_directives(
      R"(Please [call weather {"city":["a]"]}] and [call time] [think of it] [slow 5] [json] [not one] now)");
  ASSERT_EQ(found.calls.size(), 2u);
  EXPECT_EQ(found.calls[0].name, "weather");
  EXPECT_EQ(found.calls[0].arguments, R"({"city":["a]"]})");
  EXPECT_EQ(found.calls[1].arguments, "");
  EXPECT_EQ(found.thinking, "of it");
  EXPECT_EQ(found.slow.count(), 5);
  EXPECT_TRUE(found.json);
  EXPECT_EQ(found.rest, "Please  and     [not one] now");
}

TEST(DirectivesTest, BracketsThatHoldNoneStayText) {
  for (const std::string_view text : {"[", "[]", "a [call f {broken] b", "[error x]", "[slow -1]", "]["})
    EXPECT_EQ(read_directives(text).rest, text);
}

TEST(SampleTest, FollowsTheSchema) {
  json::Document document;
  const std::string schema =
      R"({"type":"object","required":["a"],"properties":{"a":{"enum":["x","y"]},"b":{"type":"integer","minimum":3},)"
      R"("c":{"type":"array","items":{"$ref":"#/$defs/d"},"minItems":1},"e":{"type":["boolean","null"]}},)"
      R"("$defs":{"d":{"type":"object","properties":{"f":{"const":2}}}}})";
  ASSERT_FALSE(document.parse(schema, json::kProviderLimits).has_value());
  EXPECT_EQ(sample_of(document.root(), false, "text"), R"({"a":"x"})");
  EXPECT_EQ(sample_of(document.root(), true, "text"), R"({"a":"x","b":3,"c":[{"f":2}],"e":true})");
}

TEST(SampleTest, ASchemaThatRefersToItselfEnds) {
  json::Document document;
  ASSERT_FALSE(
      document.parse(R"({"type":"object","properties":{"a":{"$ref":"#/"}}})", json::kProviderLimits));
  EXPECT_TRUE(json::valid(sample_of(document.root(), true, "text")));
}

TEST(WireTest, WholeAnswersAndStreamEventsAreJson) {
  for (const Format format : kFormats) {
    const Asked asked(format, "[say one two]");
    EXPECT_TRUE(json::valid(render_whole(format, asked.answer)));
    const auto stream = make_stream(format, asked.answer);
    std::string events = stream->begin();
    for (const std::string_view piece : split_text(asked.answer.text, 0)) events += stream->chunk(piece);
    events += stream->end();
    std::size_t count = 0;
    for (std::size_t at = events.find("data: "); at != events.npos; at = events.find("data: ", at + 1)) {
      const std::string_view line = std::string_view(events).substr(at + 6, events.find('\n', at) - at - 6);
      EXPECT_TRUE(line == "[DONE]" || json::valid(line)) << line;
      ++count;
    }
    EXPECT_GT(count, 4u);
  }
}

TEST(WireTest, ToolsThatTheRequestDeclaresAreCalledInParallel) {
  const std::string tools = R"(,"tools":[{"type":"function","function":{"name":"f"}},)"
                            R"({"name":"g","input_schema":{"type":"object"}}])";
  for (const Format format : kFormats) {
    const Asked asked(format, "[call f {\"x\":1}] [call g] [call unknown]", tools);
    ASSERT_EQ(asked.answer.tool_calls.size(), 2u);
    EXPECT_EQ(asked.answer.tool_calls[0].arguments, "{\"x\":1}");
    EXPECT_EQ(asked.answer.tool_calls[1].arguments, "{}");
    const Asked one(format, "[call f] [call g]", tools + R"(,"parallel_tool_calls":false)");
    EXPECT_EQ(one.answer.tool_calls.size(), 1u);
    const Asked none(format, "[call f]", tools + R"(,"tool_choice":"none")");
    EXPECT_TRUE(none.answer.tool_calls.empty());
    EXPECT_FALSE(none.answer.text.empty());
  }
}

TEST(WireTest, ThinksOnlyWhenAskedTo) {
  EXPECT_TRUE(Asked(Format::anthropic_messages, "[think x]").answer.thinking.empty());
  const Asked asked(Format::anthropic_messages, "[think x]", R"(,"thinking":{"type":"adaptive"})");
  EXPECT_EQ(asked.answer.thinking, "x");
  EXPECT_NE(render_whole(Format::anthropic_messages, asked.answer).find(signature_of("x")),
            std::string::npos);
  const Asked openai(Format::openai_chat, "[think x]", R"(,"reasoning_effort":"low")");
  EXPECT_NE(render_whole(Format::openai_chat, openai.answer).find(R"("reasoning_tokens":1)"),
            std::string::npos);
}

TEST(WireTest, StopSequencesAndLengthEndTheText) {
  const Asked stopped(Format::anthropic_messages, "[stop END]", R"(,"stop_sequences":["END"])");
  EXPECT_EQ(stopped.answer.text, "One, two, ");
  EXPECT_NE(render_whole(Format::anthropic_messages, stopped.answer).find(R"("stop_sequence":"END")"),
            std::string::npos);
  const Asked cut(Format::openai_chat, "[length]");
  EXPECT_NE(render_whole(Format::openai_chat, cut.answer).find(R"("finish_reason":"length")"),
            std::string::npos);
}

TEST(WireTest, QuotesToolResultsAndCountsImages) {
  json::Document document;
  const std::string body =
      R"({"model":"m","tools":[{"name":"f"}],"messages":[{"role":"user","content":"[call f]"},)"
      R"({"role":"assistant","content":[]},{"role":"user","content":[)"
      R"({"type":"tool_result","content":[{"type":"text","text":"sunny"}]},{"type":"tool_result","content":"9"}]}]})";
  ASSERT_FALSE(document.parse(body, json::kProviderLimits).has_value());
  EXPECT_EQ(make_answer(Flavour::anthropic, document.root(), 0).text, "The tools answered: “sunny”, “9”.");
  ASSERT_FALSE(document.parse(
      R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{}},{"type":"image"}]}]})",
      json::kProviderLimits));
  EXPECT_TRUE(make_answer(Flavour::openai, document.root(), 0).text.starts_with("I see 2 image(s). Hello"));
}

TEST(ListsTest, EmbeddingsComeAsNumbersOrAsBase64) {
  json::Document document;
  ASSERT_FALSE(
      document.parse(R"({"model":"e","input":["a","b"],"dimensions":2,"encoding_format":"base64"})"));
  EXPECT_NE(render_embeddings(Flavour::openai, document.root()).find(R"("embedding":"AAAAPgAAAL8=")"),
            std::string::npos);
  ASSERT_FALSE(document.parse(R"({"model":"e","input":[[1,2],[3]]})"));
  const std::string body = render_embeddings(Flavour::mistral, document.root());
  EXPECT_NE(body.find(R"("index":1,"embedding":[0.125,-0.5,0.25,0.0625])"), std::string::npos) << body;
}

TEST(ListsTest, AnAliasAnswersUnderItsDatedName) {
  EXPECT_EQ(answering_model(Flavour::anthropic, "claude-haiku-4-5"), "claude-haiku-4-5-20251001");
  EXPECT_EQ(answering_model(Flavour::mistral, "mistral-small-latest"), "mistral-small-latest");
  EXPECT_FALSE(render_model(Flavour::openai, "gpt-nothing").has_value());
  EXPECT_TRUE(json::valid(*render_model(Flavour::mistral, "codestral-latest")));
}

}  // namespace
}  // namespace ai_proxy::simulator
