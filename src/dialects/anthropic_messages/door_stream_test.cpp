// Streams out of Anthropic's door, delta by delta: A6, A7, A12, A14, A18, B2 of the case list.
#include <gtest/gtest.h>

#include "dialects/anthropic_messages/door_validated_for_tests.h"
#include "dialects/doors.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using chat::Delta;
using chat::FinishReason;
using for_tests::Shown;
using for_tests::Validator;
using Kind = Delta::Kind;

Delta piece(Kind kind, std::string_view text) {
  Delta delta;
  delta.kind = kind;
  delta.text = text;
  return delta;
}

struct Stream {
  AnswerContext context{.model = "gpt-5.1", .id = "msg_1", .created = 0, .stream_usage = true};
  std::unique_ptr<StreamWriter> writer = kAnthropicMessagesDoor.make_stream_writer(context);
  Validator validator;
  std::string all;

  void write(const Delta& delta) {
    std::string out;
    writer->delta(out, delta);
    take(out);
  }
  void text(std::string_view text) { write(piece(Kind::text, text)); }
  void thinking(std::string_view text) { write(piece(Kind::thinking, text)); }
  void signature(std::string_view text, bool redacted = false) {
    Delta delta = piece(Kind::thinking_signature, text);
    delta.redacted = redacted;
    write(delta);
  }
  void begin(std::uint32_t index, std::string_view id, std::string_view name) {
    Delta delta = piece(Kind::tool_call_begin, {});
    delta.tool_index = index;
    delta.tool_id = id;
    delta.tool_name = name;
    write(delta);
  }
  void arguments(std::uint32_t index, std::string_view text) {
    Delta delta = piece(Kind::tool_call_arguments, text);
    delta.tool_index = index;
    write(delta);
  }
  const Shown& end(FinishReason reason, const std::optional<chat::Usage>& usage = std::nullopt,
                   std::string_view stop_sequence = {}) {
    std::string out;
    writer->end(out, {.finish_reason = reason, .stop_sequence = stop_sequence, .usage = usage});
    take(out);
    EXPECT_EQ(validator.message_stops, 1);
    return validator.shown();
  }
  void take(const std::string& out) {
    validator.feed(out);
    all += out;
  }
};

// The SDKs take the tier from here alone; a whole answer has it too.
TEST(AnthropicDoorStream, BeginsWithTheTierWhereItIsKnown) {
  Stream known;
  known.write(piece(Kind::started, "default"));
  EXPECT_NE(known.all.find(R"("service_tier":"standard"}}})"), std::string::npos) << known.all;
  Stream unknown;
  unknown.write(piece(Kind::started, {}));
  EXPECT_EQ(unknown.all.find("service_tier"), std::string::npos) << unknown.all;
}

TEST(AnthropicDoorStream, FramesTextAsAnthropicDoes) {
  Stream stream;
  stream.write(piece(Kind::started, {}));
  EXPECT_TRUE(stream.all.starts_with(
      "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"gpt-5.1\",\"id\":"
      "\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"content\":[],\"stop_reason\":null,"));
  stream.all.clear();
  stream.text("");
  stream.text("Hel\n");
  EXPECT_EQ(stream.all,
            "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
            "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
            "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
            "\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\\n\"}}\n\n");
  stream.text("北京🙂");
  stream.write(piece(Kind::finished, {}));
  const Shown& shown = stream.end(FinishReason::stop);
  EXPECT_EQ(shown.text, "Hel\n北京🙂");
  EXPECT_EQ(shown.stop, "end_turn|null|null");
  EXPECT_TRUE(stream.all.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
}

TEST(AnthropicDoorStream, OpensAndClosesBlocksOfDifferentKindsInOrder) {
  Stream stream;
  stream.thinking("let ");
  stream.thinking("me");
  stream.signature("sig1");
  stream.signature("secret", true);
  stream.signature("sig2");
  stream.thinking("more");
  stream.text("Hi");
  stream.begin(0, "call_1", "a");
  stream.arguments(0, R"({"x":)");
  stream.arguments(0, "1}");
  stream.begin(1, "call_2", "b");
  stream.arguments(1, "{}");
  stream.text("Done");
  const Shown& shown = stream.end(FinishReason::tool_calls);
  const std::vector<std::string> expected{"thinking|let me|sig1",
                                          R"(redacted_thinking|{"type":"redacted_thinking","data":"secret"})",
                                          "thinking||sig2",
                                          "thinking|more|",
                                          "text|Hi",
                                          R"(tool_use|call_1|a|{"x":1})",
                                          "tool_use|call_2|b|{}",
                                          "text|Done"};
  EXPECT_EQ(shown.blocks, expected);
  EXPECT_EQ(shown.stop, "tool_use|null|null");
}

TEST(AnthropicDoorStream, A6InterleavedCallsKeepTheirArgumentsApart) {
  Stream stream;
  stream.begin(0, "call_1", "a");
  stream.begin(1, "call_2", "b");
  stream.arguments(0, R"({"s":"}\")");
  stream.arguments(1, R"({"y":)");
  stream.text("aside");
  stream.arguments(0, R"(}]","x":[)");
  stream.arguments(1, "2");
  stream.arguments(0, "1]}");
  stream.begin(2, "call_3", "c");
  stream.arguments(1, "}");
  const Shown& shown = stream.end(FinishReason::tool_calls);
  const std::vector<std::string> expected{R"(tool_use|call_1|a|{"s":"}\"}]","x":[1]})",
                                          R"(tool_use|call_2|b|{"y":2})", "text|aside",
                                          "tool_use|call_3|c|{}"};
  EXPECT_EQ(shown.blocks, expected);
  EXPECT_EQ(stream.validator.most_open, 1);
}

TEST(AnthropicDoorStream, A6TheFirstCallIsNotHeldBackByLaterOnes) {
  Stream stream;
  stream.begin(0, "call_1", "a");
  stream.begin(1, "call_2", "b");
  stream.all.clear();
  stream.arguments(0, R"({"x")");
  EXPECT_NE(stream.all.find(R"("index":0,"delta":{"type":"input_json_delta","partial_json":"{\"x\""}})"),
            std::string::npos);
  stream.all.clear();
  stream.arguments(0, ":1}");
  EXPECT_NE(stream.all.find(R"({"type":"content_block_stop","index":0})"), std::string::npos);
  EXPECT_NE(stream.all.find(R"("index":1,"content_block":{"type":"tool_use","id":"call_2")"),
            std::string::npos);
  stream.end(FinishReason::tool_calls);
}

TEST(AnthropicDoorStream, HoldsBackABoundedAmountAndThenLetsBlocksOverlap) {
  Stream stream;
  stream.validator.one_block_at_a_time = false;
  stream.begin(0, "call_1", "a");
  stream.arguments(0, R"({"x":)");
  stream.begin(1, "call_2", "b");
  stream.arguments(1, R"({"long":")");
  const std::string block(64 * 1024, 'z');
  for (int i = 0; i < 20; ++i) stream.arguments(1, block);
  EXPECT_GT(stream.all.size(), 1024U * 1024);
  stream.arguments(1, "\"}");
  stream.text("after");
  stream.arguments(0, "1}");
  const Shown& shown = stream.end(FinishReason::tool_calls);
  ASSERT_EQ(shown.blocks.size(), 3U);
  EXPECT_EQ(shown.blocks[0], R"(tool_use|call_1|a|{"x":1})");
  EXPECT_TRUE(shown.blocks[1].starts_with(R"(tool_use|call_2|b|{"long":"zzz)"));
  EXPECT_GT(shown.blocks[1].size(), 20 * block.size());
  EXPECT_EQ(shown.blocks[2], "text|after");
  EXPECT_EQ(stream.validator.most_open, 2);
}

TEST(AnthropicDoorStream, KeepsOnlyWhatIsUnfinishedBeyondIt) {
  Stream stream;
  stream.validator.one_block_at_a_time = false;
  stream.begin(0, "call_1", "a");
  stream.arguments(0, R"({"x":)");
  constexpr std::size_t kBlocks = 30'000;  // of some 300 bytes each
  for (std::size_t i = 0; i < kBlocks / 2; ++i) {
    stream.text("a");
    stream.thinking("b");
  }
  EXPECT_LT(stream.writer->held_bytes(), 2U * 1024 * 1024);
  EXPECT_LT(stream.validator.most_open, 10'000);
  stream.arguments(0, "1}");
  const Shown& shown = stream.end(FinishReason::tool_calls);
  ASSERT_EQ(shown.blocks.size(), 1 + kBlocks);
  EXPECT_EQ(shown.blocks.front(), R"(tool_use|call_1|a|{"x":1})");
}

TEST(AnthropicDoorStream, KeepsABoundedPartOfARefusalAndOfCitationsWithoutAText) {
  const std::string block(64 * 1024, 'z');
  Stream refused;
  for (int i = 0; i < 40; ++i) refused.write(piece(Kind::refusal, block));
  EXPECT_LE(refused.writer->held_bytes(), 1024U * 1024 + block.size());
  EXPECT_EQ(refused.end(FinishReason::stop).text.size(), 40 * block.size()) << "all of it is told";

  Stream cited;
  const std::string citation = R"({"type":"char_location","cited_text":")" + block + R"("})";
  for (int i = 0; i < 40; ++i) cited.write(piece(Kind::opaque, citation));
  EXPECT_LE(cited.writer->held_bytes(), 1024U * 1024 + 2 * block.size());
  cited.text("a");
  EXPECT_EQ(cited.writer->held_bytes(), 0U);
}

TEST(AnthropicDoorStream, ACallThatWasCutIsClosedAndSaysMaxTokens) {
  Stream stream;
  stream.begin(0, "call_1", "a");
  stream.arguments(0, R"({"x":"unfin)");
  stream.begin(1, "call_2", "b");
  const Shown& shown = stream.end(FinishReason::length);
  EXPECT_EQ(shown.stop, "max_tokens|null|null");
  ASSERT_EQ(shown.blocks.size(), 2U);
  EXPECT_EQ(shown.blocks[1], "tool_use|call_2|b|{}");
}

TEST(AnthropicDoorStream, A12TheLastUsageIsTheWholeUsage) {
  Stream stream;
  stream.text("x");
  chat::Usage usage;
  usage.input_tokens = 1000;
  usage.cache_read_tokens = 600;
  usage.cache_write_tokens = 100;
  usage.cache_write_1h_tokens = 50;
  usage.output_tokens = 42;
  usage.reasoning_tokens = 20;
  usage.service_tier = "default";
  const Shown& shown = stream.end(FinishReason::stop, usage);
  EXPECT_EQ(
      shown.usage,
      R"({"input_tokens":250,"cache_creation_input_tokens":150,"cache_read_input_tokens":600,)"
      R"("cache_creation":{"ephemeral_5m_input_tokens":100,"ephemeral_1h_input_tokens":50},)"
      R"("output_tokens":42,"output_tokens_details":{"thinking_tokens":20},"service_tier":"standard"})");
}

TEST(AnthropicDoorStream, TellsTheMatchedStopSequence) {
  Stream stream;
  stream.text("x");
  EXPECT_EQ(stream.end(FinishReason::stop, std::nullopt, "END").stop, R"(stop_sequence|"END"|null)");
}

TEST(AnthropicDoorStream, ARefusalIsShownAsTextAndAsTheReason) {
  Stream stream;
  stream.write(piece(Kind::refusal, "I "));
  stream.write(piece(Kind::refusal, "won't."));
  const Shown& shown = stream.end(FinishReason::stop);
  EXPECT_EQ(shown.text, "I won't.");
  EXPECT_EQ(shown.stop, R"(refusal|null|{"type":"refusal","category":null,"explanation":"I won't."})");
}

TEST(AnthropicDoorStream, AnAnswerOfNothingIsStillAMessage) {
  Stream stream;
  const Shown& shown = stream.end(FinishReason::unknown);
  EXPECT_TRUE(shown.blocks.empty());
  EXPECT_EQ(shown.stop, "end_turn|null|null");
  EXPECT_TRUE(shown.usage.starts_with(R"({"input_tokens":0,)"));
  EXPECT_EQ(stream.validator.messages_begun, 1);
}

TEST(AnthropicDoorStream, SplicesAnthropicsOwnBlocksOnOneLineAndCitationsIntoTheirText) {
  Stream stream;
  stream.write(piece(Kind::opaque, "{\"type\":\"server_tool_use\",\n\"id\":\"srv\",\"input\":{}}"));
  stream.write(piece(Kind::opaque, R"({"type":"char_location","cited_text":"a"})"));
  stream.text("said");
  stream.write(piece(Kind::opaque, "{\"type\":\"web_search_result_location\",\r\n\"url\":\"u\"}"));
  stream.write(piece(Kind::opaque, R"({"type":"url_citation","url":"u"})"));
  stream.write(piece(Kind::opaque, R"({"id":"audio_1","data":"AAAA"})"));
  const Shown& shown = stream.end(FinishReason::stop);
  const std::vector<std::string> expected{
      R"(server_tool_use|{"type":"server_tool_use","id":"srv","input":{}})",
      R"(text|said|{"type":"char_location","cited_text":"a"}|{"type":"web_search_result_location","url":"u"})"};
  EXPECT_EQ(shown.blocks, expected);
}

TEST(AnthropicDoorStream, A3AFailureIsAnErrorEventAndNoEnd) {
  Stream stream;
  stream.text("Hel");
  std::string out;
  stream.writer->fail(out, provider_failed(ErrorCode::overloaded, "Overloaded"));
  stream.take(out);
  EXPECT_EQ(out,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
            "\"Overloaded\"}}\n\n");
  EXPECT_FALSE(stream.validator.shown().ended);
  EXPECT_EQ(stream.validator.message_deltas, 0);
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
