// Streams written by hand: order, tool counting, usage, failure, bounds. Recorded ones: corpus_test.cpp.
#include <gtest/gtest.h>

#include "dialects/anthropic_messages/folded_stream_for_tests.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using for_tests::Folded;

constexpr std::string_view kStart =
    R"({"type":"message_start","message":{"id":"msg_1","model":"claude-x","content":[],"usage":{"input_tokens":25,"cache_creation_input_tokens":400,"output_tokens":1}}})";

std::string start_of(int index, std::string_view block) {
  return R"({"type":"content_block_start","index":)" + std::to_string(index) + R"(,"content_block":)" +
         std::string(block) + "}";
}
std::string delta_of(int index, std::string_view delta) {
  return R"({"type":"content_block_delta","index":)" + std::to_string(index) + R"(,"delta":)" +
         std::string(delta) + "}  ";
}
std::string stop_of(int index) {
  return R"({"type":"content_block_stop","index":)" + std::to_string(index) + "}";
}

TEST(AnthropicStream, ReadsThinkingTextAndToolsCountingOnlyTools) {
  Folded folded;
  folded.event("message_start", std::string(kStart) + "       ");
  folded.event("", start_of(0, R"({"type":"thinking","thinking":"","signature":""})"));
  folded.event("ping", R"({"type": "ping"})");
  folded.event("", delta_of(0, R"({"type":"thinking_delta","thinking":"hm"})"));
  folded.event("", delta_of(0, R"({"type":"signature_delta","signature":"sig=="})"));
  folded.event("", stop_of(0));
  folded.event("", start_of(1, R"({"type":"redacted_thinking","data":"xyz"})"));
  folded.event("", stop_of(1));
  folded.event("", start_of(2, R"({"type":"text","text":""})"));
  folded.event("", delta_of(2, R"({"type":"text_delta","text":"\u5317京"})"));
  folded.event("", stop_of(2));
  folded.event("", start_of(3, R"({"type":"tool_use","id":"A","name":"a","input":{}})"));
  folded.event("", start_of(4, R"({"type":"tool_use","id":"B","name":"b","input":{}})"));
  folded.event("", delta_of(3, R"({"type":"input_json_delta","partial_json":""})"));
  folded.event("", delta_of(3, R"({"type":"input_json_delta","partial_json":"{\"x\":"})"));
  folded.event("", delta_of(4, R"({"type":"input_json_delta","partial_json":"{\"y\":2}"})"));
  folded.event("", delta_of(3, R"({"type":"input_json_delta","partial_json":"1}"})"));
  folded.event("", stop_of(4));
  folded.event("", stop_of(3));
  folded.event("", start_of(5, R"({"type":"tool_use","id":"C","name":"c","input":{}})"));
  folded.event("", delta_of(5, R"({"type":"input_json_delta","partial_json":""})"));
  folded.event("", stop_of(5));
  EXPECT_FALSE(folded.reader->complete());
  folded.event(
      "",
      R"({"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":511,"cache_creation_input_tokens":0,"cache_read_input_tokens":400}})");
  EXPECT_TRUE(folded.reader->complete());
  EXPECT_FALSE(folded.reader->terminated());
  folded.event("message_stop", R"({"type":"message_stop"})");
  folded.event("", "not read any more");

  ASSERT_TRUE(folded.result) << folded.result.error().message;
  EXPECT_TRUE(folded.reader->terminated());
  EXPECT_EQ(folded.started, 1);
  EXPECT_EQ(folded.finished, 1);
  EXPECT_EQ(folded.thinking, "hm");
  EXPECT_EQ(folded.signatures, (std::vector<std::string>{"sig==", "data:xyz"}));
  EXPECT_EQ(folded.reply.text, "北京");
  ASSERT_EQ(folded.reply.tool_calls.size(), 3u);
  EXPECT_EQ(folded.reply.tool_calls[0].id, "A");
  EXPECT_EQ(folded.reply.tool_calls[0].arguments, R"({"x":1})");
  EXPECT_EQ(folded.reply.tool_calls[1].arguments, R"({"y":2})");
  EXPECT_EQ(folded.reply.tool_calls[2].name, "c");
  EXPECT_EQ(folded.reply.tool_calls[2].arguments, "{}");
  EXPECT_EQ(folded.reader->id(), "msg_1");
  EXPECT_EQ(folded.reader->model(), "claude-x");
  EXPECT_EQ(folded.reader->finish_reason(), chat::FinishReason::tool_calls);
  EXPECT_TRUE(folded.reader->has_tool_calls());
  const chat::Usage& usage = folded.reader->usage().value();
  EXPECT_EQ(usage.input_tokens, 425);
  EXPECT_EQ(usage.cache_read_tokens, 400);
  EXPECT_EQ(usage.cache_write_tokens, 0);
  EXPECT_EQ(usage.output_tokens, 511);
}

TEST(AnthropicStream, HandsOnServerToolsAndCitationsWhole) {
  Folded folded;
  folded.event(
      "",
      start_of(
          0,
          R"({"type":"server_tool_use","id":"s","name":"web_search","input":{},"caller":{"type":"direct"}})"));
  folded.event("", delta_of(0, R"({"type":"input_json_delta","partial_json":"{\"q\":"})"));
  folded.event("", delta_of(0, R"({"type":"input_json_delta","partial_json":"\"x\"}"})"));
  folded.event("", stop_of(0));
  folded.event("", start_of(1, R"({"type":"text","text":"","citations":[]})"));
  folded.event("", delta_of(1, R"({"type":"citations_delta","citation":{"type":"char_location","n":1.0}})"));
  folded.event("", stop_of(1));
  folded.event("", start_of(2, R"({"type":"compaction","content":null})"));
  folded.event("", delta_of(2, R"({"type":"compaction_delta","content":"a \"b\""})"));
  folded.event("", stop_of(2));
  folded.event("", start_of(3, R"({"type":"block_of_tomorrow","input":{}})"));
  folded.event("", delta_of(3, R"({"type":"input_json_delta","partial_json":"{\"cut"})"));
  folded.event("", delta_of(3, R"({"type":"delta_of_tomorrow"})"));
  folded.event("event_of_tomorrow", R"({"type":"event_of_tomorrow"})");
  folded.event("message_stop", R"({"type":"message_stop"})");
  ASSERT_TRUE(folded.result) << folded.result.error().message;
  EXPECT_EQ(
      folded.reply.opaque_parts,
      (std::vector<std::string>{
          R"({"type":"server_tool_use","id":"s","name":"web_search","input":{"q":"x"},"caller":{"type":"direct"}})",
          R"({"type":"char_location","n":1.0})", R"({"type":"compaction","content":"a \"b\""})",
          R"({"type":"block_of_tomorrow","input":{}})"}));
  EXPECT_FALSE(folded.reader->has_tool_calls());
}

TEST(AnthropicStream, TakesInputThatCameWithTheStart) {
  Folded folded;
  folded.event("", start_of(0, R"({"type":"tool_use","id":"A","name":"a","input":{"x": 1}})"));
  folded.event("", start_of(1, R"({"type":"tool_use","id":"B","name":"b","input":{"y": 2}})"));
  folded.event("", R"({"type":"message_stop"})");
  ASSERT_EQ(folded.reply.tool_calls.size(), 2u);
  EXPECT_EQ(folded.reply.tool_calls[0].arguments, R"({"x": 1})");
  EXPECT_EQ(folded.reply.tool_calls[1].arguments, R"({"y": 2})");
}

TEST(AnthropicStream, IsIncompleteWhenItEndsEarly) {
  Folded folded;
  folded.event("", kStart);
  folded.event("", start_of(0, R"({"type":"text","text":""})"));
  folded.event("", R"({"type":"message_delta","delta":{"stop_reason":null},"usage":{"output_tokens":3}})");
  EXPECT_FALSE(folded.reader->complete());
  EXPECT_EQ(folded.finished, 0);
  EXPECT_EQ(folded.reader->usage()->output_tokens, 3);
}

TEST(AnthropicStream, FailsOnAnErrorEventEvenAsTheFirst) {
  Folded folded;
  folded.event(
      "error",
      R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"})");
  ASSERT_FALSE(folded.result);
  EXPECT_EQ(folded.result.error().code, ErrorCode::overloaded);
  EXPECT_TRUE(folded.result.error().retryable);
  EXPECT_EQ(folded.result.error().provider_request_id, "req_1");
  EXPECT_FALSE(folded.reader->complete());
}

TEST(AnthropicStream, FailsOnWhatMakesNoSense) {
  for (const std::string& data : {std::string("{"), std::string("[]"), std::string("overloaded"),
                                  start_of(0, "7"), start_of(0, R"({"type":"tool_use","id":"A"})"),
                                  delta_of(4, R"({"type":"input_json_delta","partial_json":"{}"})")}) {
    Folded folded;
    folded.event("", data);
    ASSERT_FALSE(folded.result) << data;
    EXPECT_EQ(folded.result.error().code, ErrorCode::provider_error);
  }
}

TEST(AnthropicStream, BoundsWhatItHoldsBack) {
  Folded many;
  for (int i = 0; i < 1000; ++i) many.event("", start_of(i, R"({"type":"text","text":""})"));
  EXPECT_FALSE(many.result);

  Folded large;
  large.event("", start_of(0, R"({"type":"server_tool_use","input":{}})"));
  const std::string piece =
      delta_of(0, R"({"type":"input_json_delta","partial_json":")" + std::string(1024 * 1024, 'x') + "\"}");
  for (int i = 0; i < 17; ++i) large.event("", piece);
  EXPECT_FALSE(large.result);

  const std::string input = R"({"type":"tool_use","id":"A","name":"a","input":{"a":")" +
                            std::string(4 * 1024 * 1024, 'x') + R"("}})";
  Folded one_by_one;
  for (int i = 0; i < 10; ++i) {
    one_by_one.event("", start_of(i, input));
    one_by_one.event("", stop_of(i));
  }
  EXPECT_TRUE(one_by_one.result);
  EXPECT_EQ(one_by_one.reader->held_bytes(), 0U);
  Folded at_once;
  for (int i = 0; i < 5; ++i) at_once.event("", start_of(i, input));
  EXPECT_FALSE(at_once.result);
}

TEST(AnthropicStream, BoundsTheCallsAndTheirNames) {
  const auto tool = [](int index, std::size_t length) {
    return start_of(
        index, R"({"type":"tool_use","id":")" + std::string(length, 'i') + R"(","name":"a","input":{}})");
  };
  Folded many;
  for (int i = 0; i < 1024; ++i) {
    many.event("", tool(i, 1));
    many.event("", stop_of(i));
  }
  EXPECT_TRUE(many.result);
  many.event("", tool(1024, 1));
  EXPECT_FALSE(many.result);

  Folded named;
  named.event("", tool(0, 70'000));
  EXPECT_FALSE(named.result);
}

TEST(AnthropicStream, PassesOnWhyTheModelRefused) {
  Folded folded;
  folded.event(
      "",
      R"({"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":{"explanation":"Not this."}},"usage":{"output_tokens":1}})");
  EXPECT_EQ(folded.reply.refusal, "Not this.");
  EXPECT_EQ(folded.reader->finish_reason(), chat::FinishReason::content_filter);
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
