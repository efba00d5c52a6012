// Anthropic's usage object: sums, splits, contradictions, merging.
#include "dialects/anthropic_messages/usage.h"

#include <gtest/gtest.h>

#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

std::optional<chat::Usage> usage_of(std::string_view text) {
  json::Document document;
  EXPECT_FALSE(document.parse(text, json::kProviderLimits)) << text;
  return parse_usage(document.root());
}

TEST(AnthropicUsage, AddsTheThreeKindsOfInput) {
  const auto usage =
      usage_of(R"({"input_tokens":10,"cache_read_input_tokens":100,"cache_creation_input_tokens":1000,
    "cache_creation":{"ephemeral_5m_input_tokens":300,"ephemeral_1h_input_tokens":700},"output_tokens":50,
    "output_tokens_details":{"thinking_tokens":20},"service_tier":"batch","speed":"fast","inference_geo":"us",
    "server_tool_use":{"web_search_requests":2,"web_fetch_requests":3}})");
  ASSERT_TRUE(usage);
  EXPECT_TRUE(usage->valid);
  EXPECT_EQ(usage->input_tokens, 1110);
  EXPECT_EQ(usage->cache_read_tokens, 100);
  EXPECT_EQ(usage->cache_write_tokens, 300);
  EXPECT_EQ(usage->cache_write_1h_tokens, 700);
  EXPECT_EQ(usage->output_tokens, 50);
  EXPECT_EQ(usage->reasoning_tokens, 20);
  EXPECT_EQ(usage->web_search_calls, 2);
  EXPECT_EQ(usage->web_fetch_calls, 3);
  EXPECT_EQ(usage->service_tier, "batch");
  EXPECT_EQ(usage->speed, "fast");
  EXPECT_EQ(usage->inference_region, "us");
}

TEST(AnthropicUsage, CountsWritesWithoutASplitAsFiveMinutes) {
  const auto usage =
      usage_of(R"({"input_tokens":1,"cache_creation_input_tokens":9,"cache_read_input_tokens":null,
    "cache_creation":null,"output_tokens":2,"server_tool_use":null,"output_tokens_details":null,"service_tier":null})");
  ASSERT_TRUE(usage);
  EXPECT_TRUE(usage->valid);
  EXPECT_EQ(usage->input_tokens, 10);
  EXPECT_EQ(usage->cache_write_tokens, 9);
  EXPECT_EQ(usage->cache_write_1h_tokens, 0);
}

TEST(AnthropicUsage, KeepsTheTotalWhereTheSplitCoversOnlyTheLastTurn) {
  const auto usage = usage_of(R"({"input_tokens":0,"cache_creation_input_tokens":100,"output_tokens":1,
    "cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":30}})");
  ASSERT_TRUE(usage);
  EXPECT_TRUE(usage->valid);
  EXPECT_EQ(usage->input_tokens, 100);
  EXPECT_EQ(usage->cache_write_tokens, 70);
  EXPECT_EQ(usage->cache_write_1h_tokens, 30);
}

TEST(AnthropicUsage, IsInvalidWhereTheNumbersContradictEachOther) {
  for (
      const std::string_view text :
      {R"({"input_tokens":-1,"output_tokens":1})", R"({"input_tokens":1,"output_tokens":1.5})",
       R"({"input_tokens":"7","output_tokens":1})",
       R"({"input_tokens":9223372036854775807,"cache_read_input_tokens":9223372036854775807})",
       R"({"input_tokens":1,"output_tokens":1,"output_tokens_details":{"thinking_tokens":2}})",
       R"({"input_tokens":1,"output_tokens":1,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_1h_input_tokens":6}})",
       R"({"input_tokens":1,"output_tokens":1,"iterations":[{"type":"compaction","input_tokens":-4}]})"}) {
    const auto usage = usage_of(text);
    ASSERT_TRUE(usage) << text;
    EXPECT_FALSE(usage->valid) << text;
  }
}

TEST(AnthropicUsage, IsAbsentWhereNothingIsTold) {
  EXPECT_FALSE(usage_of("null"));
  EXPECT_FALSE(usage_of("[]"));
  EXPECT_FALSE(usage_of("{}"));
  EXPECT_FALSE(parse_usage(json::Value()));
}

TEST(AnthropicUsage, AddsCompactionsAndKeepsOtherModelsApart) {
  const auto usage = usage_of(
      R"({"input_tokens":5,"output_tokens":7,"inference_geo":"us","service_tier":"standard","iterations":[
    {"type":"message","input_tokens":5,"output_tokens":7},
    {"type":"compaction","input_tokens":1000,"output_tokens":100,"cache_creation_input_tokens":10,
     "cache_creation":{"ephemeral_1h_input_tokens":10,"ephemeral_5m_input_tokens":0}},
    {"type":"advisor_message","model":"claude-opus-4-7","input_tokens":30,"output_tokens":3},
    {"type":"something_new","input_tokens":1}]})");
  ASSERT_TRUE(usage);
  EXPECT_TRUE(usage->valid);
  EXPECT_EQ(usage->input_tokens, 1015);
  EXPECT_EQ(usage->cache_write_1h_tokens, 10);
  EXPECT_EQ(usage->output_tokens, 107);
  ASSERT_EQ(usage->other_models.size(), 1u);
  EXPECT_EQ(usage->other_models[0].model, "claude-opus-4-7");
  EXPECT_EQ(usage->other_models[0].usage.input_tokens, 30);
  EXPECT_EQ(usage->other_models[0].usage.inference_region, "us");
}

TEST(AnthropicUsage, AnIterationHasNoIterations) {
  const auto usage = usage_of(R"({"input_tokens":5,"output_tokens":7,"iterations":[
    {"type":"advisor_message","model":"claude-opus-4-7","input_tokens":30,"output_tokens":3,"iterations":[
      {"type":"advisor_message","model":"claude-opus-4-7","input_tokens":40,"output_tokens":4}]}]})");
  ASSERT_TRUE(usage);
  ASSERT_EQ(usage->other_models.size(), 1u);
  EXPECT_EQ(usage->other_models[0].usage.input_tokens, 30);
  EXPECT_TRUE(usage->other_models[0].usage.other_models.empty());
}

TEST(AnthropicUsage, OverwritesAlongAStreamAndNeverAdds) {
  UsageMerger merger;
  json::Document document;
  const auto merge = [&](std::string_view text) {
    ASSERT_FALSE(document.parse(text));
    merger.merge(document.root());
  };
  merge(R"({"input_tokens":25,"cache_creation_input_tokens":400,"output_tokens":1,"service_tier":"standard",
    "cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":400}})");
  EXPECT_EQ(merger.usage()->cache_write_1h_tokens, 400);
  merge(R"({"output_tokens":511,"cache_creation_input_tokens":0,"cache_read_input_tokens":400})");
  merge("null");
  merge("{}");
  ASSERT_TRUE(merger.usage());
  EXPECT_TRUE(merger.usage()->valid);
  EXPECT_EQ(merger.usage()->input_tokens, 425);
  EXPECT_EQ(merger.usage()->cache_written_tokens(), 0);
  EXPECT_EQ(merger.usage()->cache_read_tokens, 400);
  EXPECT_EQ(merger.usage()->output_tokens, 511);
  EXPECT_EQ(merger.usage()->service_tier, "standard");
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
