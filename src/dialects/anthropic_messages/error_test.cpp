// The table of Anthropic's errors, and what is said and kept of each.
#include <gtest/gtest.h>

#include "base/json_writer.h"
#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

ReplyHead head_of(int status) {
  ReplyHead head;
  head.status = status;
  return head;
}

// A head with one header value set.
ReplyHead with(std::string_view ReplyHead::* member, std::string_view value, int status = 200) {
  ReplyHead head = head_of(status);
  head.*member = value;
  return head;
}

Error error(int status, std::string_view type, std::string_view message, ReplyHead head = {},
            std::string_view detail_code = {}) {
  std::string body;
  json::Writer out(body);
  out.begin_object()
      .member("type", "error")
      .key("error")
      .begin_object()
      .member("type", type)
      .member("message", message);
  if (!detail_code.empty()) out.key("details").begin_object().member("error_code", detail_code).end_object();
  out.end_object().member("request_id", "req_body").end_object();
  head.status = status;
  return parse_error(head, body);
}

struct Row {
  int status;
  std::string_view type;
  std::string_view message;
  ErrorCode code;
  bool retryable;
};

TEST(AnthropicError, NamesTheCauseOfEveryKind) {
  for (const Row& row : {
           Row{401, "authentication_error", "invalid x-api-key", ErrorCode::provider_auth_failed, false},
           Row{403, "permission_error", "Not allowed.", ErrorCode::provider_auth_failed, false},
           Row{402, "billing_error", "There is a billing problem.", ErrorCode::quota_exhausted, false},
           Row{400, "invalid_request_error", "Your credit balance is too low to access",
               ErrorCode::quota_exhausted, false},
           Row{400, "invalid_request_error", "You have reached your specified API usage limits.",
               ErrorCode::quota_exhausted, false},
           Row{404, "not_found_error", "model: claude-x", ErrorCode::model_not_found, false},
           Row{413, "request_too_large", "Request exceeds the maximum size",
               ErrorCode::context_length_exceeded, false},
           Row{400, "invalid_request_error", "prompt is too long: 3333404 tokens > 200000 maximum",
               ErrorCode::context_length_exceeded, false},
           Row{400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2",
               ErrorCode::context_length_exceeded, false},
           Row{400, "invalid_request_error", "temperature: range: 0..1", ErrorCode::invalid_request, false},
           Row{429, "rate_limit_error", "Too many requests", ErrorCode::rate_limited, true},
           Row{500, "api_error", "Internal server error", ErrorCode::provider_error, true},
           Row{503, "api_error", "Key unavailable", ErrorCode::provider_error, true},
           Row{504, "timeout_error", "Request timeout", ErrorCode::provider_timeout, true},
           Row{529, "overloaded_error", "Overloaded", ErrorCode::overloaded, true},
           Row{529, "error_of_tomorrow", "Busy", ErrorCode::overloaded, true},
           Row{409, "conflict_error", "Conflict", ErrorCode::invalid_request, true},
       }) {
    const Error found = error(row.status, row.type, row.message);
    EXPECT_EQ(word(found.code), word(row.code)) << row.status << " " << row.message;
    EXPECT_EQ(found.retryable, row.retryable) << row.status << " " << row.message;
    EXPECT_EQ(found.provider_status, row.status);
    EXPECT_EQ(found.provider_code, row.type);
    EXPECT_EQ(found.provider_request_id, "req_body");
    EXPECT_NE(found.message.find(row.message), std::string::npos) << found.message;
  }
}

TEST(AnthropicError, TellsSpendLimitsFromPace) {
  const auto code = [](std::string_view detail) {
    return error(429, "rate_limit_error", "The organization has reached a usage limit.", {}, detail);
  };
  for (const std::string_view detail : {"enforced_spend_limit_reached", "contract_spend_limit_reached"}) {
    EXPECT_EQ(code(detail).code, ErrorCode::quota_exhausted);
    EXPECT_FALSE(code(detail).retryable);
    EXPECT_EQ(code(detail).provider_code, detail);
  }
  EXPECT_EQ(code("ramp_limit_exceeded").code, ErrorCode::rate_limited);
  EXPECT_TRUE(code("ramp_limit_exceeded").retryable);
}

TEST(AnthropicError, ObeysWhatTheProviderSaysAboutRetrying) {
  EXPECT_FALSE(
      error(529, "overloaded_error", "Overloaded", with(&ReplyHead::should_retry, "false")).retryable);
  EXPECT_TRUE(error(400, "invalid_request_error", "odd", with(&ReplyHead::should_retry, "true")).retryable);
}

TEST(AnthropicError, ReadsRetryAfterOnlyWhereARetryHelps) {
  using std::chrono::milliseconds;
  EXPECT_EQ(error(429, "rate_limit_error", "slow", with(&ReplyHead::retry_after, "7")).retry_after,
            milliseconds(7000));
  EXPECT_FALSE(error(400, "invalid_request_error", "bad", with(&ReplyHead::retry_after, "7")).retry_after);
}

TEST(AnthropicError, NamesTheMemberAtFault) {
  const auto parameter = [](std::string_view message) {
    return error(400, "invalid_request_error", message).parameter;
  };
  EXPECT_EQ(parameter("temperature: range: 0..1"), "temperature");
  EXPECT_EQ(parameter("tools.0.custom.input_schema.type: Field required"), "tools[0].input_schema.type");
  EXPECT_EQ(parameter("messages.12: all messages must have content"), "messages[12]");
  EXPECT_EQ(parameter("This model does not support it: no"), "");
  EXPECT_EQ(parameter("plain"), "");
  EXPECT_EQ(error(404, "not_found_error", "model: x").parameter, "model");
}

TEST(AnthropicError, SpeaksOfTheGatewaysKeyAndShowsNone) {
  const std::string key = std::string("sk-ant-") + "api03-" + std::string(40, 'Q');
  const Error found = error(401, "authentication_error", "invalid x-api-key " + key);
  EXPECT_EQ(found.blame, Blame::gateway);
  EXPECT_NE(found.message.find("gateway"), std::string::npos);
  EXPECT_EQ(found.message.find("QQQQQQQQ"), std::string::npos) << found.message;
}

TEST(AnthropicError, ReadsBodiesThatAreNoJson) {
  EXPECT_EQ(parse_error(head_of(413), "<html><title>413 Too Large</title></html>").code,
            ErrorCode::context_length_exceeded);
  EXPECT_EQ(parse_error(head_of(502), "").code, ErrorCode::provider_error);
  EXPECT_EQ(parse_error(head_of(529), "{\"type\":").code, ErrorCode::overloaded);
  EXPECT_EQ(parse_error(head_of(500), "[1]").code, ErrorCode::provider_error);
  EXPECT_EQ(parse_error(head_of(401), "\"no\"").code, ErrorCode::provider_auth_failed);
}

TEST(AnthropicError, TakesTheRequestIdFromTheHeader) {
  EXPECT_EQ(parse_error(with(&ReplyHead::request_id, "req_head", 500),
                        R"({"error":{"type":"api_error"},"request_id":null})")
                .provider_request_id,
            "req_head");
}

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
