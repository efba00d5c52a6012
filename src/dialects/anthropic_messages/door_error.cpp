// Failures as Anthropic tells them: {"type":"error","error":{"type","message"},"request_id"}.
//
// The official SDKs choose their exception by the status alone (400 BadRequest, 404 NotFound, 429 RateLimit,
// 5xx InternalServer; 402 has no class of its own) and agents look at error.type. So:
// - A spent quota is 429 rate_limit_error, as Anthropic's own spend limits are: it has a class, which 402
//   billing_error has not.
// - What fails between us and the provider is 5xx; our own key being refused is never 401 or 403, which would
//   make callers doubt theirs.
#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "dialects/anthropic_messages/door.h"
#include "dialects/anthropic_messages/door_faults.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

struct Row {
  ErrorCode code;
  int status;
  std::string_view type;
};

constexpr std::array<Row, 15> kRows{{
    {ErrorCode::provider_not_configured, 503, "api_error"},
    {ErrorCode::provider_auth_failed, 502, "api_error"},
    {ErrorCode::model_not_found, 404, "not_found_error"},
    {ErrorCode::context_length_exceeded, 400, "invalid_request_error"},
    {ErrorCode::invalid_request, 400, "invalid_request_error"},
    {ErrorCode::content_filtered, 400, "invalid_request_error"},
    {ErrorCode::rate_limited, 429, "rate_limit_error"},
    {ErrorCode::quota_exhausted, 429, "rate_limit_error"},
    {ErrorCode::overloaded, 529, "overloaded_error"},
    {ErrorCode::provider_error, 500, "api_error"},
    {ErrorCode::provider_timeout, 504, "timeout_error"},
    {ErrorCode::provider_unreachable, 502, "api_error"},
    {ErrorCode::stream_interrupted, 500, "api_error"},
    {ErrorCode::cancelled, 499, "api_error"},
    {ErrorCode::internal, 500, "api_error"},
}};

constexpr Row kTooLarge{ErrorCode::context_length_exceeded, 413, "request_too_large"};

const Row& row_of(const Error& error) {
  if (error.code == ErrorCode::context_length_exceeded && error.provider_status == 413) return kTooLarge;
  const auto* row = std::ranges::find(kRows, error.code, &Row::code);
  return row == kRows.end() ? kRows.back() : *row;
}

// "messages.0.content: …", "max_tokens: …"
bool begins_with_path(std::string_view message) {
  const std::size_t end = message.find(": ");
  return end != std::string_view::npos && end > 0 && std::ranges::all_of(message.substr(0, end), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
         });
}

// messages[0].content -> messages.0.content
std::string in_wire_spelling(std::string_view parameter) {
  std::string path;
  for (const char c : parameter) {
    if (c == '[') {
      path.push_back('.');
    } else if (c != ']') {
      path.push_back(c);
    }
  }
  return path;
}

// Anthropic has no member for the parameter at fault; its messages begin with it. A provider's own text stays
// as it is.
std::string message_of(const Error& error) {
  const bool ours = error.blame == Blame::client && error.provider_status == 0;
  if (!ours || error.parameter.empty() || begins_with_path(error.message) || error.message.starts_with('`'))
    return error.message;
  return in_wire_spelling(error.parameter).append(": ").append(error.message);
}

}  // namespace

int error_status(const Error& error) {
  return row_of(error).status;
}

void write_error_object(json::Writer& out, const Error& error) {
  out.begin_object().member("type", row_of(error).type).member("message", message_of(error)).end_object();
}

std::string render_error(const Error& error, std::string_view request_id) {
  std::string text;
  json::Writer out(text);
  out.begin_object().member("type", "error").key("error");
  write_error_object(out, error);
  out.key("request_id");
  if (request_id.empty()) {
    out.null();
  } else {
    out.string(request_id);
  }
  out.end_object();
  return text;
}

}  // namespace ai_proxy::dialects::anthropic_messages
