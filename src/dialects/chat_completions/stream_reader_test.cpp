#include "dialects/chat_completions/stream_reader.h"

#include <gtest/gtest.h>

#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

using Kind = chat::Delta::Kind;

// Feeds events and writes down what came, one line per delta.
struct StreamRun {
  explicit StreamRun(const Dialect& dialect) : reader(dialect.make_stream_reader()) {}

  StreamRun& feed(std::string_view data, std::string_view name = {}) {
    if (failure) return *this;
    auto outcome = reader->event(name, data, [&](const chat::Delta& delta) { write(delta); });
    if (!outcome) failure = outcome.error();
    return *this;
  }

  void write(const chat::Delta& delta) {
    switch (delta.kind) {
      case Kind::started:
        told.append(delta.text.empty() ? "started" : "started ").append(delta.text).append("\n");
        break;
      case Kind::text:
        told.append("text ").append(delta.text).append("\n");
        break;
      case Kind::thinking:
        told.append("thinking ").append(delta.text).append("\n");
        break;
      case Kind::thinking_signature:
        told.append("signature ").append(delta.text).append("\n");
        break;
      case Kind::refusal:
        told.append("refusal ").append(delta.text).append("\n");
        break;
      case Kind::tool_call_begin:
        told.append("begin ")
            .append(std::to_string(delta.tool_index))
            .append(" ")
            .append(delta.tool_id)
            .append(" ");
        told.append(delta.tool_name).append("\n");
        break;
      case Kind::tool_call_arguments:
        told.append("arguments ")
            .append(std::to_string(delta.tool_index))
            .append(" ")
            .append(delta.text)
            .append("\n");
        break;
      case Kind::opaque:
        told.append("opaque ").append(delta.text).append("\n");
        break;
      case Kind::finished:
        told += "finished\n";
        break;
    }
  }

  std::unique_ptr<StreamReader> reader;
  std::string told;
  std::optional<Error> failure;
};

std::string delta(std::string_view json) {
  return R"({"id":"c1","model":"m1","choices":[{"index":0,"delta":)" + std::string(json) + "}]}";
}

std::string finish(std::string_view reason) {
  return R"({"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":")" + std::string(reason) + R"("}]})";
}

TEST(ChunkReader, ReadsTextAndKnowsItsEnd) {
  StreamRun run(kOpenAiChat);
  run.feed(delta(R"({"role":"assistant","content":"","refusal":null})")).feed(delta(R"({"content":"Hel"})"));
  EXPECT_FALSE(run.reader->complete());
  run.feed(delta(R"({"content":"lo"})")).feed(finish("stop"));
  EXPECT_TRUE(run.reader->complete());
  EXPECT_FALSE(run.reader->terminated());
  run.feed("[DONE]");
  EXPECT_TRUE(run.reader->terminated());
  EXPECT_EQ(run.told, "started\ntext Hel\ntext lo\nfinished\n");
  EXPECT_EQ(run.reader->id(), "c1");
  EXPECT_EQ(run.reader->model(), "m1");
  EXPECT_EQ(run.reader->finish_reason(), chat::FinishReason::stop);
  EXPECT_FALSE(run.reader->usage());
}

TEST(ChunkReader, DoesNotCallATerminatorWithoutAReasonComplete) {
  StreamRun run(kOpenAiChat);
  run.feed(delta(R"({"content":"Hel"})")).feed("[DONE]");
  EXPECT_TRUE(run.reader->terminated());
  EXPECT_FALSE(run.reader->complete());
  EXPECT_EQ(run.reader->finish_reason(), chat::FinishReason::unknown);
}

TEST(ChunkReader, KeepsTheLastUsageWhereverItStands) {
  StreamRun run(kOpenAiChat);
  run.feed(
      R"({"id":"c1","service_tier":"default","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}})");
  run.feed(delta(R"({"content":"a"})")).feed(finish("stop"));
  run.feed(R"({"id":"c1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":0}})");
  run.feed(R"({"id":"c1","choices":[],"usage":null})")
      .feed(R"({"id":"c1","choices":[],"moderation":{}})")
      .feed("[DONE]");
  ASSERT_TRUE(run.reader->usage());
  EXPECT_EQ(run.reader->usage()->input_tokens, 3);
  EXPECT_EQ(run.reader->usage()->output_tokens, 0);
  EXPECT_EQ(run.reader->usage()->service_tier, "default");
  EXPECT_EQ(run.told, "started default\ntext a\nfinished\n");
}

TEST(ChunkReader, PutsInterleavedFragmentsToTheirCalls) {
  StreamRun run(kOpenAiChat);
  run
      .feed(delta(
          R"({"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]})"))
      .feed(delta(
          R"({"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g","arguments":""}}]})"))
      .feed(delta(
          R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}},{"index":1,"function":{"arguments":"{}"}}]})"))
      .feed(delta(R"({"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]})"))
      .feed(finish("tool_calls"));
  EXPECT_EQ(
      run.told,
      "started\nbegin 0 a f\nbegin 1 b g\narguments 0 {\"x\"\narguments 1 {}\narguments 0 :1}\nfinished\n");
  EXPECT_TRUE(run.reader->has_tool_calls());
}

TEST(ChunkReader, GivesACallWithoutArgumentsAnEmptyObjectUnlessItWasCut) {
  const std::string call =
      delta(R"({"tool_calls":[{"index":4,"id":"a","function":{"name":"f","arguments":""}}]})");
  StreamRun whole(kOpenAiChat);
  whole.feed(call).feed(finish("stop"));
  EXPECT_EQ(whole.told, "started\nbegin 0 a f\narguments 0 {}\nfinished\n");
  StreamRun cut(kOpenAiChat);
  cut.feed(call).feed(finish("length"));
  EXPECT_EQ(cut.told, "started\nbegin 0 a f\nfinished\n");
}

TEST(ChunkReader, ToleratesMissingIndexIdAndType) {
  StreamRun run(kMistralChat);
  run.feed(delta(R"({"tool_calls":[{"function":{"name":"f","arguments":"{\"a\""}}]})"))
      .feed(delta(R"({"tool_calls":[{"function":{"name":"","arguments":":1}"}}]})"))
      .feed(delta(R"({"tool_calls":[{"id":"b","function":{"name":"g","arguments":{"z": 1}}}]})"))
      .feed(finish("tool_calls"));
  EXPECT_EQ(run.told,
            "started\nbegin 0 call_c1_0 f\narguments 0 {\"a\"\narguments 0 :1}\nbegin 1 b g\narguments 1 "
            "{\"z\": 1}\n"
            "finished\n");
}

TEST(ChunkReader, TellsWholeCallsWithTheSameIndexApartByTheirIds) {
  StreamRun run(kMistralChat);
  run.feed(delta(R"({"tool_calls":[{"index":0,"id":"aaaaaaaaa","function":{"name":"f","arguments":"{}"}},)"
                 R"({"index":0,"id":"bbbbbbbbb","function":{"name":"f","arguments":"{\"q\":1}"}}]})"))
      .feed(finish("tool_calls"));
  EXPECT_EQ(
      run.told,
      "started\nbegin 0 aaaaaaaaa f\narguments 0 {}\nbegin 1 bbbbbbbbb f\narguments 1 {\"q\":1}\nfinished\n");
}

TEST(ChunkReader, HoldsArgumentsBackUntilTheNameIsKnown) {
  StreamRun run(kOpenAiChat);
  run.feed(delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{"}}]})"));
  EXPECT_FALSE(run.reader->has_tool_calls());
  run.feed(delta(R"({"tool_calls":[{"index":0,"function":{"name":"f","arguments":"}"}}]})"))
      .feed(finish("tool_calls"));
  EXPECT_EQ(run.told, "started\nbegin 0 a f\narguments 0 {\narguments 0 }\nfinished\n");
}

TEST(ChunkReader, ReadsTheRetiredFunctionCall) {
  StreamRun run(kOpenAiChat);
  run.feed(delta(R"({"function_call":{"name":"f","arguments":""}})"))
      .feed(delta(R"({"function_call":{"arguments":"{}"}})"));
  run.feed(finish("function_call"));
  EXPECT_EQ(run.told, "started\nbegin 0 call_c1_0 f\narguments 0 {}\nfinished\n");
  EXPECT_EQ(run.reader->finish_reason(), chat::FinishReason::tool_calls);
}

TEST(ChunkReader, ReadsMistralsContentArraysAndTheDeltaBesideTheReason) {
  StreamRun run(kMistralChat);
  run.feed(delta(R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]})"))
      .feed(delta(
          R"({"content":[{"type":"thinking","thinking":[{"type":"text","text":"!"}],"closed":true,"signature":"s"},)"
          R"({"type":"text","text":"A"},{"type":"reference","reference_ids":[1]}]})"))
      .feed(
          R"({"id":"c1","p":"abcdef","choices":[{"index":0,"delta":{"content":"B"},"finish_reason":"stop"}],)"
          R"("usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7,"service_tier":"standard"}})");
  EXPECT_EQ(run.told,
            "started\nthinking hm\nthinking !\nsignature s\ntext A\nopaque "
            "{\"type\":\"reference\",\"reference_ids\":[1]}\n"
            "text B\nfinished\n");
  ASSERT_TRUE(run.reader->usage());
  EXPECT_EQ(run.reader->usage()->service_tier, "standard");
}

TEST(ChunkReader, CountsOnlyTheFirstChoice) {
  StreamRun run(kOpenAiChat);
  run.feed(
      R"({"id":"c1","choices":[{"index":1,"delta":{"content":"second"}},{"index":0,"delta":{"content":"first"}}]})");
  run.feed(R"({"id":"c1","choices":[{"index":1,"delta":{},"finish_reason":"length"}]})");
  EXPECT_FALSE(run.reader->complete());
  run.feed(finish("stop"));
  EXPECT_EQ(run.told, "started\ntext first\nfinished\n");
}

TEST(ChunkReader, KeepsAWordItDoesNotKnow) {
  StreamRun run(kOpenAiChat);
  run.feed(finish("compaction"));
  EXPECT_TRUE(run.reader->complete());
  EXPECT_EQ(run.reader->finish_reason(), chat::FinishReason::unknown);
  EXPECT_EQ(run.reader->provider_finish_reason(), "compaction");
}

struct ErrorCase {
  const Dialect* dialect;
  std::string_view data;
  ErrorCode code;
  bool retryable;
};

TEST(ChunkReader, TurnsErrorsInTheStreamIntoErrors) {
  const ErrorCase cases[]{
      {&kOpenAiChat,
       R"({"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}})",
       ErrorCode::provider_error, true},
      {&kOpenAiChat,
       R"({"id":"c1","choices":[],"error":{"message":"busy","type":"service_unavailable_error","code":"server_is_overloaded"}})",
       ErrorCode::overloaded, true},
      {&kOpenAiChat, R"({"error":{"message":"x","type":"tokens","code":"rate_limit_exceeded"}})",
       ErrorCode::rate_limited, true},
      {&kOpenAiChat, R"({"error":{"message":"x","type":"insufficient_quota","code":"insufficient_quota"}})",
       ErrorCode::quota_exhausted, false},
      {&kOpenAiChat,
       R"({"error":{"message":"x","type":"invalid_request_error","code":"context_length_exceeded"}})",
       ErrorCode::context_length_exceeded, false},
      {&kOpenAiChat, R"({"error":{"message":"upstream says wait","code":429}})", ErrorCode::rate_limited,
       true},
      {&kOpenAiChat, R"({"error":"it broke"})", ErrorCode::provider_error, true},
      {&kMistralChat,
       R"({"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","code":"3505"})",
       ErrorCode::overloaded, true},
      {&kMistralChat,
       R"({"object":"error","message":"Rate limit exceeded","type":"rate_limited","code":"1300","raw_status_code":429})",
       ErrorCode::rate_limited, true},
      {&kMistralChat, R"({"id":"c","choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]})",
       ErrorCode::provider_error, true},
      {&kOpenAiChat, "<html>", ErrorCode::provider_error, true},
      {&kOpenAiChat, R"(["x"])", ErrorCode::provider_error, true},
      {&kOpenAiChat, R"({"id":"c1","choices":[{"index":0,)", ErrorCode::provider_error, true},
  };
  for (const ErrorCase& expected : cases) {
    StreamRun run(*expected.dialect);
    run.feed(expected.data);
    ASSERT_TRUE(run.failure) << expected.data;
    EXPECT_EQ(word(run.failure->code), word(expected.code)) << expected.data;
    EXPECT_EQ(run.failure->retryable, expected.retryable) << expected.data;
    EXPECT_FALSE(run.reader->complete()) << expected.data;
    EXPECT_EQ(run.told.find("finished"), std::string::npos) << expected.data;
    EXPECT_FALSE(run.failure->message.empty());
  }
}

TEST(ChunkReader, TakesAnEventNamedErrorForOne) {
  StreamRun run(kOpenAiChat);
  run.feed(R"({"message":"gone"})", "error");
  ASSERT_TRUE(run.failure);
  EXPECT_EQ(run.failure->message, "gone");
}

TEST(ChunkReader, IgnoresNullErrorsBlanksAndWhatFollowsTheTerminator) {
  StreamRun run(kOpenAiChat);
  run.feed("").feed("  ").feed(
      R"({"id":"c1","error":null,"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]})");
  run.feed(" [DONE] ").feed("garbage");
  EXPECT_FALSE(run.failure);
  EXPECT_EQ(run.told, "started\ntext a\nfinished\n");
}

TEST(ChunkReader, SurvivesChunksOfTheWrongTypes) {
  const std::string_view values[]{"null", "7",    "\"x\"", "[]",   "{}", "[null]",
                                  "[7]",  "[[]]", "[{}]",  "true", "-1", "[{\"index\":-9}]"};
  const std::string_view frames[]{
      R"({"id":$})",
      R"({"choices":$,"usage":$,"service_tier":$})",
      R"({"choices":[{"index":$}]})",
      R"({"choices":[{"delta":$,"finish_reason":$}]})",
      R"({"choices":[{"delta":{"content":$,"refusal":$,"tool_calls":$,"function_call":$}}]})",
      R"({"choices":[{"delta":{"content":[{"type":"thinking","thinking":$}]}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"index":$,"id":$,"function":$}]}}]})",
      R"({"choices":[{"delta":{"tool_calls":[{"function":{"name":$,"arguments":$}}]}}]})",
      R"({"error":$})",
      R"({"error":{"message":$,"code":$,"type":$}})"};
  for (const std::string_view frame : frames) {
    for (const std::string_view value : values) {
      std::string data;
      for (const char c : frame) c == '$' ? data.append(value) : data.append(1, c);
      for (const Dialect* dialect : {&kOpenAiChat, &kMistralChat}) {
        StreamRun run(*dialect);
        run.feed(data).feed(delta(R"({"content":"a"})")).feed(finish("stop"));
        if (!run.failure) EXPECT_TRUE(run.reader->complete()) << data;
      }
    }
  }
}

TEST(ChunkReader, BoundsTheCallsAStreamMayOpen) {
  StreamRun run(kOpenAiChat);
  for (int i = 0; i < 5000 && !run.failure; ++i) {
    run.feed(delta(R"({"tool_calls":[{"index":)" + std::to_string(i) + R"(,"function":{"name":"f"}}]})"));
  }
  ASSERT_TRUE(run.failure);
  EXPECT_EQ(run.failure->code, ErrorCode::provider_error);
}

TEST(ChunkReader, BoundsWhatItKeepsOfCalls) {
  const auto nameless = [](int index) {
    return delta(R"({"tool_calls":[{"index":)" + std::to_string(index) + R"(,"function":{"arguments":")" +
                 std::string(600 * 1024, 'x') + R"("}}]})");
  };
  StreamRun run(kOpenAiChat);
  run.feed(nameless(0));
  EXPECT_EQ(run.reader->held_bytes(), 600U * 1024);
  run.feed(delta(R"({"tool_calls":[{"index":0,"function":{"name":"f"}}]})"));
  EXPECT_EQ(run.reader->held_bytes(), 0U) << "told as soon as the name is there";
  EXPECT_TRUE(run.told.ends_with("x\n"));
  run.feed(nameless(1));
  EXPECT_FALSE(run.failure);
  run.feed(nameless(2));
  EXPECT_TRUE(run.failure) << "of all calls together";

  StreamRun named(kOpenAiChat);
  named.feed(delta(R"({"tool_calls":[{"index":0,"id":")" + std::string(70'000, 'i') +
                   R"(","function":{"name":"f"}}]})"));
  EXPECT_TRUE(named.failure);
}

}  // namespace
}  // namespace ai_proxy::dialects
