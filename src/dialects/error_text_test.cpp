#include "dialects/error_text.h"

#include <gtest/gtest.h>

namespace ai_proxy::dialects {
namespace {

using std::chrono::milliseconds;

std::string message_in(std::string_view text) {
  json::Document document;
  EXPECT_FALSE(document.parse(text));
  return error_message_of(document.root());
}

TEST(ErrorText, FindsTheSentenceInEveryShape) {
  EXPECT_EQ(message_in(R"({"error":{"message":"a","type":"t"}})"), "a");
  EXPECT_EQ(message_in(R"({"error":"a"})"), "a");
  EXPECT_EQ(message_in(R"({"object":"error","message":"a"})"), "a");
  EXPECT_EQ(message_in(R"({"detail":"a"})"), "a");
  EXPECT_EQ(
      message_in(
          R"({"message":{"detail":[{"loc":["body","messages",0,"user","name"],"msg":"Extra inputs"}]}})"),
      "body.messages.0.user.name: Extra inputs");
  EXPECT_EQ(message_in(R"({"detail":[{"loc":["body","a"],"msg":"x"},{"loc":["body","b"],"msg":"y"}]})"),
            "body.a: x; body.b: y");
  EXPECT_EQ(
      message_in(R"({"error":{"message":"{\"error\":{\"message\":\"{\\\"message\\\":\\\"deep\\\"}\"}}"}})"),
      "deep");
  EXPECT_EQ(message_in(R"({"error":{"message":"{not json"}})"), "{not json");
  EXPECT_EQ(message_in("{}"), "");
  EXPECT_EQ(message_in("[]"), "");
}

TEST(ErrorText, NamesTheMemberAtFaultInOurSpelling) {
  json::Document document;
  ASSERT_FALSE(document.parse(R"({"detail":[{"loc":["body","messages",0,"user","name"],"msg":"x"}]})"));
  EXPECT_EQ(error_parameter_of(document.root()), "messages[0].user.name");
  ASSERT_FALSE(document.parse(R"({"message":{"detail":[{"loc":["body","seed"],"msg":"x"}]}})"));
  EXPECT_EQ(error_parameter_of(document.root()), "seed");
  ASSERT_FALSE(document.parse(R"({"message":"x"})"));
  EXPECT_EQ(error_parameter_of(document.root()), "");
}

TEST(ErrorText, ShowsNoKeyAndNoControlCharacters) {
  EXPECT_EQ(safe_error_text(" a\n\x01 b\x7f "), "a   b");
  const std::string shown =
      safe_error_text("Incorrect API key provided: sk-proj-abcdefgh12345. You can find it");
  EXPECT_EQ(shown.find("abcdefgh"), std::string::npos) << shown;
  EXPECT_EQ(safe_error_text("Incorrect API key provided: invalid-*****2345. You can find it"),
            "Incorrect API key provided: [redacted]. You can find it");
}

TEST(ErrorText, IsAlwaysUtf8) {
  EXPECT_EQ(safe_error_text("St\xf6rung"), "St?rung");
  EXPECT_EQ(safe_error_text("St\xc3\xb6rung"), "St\xc3\xb6rung");
  ReplyHead head;
  head.status = 500;
  head.request_id = "req_\xff";
  EXPECT_EQ(make_provider_error(head, {}).provider_request_id, "req_?");
}

TEST(ErrorText, CutsLongTextsAtACharacter) {
  std::string text = "a";
  for (int i = 0; i < 5000; ++i) text += "é";
  const std::string shown = safe_error_text(text);
  EXPECT_LE(shown.size(), kErrorTextBytesMax + 4);
  EXPECT_TRUE(shown.ends_with("é …"));
  EXPECT_LE(safe_error_text(std::string(100'000, 'x')).size(), kErrorTextBytesMax + 4);
}

TEST(ErrorText, ReadsForeignBodies) {
  EXPECT_EQ(foreign_body_text("<!DOCTYPE html><html><head><title>520: Web server</title></head></html>"),
            "520: Web server");
  EXPECT_EQ(foreign_body_text("<html><body>x</body></html>"), "");
  EXPECT_EQ(foreign_body_text("upstream connect error\n"), "upstream connect error");
  EXPECT_EQ(foreign_body_text("{\"cut"), "");
  EXPECT_EQ(foreign_body_text(std::string_view("\0\1\2", 3)), "");
  EXPECT_EQ(foreign_body_text(""), "");
}

TEST(ErrorText, ReadsRetryAfterWithinBounds) {
  const auto after = [](std::string_view seconds, std::string_view ms = {}) {
    ReplyHead head;
    head.retry_after = seconds;
    head.retry_after_ms = ms;
    return retry_after(head);
  };
  EXPECT_EQ(after("1"), milliseconds(1000));
  EXPECT_EQ(after("1.5"), milliseconds(1500));
  EXPECT_EQ(after("1", "174"), milliseconds(174));
  EXPECT_EQ(after("2", "soon"), milliseconds(2000));
  EXPECT_EQ(after("0"), milliseconds(0));
  EXPECT_EQ(after("-0"), milliseconds(0));
  EXPECT_EQ(after("-5"), std::nullopt);
  EXPECT_EQ(after("-0.001"), std::nullopt);
  EXPECT_EQ(after("-inf"), std::nullopt);
  EXPECT_EQ(after("", "-5"), std::nullopt);
  EXPECT_EQ(after("2", "-5"), milliseconds(2000));
  EXPECT_EQ(after("-2", "5"), milliseconds(5));
  EXPECT_EQ(after("3600"), milliseconds(3'600'000));
  EXPECT_EQ(after("86400"), milliseconds(86'400'000));
  EXPECT_EQ(after("86401"), std::nullopt);
  EXPECT_EQ(after("1000000000"), std::nullopt);
  EXPECT_EQ(after("1e999"), std::nullopt);
  EXPECT_EQ(after("nan"), std::nullopt);
  EXPECT_EQ(after("Wed, 21 Oct 2026 07:28:00 GMT"), std::nullopt);
  EXPECT_EQ(after(""), std::nullopt);
}

TEST(ErrorText, ObeysShouldRetryBeforeTheNatureOfTheFault) {
  const auto retries = [](int status, ErrorCode code, std::string_view should_retry,
                          std::optional<bool> own = {}) {
    ReplyHead head;
    head.status = status;
    head.should_retry = should_retry;
    ProviderFault fault;
    fault.code = code;
    fault.retryable = own;
    return make_provider_error(head, fault).retryable;
  };
  EXPECT_TRUE(retries(429, ErrorCode::rate_limited, ""));
  EXPECT_FALSE(retries(429, ErrorCode::rate_limited, "false"));
  EXPECT_FALSE(retries(429, ErrorCode::quota_exhausted, ""));
  EXPECT_TRUE(retries(400, ErrorCode::invalid_request, "true"));
  EXPECT_TRUE(retries(409, ErrorCode::invalid_request, ""));
  EXPECT_FALSE(retries(500, ErrorCode::provider_error, "", false));
}

TEST(ErrorText, NeverMakesTheGatewaysKeyLookLikeTheCallers) {
  ReplyHead head;
  head.status = 401;
  head.request_id = "req_1";
  ProviderFault fault;
  fault.code = ErrorCode::provider_auth_failed;
  fault.message = "Incorrect API key provided: sk-abcdefgh.";
  const Error error = make_provider_error(head, fault);
  EXPECT_EQ(error.status(), 502);
  EXPECT_EQ(error.blame, Blame::gateway);
  EXPECT_EQ(error.provider_status, 401);
  EXPECT_EQ(error.provider_request_id, "req_1");
  EXPECT_FALSE(error.retryable);
  EXPECT_NE(error.message.find("not about your own key"), std::string::npos);
  EXPECT_EQ(error.message.find("abcdefgh"), std::string::npos);
}

}  // namespace
}  // namespace ai_proxy::dialects
