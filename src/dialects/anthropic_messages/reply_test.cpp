// Whole answers: every block kind and stop reason, and answers that are none.
#include <gtest/gtest.h>

#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

Result<chat::Reply> reply_of(std::string_view text) {
  json::Document document;
  EXPECT_FALSE(document.parse(text, json::kProviderLimits)) << text;
  return parse_reply(document.root());
}

TEST(AnthropicReply, ReadsEveryKindOfBlock) {
  const auto reply = reply_of(
      R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-haiku-4-5-20251001","content":[
    {"type":"thinking","thinking":"hm","signature":"sig=="},{"type":"redacted_thinking","data":"xyz"},
    {"type":"thinking","thinking":"","signature":"sig2"},
    {"type":"text","text":"A"},{"type":"text","text":"B","citations":[{"type":"char_location","n":1.0}]},
    {"type":"tool_use","id":"toolu_1","name":"f","input":{"z": 1E2},"caller":{"type":"direct"}},
    {"type":"tool_use","id":"toolu_2","name":"g","input":{}},
    {"type":"server_tool_use","id":"srv_1","name":"web_search","input":{}}],
    "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":2}})");
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->id, "msg_1");
  EXPECT_EQ(reply->model, "claude-haiku-4-5-20251001");
  EXPECT_EQ(reply->text, "AB");
  ASSERT_EQ(reply->thinking.size(), 3u);
  EXPECT_EQ(reply->thinking[0].signature, "sig==");
  EXPECT_EQ(reply->thinking[1].redacted_data, "xyz");
  EXPECT_EQ(reply->thinking[2].signature, "sig2");
  ASSERT_EQ(reply->tool_calls.size(), 2u);
  EXPECT_EQ(reply->tool_calls[0].arguments, R"({"z": 1E2})");
  EXPECT_EQ(reply->tool_calls[1].arguments, "{}");
  ASSERT_EQ(reply->opaque_parts.size(), 2u);
  EXPECT_EQ(reply->opaque_parts[0], R"({"type":"char_location","n":1.0})");
  EXPECT_EQ(reply->finish_reason, chat::FinishReason::tool_calls);
  EXPECT_EQ(reply->usage->input_tokens, 1);
}

TEST(AnthropicReply, TranslatesEveryStopReasonOfTheSdk) {
  // StopReason of @anthropic-ai/sdk 1.12.0, whole.
  EXPECT_EQ(finish_reason_of("end_turn"), chat::FinishReason::stop);
  EXPECT_EQ(finish_reason_of("max_tokens"), chat::FinishReason::length);
  EXPECT_EQ(finish_reason_of("stop_sequence"), chat::FinishReason::stop);
  EXPECT_EQ(finish_reason_of("tool_use"), chat::FinishReason::tool_calls);
  EXPECT_EQ(finish_reason_of("pause_turn"), chat::FinishReason::paused);
  EXPECT_EQ(finish_reason_of("refusal"), chat::FinishReason::content_filter);
  EXPECT_EQ(finish_reason_of("model_context_window_exceeded"), chat::FinishReason::length);
  EXPECT_EQ(finish_reason_of("compaction"), chat::FinishReason::unknown);
}

TEST(AnthropicReply, KeepsUnknownReasonsAndTheMatchedStopSequence) {
  const auto odd = reply_of(R"({"content":[],"stop_reason":"compaction"})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->provider_finish_reason, "compaction");
  EXPECT_FALSE(odd->usage);
  const auto stopped = reply_of(R"({"content":[],"stop_reason":"stop_sequence","stop_sequence":"END"})");
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->stop_sequence, "END");
  EXPECT_EQ(stopped->finish_reason, chat::FinishReason::stop);
}

TEST(AnthropicReply, PassesOnWhyTheModelRefused) {
  const auto reply = reply_of(
      R"({"content":[],"stop_reason":"refusal","stop_details":{"type":"refusal","explanation":"Not this."}})");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->refusal, "Not this.");
}

TEST(AnthropicReply, IsAnErrorWhereTheAnswerIsOneOrMakesNoSense) {
  const auto code = [](std::string_view text) {
    const auto reply = reply_of(text);
    return reply ? ErrorCode::internal : reply.error().code;
  };
  EXPECT_EQ(code(R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"),
            ErrorCode::overloaded);
  EXPECT_EQ(code(R"({"type":"error"})"), ErrorCode::provider_error);
  EXPECT_EQ(code("[]"), ErrorCode::provider_error);
  EXPECT_EQ(code("null"), ErrorCode::provider_error);
  EXPECT_EQ(code("{}"), ErrorCode::provider_error);
  EXPECT_EQ(code(R"({"content":"text"})"), ErrorCode::provider_error);
  EXPECT_EQ(code(R"({"content":["text"]})"), ErrorCode::provider_error);
  EXPECT_EQ(code(R"({"content":[{"type":"tool_use","id":"x","input":{}}]})"), ErrorCode::provider_error);
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
