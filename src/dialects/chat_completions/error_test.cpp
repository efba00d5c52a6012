// Errors of OpenAI and Mistral: the shapes that were published or recorded, and what they become.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/json.h"
#include "dialects/chat_completions/request_fixture.h"
#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

struct Case {
  const Dialect* dialect;
  int status;
  std::string_view body;
  ErrorCode code;
  bool retryable;
  std::string_view message;  // empty = not looked at
  std::string_view parameter;
  std::string_view provider_code;
};

TEST(ChatErrors, BecomeTheRightCode) {
  const Case cases[]{
      {&kOpenAiChat, 400,
       R"({"error":{"message":"m","type":"invalid_request_error","param":"messages[3].content","code":"invalid_value"}})",
       ErrorCode::invalid_request, false, "m", "messages[3].content", "invalid_value"},
      {&kOpenAiChat, 400,
       R"({"error":{"message":"This model's maximum context length is 8 tokens.","type":"invalid_request_error","param":"messages","code":null}})",
       ErrorCode::context_length_exceeded, false, "", "messages", "invalid_request_error"},
      {&kOpenAiChat, 400,
       R"({"error":{"message":"blocked","type":"invalid_request_error","code":"content_filter","param":null}})",
       ErrorCode::content_filtered, false, "blocked", "", "content_filter"},
      {&kOpenAiChat, 401,
       R"({"error":{"message":"x","type":"invalid_request_error","code":"invalid_api_key","param":null},"status":401})",
       ErrorCode::provider_auth_failed, false, "", "", "invalid_api_key"},
      {&kOpenAiChat, 403,
       R"({"error":{"message":"Country, region, or territory not supported","type":"request_forbidden","param":null,"code":"unsupported_country_region_territory"}})",
       ErrorCode::provider_auth_failed, false, "", "", "unsupported_country_region_territory"},
      {&kOpenAiChat, 403,
       R"({"error":{"message":"Project does not have access to model `gpt-9`","type":"invalid_request_error","param":null,"code":"model_not_found"}})",
       ErrorCode::model_not_found, false, "", "", "model_not_found"},
      {&kOpenAiChat, 404,
       R"x({"error":{"message":"Invalid URL (POST /v1/v1/chat/completions)","type":"invalid_request_error","param":null,"code":null}})x",
       ErrorCode::provider_error, false, "", "", "invalid_request_error"},
      {&kOpenAiChat, 429,
       R"({"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}})",
       ErrorCode::quota_exhausted, false, "", "", "insufficient_quota"},
      {&kOpenAiChat, 429,
       R"({"error":{"message":"x","type":"requests","code":"project_spend_limit_exceeded"}})",
       ErrorCode::quota_exhausted, false, "", "", "project_spend_limit_exceeded"},
      {&kOpenAiChat, 429, R"({"error":{"message":"slower","type":"rate_limit_error","code":"slow_down"}})",
       ErrorCode::rate_limited, true, "slower", "", "slow_down"},
      {&kOpenAiChat, 503,
       R"({"error":{"message":"slower","type":"service_unavailable_error","code":"slow_down"}})",
       ErrorCode::overloaded, true, "slower", "", "slow_down"},
      {&kOpenAiChat, 500,
       R"({"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}})",
       ErrorCode::provider_error, true, "The server had an error", "", "server_error"},
      {&kOpenAiChat, 502, "<html><head><title>502 Bad Gateway</title></head></html>",
       ErrorCode::provider_error, true, "502 Bad Gateway", "", ""},
      {&kOpenAiChat, 504, "", ErrorCode::provider_timeout, true, "The provider did not answer in time.", "",
       ""},
      {&kOpenAiChat, 408, "{}", ErrorCode::provider_timeout, true, "", "", ""},
      {&kOpenAiChat, 409, R"({"error":{"message":"conflict"}})", ErrorCode::invalid_request, true, "conflict",
       "", ""},
      {&kOpenAiChat, 418, "7", ErrorCode::invalid_request, false, "", "", ""},
      {&kOpenAiChat, 503, "upstream connect error or disconnect/reset before headers", ErrorCode::overloaded,
       true, "upstream connect error or disconnect/reset before headers", "", ""},
      {&kMistralChat, 400,
       R"({"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500","raw_status_code":400})",
       ErrorCode::model_not_found, false, "Invalid model: x", "", "1500"},
      {&kMistralChat, 400,
       R"({"object":"error","message":"Prompt contains 65673 tokens, too large for model with 32768 maximum context length","type":"invalid_request_prompt","param":null,"code":"3210"})",
       ErrorCode::context_length_exceeded, false, "", "", "3210"},
      {&kMistralChat, 401, R"({"detail":"Unauthorized"})", ErrorCode::provider_auth_failed, false, "", "",
       ""},
      {&kMistralChat, 422,
       R"({"detail":[{"type":"extra_forbidden","loc":["body","seed"],"msg":"Extra inputs are not permitted","input":1}]})",
       ErrorCode::invalid_request, false, "body.seed: Extra inputs are not permitted", "seed", ""},
      {&kMistralChat, 429, R"({"message":"Requests rate limit exceeded"})", ErrorCode::rate_limited, true,
       "Requests rate limit exceeded", "", ""},
      {&kMistralChat, 429,
       R"({"object":"error","message":"Service tier capacity exceeded for this model.","type":"service_tier_capacity_exceeded","param":null,"code":"3505"})",
       ErrorCode::overloaded, true, "Service tier capacity exceeded for this model.", "", "3505"},
      {&kMistralChat, 500, R"({"object":"error","message":{"detail":{"x":1}},"type":null})",
       ErrorCode::provider_error, true, "", "", ""},
      {&kMistralChat, 520,
       "<!DOCTYPE html><html><head><title>mistral.ai | 520: Web server is returning an unknown "
       "error</title></head></html>",
       ErrorCode::provider_error, true, "mistral.ai | 520: Web server is returning an unknown error", "", ""},
  };
  for (const Case& expected : cases) {
    SCOPED_TRACE(expected.body);
    ReplyHead head;
    head.status = expected.status;
    const Error error = expected.dialect->parse_error(head, expected.body);
    EXPECT_EQ(word(error.code), word(expected.code));
    EXPECT_EQ(error.retryable, expected.retryable);
    EXPECT_EQ(error.provider_status, expected.status);
    EXPECT_FALSE(error.message.empty());
    if (!expected.message.empty()) EXPECT_EQ(error.message, expected.message);
    EXPECT_EQ(error.parameter, expected.parameter);
    EXPECT_EQ(error.provider_code, expected.provider_code);
  }
}

std::filesystem::path shared() {
  const char* given = std::getenv("AI_PROXY_SHARED");
  return given != nullptr ? std::filesystem::path(given)
                          : std::filesystem::path(SOURCE_DIR) / ".." / "shared";
}

// Whole streams inside a 200 are the stream readers' matter; here the error object in them must be found.
TEST(ChatErrors, OfPublishedShapesAreRetryableWhereTheyShouldBe) {
  const std::filesystem::path path = shared() / "data/traffic/constructed_errors.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no shared data";
  const std::string text = chat_completions::fixture::file_text(path);
  json::Document document;
  ASSERT_FALSE(document.parse(text));
  int seen = 0;
  for (const json::Value sample : document.root()) {
    const std::string_view provider = sample["provider"].string_or("");
    if (provider == "anthropic" || !sample["body"].present()) continue;
    SCOPED_TRACE(sample["name"].string_or(""));
    const Dialect& dialect = provider == "openai" ? kOpenAiChat : kMistralChat;
    ReplyHead head;
    head.status = static_cast<int>(sample["status"].integer_or(0));
    head.retry_after = sample["headers"]["retry-after"].string_or("");
    head.retry_after_ms = sample["headers"]["retry-after-ms"].string_or("");
    head.should_retry = sample["headers"]["x-should-retry"].string_or("");
    head.request_id = sample["headers"]["x-request-id"].string_or("");
    const auto body = sample["body"].string();
    const Error error = dialect.parse_error(head, body ? *body : sample["body"].raw());
    EXPECT_EQ(error.retryable, sample["expect_retryable"].boolean_or(false))
        << word(error.code) << ": " << error.message;
    EXPECT_EQ(error.provider_request_id, head.request_id);
    if (!head.retry_after_ms.empty()) EXPECT_EQ(error.retry_after, std::chrono::milliseconds(174));
    ++seen;
  }
  EXPECT_GE(seen, 12);
}

}  // namespace
}  // namespace ai_proxy::dialects
