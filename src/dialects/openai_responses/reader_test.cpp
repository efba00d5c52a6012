#include <gtest/gtest.h>

#include "dialects/dialects.h"
#include "dialects/openai_responses/answer_check_for_tests.h"

namespace ai_proxy::dialects {
namespace {

using openai_responses::fixture::ReplyFold;

struct Read {
  ReplyFold fold;
  std::optional<Error> error;
  std::unique_ptr<StreamReader> reader = kOpenAiResponses.make_stream_reader();
  std::vector<bool> redacted;

  explicit Read(std::initializer_list<std::string_view> events) {
    for (const std::string_view event : events) {
      const auto told = reader->event({}, event, [&](const chat::Delta& delta) {
        fold.add(delta);
        if (delta.kind == chat::Delta::Kind::thinking_signature) redacted.push_back(delta.redacted);
      });
      if (told) continue;
      error = told.error();
      return;
    }
  }
  const chat::Reply& reply() const { return fold.reply; }
};

constexpr std::string_view kCreated =
    R"({"type":"response.created","sequence_number":0,"response":{"id":"resp_1","model":"m","status":"in_progress","error":null,"output":[]}})";
constexpr std::string_view kCompleted =
    R"({"type":"response.completed","response":{"id":"resp_1","model":"m-1","status":"completed","error":null,"service_tier":"flex","output":[],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}})";

TEST(ResponsesReader, EndsWithTheResponseAlone) {
  const Read read(
      {kCreated, R"({"type":"response.output_text.delta","output_index":0,"delta":"a","obfuscation":"x"})",
       R"({"type":"keepalive","sequence_number":3})", R"({"type":"response.of_tomorrow","x":1})"});
  ASSERT_FALSE(read.error);
  EXPECT_EQ(read.reply().text, "a");
  EXPECT_EQ(read.reader->id(), "resp_1");
  EXPECT_FALSE(read.reader->complete());

  const Read whole({kCreated, kCompleted, "no JSON: nothing after the end matters"});
  ASSERT_FALSE(whole.error);
  EXPECT_TRUE(whole.reader->complete());
  EXPECT_TRUE(whole.reader->terminated());
  EXPECT_EQ(whole.reader->finish_reason(), chat::FinishReason::stop);
  EXPECT_EQ(whole.reader->provider_finish_reason(), "completed");
  EXPECT_EQ(whole.reader->model(), "m-1");
  EXPECT_EQ(whole.reader->usage()->input_tokens, 3);
  EXPECT_EQ(whole.reader->usage()->service_tier, "flex");
}

TEST(ResponsesReader, GivesPiecesOfCallsToTheirItems) {
  const Read read(
      {kCreated,
       R"({"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","call_id":"c1","name":"f","arguments":""}})",
       R"({"type":"response.output_item.added","output_index":2,"item":{"type":"function_call","call_id":"c2","name":"g","arguments":""}})",
       R"({"type":"response.function_call_arguments.delta","output_index":2,"delta":"{\"b\":"})",
       R"({"type":"response.function_call_arguments.delta","output_index":1,"delta":"{}"})",
       R"({"type":"response.function_call_arguments.delta","output_index":2,"delta":"2}"})",
       R"({"type":"response.output_item.done","output_index":3,"item":{"type":"function_call","call_id":"c3","name":"h","arguments":""}})",
       kCompleted});
  ASSERT_FALSE(read.error);
  ASSERT_EQ(read.reply().tool_calls.size(), 3u);
  EXPECT_EQ(read.reply().tool_calls[0].arguments, "{}");
  EXPECT_EQ(read.reply().tool_calls[1].arguments, "{\"b\":2}");
  EXPECT_EQ(read.reply().tool_calls[2].arguments, "{}");
  EXPECT_EQ(read.reader->finish_reason(), chat::FinishReason::tool_calls);
}

TEST(ResponsesReader, ReadsThoughtsAndTheirSeals) {
  const Read read(
      {kCreated,
       R"({"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":0,"delta":"a"})",
       R"({"type":"response.reasoning_summary_part.added","output_index":0,"summary_index":1,"part":{}})",
       R"({"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":1,"delta":"b"})",
       R"({"type":"response.output_item.done","output_index":0,"item":{"type":"reasoning","summary":[{"text":"a"},{"text":"b"}],"encrypted_content":"E1"}})",
       R"({"type":"response.output_item.done","output_index":1,"item":{"type":"reasoning","summary":[],"encrypted_content":"E2"}})",
       R"({"type":"response.output_item.done","output_index":2,"item":{"type":"message","content":[{"type":"output_text","text":"whole"}]}})",
       kCompleted});
  ASSERT_FALSE(read.error);
  ASSERT_EQ(read.reply().thinking.size(), 2u);
  EXPECT_EQ(read.reply().thinking[0].text, "a\n\nb");
  EXPECT_EQ(read.reply().thinking[0].signature, "E1");
  EXPECT_EQ(read.reply().thinking[1].redacted_data, "E2");
  EXPECT_EQ(read.redacted, (std::vector<bool>{false, true}));
  EXPECT_EQ(read.reply().text, "whole");
}

TEST(ResponsesReader, IncompleteTellsWhy) {
  const auto reason = [](std::string_view why) {
    const std::string event =
        R"({"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":")" +
        std::string(why) + "\"}}}";
    const Read read({event});
    EXPECT_TRUE(read.reader->terminated());
    return read.reader->finish_reason();
  };
  EXPECT_EQ(reason("max_output_tokens"), chat::FinishReason::length);
  EXPECT_EQ(reason("content_filter"), chat::FinishReason::content_filter);
  EXPECT_EQ(reason("boredom"), chat::FinishReason::unknown);
}

TEST(ResponsesReader, FailuresAreErrors) {
  const auto code = [](std::string_view event) {
    const Read read({kCreated, event});
    EXPECT_TRUE(read.error) << event;
    EXPECT_FALSE(read.reader->complete());
    return read.error ? read.error->code : ErrorCode::internal;
  };
  EXPECT_EQ(code(R"({"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded","message":"m"}})"),
            ErrorCode::rate_limited);
  EXPECT_EQ(code(R"({"type":"error","code":"insufficient_quota","message":"m","param":null})"),
            ErrorCode::quota_exhausted);
  EXPECT_EQ(
      code(
          R"({"type":"response.failed","response":{"status":"failed","error":{"code":"server_is_overloaded","message":"m"}}})"),
      ErrorCode::overloaded);
  EXPECT_EQ(code(R"({"type":"response.failed","response":{"status":"failed","error":null}})"),
            ErrorCode::provider_error);
  EXPECT_EQ(code("{"), ErrorCode::provider_error);
  EXPECT_EQ(code("[]"), ErrorCode::provider_error);
}

TEST(ResponsesReader, BoundsTheCallsAndTheirNames) {
  const auto call = [](int place, const std::string& id) {
    return R"({"type":"response.output_item.added","output_index":)" + std::to_string(place) +
           R"(,"item":{"type":"function_call","call_id":")" + id + R"(","name":"f"}})";
  };
  const auto reader = kOpenAiResponses.make_stream_reader();
  int calls = 0;
  while (calls < 5000 && reader->event({}, call(calls, "c"), [](const chat::Delta&) {})) ++calls;
  EXPECT_EQ(calls, 1024);
  EXPECT_FALSE(Read({kCreated, call(0, std::string(60'000, 'c'))}).error);
  EXPECT_TRUE(Read({kCreated, call(0, std::string(70'000, 'c'))}).error);
}

TEST(ResponsesReply, RefusesWhatMakesNoSense) {
  const auto code = [](std::string_view body) {
    json::Document document;
    EXPECT_FALSE(document.parse(body));
    const auto reply = kOpenAiResponses.parse_reply(document.root());
    EXPECT_FALSE(reply) << body;
    return reply ? ErrorCode::internal : reply.error().code;
  };
  EXPECT_EQ(code("7"), ErrorCode::provider_error);
  EXPECT_EQ(code("{}"), ErrorCode::provider_error);
  EXPECT_EQ(code(R"({"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"},"output":[]})"),
            ErrorCode::rate_limited);
  EXPECT_EQ(code(R"({"error":{"type":"invalid_request_error","code":"model_not_found","message":"m"}})"),
            ErrorCode::model_not_found);
  EXPECT_EQ(code(R"({"status":"cancelled","output":[]})"), ErrorCode::provider_error);
}

}  // namespace
}  // namespace ai_proxy::dialects
