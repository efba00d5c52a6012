#include "dialects/chat_completions/usage.h"

#include <gtest/gtest.h>

namespace ai_proxy::dialects::chat_completions {
namespace {

std::optional<chat::Usage> openai(std::string_view text) {
  json::Document document;
  EXPECT_FALSE(document.parse(text));
  return parse_openai_usage(document.root());
}

std::optional<chat::Usage> mistral(std::string_view text) {
  json::Document document;
  EXPECT_FALSE(document.parse(text));
  return parse_mistral_usage(document.root());
}

TEST(OpenAiUsage, ReadsChatCounts) {
  const auto usage = openai(R"({"prompt_tokens":6784,"completion_tokens":1567,"total_tokens":8351,
      "prompt_tokens_details":{"cached_tokens":5888,"audio_tokens":3,"image_tokens":4,"cache_write_tokens":100},
      "completion_tokens_details":{"reasoning_tokens":64,"audio_tokens":5}})");
  ASSERT_TRUE(usage);
  EXPECT_TRUE(usage->valid);
  EXPECT_EQ(usage->input_tokens, 6784);
  EXPECT_EQ(usage->cache_read_tokens, 5888);
  EXPECT_EQ(usage->cache_write_tokens, 100);
  EXPECT_EQ(usage->cache_write_12h_tokens, 0);
  EXPECT_EQ(usage->audio_input_tokens, 3);
  EXPECT_EQ(usage->image_input_tokens, 4);
  EXPECT_EQ(usage->output_tokens, 1567);
  EXPECT_EQ(usage->reasoning_tokens, 64);
  EXPECT_EQ(usage->audio_output_tokens, 5);
}

TEST(OpenAiUsage, SplitsWritesByLifetime) {
  const auto usage =
      openai(R"({"input_tokens":20000,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":12000,
      "cache_write_tokens_details":{"ttl_12h_tokens":11000,"ttl_30m_tokens":1000}},"output_tokens":1500})");
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->cache_write_tokens, 1000);
  EXPECT_EQ(usage->cache_write_12h_tokens, 11000);
  EXPECT_TRUE(usage->valid);
}

TEST(OpenAiUsage, ReadsRealtimeTranscriptionAndImages) {
  const auto realtime =
      openai(R"({"input_tokens":1500,"output_tokens":1000,"input_token_details":{"text_tokens":500,
      "audio_tokens":1000,"cached_tokens":700,"cached_tokens_details":{"text_tokens":300,"audio_tokens":400,"image_tokens":0}},
      "output_token_details":{"text_tokens":200,"audio_tokens":800}})");
  ASSERT_TRUE(realtime);
  EXPECT_TRUE(realtime->valid);
  EXPECT_EQ(realtime->cached_audio_tokens, 400);
  EXPECT_EQ(realtime->audio_output_tokens, 800);
  const auto spoken = openai(R"({"type":"duration","seconds":95})");
  ASSERT_TRUE(spoken);
  EXPECT_EQ(spoken->audio_seconds, 95);
  const auto image = openai(
      R"({"input_tokens":50,"input_tokens_details":{"text_tokens":50,"image_tokens":0},"output_tokens":1156,
      "output_tokens_details":{"text_tokens":100,"image_tokens":1056}})");
  ASSERT_TRUE(image);
  EXPECT_EQ(image->image_output_tokens, 1056);
  const auto embedding = openai(R"({"prompt_tokens":330,"total_tokens":330})");
  ASSERT_TRUE(embedding);
  EXPECT_EQ(embedding->input_tokens, 330);
  EXPECT_EQ(embedding->output_tokens, 0);
}

TEST(OpenAiUsage, KnowsWhenThereIsNone) {
  for (const std::string_view none :
       {"null", "{}", "[]", "7", R"({"prompt_tokens":null})", R"({"total_tokens":3})"}) {
    EXPECT_FALSE(openai(none)) << none;
    EXPECT_FALSE(mistral(none)) << none;
  }
}

TEST(OpenAiUsage, DistrustsNumbersThatContradictEachOther) {
  const std::string_view bad[]{
      R"({"prompt_tokens":-1,"completion_tokens":10})",
      R"({"prompt_tokens":10,"completion_tokens":1.5})",
      R"({"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":11}})",
      R"({"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":6,"cache_write_tokens":5}})",
      R"({"prompt_tokens":10,"completion_tokens":100,"completion_tokens_details":{"reasoning_tokens":101}})",
      R"({"prompt_tokens":10,"completion_tokens":1,"prompt_tokens_details":{"cache_write_tokens":1,"cache_write_tokens_details":{"ttl_12h_tokens":2}}})",
      R"({"prompt_tokens":9223372036854775807,"completion_tokens":1})",
      R"({"prompt_tokens":9223372036854775807,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":9223372036854775807,"cache_write_tokens":9223372036854775807}})",
      R"({"prompt_tokens":99999999999999999999,"completion_tokens":0})",
      R"({"type":"duration","seconds":-1})",
  };
  for (const std::string_view text : bad) {
    const auto usage = openai(text);
    ASSERT_TRUE(usage) << text;
    EXPECT_FALSE(usage->valid) << text;
  }
}

TEST(OpenAiUsage, CountsThatNobodyCanHaveUsedAreInvalidAndOverflowNothing) {
  const auto lowest = openai(R"({"prompt_tokens":-9223372036854775808,"prompt_tokens_details":{
      "cached_tokens":1,"cache_write_tokens":-9223372036854775808,"cache_write_tokens_details":{"ttl_12h_tokens":1}}})");
  ASSERT_TRUE(lowest);
  EXPECT_FALSE(lowest->valid);
  const auto highest = openai(R"({"prompt_tokens":1,"prompt_tokens_details":{"cache_write_tokens_details":{
      "ttl_30m_tokens":9223372036854775807,"ttl_12h_tokens":9223372036854775807}}})");
  ASSERT_TRUE(highest);
  EXPECT_FALSE(highest->valid);
  EXPECT_EQ(highest->cache_written_tokens(), 0);
  const auto sounds = mistral(R"({"prompt_tokens":-1,"completion_tokens":0,"total_tokens":9223372036854775807,
      "prompt_audio_seconds":1})");
  ASSERT_TRUE(sounds);
  EXPECT_FALSE(sounds->valid);
}

TEST(OpenAiUsage, TotalsThatAreNoNumbersAreNoUsage) {
  EXPECT_FALSE(openai(R"({"prompt_tokens":"10","completion_tokens":1})"));
  EXPECT_FALSE(openai(R"({"prompt_tokens":10,"completion_tokens":[1]})"));
}

TEST(MistralUsage, ReadsEverySpellingOfCached) {
  for (const std::string_view details :
       {R"("prompt_tokens_details":{"cached_tokens":64})", R"("prompt_token_details":{"cached_tokens":64})",
        R"("num_cached_tokens":64)"}) {
    const auto usage = mistral(
        R"({"prompt_tokens":100,"completion_tokens":7,"total_tokens":107,"service_tier":"priority",)" +
        std::string(details) + "}");
    ASSERT_TRUE(usage) << details;
    EXPECT_EQ(usage->cache_read_tokens, 64) << details;
    EXPECT_EQ(usage->input_tokens, 100) << details;
    EXPECT_EQ(usage->service_tier, "priority") << details;
    EXPECT_TRUE(usage->valid) << details;
  }
}

TEST(MistralUsage, AddsAudioThatStandsOutsideThePrompt) {
  const auto told =
      mistral(R"({"prompt_audio_seconds":4,"prompt_tokens":9,"total_tokens":585,"completion_tokens":201,
      "prompt_tokens_details":{"cached_tokens":0,"audio_tokens":375}})");
  ASSERT_TRUE(told);
  EXPECT_EQ(told->input_tokens, 384);
  EXPECT_EQ(told->audio_input_tokens, 375);
  EXPECT_EQ(told->audio_seconds, 4);
  EXPECT_EQ(told->total_tokens(), 585);
  const auto untold = mistral(
      R"({"prompt_tokens":4,"completion_tokens":635,"total_tokens":3264,"prompt_audio_seconds":203})");
  ASSERT_TRUE(untold);
  EXPECT_EQ(untold->total_tokens(), 3264);
  EXPECT_EQ(untold->audio_input_tokens, 2625);
}

TEST(MistralUsage, DistrustsMoreCachedThanPrompted) {
  const auto usage = mistral(
      R"({"prompt_tokens":9,"completion_tokens":1,"num_cached_tokens":10,"prompt_tokens_details":{"audio_tokens":5}})");
  ASSERT_TRUE(usage);
  EXPECT_FALSE(usage->valid);
}

}  // namespace
}  // namespace ai_proxy::dialects::chat_completions
