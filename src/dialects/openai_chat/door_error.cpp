// Failures in OpenAI's shape, with the status and words by which its SDKs raise the right exception. A
// refusal of our own key is never a 401 here: the caller's key is another matter. Source: OpenAI's error code
// guide and recorded errors (November 2026).
#include "dialects/chat_completions/door_answer.h"
#include "dialects/native/utf8.h"
#include "dialects/openai_chat/door_answer.h"

namespace ai_proxy::dialects::openai_chat {
namespace {

struct Words {
  std::string_view type;
  std::string_view code;  // empty: null
};

Words words_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_request:
      break;
    case ErrorCode::model_not_found:
      return {"invalid_request_error", "model_not_found"};
    case ErrorCode::context_length_exceeded:
      return {"invalid_request_error", "context_length_exceeded"};
    case ErrorCode::content_filtered:
      return {"invalid_request_error", "content_filter"};
    case ErrorCode::rate_limited:
      return {error.provider_code == "tokens" ? "tokens" : "requests", "rate_limit_exceeded"};
    case ErrorCode::quota_exhausted:
      return {"insufficient_quota", "insufficient_quota"};
    case ErrorCode::overloaded:
      return {"service_unavailable_error", "server_is_overloaded"};
    case ErrorCode::provider_not_configured:
    case ErrorCode::provider_auth_failed:
    case ErrorCode::provider_error:
    case ErrorCode::provider_timeout:
    case ErrorCode::provider_unreachable:
    case ErrorCode::stream_interrupted:
    case ErrorCode::cancelled:
    case ErrorCode::internal:
      return {"server_error", word(error.code)};
  }
  // The provider's own word, where it says more than that the request is invalid.
  const std::string_view said = error.provider_code;
  return {"invalid_request_error", said.starts_with("invalid_request") ? std::string_view{} : said};
}

}  // namespace

int error_status(const Error& error) {
  return http_status(error.code);
}

std::string render_error(const Error& error, std::string_view /*request_id: in the header*/) {
  const Words words = words_of(error);
  std::string out = R"({"error":{"message":)";
  native::append_json_string(out, chat_completions::error_sentence(error));
  out.append(R"(,"type":")").append(words.type).append("\"");
  chat_completions::append_text_or_null(out, R"(,"param":)", error.parameter);
  chat_completions::append_text_or_null(out, R"(,"code":)", words.code);
  return out.append("}}");
}

}  // namespace ai_proxy::dialects::openai_chat
