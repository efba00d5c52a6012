#include <gtest/gtest.h>

#include "base/json.h"
#include "dialects/native/native.h"

namespace ai_proxy::dialects::native {
namespace {

TEST(NativeError, ShowsAllEightDetails) {
  Error error = provider_failed(ErrorCode::rate_limited, "Rate limit reached for gpt-4o.");
  error.provider_status = 429;
  error.retry_after = std::chrono::milliseconds(1500);
  error.provider_request_id = "req_1";
  EXPECT_EQ(
      render_error({.error = error, .provider = "openai", .model = "gpt-4o", .attempts = 3}),
      R"({"error":"Rate limit reached for gpt-4o.","details":{"code":"rate_limited","provider":"openai",)"
      R"("model":"gpt-4o","status":429,"retryable":true,"retry_after_ms":1500,"provider_request_id":"req_1",)"
      R"("attempts":3}})");
}

TEST(NativeError, SaysNullForWhatIsNotKnown) {
  const Error error = not_configured("mistral", "MISTRAL_API_KEY");
  EXPECT_EQ(
      render_error({.error = error, .provider = {}, .model = {}}),
      R"({"error":"The provider \"mistral\" has no API key. Set MISTRAL_API_KEY and restart.","details":{)"
      R"("code":"provider_not_configured","provider":null,"model":null,"status":null,"retryable":false,)"
      R"("retry_after_ms":null,"provider_request_id":null,"attempts":0}})");
}

TEST(NativeError, NamesTheMemberAtFaultOnce) {
  const auto message = [](const Error& error) {
    const std::string body = render_error({.error = error, .provider = "p", .model = "m"});
    json::Document document;
    EXPECT_FALSE(document.parse(body));
    return std::string(document.root()["error"].string_or("?"));
  };
  EXPECT_EQ(message(bad_request("Images cannot be sent.", "messages[0].content")),
            "Images cannot be sent. (messages[0].content)");
  EXPECT_EQ(message(bad_request("messages[0].content: no images.", "messages[0].content")),
            "messages[0].content: no images.");
  EXPECT_EQ(message(provider_failed(ErrorCode::overloaded, "")), "overloaded");
}

TEST(NativeError, HidesKeysAndMendsText) {
  const Error error =
      provider_failed(ErrorCode::provider_auth_failed,
                      "Incorrect API key provided: sk-proj-abcdefghijklmnopqrstuvwxyz0123456789. \xFF");
  const std::string text = render_error({.error = error, .provider = "openai", .model = "m"});
  EXPECT_FALSE(text.contains("abcdefghijklmnop")) << text;
  EXPECT_TRUE(text.contains("\xEF\xBF\xBD")) << text;
  EXPECT_TRUE(json::valid(text));
}

TEST(NativeError, IsAnEventInsideAStream) {
  const Error error = provider_failed(ErrorCode::stream_interrupted, "The stream broke off.");
  const ErrorView view{.error = error, .provider = "openai", .model = "gpt-4o", .attempts = 1};
  std::string out = "x";
  render_error_event(out, view);
  EXPECT_EQ(out, "xevent: error\ndata: " + render_error(view) + "\n\n");
}

}  // namespace
}  // namespace ai_proxy::dialects::native
