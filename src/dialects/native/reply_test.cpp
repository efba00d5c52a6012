#include <gtest/gtest.h>

#include <limits>

#include "base/json.h"
#include "dialects/native/native.h"

namespace ai_proxy::dialects::native {
namespace {

constexpr CostView kCost{
    .input = PicoUsd{25'000'000}, .output = PicoUsd{250'000'000}, .total = PicoUsd{275'000'000}};

chat::Reply small_reply() {
  chat::Reply reply;
  reply.text = "Hello!";
  reply.finish_reason = chat::FinishReason::stop;
  reply.usage.emplace();
  reply.usage->input_tokens = 10;
  reply.usage->output_tokens = 25;
  return reply;
}

std::string render(const chat::Reply& reply, const CostView& cost = kCost, bool cached = false,
                   const chat::Warnings& warnings = {}) {
  std::string text = render_reply({.provider = "openai",
                                   .model = "gpt-4o",
                                   .reply = reply,
                                   .cost = cost,
                                   .latency_ms = 1234,
                                   .cached = cached,
                                   .warnings = warnings});
  EXPECT_TRUE(json::valid(text)) << text;
  return text;
}

TEST(NativeReply, HasTheContractsMembersInItsOrder) {
  EXPECT_EQ(
      render(small_reply()),
      R"({"provider":"openai","model":"gpt-4o","message":{"role":"assistant","content":"Hello!"},)"
      R"("finish_reason":"stop",)"
      R"("usage":{"prompt_tokens":10,"completion_tokens":25,"total_tokens":35},)"
      R"("cost":{"total_tokens":35,"input_tokens":10,"output_tokens":25,"estimated_cost_usd":"0.000275",)"
      R"("input_cost_usd":"0.000025","output_cost_usd":"0.000250"},"latency_ms":1234})");
}

TEST(NativeReply, CountsThatCannotBeTrueAreNull) {
  for (const std::int64_t wrong : {std::int64_t{-3}, std::numeric_limits<std::int64_t>::max()}) {
    chat::Reply reply = small_reply();
    reply.usage->output_tokens = wrong;
    const std::string text = render(reply, CostView{});
    EXPECT_TRUE(
        text.contains(R"("usage":{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null},)"))
        << text;
  }
}

TEST(NativeReply, ShowsToolCallsAndNoContent) {
  chat::Reply reply = small_reply();
  reply.text.clear();
  reply.tool_calls.push_back({"call_1", "get_weather", R"({"city":"Bern"})"});
  reply.tool_calls.push_back({"call_2", "now", ""});
  const std::string text = render(reply);
  EXPECT_TRUE(text.contains(
      R"("message":{"role":"assistant","content":null,"tool_calls":[)"
      R"({"id":"call_1","type":"function","function":{"name":"get_weather","arguments":"{\"city\":\"Bern\"}"}},)"
      R"({"id":"call_2","type":"function","function":{"name":"now","arguments":"{}"}}]},"finish_reason":"tool_calls",)"))
      << text;
  reply.finish_reason = chat::FinishReason::length;
  EXPECT_TRUE(render(reply).contains(R"("finish_reason":"length")"));
}

TEST(NativeReply, ShowsARefusalAsContentAndNoThinking) {
  chat::Reply reply = small_reply();
  reply.text.clear();
  reply.refusal = "I cannot.";
  reply.thinking.push_back({"secret thought", "sig", ""});
  const std::string text = render(reply);
  EXPECT_TRUE(text.contains(R"("content":"I cannot.")")) << text;
  EXPECT_FALSE(text.contains("secret thought"));
}

TEST(NativeReply, ShowsAnEmptyAnswerAsEmptyText) {
  chat::Reply reply = small_reply();
  reply.text.clear();
  EXPECT_TRUE(render(reply).contains(R"("content":"")"));
}

TEST(NativeReply, ShowsTheFinerCountsWhenTheyAreNotZero) {
  chat::Reply reply = small_reply();
  reply.usage->cache_read_tokens = 4;
  reply.usage->cache_write_tokens = 1;
  reply.usage->cache_write_1h_tokens = 2;
  reply.usage->reasoning_tokens = 20;
  EXPECT_TRUE(render(reply).contains(
      R"("total_tokens":35,"cached_tokens":4,"cache_write_tokens":3,"reasoning_tokens":20},"cost")"));
}

TEST(NativeReply, SaysNullForWhatIsNotKnown) {
  chat::Reply reply = small_reply();
  EXPECT_TRUE(render(reply, {}).contains(
      R"("output_tokens":25,"estimated_cost_usd":null,"input_cost_usd":null,"output_cost_usd":null})"));
  reply.usage.reset();
  chat::Warnings warnings;
  warnings.add("seed: left out.");
  EXPECT_TRUE(
      render(reply, {}, false, warnings)
          .ends_with(
              R"("usage":{"prompt_tokens":null,"completion_tokens":null,"total_tokens":null},)"
              R"("cost":{"total_tokens":null,"input_tokens":null,"output_tokens":null,)"
              R"("estimated_cost_usd":null,"input_cost_usd":null,"output_cost_usd":null},"latency_ms":1234,)"
              R"("warnings":["seed: left out.","usage: the provider reported none; tokens are not known."]})"));
}

TEST(NativeReply, CostsNothingFromTheCache) {
  chat::Warnings warnings;
  warnings.add("w");
  EXPECT_TRUE(
      render(small_reply(), kCost, true, warnings)
          .ends_with(
              R"("cost":{"total_tokens":35,"input_tokens":10,"output_tokens":25,"estimated_cost_usd":"0.000000",)"
              R"("input_cost_usd":"0.000000","output_cost_usd":"0.000000"},"latency_ms":1234,"cached":true,)"
              R"("warnings":["w"]})"));
}

TEST(NativeReply, CallsAnUnknownReasonOther) {
  chat::Reply reply = small_reply();
  reply.finish_reason = chat::FinishReason::unknown;
  EXPECT_TRUE(render(reply).contains(R"("finish_reason":"other")"));
}

TEST(NativeReply, NeverEmitsIllFormedText) {
  chat::Reply reply = small_reply();
  reply.text = "a\xC3(\xED\xA0\x80\xF0\x9F\x98\x80 \"q\" \\ \n\x01";
  EXPECT_TRUE(
      render(reply).contains("\"content\":\"a\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                             "\xF0\x9F\x98\x80 \\\"q\\\" \\\\ \\n\\u0001\""));
}

}  // namespace
}  // namespace ai_proxy::dialects::native
