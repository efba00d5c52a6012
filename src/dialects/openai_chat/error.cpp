// OpenAI's error shape: {"error":{"message","type","param","code"}}; the words in `code` and `type` decide,
// then the status, then the text. Source: recorded errors, OpenAI's error code guide (November 2026).
#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "dialects/error_text.h"
#include "dialects/openai_chat/openai_chat.h"

namespace ai_proxy::dialects::openai_chat {
namespace {

struct WordRow {
  std::string_view word;
  ErrorCode code;
};

// Looked up for `code` first, then for `type`: the code is the more exact.
constexpr std::array kWords{
    WordRow{"insufficient_quota", ErrorCode::quota_exhausted},
    WordRow{"credit_balance_exhausted", ErrorCode::quota_exhausted},
    WordRow{"organization_usage_limit_exceeded", ErrorCode::quota_exhausted},
    WordRow{"organization_spend_limit_exceeded", ErrorCode::quota_exhausted},
    WordRow{"project_spend_limit_exceeded", ErrorCode::quota_exhausted},
    WordRow{"billing_hard_limit_reached", ErrorCode::quota_exhausted},
    WordRow{"billing_not_active", ErrorCode::quota_exhausted},
    WordRow{"context_length_exceeded", ErrorCode::context_length_exceeded},
    WordRow{"content_filter", ErrorCode::content_filtered},
    WordRow{"content_policy_violation", ErrorCode::content_filtered},
    WordRow{"moderation_blocked", ErrorCode::content_filtered},
    WordRow{"model_not_found", ErrorCode::model_not_found},
    WordRow{"invalid_api_key", ErrorCode::provider_auth_failed},
    WordRow{"authentication_error", ErrorCode::provider_auth_failed},
    WordRow{"permission_error", ErrorCode::provider_auth_failed},
    WordRow{"unsupported_country_region_territory", ErrorCode::provider_auth_failed},
    WordRow{"rate_limit_exceeded", ErrorCode::rate_limited},
    WordRow{"rate_limit_error", ErrorCode::rate_limited},
    WordRow{"tokens", ErrorCode::rate_limited},
    WordRow{"requests", ErrorCode::rate_limited},
    WordRow{"server_is_overloaded", ErrorCode::overloaded},
    WordRow{"service_unavailable_error", ErrorCode::overloaded},
    WordRow{"overloaded_error", ErrorCode::overloaded},
    WordRow{"engine_overloaded", ErrorCode::overloaded},
    WordRow{"timeout", ErrorCode::provider_timeout},
    WordRow{"timeout_error", ErrorCode::provider_timeout},
    WordRow{"server_error", ErrorCode::provider_error},
    WordRow{"internal_error", ErrorCode::provider_error},
};

std::optional<ErrorCode> code_of_word(std::string_view word) {
  const auto row = std::ranges::find(kWords, word, &WordRow::word);
  if (row == kWords.end()) return std::nullopt;
  return row->code;
}

// In a stream, and from relays, the status stands only in the body.
int status_in(const json::Value& body, const json::Value& error) {
  for (const json::Value candidate : {error["status"], error["code"], body["status"], error["status_code"]}) {
    const std::int64_t status = candidate.integer_or(0);
    if (status >= 400 && status <= 599) return static_cast<int>(status);
  }
  return 0;
}

ErrorCode code_of(int status, std::string_view code, std::string_view type, std::string_view message) {
  // Formerly "your pace" (429) and "our load" (503) both said slow_down.
  if (code == "slow_down") return status == 503 ? ErrorCode::overloaded : ErrorCode::rate_limited;
  if (const auto by_code = code_of_word(code)) return *by_code;
  const auto by_type = code_of_word(type);
  if (by_type && (status < 400 || *by_type != ErrorCode::provider_error)) return *by_type;
  const bool about_request =
      status == 400 || status == 413 || status == 422 || type == "invalid_request_error";
  if (about_request && says_context_too_long(message)) return ErrorCode::context_length_exceeded;
  if ((status == 429 || status == 400 || status == 403) && says_quota_exhausted(message)) {
    return ErrorCode::quota_exhausted;
  }
  if (status < 400)
    return type == "invalid_request_error" ? ErrorCode::invalid_request : ErrorCode::provider_error;
  return error_code_of_status(status);
}

}  // namespace

Error parse_error_body(const ReplyHead& head, const json::Value& body) {
  const json::Value error = body["error"].is_object() ? body["error"] : body;
  ReplyHead seen = head;
  if (const int inner = status_in(body, error); inner != 0 && head.status < 400) seen.status = inner;

  ProviderFault fault;
  const std::string_view type = error["type"].string_or("");
  fault.message = error_message_of(body);
  fault.parameter = error["param"].string_or("");
  fault.provider_code = error["code"].string().value_or(type);
  fault.request_id = body["request_id"].string_or("");
  fault.code = code_of(seen.status, error["code"].string_or(""), type, fault.message);
  // A path that OpenAI does not know: our configuration is wrong, not the model's name.
  if (fault.code == ErrorCode::model_not_found &&
      (error["code"].string_or("") == "unknown_url" || fault.message.starts_with("Invalid URL"))) {
    fault.code = ErrorCode::provider_error;
    fault.retryable = false;
  }
  return make_provider_error(seen, std::move(fault));
}

Error parse_error(const ReplyHead& head, std::string_view body) {
  json::Document document;
  // By content, not by header: 401 has come as text/plain with JSON in it.
  if (!document.parse(ascii_trim(body), json::kProviderLimits)) {
    const json::Value root = document.root();
    if (root.is_object()) return parse_error_body(head, root);
    if (root.is_array() && root[0].is_object()) return parse_error_body(head, root[0]);
  }
  ProviderFault fault;
  fault.message = foreign_body_text(body);
  fault.code = code_of(head.status, "", "", fault.message);
  return make_provider_error(head, std::move(fault));
}

}  // namespace ai_proxy::dialects::openai_chat
