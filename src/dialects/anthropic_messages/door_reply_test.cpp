// Whole answers and errors out of Anthropic's door: C6, C15, G2 of the case list.
#include <gtest/gtest.h>

#include "dialects/anthropic_messages/door_validated_for_tests.h"
#include "dialects/doors.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using chat::FinishReason;
using for_tests::Shown;

const Door& door = kAnthropicMessagesDoor;
const AnswerContext kContext{.model = "gpt-5.1", .id = "msg_7", .created = 0, .stream_usage = false};

Shown shown(const chat::Reply& reply) {
  return for_tests::shown_of_reply(door.render_reply(reply, kContext));
}

TEST(AnthropicDoorReply, StandsByteForByteAsTheApiWritesIt) {
  chat::Reply reply;
  reply.text = "Hi";
  reply.finish_reason = FinishReason::stop;
  chat::Usage& usage = reply.usage.emplace();
  usage.input_tokens = 12;
  usage.output_tokens = 3;
  EXPECT_EQ(
      door.render_reply(reply, kContext),
      R"({"model":"gpt-5.1","id":"msg_7","type":"message","role":"assistant","content":[)"
      R"({"type":"text","text":"Hi"}],"stop_reason":"end_turn","stop_sequence":null,"stop_details":null,)"
      R"("usage":{"input_tokens":12,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,)"
      R"("cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0},)"
      R"("output_tokens":3}})");
}

TEST(AnthropicDoorReply, PutsTheBlocksInAnthropicsOrder) {
  chat::Reply reply;
  reply.thinking = {{.text = "t", .signature = "s", .redacted_data = {}},
                    {.text = {}, .signature = {}, .redacted_data = "d"},
                    {.text = {}, .signature = "s2", .redacted_data = {}},
                    {}};
  reply.opaque_parts = {R"({"type":"web_search_tool_result","x":1.0})", R"({"type":"url_citation"})",
                        R"({"type":"char_location","cited_text":"c"})"};
  reply.text = "Hi";
  reply.tool_calls = {{.id = "call_1", .name = "f", .arguments = R"({ "z":1.0 })"},
                      {.id = "call_2", .name = "g", .arguments = ""}};
  reply.finish_reason = FinishReason::stop;
  const std::vector<std::string> expected{
      "thinking|t|s",
      R"(redacted_thinking|{"type":"redacted_thinking","data":"d"})",
      "thinking||s2",
      R"(web_search_tool_result|{"type":"web_search_tool_result","x":1.0})",
      R"(text|Hi|{"type":"char_location","cited_text":"c"})",
      R"(tool_use|call_1|f|{"z":1.0})",
      "tool_use|call_2|g|{}"};
  EXPECT_EQ(shown(reply).blocks, expected);
  EXPECT_EQ(shown(reply).stop, "tool_use|null|null") << "A7: any call means tool_use";
}

TEST(AnthropicDoorReply, InputThatIsNoObjectIsWrappedAndNeverInvalidJson) {
  chat::Reply reply;
  reply.tool_calls = {{.id = "a", .name = "f", .arguments = R"({"x":"unfin)"},
                      {.id = "b", .name = "f", .arguments = "[1]"},
                      {.id = "c", .name = "f", .arguments = " \n"},
                      {.id = "d", .name = "f", .arguments = "null"}};
  reply.finish_reason = FinishReason::length;
  const Shown answer = shown(reply);
  const std::vector<std::string> expected{R"(tool_use|a|f|{"INVALID_JSON":"{\"x\":\"unfin"})",
                                          R"(tool_use|b|f|{"INVALID_JSON":"[1]"})", "tool_use|c|f|{}",
                                          R"(tool_use|d|f|{"INVALID_JSON":"null"})"};
  EXPECT_EQ(answer.blocks, expected);
  EXPECT_EQ(answer.stop, "max_tokens|null|null");
}

TEST(AnthropicDoorReply, C6EveryReasonHasItsWord) {
  const auto stop = [](FinishReason reason, std::string_view sequence = {}, std::string_view refusal = {}) {
    chat::Reply reply;
    reply.finish_reason = reason;
    reply.stop_sequence = sequence;
    reply.refusal = refusal;
    return shown(reply).stop;
  };
  EXPECT_EQ(stop(FinishReason::stop), "end_turn|null|null");
  EXPECT_EQ(stop(FinishReason::stop, "END"), R"(stop_sequence|"END"|null)");
  EXPECT_EQ(stop(FinishReason::length), "max_tokens|null|null");
  EXPECT_EQ(stop(FinishReason::tool_calls), "tool_use|null|null");
  EXPECT_EQ(stop(FinishReason::content_filter),
            R"(refusal|null|{"type":"refusal","category":null,"explanation":null})");
  EXPECT_EQ(stop(FinishReason::stop, {}, "No."),
            R"(refusal|null|{"type":"refusal","category":null,"explanation":"No."})");
  EXPECT_EQ(stop(FinishReason::paused), "pause_turn|null|null");
  EXPECT_EQ(stop(FinishReason::unknown), "end_turn|null|null");
}

TEST(AnthropicDoorReply, CountsTheThreeKindsOfInputSideBySide) {
  chat::Reply reply;
  chat::Usage& usage = reply.usage.emplace();
  usage.input_tokens = 100;
  usage.cache_read_tokens = 60;
  usage.cache_write_tokens = 10;
  usage.cache_write_1h_tokens = 5;
  usage.cache_write_12h_tokens = 1;
  usage.output_tokens = 9;
  usage.web_search_calls = 2;
  usage.service_tier = "priority";
  usage.inference_region = "global";
  EXPECT_EQ(shown(reply).usage,
            R"({"input_tokens":24,"cache_creation_input_tokens":16,"cache_read_input_tokens":60,)"
            R"("cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":6},)"
            R"("output_tokens":9,"server_tool_use":{"web_search_requests":2,"web_fetch_requests":0},)"
            R"("service_tier":"priority","inference_geo":"global"})");
  usage.cache_read_tokens = 1000;  // contradictory
  EXPECT_TRUE(shown(reply).usage.starts_with(R"({"input_tokens":0,)"));
}

TEST(AnthropicDoorReply, MakesAnIdOfTheProvidersWhereNoneIsGiven) {
  chat::Reply reply;
  const auto id = [&](std::string_view provider_id) {
    reply.id = provider_id;
    return for_tests::shown_of_reply(door.render_reply(reply, {.model = "m", .id = {}})).id;
  };
  EXPECT_EQ(id("chatcmpl-Ab9"), "msg_Ab9");
  EXPECT_EQ(id("msg_01X"), "msg_01X");
  EXPECT_EQ(id("cmpl\"é"), "msg_cmpl___");
}

Error error_of_code(ErrorCode code) {
  return provider_failed(code, "What the provider said.");
}

TEST(AnthropicDoorError, G2EveryCodeHasAStatusAndTypeThatSdksUnderstand) {
  const std::vector<std::tuple<ErrorCode, int, std::string_view>> rows{
      {ErrorCode::invalid_request, 400, "invalid_request_error"},
      {ErrorCode::context_length_exceeded, 400, "invalid_request_error"},
      {ErrorCode::content_filtered, 400, "invalid_request_error"},
      {ErrorCode::model_not_found, 404, "not_found_error"},
      {ErrorCode::rate_limited, 429, "rate_limit_error"},
      {ErrorCode::quota_exhausted, 429, "rate_limit_error"},
      {ErrorCode::overloaded, 529, "overloaded_error"},
      {ErrorCode::provider_error, 500, "api_error"},
      {ErrorCode::provider_timeout, 504, "timeout_error"},
      {ErrorCode::provider_unreachable, 502, "api_error"},
      {ErrorCode::provider_auth_failed, 502, "api_error"},
      {ErrorCode::provider_not_configured, 503, "api_error"},
      {ErrorCode::stream_interrupted, 500, "api_error"},
      {ErrorCode::internal, 500, "api_error"},
      {ErrorCode::cancelled, 499, "api_error"}};
  for (const auto& [code, status, type] : rows) {
    const Error error = error_of_code(code);
    EXPECT_EQ(door.error_status(error), status) << word(code);
    std::string expected = R"({"type":"error","error":{"type":")";
    expected.append(type).append(R"(","message":"What the provider said."},"request_id":"req_1"})");
    EXPECT_EQ(door.render_error(error, "req_1"), expected);
  }
  EXPECT_TRUE(door.render_error(error_of_code(ErrorCode::internal), "").ends_with(R"("request_id":null})"));
}

TEST(AnthropicDoorError, TooLargeABodyKeepsItsStatus) {
  Error error = error_of_code(ErrorCode::context_length_exceeded);
  error.provider_status = 413;
  EXPECT_EQ(door.error_status(error), 413);
  EXPECT_NE(door.render_error(error, "").find("request_too_large"), std::string::npos);
}

TEST(AnthropicDoorError, TheMemberAtFaultStandsInTheMessageOnce) {
  const auto message = [](const Error& error) {
    const std::string text = door.render_error(error, "");
    json::Document document;
    EXPECT_FALSE(document.parse(text));
    return std::string(document.root()["error"]["message"].string_or(""));
  };
  EXPECT_EQ(message(bad_request("This model takes no images.", "messages[0].content[1]")),
            "messages.0.content.1: This model takes no images.");
  EXPECT_EQ(message(bad_request("tools.0.custom.name: Field required", "tools[0].name")),
            "tools.0.custom.name: Field required");
  EXPECT_EQ(message(bad_request("`max_tokens` must be greater.", "max_tokens")),
            "`max_tokens` must be greater.");
  Error theirs = bad_request("Unsupported value: 'x'", "temperature");
  theirs.provider_status = 400;
  EXPECT_EQ(message(theirs), "Unsupported value: 'x'");
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
