#include <gtest/gtest.h>

#include "dialects/chat_completions/door_fixture.h"
#include "dialects/dialects.h"
#include "dialects/openai_responses/answer_check_for_tests.h"

namespace ai_proxy::dialects {
namespace {

using chat::Delta;
using chat_completions::fixture::AtDoor;
using chat_completions::fixture::call_begin;
using chat_completions::fixture::delta_of;
using openai_responses::fixture::events_of;
using openai_responses::fixture::Folded;
using openai_responses::fixture::folded_reply;
using openai_responses::fixture::StreamCheck;
using Kind = Delta::Kind;
using Calls = std::vector<std::array<std::string, 3>>;

constexpr AnswerContext kContext{.model = "m", .id = "resp_7", .created = 5};

class Stream {
 public:
  explicit Stream(const AnswerContext& context = kContext)
      : writer_(kOpenAiResponsesDoor.make_stream_writer(context)) {
    say(Kind::started);
  }
  Stream& say(Kind kind, std::string_view text = {}, std::uint32_t tool_index = 0) {
    writer_->delta(text_, delta_of(kind, text, tool_index));
    return *this;
  }
  Stream& redacted(std::string_view data) {
    Delta delta = delta_of(Kind::thinking_signature, data);
    delta.redacted = true;
    writer_->delta(text_, delta);
    return *this;
  }
  Stream& call(std::uint32_t index, std::string_view id, std::string_view name) {
    writer_->delta(text_, call_begin(index, id, name));
    return *this;
  }
  std::string end(chat::FinishReason reason, const std::optional<chat::Usage>& usage = std::nullopt) {
    writer_->end(text_, {.finish_reason = reason, .stop_sequence = {}, .usage = usage});
    return text_;
  }
  std::string fail(const Error& error) {
    writer_->fail(text_, error);
    return text_;
  }
  const std::string& said() const { return text_; }

 private:
  std::unique_ptr<StreamWriter> writer_;
  std::string text_;
};

std::string item_statuses(std::string_view response) {
  json::Document document;
  EXPECT_FALSE(document.parse(response));
  std::string statuses;
  for (const json::Value item : document.root()["output"])
    statuses.append(item["id"].string_or("?")).append(" ").append(item["status"].string_or("-")).append(";");
  return statuses;
}

TEST(ResponsesDoorReply, IsAWholeResponse) {
  chat::Usage usage;
  usage.input_tokens = 10;
  usage.cache_read_tokens = 4;
  usage.output_tokens = 5;
  usage.reasoning_tokens = 2;
  chat::Reply reply;
  reply.id = "msg_01";
  reply.text = "hi";
  reply.finish_reason = chat::FinishReason::stop;
  reply.usage = usage;
  EXPECT_EQ(
      kOpenAiResponsesDoor.render_reply(reply, {.model = "m", .id = {}, .created = 5}),
      R"({"id":"resp_msg_01","object":"response","created_at":5,"status":"completed","background":false,)"
      R"("error":null,"frequency_penalty":0.0,"incomplete_details":null,"instructions":null,)"
      R"("max_output_tokens":null,"max_tool_calls":null,"model":"m","output":[{"id":"msg_msg_01_0",)"
      R"("type":"message","status":"completed","content":[{"type":"output_text","annotations":[],"logprobs":[],)"
      R"("text":"hi"}],"role":"assistant"}],"parallel_tool_calls":true,"presence_penalty":0.0,)"
      R"("previous_response_id":null,"prompt_cache_key":null,"reasoning":{"effort":null,"summary":null},)"
      R"("safety_identifier":null,"service_tier":"default","store":false,"temperature":1.0,)"
      R"("text":{"format":{"type":"text"},"verbosity":"medium"},"tool_choice":"auto","tools":[],)"
      R"("top_logprobs":0,"top_p":1.0,"truncation":"disabled","usage":{"input_tokens":10,)"
      R"("input_tokens_details":{"cache_write_tokens":0,"cached_tokens":4},"output_tokens":5,)"
      R"("output_tokens_details":{"reasoning_tokens":2},"total_tokens":15},"user":null,"metadata":{}})");
}

TEST(ResponsesDoorReply, RepeatsWhatWasAsked) {
  json::Document asked;
  ASSERT_FALSE(asked.parse(
      R"({"instructions":"be\nbrief","temperature":0.50,"top_p":null,"max_output_tokens":9,"metadata":{"a":"b"},)"
      "\"tools\":[{\"type\":\"function\",\n\"name\":\"f\",\"strict\":null}],\"tool_choice\":\"required\","
      R"("reasoning":{"effort":"low"},"text":{"format":{"type":"json_object"}},"user":"u"})"));
  AnswerContext context = kContext;
  context.request = asked.root();
  const std::string text = kOpenAiResponsesDoor.render_reply({}, context);
  json::Document document;
  ASSERT_FALSE(document.parse(text)) << text;
  const json::Value response = document.root();
  EXPECT_EQ(response["instructions"].string(), "be\nbrief");
  EXPECT_EQ(response["temperature"].raw(), "0.50");
  EXPECT_EQ(response["top_p"].raw(), "1.0");
  EXPECT_EQ(response["max_output_tokens"].integer(), 9);
  EXPECT_EQ(response["metadata"].raw(), R"({"a":"b"})");
  EXPECT_EQ(response["tools"].raw(),
            R"([{"type":"function","name":"f","description":null,"parameters":null,"strict":true}])");
  EXPECT_EQ(response["tool_choice"].string(), "required");
  EXPECT_EQ(response["reasoning"].raw(), R"({"effort":"low","summary":null})");
  EXPECT_EQ(response["text"].raw(), R"({"format":{"type":"json_object"},"verbosity":"medium"})");
  EXPECT_EQ(response["user"].string(), "u");
  EXPECT_EQ(text.find('\n'), std::string::npos) << "an event is one line";
}

TEST(ResponsesDoorReply, HoldsThoughtsTextRefusalCallsAndCitations) {
  chat::Reply reply;
  reply.thinking = {{.text = "hm", .signature = "S", .redacted_data = {}},
                    {.text = {}, .signature = {}, .redacted_data = "R"},
                    {.text = {}, .signature = {}, .redacted_data = {}}};
  reply.text = "a";
  reply.refusal = "no";
  reply.tool_calls = {{.id = "c1", .name = "f", .arguments = "{}"}};
  reply.opaque_parts = {
      R"({"type":"url_citation","url_citation":{"start_index":1,"end_index":2,"url":"https://x.example","title":"t"}})",
      R"({"type":"audio"})"};
  reply.finish_reason = chat::FinishReason::stop;
  const Folded folded = folded_reply(kOpenAiResponsesDoor.render_reply(reply, kContext), "completed");
  EXPECT_EQ(folded.thinking, "hm");
  EXPECT_EQ(folded.sealed, "signed.S|redacted.R|");
  EXPECT_EQ(folded.text, "a");
  EXPECT_EQ(folded.refusal, "no");
  EXPECT_EQ(folded.calls, (Calls{{"c1", "f", "{}"}}));
  EXPECT_EQ(
      folded.annotations,
      R"({"type":"url_citation","end_index":2,"start_index":1,"title":"t","url":"https://x.example"}|)");
}

TEST(ResponsesDoorReply, SaysWhyItIsIncomplete) {
  chat::Reply reply;
  reply.text = "a";
  reply.finish_reason = chat::FinishReason::length;
  std::string text = kOpenAiResponsesDoor.render_reply(reply, kContext);
  EXPECT_NE(text.find(R"("incomplete_details":{"reason":"max_output_tokens"})"), std::string::npos);
  EXPECT_EQ(item_statuses(text), "msg_7_0 incomplete;");
  reply.tool_calls = {{.id = "c1", .name = "f", .arguments = "{}"},
                      {.id = "c2", .name = "f", .arguments = "{\""}};
  text = kOpenAiResponsesDoor.render_reply(reply, kContext);
  EXPECT_EQ(item_statuses(text), "msg_7_0 completed;fc_7_1 completed;fc_7_2 incomplete;");
  reply.tool_calls.clear();
  reply.finish_reason = chat::FinishReason::content_filter;
  text = kOpenAiResponsesDoor.render_reply(reply, kContext);
  EXPECT_NE(text.find(R"("incomplete_details":{"reason":"content_filter"})"), std::string::npos);
}

TEST(ResponsesDoorStream, TellsATextInTheOrderThatSdksExpect) {
  const StreamCheck check(
      Stream().say(Kind::text, "Hel").say(Kind::text, "lo").end(chat::FinishReason::stop));
  EXPECT_EQ(check.types,
            (std::vector<std::string>{"response.created", "response.in_progress",
                                      "response.output_item.added", "response.content_part.added",
                                      "response.output_text.delta", "response.output_text.delta",
                                      "response.output_text.done", "response.content_part.done",
                                      "response.output_item.done", "response.completed"}));
  EXPECT_EQ(check.ended, "completed");
  EXPECT_EQ(check.folded.text, "Hello");
}

TEST(ResponsesDoorStream, OpensAndClosesEveryKindOfItem) {
  const StreamCheck check(Stream()
                              .say(Kind::thinking, "h")
                              .say(Kind::thinking, "m")
                              .say(Kind::thinking_signature, "S1")
                              .say(Kind::thinking_signature, "S2")
                              .redacted("R")
                              .say(Kind::thinking_signature, "S3")
                              .say(Kind::text, "a")
                              .say(Kind::refusal, "no")
                              .call(0, "c1", "f")
                              .say(Kind::tool_call_arguments, "{\"x\":", 0)
                              .say(Kind::tool_call_arguments, "1}", 0)
                              .call(1, "c2", "g")
                              .end(chat::FinishReason::tool_calls));
  EXPECT_EQ(check.folded.thinking, "hm");
  EXPECT_EQ(check.folded.sealed, "signed.S1S2|redacted.R|signed.S3|");
  EXPECT_EQ(check.folded.text, "a");
  EXPECT_EQ(check.folded.refusal, "no");
  EXPECT_EQ(check.folded.calls, (Calls{{"c1", "f", "{\"x\":1}"}, {"c2", "g", "{}"}}));
}

// A6: pieces of two calls in turn go to their own items.
TEST(ResponsesDoorStream, KeepsInterleavedCallsApart) {
  const StreamCheck check(Stream()
                              .call(0, "c1", "f")
                              .call(1, "c2", "g")
                              .say(Kind::tool_call_arguments, "{\"a\":", 0)
                              .say(Kind::tool_call_arguments, "{\"b\":", 1)
                              .say(Kind::tool_call_arguments, "1}", 0)
                              .say(Kind::tool_call_arguments, "2}", 1)
                              .end(chat::FinishReason::tool_calls));
  EXPECT_EQ(check.folded.calls, (Calls{{"c1", "f", "{\"a\":1}"}, {"c2", "g", "{\"b\":2}"}}));
}

// A call that others have overtaken is done when its arguments are whole, not when something else begins.
TEST(ResponsesDoorStream, ACallIsDoneWhenItIsWhole) {
  Stream stream;
  stream.call(0, "c1", "f").call(1, "c2", "g");
  const std::string_view done = R"("type":"function_call","status":"completed")";
  EXPECT_EQ(stream.said().find(done), std::string::npos);
  stream.say(Kind::tool_call_arguments, R"({"a":"}\")", 0).say(Kind::tool_call_arguments, R"("})", 0);
  EXPECT_NE(stream.said().find(done), std::string::npos) << stream.said();
  stream.say(Kind::text, "a").say(Kind::tool_call_arguments, "{}", 1);
  const StreamCheck check(stream.end(chat::FinishReason::tool_calls));
  EXPECT_EQ(check.folded.calls, (Calls{{"c1", "f", R"({"a":"}\""})"}, {"c2", "g", "{}"}}));
}

TEST(ResponsesDoorStream, RepeatsABoundedPartAtItsEnd) {
  constexpr std::size_t kBound = 64UL * 1024 * 1024;
  const auto writer = kOpenAiResponsesDoor.make_stream_writer(kContext);
  std::string out;
  std::size_t items = 0;
  for (; items < 1'000'000 && writer->held_bytes() < kBound; ++items) {
    out.clear();
    writer->delta(out, delta_of(items % 2 == 0 ? Kind::text : Kind::thinking, "a"));
  }
  EXPECT_LT(items, kBound / 256) << "items count, too, whatever is in them";
  out.clear();
  writer->delta(out, delta_of(Kind::refusal, "late"));
  EXPECT_NE(out.find("late"), std::string::npos) << "it is told";
  EXPECT_EQ(writer->held_bytes(), kBound);
  out.clear();
  writer->end(out, {.finish_reason = chat::FinishReason::stop, .stop_sequence = {}, .usage = {}});
  const std::string_view last = std::string_view(out).substr(out.rfind("data: ") + 6);
  json::Document document;
  ASSERT_FALSE(document.parse(last, json::kProviderLimits));
  const json::Value output = document.root()["response"]["output"];
  EXPECT_EQ(output.begin() != output.end() ? (*output.begin())["id"].string_or("?") : "none", "msg_7_0");
  EXPECT_EQ(last.find("late"), std::string_view::npos) << "and not repeated";
}

TEST(ResponsesDoorStream, ACutCallDoesNotLookWhole) {
  const StreamCheck check(Stream()
                              .say(Kind::text, "a")
                              .call(0, "c1", "f")
                              .say(Kind::tool_call_arguments, "{\"x", 0)
                              .end(chat::FinishReason::length));
  EXPECT_EQ(check.ended, "incomplete");
  EXPECT_EQ(item_statuses(check.final_response), "msg_7_0 completed;fc_7_1 incomplete;");
}

TEST(ResponsesDoorStream, AnEmptyAnswerIsAnEmptyMessage) {
  const StreamCheck check(Stream().end(chat::FinishReason::stop));
  EXPECT_EQ(check.final_response, kOpenAiResponsesDoor.render_reply({}, kContext));
  EXPECT_EQ(item_statuses(check.final_response), "msg_7_0 completed;");
}

TEST(ResponsesDoorStream, TakesItsIdFromTheProvidersWhereNoneIsGiven) {
  const AnswerContext context{.model = "m", .id = {}, .created = 5, .provider_id = "msg_01"};
  const StreamCheck check(Stream(context).say(Kind::text, "a").end(chat::FinishReason::stop));
  chat::Reply reply;
  reply.id = "msg_01";
  reply.text = "a";
  EXPECT_EQ(check.final_response, kOpenAiResponsesDoor.render_reply(reply, context));
}

// A3, A4: never a clean end.
TEST(ResponsesDoorStream, AFailureIsAnErrorAndAFailedResponse) {
  Error error = provider_failed(ErrorCode::rate_limited, "Slow down.");
  const StreamCheck check(Stream().say(Kind::text, "a").fail(error));
  EXPECT_EQ(check.ended, "failed");
  EXPECT_EQ(check.types.at(check.types.size() - 2), "error");
  EXPECT_NE(check.final_response.find(R"("error":{"code":"rate_limit_exceeded","message":"Slow down."})"),
            std::string::npos)
      << check.final_response;
  EXPECT_NE(check.final_response.find(R"("output":[])"), std::string::npos)
      << "what is unfinished is no output";

  const StreamCheck unspoken(Stream().fail(error));
  EXPECT_EQ(unspoken.ended, "failed");

  // Our own reader understands what we wrote.
  const auto reader = kOpenAiResponses.make_stream_reader();
  Result<void> told;
  for (const auto& event : events_of(Stream().fail(error))) {
    told = reader->event(event.type, event.data, [](const Delta&) {});
    if (!told) break;
  }
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::rate_limited);
  EXPECT_FALSE(reader->complete());
}

// It ends a stream that passed through and broke: the provider has told its beginning.
TEST(ResponsesDoorStream, AFailureBeforeTheBeginningBeginsNothing) {
  std::string text;
  kOpenAiResponsesDoor.make_stream_writer(kContext)->fail(
      text, provider_failed(ErrorCode::stream_interrupted, "It broke."));
  std::string types;
  for (const auto& event : events_of(text)) types.append(event.type).append(";");
  EXPECT_EQ(types, "error;response.failed;") << text;
}

TEST(ResponsesDoorStream, ForeignBytesBecomeValidJson) {
  const StreamCheck check(Stream().say(Kind::text, "a\xff\"\n").end(chat::FinishReason::stop));
  EXPECT_EQ(check.folded.text, "a\xEF\xBF\xBD\"\n");
}

// C3: what a turn thought comes back as it was, in order, to the byte.
TEST(ResponsesDoorThoughts, ComeBackUnchanged) {
  chat::Reply reply;
  reply.thinking = {{.text = "one", .signature = "sig/1+=", .redacted_data = {}},
                    {.text = {}, .signature = {}, .redacted_data = "blob=="},
                    {.text = {}, .signature = "sig2", .redacted_data = {}}};
  reply.tool_calls = {{.id = "c1", .name = "f", .arguments = R"({"x":1})"}};
  reply.finish_reason = chat::FinishReason::tool_calls;
  const std::string text = kOpenAiResponsesDoor.render_reply(reply, kContext);
  json::Document document;
  ASSERT_FALSE(document.parse(text));
  std::string body = R"({"model":"m","input":[{"role":"user","content":"q"})";
  for (const json::Value item : document.root()["output"]) body.append(",").append(item.raw());
  body.append(R"(,{"type":"function_call_output","call_id":"c1","output":"r"}]})");

  const AtDoor at(body, kOpenAiResponsesDoor);
  ASSERT_EQ(at.fault(), "");
  ASSERT_EQ(at.message(1).parts.size(), 4u);
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).text, "one");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 0).signature, "sig/1+=");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 1).redacted_data, "blob==");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 2).signature, "sig2");
  EXPECT_EQ(at.part_as<chat::ThinkingPart>(1, 2).text, "");
  EXPECT_EQ(at.part_as<chat::ToolCallPart>(1, 3).arguments, R"({"x":1})");

  chat::Warnings warnings;
  const auto sent = kAnthropicMessages.render_request(at.request(), "claude", {}, warnings);
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_NE(sent->find(R"({"type":"thinking","thinking":"one","signature":"sig/1+="},)"
                       R"({"type":"redacted_thinking","data":"blob=="},)"
                       R"({"type":"thinking","thinking":"","signature":"sig2"},{"type":"tool_use")"),
            std::string::npos)
      << *sent;
}

TEST(ResponsesDoorError, IsThatOfOpenAi) {
  const Error error = bad_request("No.", "input[0].type");
  EXPECT_EQ(kOpenAiResponsesDoor.error_status(error), 400);
  EXPECT_EQ(
      kOpenAiResponsesDoor.render_error(error, "req_1"),
      R"({"error":{"message":"No.","type":"invalid_request_error","param":"input[0].type","code":null}})");
}

}  // namespace
}  // namespace ai_proxy::dialects
