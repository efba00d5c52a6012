// Mistral's errors, five shapes at least: {"object":"error","message","type","param","code"}, the same with
// an object as message, {"detail":"…"}, {"detail":[{loc,msg}]}, {"message":"…"}; and Cloudflare's HTML.
// Source: recorded errors and public issue reports, 2024 to 2026.
#include "base/ascii.h"
#include "dialects/error_text.h"
#include "dialects/mistral_chat/mistral_chat.h"

namespace ai_proxy::dialects::mistral_chat {
namespace {

bool says_model_capacity(std::string_view type, std::string_view code, std::string_view message) {
  return type == "service_tier_capacity_exceeded" || code == "3505" ||
         ascii_lowered(message.substr(0, kErrorTextBytesMax)).find("capacity exceeded") != std::string::npos;
}

bool says_content_blocked(std::string_view type, std::string_view message) {
  const std::string lowered = ascii_lowered(message.substr(0, kErrorTextBytesMax));
  return type.find("guardrail") != std::string_view::npos ||
         type.find("moderation") != std::string_view::npos || lowered.find("guardrail") != std::string::npos;
}

ErrorCode code_of(int status, std::string_view type, std::string_view code, std::string_view message) {
  if (status == 401) return ErrorCode::provider_auth_failed;
  if (says_model_capacity(type, code, message)) return ErrorCode::overloaded;
  if (code == "1500" || type == "invalid_model") return ErrorCode::model_not_found;
  if (says_content_blocked(type, message)) return ErrorCode::content_filtered;
  if ((status == 429 || status == 402 || status == 403) && says_quota_exhausted(message)) {
    return ErrorCode::quota_exhausted;
  }
  if (code == "1300" || type == "rate_limited") return ErrorCode::rate_limited;
  const bool about_request =
      status == 400 || status == 413 || status == 422 || type.starts_with("invalid_request");
  if (about_request) {
    return says_context_too_long(message) ? ErrorCode::context_length_exceeded : ErrorCode::invalid_request;
  }
  return error_code_of_status(status);
}

// An error inside a 200 tells its status only here.
int status_of(const ReplyHead& head, const json::Value& error) {
  if (head.status >= 400) return head.status;
  for (const std::string_view name : {"raw_status_code", "status", "code"}) {
    const std::int64_t status = error[name].integer_or(0);
    if (status >= 400 && status <= 599) return static_cast<int>(status);
  }
  return head.status;
}

}  // namespace

Error parse_error_body(const ReplyHead& head, const json::Value& body) {
  const json::Value error = body["error"].is_object() ? body["error"] : body;
  ReplyHead seen = head;
  seen.status = status_of(head, error);

  ProviderFault fault;
  const std::string_view type = error["type"].string_or("");
  // A string of digits; older answers and relays have a number.
  const json::Value code = error["code"];
  fault.provider_code = code.is_number() ? code.raw() : code.string().value_or(type);
  fault.message = error_message_of(body);
  fault.parameter = error["param"].string_or("");
  if (fault.parameter.empty()) fault.parameter = error_parameter_of(error);
  fault.request_id = body["request_id"].string_or("");
  fault.code = code_of(seen.status, type, fault.provider_code, fault.message);
  return make_provider_error(seen, std::move(fault));
}

Error parse_error(const ReplyHead& head, std::string_view body) {
  json::Document document;
  if (!document.parse(ascii_trim(body), json::kProviderLimits) && document.root().is_object()) {
    return parse_error_body(head, document.root());
  }
  ProviderFault fault;
  fault.message = foreign_body_text(body);
  fault.code = code_of(head.status, "", "", fault.message);
  return make_provider_error(head, std::move(fault));
}

}  // namespace ai_proxy::dialects::mistral_chat
