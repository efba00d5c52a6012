// What Anthropic says when it refuses: {"type":"error","error":{"type","message","details"},"request_id"}.
// Source: platform.claude.com/docs/en/api/errors (2026-11) and recordings.
#include "dialects/error_text.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "dialects/anthropic_messages/anthropic_messages.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

using TypeRow = std::pair<std::string_view, ErrorCode>;
constexpr std::array<TypeRow, 9> kTypes{{
    {"authentication_error", ErrorCode::provider_auth_failed},
    {"permission_error", ErrorCode::provider_auth_failed},
    {"billing_error", ErrorCode::quota_exhausted},
    {"not_found_error", ErrorCode::model_not_found},
    {"request_too_large", ErrorCode::context_length_exceeded},
    {"rate_limit_error", ErrorCode::rate_limited},
    {"overloaded_error", ErrorCode::overloaded},
    {"api_error", ErrorCode::provider_error},
    {"timeout_error", ErrorCode::provider_timeout},
}};

bool contains(std::string_view text, std::string_view piece) {
  return text.find(piece) != std::string_view::npos;
}

// Spend limits come as a 429 with a code of their own, or as a 400 that only the text tells apart. The code,
// when there is one, is the better witness: ramp_limit_exceeded is about pace, whatever its text says.
bool is_about_money(std::string_view detail_code, std::string_view message) {
  if (!detail_code.empty()) return contains(detail_code, "spend_limit");
  return contains(message, "specified API usage limits") || says_quota_exhausted(message);
}

bool is_too_long(std::string_view message) {
  return contains(message, "exceed context limit") || says_context_too_long(message);
}

ErrorCode code_of(int status, std::string_view type, std::string_view detail_code, std::string_view message) {
  if (type == "rate_limit_error" || status == 429) {
    return is_about_money(detail_code, message) ? ErrorCode::quota_exhausted : ErrorCode::rate_limited;
  }
  if (type == "invalid_request_error") {
    if (is_about_money(detail_code, message)) return ErrorCode::quota_exhausted;
    return is_too_long(message) ? ErrorCode::context_length_exceeded : ErrorCode::invalid_request;
  }
  // api_error is what is said when nothing better is known: a 4xx status is the better word.
  const bool says_nothing = type == "api_error" && status >= 400 && status < 500;
  const auto* row = std::ranges::find(kTypes, type, &TypeRow::first);
  if (row != kTypes.end() && !says_nothing) return row->second;
  // The edge in front of the API answers an over-large body with a page of its own.
  return status == 413 ? ErrorCode::context_length_exceeded : error_code_of_status(status);
}

// The member a message opens with, in our spelling: "tools.0.custom.input_schema.type: Field required" ->
// tools[0].input_schema.type. Empty when it opens with anything else.
std::string parameter_in(std::string_view message) {
  const std::size_t end = message.find(": ");
  if (end == std::string_view::npos) return {};
  std::string path;
  std::string_view rest = message.substr(0, end);
  while (!rest.empty()) {
    const std::size_t dot = rest.find('.');
    const std::string_view word = rest.substr(0, dot);
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(dot + 1);
    const auto is_name = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; };
    if (word.empty() || !std::ranges::all_of(word, is_name)) return {};
    if (word == "custom") continue;  // the kind of tool, no member
    if (parse_integer<std::uint32_t>(word)) {
      path.append("[").append(word).append("]");
    } else {
      path.append(path.empty() ? "" : ".").append(word);
    }
  }
  return path;
}

}  // namespace

Error error_of(const ReplyHead& head, const json::Value& root) {
  const json::Value error = root["error"];
  const std::string_view type = error["type"].string_or("");
  const std::string_view detail_code = error["details"]["error_code"].string_or("");
  ProviderFault fault;
  fault.message = error_message_of(error.has_value() ? error : root);
  fault.code = code_of(head.status, type, detail_code, fault.message);
  if (fault.code == ErrorCode::invalid_request) fault.parameter = parameter_in(fault.message);
  if (fault.code == ErrorCode::model_not_found) fault.parameter = "model";
  fault.provider_code = detail_code.empty() ? type : detail_code;
  fault.request_id = root["request_id"].string_or("");
  return make_provider_error(head, std::move(fault));
}

Error parse_error(const ReplyHead& head, std::string_view body) {
  json::Document document;
  if (!document.parse(body, json::kProviderLimits) && document.root().is_object()) {
    return error_of(head, document.root());
  }
  ProviderFault fault;
  fault.message = foreign_body_text(body);
  fault.code = code_of(head.status, {}, {}, fault.message);
  return make_provider_error(head, std::move(fault));
}

}  // namespace ai_proxy::dialects::anthropic_messages
