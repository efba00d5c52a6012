#include <gtest/gtest.h>

#include "dialects/chat_completions/door_folded.h"
#include "dialects/chat_completions/usage.h"
#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

using chat_completions::fixture::call_begin;
using chat_completions::fixture::delta_of;
using chat_completions::fixture::events_of;
using chat_completions::fixture::Folded;
using chat_completions::fixture::MistralStreamCheck;
using Kind = chat::Delta::Kind;

constexpr std::string_view kId = "00c8d4bb77014b64b8db8797d61e293a";

AnswerContext context() {
  return {.model = "mistral-x", .id = {}, .created = 1700000000, .stream_usage = false};
}

chat::Usage some_usage() {
  chat::Usage usage;
  usage.input_tokens = 50;
  usage.audio_input_tokens = 30;
  usage.cache_read_tokens = 4;
  usage.output_tokens = 7;
  return usage;
}

TEST(MistralDoorReply, HasMistralsShape) {
  chat::Reply reply;
  reply.id = kId;
  reply.text = "Hi";
  reply.finish_reason = chat::FinishReason::stop;
  reply.usage = some_usage();
  EXPECT_EQ(
      kMistralChatDoor.render_reply(reply, context()),
      R"({"id":"00c8d4bb77014b64b8db8797d61e293a","created":1700000000,"model":"mistral-x",)"
      R"("usage":{"prompt_tokens":20,"total_tokens":57,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":30}},)"
      R"("object":"chat.completion","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","tool_calls":null,"content":"Hi"}}]})");
  json::Document document;
  const std::string body = kMistralChatDoor.render_reply(reply, context());
  ASSERT_FALSE(document.parse(body));
  const auto read = chat_completions::parse_mistral_usage(document.root()["usage"]);
  ASSERT_TRUE(read && read->valid);
  EXPECT_EQ(read->input_tokens, 50);
  EXPECT_EQ(read->total_tokens(), 57);
}

TEST(MistralDoorReply, MapsIdsToMistralsLengthsAlwaysAlike) {
  chat::Reply reply;
  reply.id = "chatcmpl-1";
  reply.tool_calls = {{.id = "Caf7Pyrd8", .name = "f", .arguments = R"({"a":1})"},
                      {.id = "call_abcdefghijk", .name = "g", .arguments = ""}};
  const std::string text = kMistralChatDoor.render_reply(reply, context());
  EXPECT_EQ(text, kMistralChatDoor.render_reply(reply, context()));
  const Folded folded = chat_completions::fixture::folded_reply(text, true);
  EXPECT_EQ(folded.content, "");
  EXPECT_EQ(folded.finish, "tool_calls");
  EXPECT_EQ(folded.calls.at(0)[0], "Caf7Pyrd8");
  EXPECT_EQ(folded.calls.at(1)[0].size(), 9u);
  EXPECT_EQ(folded.calls.at(1)[2], "{}");
  json::Document document;
  ASSERT_FALSE(document.parse(text));
  const std::string_view id = document.root()["id"].string_or("");
  EXPECT_EQ(id.size(), 32u);
  EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string_view::npos);
}

TEST(MistralDoorReply, ThinkingMakesTheContentAnArray) {
  chat::Reply reply;
  reply.thinking = {{.text = "a", .signature = "s", .redacted_data = {}},
                    {.text = {}, .signature = {}, .redacted_data = "zz"}};
  reply.text = "T";
  const std::string text = kMistralChatDoor.render_reply(reply, context());
  EXPECT_NE(
      text.find(
          R"("content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}],"signature":"s","closed":true},{"type":"text","text":"T"}])"),
      std::string::npos)
      << text;
}

TEST(MistralDoorReply, UnknownUsageIsZerosBecauseTheSdkDemandsIt) {
  const std::string text = kMistralChatDoor.render_reply({}, context());
  EXPECT_NE(text.find(R"("usage":{"prompt_tokens":0,"total_tokens":0,"completion_tokens":0,)"),
            std::string::npos);
}

std::string written(std::initializer_list<chat::Delta> deltas, chat::FinishReason reason,
                    const std::optional<chat::Usage>& usage = some_usage()) {
  const auto writer = kMistralChatDoor.make_stream_writer(context());
  std::string out;
  for (const chat::Delta& delta : deltas) writer->delta(out, delta);
  writer->end(out, {.finish_reason = reason, .stop_sequence = {}, .usage = usage});
  return out;
}

TEST(MistralDoorStream, PutsReasonAndUsageOnTheLastChunk) {
  const auto events =
      events_of(written({delta_of(Kind::started), delta_of(Kind::text, "Hi"), delta_of(Kind::finished)},
                        chat::FinishReason::stop));
  ASSERT_EQ(events.size(), 4u);
  EXPECT_TRUE(events[0].ends_with(
      R"("choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]})"));
  EXPECT_TRUE(
      events[1].ends_with(R"("choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]})"));
  EXPECT_TRUE(events[2].ends_with(
      R"("choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"total_tokens":57,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":30}}})"));
  EXPECT_EQ(events[3], "[DONE]");
}

TEST(MistralDoorStream, GivesToolCallsWhole) {
  const std::string stream =
      written({call_begin(0, "Caf7Pyrd8", "f"), delta_of(Kind::tool_call_arguments, "{\"x\"", 0),
               call_begin(1, "b", "g"), delta_of(Kind::tool_call_arguments, ":1}", 0)},
              chat::FinishReason::tool_calls);
  const Folded folded = MistralStreamCheck(stream).folded;
  ASSERT_EQ(folded.calls.size(), 2u);
  EXPECT_EQ(folded.calls[0], (std::array<std::string, 3>{"Caf7Pyrd8", "f", R"({"x":1})"}));
  EXPECT_EQ(folded.calls[1][2], "{}");
}

TEST(MistralDoorStream, ClosesThoughtsWithTheirSignatures) {
  const std::string stream = written(
      {delta_of(Kind::thinking, "on"), delta_of(Kind::thinking, "e"),
       delta_of(Kind::thinking_signature, "s1"), delta_of(Kind::thinking, "two"), delta_of(Kind::text, "T")},
      chat::FinishReason::stop, std::nullopt);
  const Folded folded = MistralStreamCheck(stream).folded;
  EXPECT_EQ(folded.thinking, "onetwo");
  EXPECT_EQ(folded.blocks, "s1||");
  EXPECT_EQ(folded.content, "T");
  EXPECT_EQ(folded.usage, "");
}

TEST(MistralDoorStream, FailsRatherThanKeepWithoutBound) {
  const std::string piece(1024 * 1024, 'x');
  const auto writer = kMistralChatDoor.make_stream_writer(context());
  std::string out;
  writer->delta(out, call_begin(0, "a", "f"));
  for (int i = 0; i < 20; ++i) writer->delta(out, delta_of(Kind::tool_call_arguments, piece, 0));
  writer->end(out,
              {.finish_reason = chat::FinishReason::tool_calls, .stop_sequence = {}, .usage = std::nullopt});
  EXPECT_NE(out.find(R"("object":"error")"), std::string::npos);
  EXPECT_EQ(out.find("[DONE]"), std::string::npos);
}

TEST(MistralDoorStream, AFailureNeverLooksLikeAnEnd) {
  const auto writer = kMistralChatDoor.make_stream_writer(context());
  std::string out;
  writer->delta(out, delta_of(Kind::text, "x"));
  writer->delta(out, call_begin(0, "a", "f"));
  writer->fail(out, bad_request("It broke."));
  EXPECT_EQ(
      events_of(out).back(),
      R"({"object":"error","message":"It broke.","type":"invalid_request_invalid_args","param":null,"code":"3051","raw_status_code":400})");
  EXPECT_EQ(out.find("[DONE]"), std::string::npos);
  EXPECT_EQ(out.find(R"("finish_reason":")"), std::string::npos);
  EXPECT_EQ(out.find("tool_calls"), std::string::npos);
}

TEST(MistralDoorError, AMalformedRequestIsAValidationError) {
  const Error error = bad_request("Missing required parameter: 'messages[3].tool_calls[0].id'.",
                                  "messages[3].tool_calls[0].id");
  EXPECT_EQ(kMistralChatDoor.error_status(error), 422);
  EXPECT_EQ(
      kMistralChatDoor.render_error(error, {}),
      R"({"detail":[{"type":"missing","loc":["body","messages",3,"tool_calls",0,"id"],"msg":"Missing required parameter: 'messages[3].tool_calls[0].id'.","input":null}]})");
  EXPECT_NE(kMistralChatDoor.render_error(bad_request("No."), {}).find(R"("loc":["body"])"),
            std::string::npos);
}

struct ErrorCase {
  ErrorCode code;
  int status;
  std::string_view type;
  std::string_view word;
};

TEST(MistralDoorError, OthersAreErrorObjectsInMistralsWords) {
  for (const ErrorCase& one : {
           ErrorCase{ErrorCode::invalid_request, 400, "invalid_request_invalid_args", "3051"},
           ErrorCase{ErrorCode::model_not_found, 400, "invalid_model", "1500"},
           ErrorCase{ErrorCode::context_length_exceeded, 400, "invalid_request_invalid_args", "3051"},
           ErrorCase{ErrorCode::content_filtered, 400, "guardrail_blocked", ""},
           ErrorCase{ErrorCode::rate_limited, 429, "rate_limited", "1300"},
           ErrorCase{ErrorCode::quota_exhausted, 429, "insufficient_quota", ""},
           ErrorCase{ErrorCode::overloaded, 503, "service_tier_capacity_exceeded", "3505"},
           ErrorCase{ErrorCode::provider_error, 502, "provider_error", ""},
           ErrorCase{ErrorCode::provider_timeout, 504, "provider_timeout", ""},
           ErrorCase{ErrorCode::provider_auth_failed, 502, "provider_auth_failed", ""},
           ErrorCase{ErrorCode::provider_not_configured, 503, "provider_not_configured", ""},
       }) {
    Error error = provider_failed(one.code, "Happened.");
    error.provider_status = 400;
    json::Document document;
    const std::string text = kMistralChatDoor.render_error(error, {});
    ASSERT_FALSE(document.parse(text));
    const json::Value body = document.root();
    EXPECT_EQ(body["object"].string(), "error");
    EXPECT_EQ(body["message"].string(), "Happened.");
    EXPECT_EQ(body["type"].string(), one.type);
    EXPECT_EQ(body["code"].string_or(""), one.word);
    EXPECT_EQ(body["raw_status_code"].integer(), one.status);
    EXPECT_EQ(kMistralChatDoor.error_status(error), one.status);
  }
}

}  // namespace
}  // namespace ai_proxy::dialects
