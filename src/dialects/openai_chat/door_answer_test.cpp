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
using chat_completions::fixture::OpenAiStreamCheck;
using Kind = chat::Delta::Kind;

chat::Usage some_usage() {
  chat::Usage usage;
  usage.input_tokens = 100;
  usage.cache_read_tokens = 40;
  usage.cache_write_1h_tokens = 7;
  usage.output_tokens = 20;
  usage.reasoning_tokens = 5;
  return usage;
}

AnswerContext context(bool stream_usage = false) {
  return {.model = "gpt-x",
          .id = {},
          .created = 1700000000,
          .stream_usage = stream_usage,
          .provider_id = "msg_7"};
}

TEST(OpenAiDoorReply, HasEveryMemberTheSdkExpects) {
  chat::Reply reply;
  reply.id = "msg_01";
  reply.text = "Hi \"you\"";
  reply.finish_reason = chat::FinishReason::stop;
  reply.usage = some_usage();
  reply.usage->service_tier = "standard";
  EXPECT_EQ(
      kOpenAiChatDoor.render_reply(reply, context()),
      R"({"id":"chatcmpl-msg_01","object":"chat.completion","created":1700000000,"model":"gpt-x","choices":[{"index":0,)"
      R"("message":{"role":"assistant","content":"Hi \"you\"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],)"
      R"("usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,)"
      R"("prompt_tokens_details":{"cached_tokens":40,"audio_tokens":0,"cache_write_tokens":7},)"
      R"("completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":0}},"service_tier":"default"})");
}

TEST(OpenAiDoorReply, WritesCallsRefusalsThinkingAndCitations) {
  chat::Reply reply;
  reply.id = "chatcmpl-abc";
  reply.thinking = {{.text = "a", .signature = "s/1", .redacted_data = {}},
                    {.text = {}, .signature = {}, .redacted_data = "zz"},
                    {.text = "b", .signature = {}, .redacted_data = {}}};
  reply.tool_calls = {{.id = "call_1", .name = "f", .arguments = R"({"x":1.0})"},
                      {.id = "call_2", .name = "g", .arguments = ""}};
  reply.opaque_parts = {R"({"type":"url_citation","url_citation":{"url":"u"}})",
                        R"({"type":"server_tool_use"})"};
  reply.finish_reason = chat::FinishReason::stop;
  EXPECT_EQ(
      kOpenAiChatDoor.render_reply(reply, context()),
      R"({"id":"chatcmpl-abc","object":"chat.completion","created":1700000000,"model":"gpt-x","choices":[{"index":0,)"
      R"("message":{"role":"assistant","content":null,"refusal":null,"annotations":[{"type":"url_citation","url_citation":{"url":"u"}}],)"
      R"("reasoning_content":"ab","thinking_blocks":[{"type":"thinking","thinking":"a","signature":"s/1"},{"type":"redacted_thinking","data":"zz"}],)"
      R"("tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"x\":1.0}"}},)"
      R"({"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]},"logprobs":null,"finish_reason":"tool_calls"}]})");

  chat::Reply refused;
  refused.refusal = "no";
  const std::string text = kOpenAiChatDoor.render_reply(refused, context());
  EXPECT_NE(text.find(R"("content":null,"refusal":"no")"), std::string::npos) << text;
}

TEST(OpenAiDoorReply, FinishReasonsAreOpenAisWords) {
  const auto word_of = [](chat::FinishReason reason, bool calls) {
    chat::Reply reply;
    reply.finish_reason = reason;
    if (calls) reply.tool_calls.push_back({.id = "a", .name = "f", .arguments = "{}"});
    return chat_completions::fixture::folded_reply(kOpenAiChatDoor.render_reply(reply, context()), false)
        .finish;
  };
  EXPECT_EQ(word_of(chat::FinishReason::stop, false), "stop");
  EXPECT_EQ(word_of(chat::FinishReason::length, false), "length");
  EXPECT_EQ(word_of(chat::FinishReason::content_filter, false), "content_filter");
  EXPECT_EQ(word_of(chat::FinishReason::paused, false), "stop");
  EXPECT_EQ(word_of(chat::FinishReason::unknown, false), "stop");
  EXPECT_EQ(word_of(chat::FinishReason::stop, true), "tool_calls");
  EXPECT_EQ(word_of(chat::FinishReason::length, true), "length");
}

TEST(OpenAiDoorReply, UsageReadsBackAsItWas) {
  chat::Reply reply;
  reply.usage = some_usage();
  json::Document document;
  const std::string body = kOpenAiChatDoor.render_reply(reply, context());
  ASSERT_FALSE(document.parse(body));
  const auto read = chat_completions::parse_openai_usage(document.root()["usage"]);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->input_tokens, 100);
  EXPECT_EQ(read->cache_read_tokens, 40);
  EXPECT_EQ(read->cache_written_tokens(), 7);
  EXPECT_EQ(read->output_tokens, 20);
  EXPECT_EQ(read->reasoning_tokens, 5);
  EXPECT_TRUE(read->valid);
}

TEST(OpenAiDoorReply, KeepsCountsThatCannotBeTrueToItself) {
  chat::Reply reply;
  reply.usage.emplace().input_tokens = -3;
  EXPECT_EQ(kOpenAiChatDoor.render_reply(reply, context()).find("usage"), std::string::npos);
  reply.usage->input_tokens = INT64_MAX;
  reply.usage->output_tokens = INT64_MAX;
  EXPECT_EQ(kOpenAiChatDoor.render_reply(reply, context()).find("usage"), std::string::npos);
}

// A stream through the writer.
std::string written(std::initializer_list<chat::Delta> deltas, chat::FinishReason reason, bool stream_usage,
                    const std::optional<chat::Usage>& usage = some_usage()) {
  const auto writer = kOpenAiChatDoor.make_stream_writer(context(stream_usage));
  std::string out;
  for (const chat::Delta& delta : deltas) writer->delta(out, delta);
  writer->end(out, {.finish_reason = reason, .stop_sequence = {}, .usage = usage});
  return out;
}

TEST(OpenAiDoorStream, WritesOpenAisChunks) {
  const std::vector<std::string> events =
      events_of(written({delta_of(Kind::started), delta_of(Kind::text, "Hi"), delta_of(Kind::finished)},
                        chat::FinishReason::stop, true));
  const std::string head =
      R"({"id":"chatcmpl-msg_7","object":"chat.completion.chunk","created":1700000000,"model":"gpt-x",)";
  const std::string tail = R"(,"logprobs":null,"finish_reason":null}],"usage":null})";
  const std::vector<std::string> expected{
      head + R"("choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null})" + tail,
      head + R"("choices":[{"index":0,"delta":{"content":"Hi"})" + tail,
      head + R"("choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null})",
      head + R"("choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,)"
             R"("prompt_tokens_details":{"cached_tokens":40,"audio_tokens":0,"cache_write_tokens":7},)"
             R"("completion_tokens_details":{"reasoning_tokens":5,"audio_tokens":0}}})",
      "[DONE]"};
  EXPECT_EQ(events, expected);
}

TEST(OpenAiDoorStream, ShowsUsageOnlyWhenAskedAndKnown) {
  const auto deltas = {delta_of(Kind::text, "x")};
  EXPECT_EQ(written(deltas, chat::FinishReason::stop, false).find("usage"), std::string::npos);
  const std::string unknown = written(deltas, chat::FinishReason::stop, true, std::nullopt);
  EXPECT_EQ(unknown.find(R"("choices":[])"), std::string::npos);
  EXPECT_TRUE(OpenAiStreamCheck(unknown, true).folded.usage.empty());
}

TEST(OpenAiDoorStream, NumbersCallsAndFillsInMissingArguments) {
  const std::string stream =
      written({delta_of(Kind::thinking, "hm"), delta_of(Kind::text, "T"), call_begin(0, "a", "f"),
               call_begin(1, "b", "g"), delta_of(Kind::tool_call_arguments, "{\"x\"", 0),
               delta_of(Kind::tool_call_arguments, "{\"y\":2}", 1),
               delta_of(Kind::tool_call_arguments, ":1}", 0), call_begin(2, "c", "h")},
              chat::FinishReason::tool_calls, false);
  const Folded folded = OpenAiStreamCheck(stream, false).folded;
  EXPECT_EQ(folded.content, "T");
  EXPECT_EQ(folded.thinking, "hm");
  EXPECT_EQ(folded.finish, "tool_calls");
  EXPECT_EQ(folded.calls, (std::vector<std::array<std::string, 3>>{
                              {"a", "f", R"({"x":1})"}, {"b", "g", R"({"y":2})"}, {"c", "h", "{}"}}));
}

TEST(OpenAiDoorStream, LeavesACutCallCut) {
  const std::string stream = written({call_begin(0, "a", "f")}, chat::FinishReason::length, false);
  EXPECT_EQ(OpenAiStreamCheck(stream, false).folded.calls.at(0)[2], "");
  EXPECT_EQ(OpenAiStreamCheck(stream, false).folded.content, "(null)");
}

TEST(OpenAiDoorStream, GivesSignedThoughtsWholeSoThatTheyCanComeBack) {
  chat::Delta redacted = delta_of(Kind::thinking_signature, "zz");
  redacted.redacted = true;
  const std::string stream =
      written({delta_of(Kind::thinking, "on"), delta_of(Kind::thinking, "e"),
               delta_of(Kind::thinking_signature, "s/"), delta_of(Kind::thinking_signature, "1"), redacted,
               delta_of(Kind::thinking_signature, "s2"), delta_of(Kind::thinking, "three"),
               delta_of(Kind::thinking_signature, "s3"), delta_of(Kind::text, "T")},
              chat::FinishReason::stop, false);
  const Folded folded = OpenAiStreamCheck(stream, false).folded;
  EXPECT_EQ(folded.thinking, "onethree");
  EXPECT_EQ(
      folded.blocks,
      R"({"type":"thinking","thinking":"one","signature":"s/1"}|{"type":"redacted_thinking","data":"zz"}|)"
      R"({"type":"thinking","thinking":"","signature":"s2"}|{"type":"thinking","thinking":"three","signature":"s3"}|)");
  EXPECT_EQ(folded.content, "T");
}

TEST(OpenAiDoorStream, RefusalsAndEmptyAnswersFoldAsWholeOnes) {
  const Folded refused =
      OpenAiStreamCheck(written({delta_of(Kind::refusal, "no")}, chat::FinishReason::stop, false), false)
          .folded;
  EXPECT_EQ(refused.content, "(null)");
  EXPECT_EQ(refused.refusal, "no");
  EXPECT_EQ(OpenAiStreamCheck(written({}, chat::FinishReason::stop, false), false).folded.content, "");
}

TEST(OpenAiDoorStream, RelaysCitationsOnOneLine) {
  const std::string stream = written({delta_of(Kind::opaque, "{\"type\":\n\"url_citation\"}"),
                                      delta_of(Kind::opaque, R"({"type":"audio"})")},
                                     chat::FinishReason::stop, false);
  EXPECT_NE(stream.find(R"({"annotations":[{"type": "url_citation"}]})"), std::string::npos) << stream;
  EXPECT_EQ(stream.find("audio"), std::string::npos);
}

TEST(OpenAiDoorStream, AFailureNeverLooksLikeAnEnd) {
  const auto writer = kOpenAiChatDoor.make_stream_writer(context(true));
  std::string out;
  writer->delta(out, delta_of(Kind::text, "x"));
  writer->fail(out, provider_failed(ErrorCode::stream_interrupted, "It broke."));
  const auto events = events_of(out);
  EXPECT_EQ(
      events.back(),
      R"({"error":{"message":"It broke.","type":"server_error","param":null,"code":"stream_interrupted"}})");
  EXPECT_EQ(out.find("[DONE]"), std::string::npos);
  EXPECT_EQ(out.find(R"("finish_reason":")"), std::string::npos);
}

struct ErrorCase {
  ErrorCode code;
  int status;
  std::string_view type;
  std::string_view word;
};

TEST(OpenAiDoorError, StatusTypeAndCodeRaiseTheRightException) {
  for (const ErrorCase& one : {
           ErrorCase{ErrorCode::invalid_request, 400, "invalid_request_error", ""},
           ErrorCase{ErrorCode::model_not_found, 404, "invalid_request_error", "model_not_found"},
           ErrorCase{ErrorCode::context_length_exceeded, 400, "invalid_request_error",
                     "context_length_exceeded"},
           ErrorCase{ErrorCode::content_filtered, 400, "invalid_request_error", "content_filter"},
           ErrorCase{ErrorCode::rate_limited, 429, "requests", "rate_limit_exceeded"},
           ErrorCase{ErrorCode::quota_exhausted, 429, "insufficient_quota", "insufficient_quota"},
           ErrorCase{ErrorCode::overloaded, 503, "service_unavailable_error", "server_is_overloaded"},
           ErrorCase{ErrorCode::provider_error, 502, "server_error", "provider_error"},
           ErrorCase{ErrorCode::provider_timeout, 504, "server_error", "provider_timeout"},
           ErrorCase{ErrorCode::provider_unreachable, 502, "server_error", "provider_unreachable"},
           ErrorCase{ErrorCode::provider_auth_failed, 502, "server_error", "provider_auth_failed"},
           ErrorCase{ErrorCode::provider_not_configured, 503, "server_error", "provider_not_configured"},
           ErrorCase{ErrorCode::internal, 500, "server_error", "internal"},
       }) {
    const Error error = provider_failed(one.code, "What \"happened\".");
    const std::string text = kOpenAiChatDoor.render_error(error, "req_1");
    json::Document document;
    ASSERT_FALSE(document.parse(text)) << text;
    const json::Value body = document.root()["error"];
    EXPECT_EQ(body["message"].string(), "What \"happened\".");
    EXPECT_EQ(body["type"].string(), one.type);
    EXPECT_EQ(body["code"].string_or(""), one.word);
    EXPECT_TRUE(body["code"].present());
    EXPECT_TRUE(body["param"].is_null());
    EXPECT_EQ(kOpenAiChatDoor.error_status(error), one.status);
    // Another gateway in front of us reads the same out of it; a refused key of ours is a fault of the
    // server.
    if (one.code == ErrorCode::provider_auth_failed || one.code == ErrorCode::provider_not_configured)
      continue;
    if (one.status >= 500 && one.code != ErrorCode::overloaded) continue;
    ReplyHead head;
    head.status = one.status;
    EXPECT_EQ(kOpenAiChat.parse_error(head, text).code, one.code) << text;
  }
}

TEST(OpenAiDoorError, KeepsTheMemberAndTheProvidersOwnCode) {
  Error error = bad_request("Unsupported.", "messages[0].role");
  error.provider_code = "unsupported_value";
  EXPECT_EQ(
      kOpenAiChatDoor.render_error(error, {}),
      R"({"error":{"message":"Unsupported.","type":"invalid_request_error","param":"messages[0].role","code":"unsupported_value"}})");
  error.provider_code = "invalid_request_error";
  EXPECT_NE(kOpenAiChatDoor.render_error(error, {}).find(R"("code":null)"), std::string::npos);
}

}  // namespace
}  // namespace ai_proxy::dialects
