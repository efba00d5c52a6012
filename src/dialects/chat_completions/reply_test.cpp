#include "dialects/chat_completions/reply.h"

#include <gtest/gtest.h>

#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

Result<chat::Reply> reply_of(const Dialect& dialect, std::string_view text) {
  json::Document document;
  EXPECT_FALSE(document.parse(text, json::kProviderLimits));
  return dialect.parse_reply(document.root());
}

std::string body(std::string_view choice, std::string_view more = {}) {
  return R"({"id":"r1","model":"m1","choices":[)" + std::string(choice) + "]" + std::string(more) + "}";
}

TEST(ChatReply, ReadsTextUsageAndServiceTier) {
  const auto reply = reply_of(
      kOpenAiChat, body(R"({"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"})",
                        R"(,"service_tier":"flex","usage":{"prompt_tokens":2,"completion_tokens":1})"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->id, "r1");
  EXPECT_EQ(reply->model, "m1");
  EXPECT_EQ(reply->text, "Hi");
  EXPECT_EQ(reply->finish_reason, chat::FinishReason::stop);
  ASSERT_TRUE(reply->usage);
  EXPECT_EQ(reply->usage->total_tokens(), 3);
  EXPECT_EQ(reply->usage->service_tier, "flex");
}

TEST(ChatReply, TakesTheFirstChoiceWhereverItStands) {
  const auto reply = reply_of(
      kOpenAiChat, body(R"({"index":1,"message":{"content":"b"}},{"index":0,"message":{"content":"a"}})"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->text, "a");
}

TEST(ChatReply, ReadsRefusalsAndTheRetiredShapes) {
  const auto refused =
      reply_of(kOpenAiChat, body(R"({"message":{"content":null,"refusal":"No."},"finish_reason":"stop"})"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->refusal, "No.");
  EXPECT_EQ(refused->text, "");
  const auto retired =
      reply_of(kOpenAiChat, body(R"({"message":{"content":"","function_call":{"name":"f","arguments":""}},)"
                                 R"("finish_details":{"type":"max_tokens"}})"));
  ASSERT_TRUE(retired);
  ASSERT_EQ(retired->tool_calls.size(), 1u);
  EXPECT_EQ(retired->tool_calls[0].name, "f");
  EXPECT_EQ(retired->tool_calls[0].arguments, "{}");
  EXPECT_EQ(retired->tool_calls[0].id, "call_r1_0");
  EXPECT_EQ(retired->finish_reason, chat::FinishReason::length);
  EXPECT_EQ(retired->provider_finish_reason, "max_tokens");
}

TEST(ChatReply, ReadsMistralsChunksAndKeepsWhatItCannotHold) {
  const auto reply = reply_of(
      kMistralChat,
      body(
          R"({"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"},{"type":"text","text":"b"}],)"
          R"("signature":"s","closed":true},{"type":"text","text":"x"},{"type":"reference","reference_ids":[1]},{"type":"text","text":"y"}],)"
          R"("tool_calls":[{"id":"D681PevKs","function":{"name":"f","arguments":{"z":1.0}}}]},"finish_reason":"tool_calls"})"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->text, "xy");
  ASSERT_EQ(reply->thinking.size(), 1u);
  EXPECT_EQ(reply->thinking[0].text, "ab");
  EXPECT_EQ(reply->thinking[0].signature, "s");
  ASSERT_EQ(reply->opaque_parts.size(), 1u);
  EXPECT_EQ(reply->opaque_parts[0], R"({"type":"reference","reference_ids":[1]})");
  ASSERT_EQ(reply->tool_calls.size(), 1u);
  EXPECT_EQ(reply->tool_calls[0].arguments, R"({"z":1.0})");
}

TEST(ChatReply, KeepsAFinishReasonItDoesNotKnow) {
  const auto reply =
      reply_of(kOpenAiChat, body(R"({"message":{"content":"x"},"finish_reason":"compaction"})"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->finish_reason, chat::FinishReason::unknown);
  EXPECT_EQ(reply->provider_finish_reason, "compaction");
}

// Every finish reason of the SDKs' types (openai 7.57.0, @mistralai/mistralai 2.7.0).
TEST(ChatReply, KnowsEveryFinishReason) {
  using chat_completions::finish_reason_of;
  EXPECT_EQ(finish_reason_of("stop"), chat::FinishReason::stop);
  EXPECT_EQ(finish_reason_of("length"), chat::FinishReason::length);
  EXPECT_EQ(finish_reason_of("model_length"), chat::FinishReason::length);
  EXPECT_EQ(finish_reason_of("tool_calls"), chat::FinishReason::tool_calls);
  EXPECT_EQ(finish_reason_of("function_call"), chat::FinishReason::tool_calls);
  EXPECT_EQ(finish_reason_of("content_filter"), chat::FinishReason::content_filter);
  EXPECT_TRUE(chat_completions::says_failed("error"));
}

TEST(ChatReply, RefusesWhatIsNoAnswer) {
  const std::string_view bodies[]{"[]",
                                  "{}",
                                  R"({"choices":[]})",
                                  R"({"choices":[{"index":0}]})",
                                  R"({"choices":7})",
                                  R"({"choices":[{"message":{"content":"x"},"finish_reason":"error"}]})"};
  for (const std::string_view text : bodies) {
    const auto reply = reply_of(kMistralChat, text);
    ASSERT_FALSE(reply) << text;
    EXPECT_EQ(reply.error().code, ErrorCode::provider_error) << text;
  }
}

TEST(ChatReply, FindsAnErrorInATwoHundred) {
  const auto openai = reply_of(
      kOpenAiChat,
      R"({"error":{"message":"busy","type":"service_unavailable_error","code":"server_is_overloaded"}})");
  ASSERT_FALSE(openai);
  EXPECT_EQ(openai.error().code, ErrorCode::overloaded);
  const auto mistral =
      reply_of(kMistralChat,
               R"({"object":"error","message":"Rate limit exceeded","code":"1300","raw_status_code":429})");
  ASSERT_FALSE(mistral);
  EXPECT_EQ(mistral.error().code, ErrorCode::rate_limited);
  EXPECT_EQ(mistral.error().provider_status, 429);
}

}  // namespace
}  // namespace ai_proxy::dialects
