// Failures in Mistral's shapes: the error object, and for a request that is malformed the 422 with a list of
// details, which its SDKs raise as a validation error. Source: recorded errors, public issue reports, and
// @mistralai/mistralai 2.7.0.
#include <algorithm>

#include "base/ascii.h"
#include "dialects/chat_completions/door_answer.h"
#include "dialects/mistral_chat/door_answer.h"
#include "dialects/native/utf8.h"

namespace ai_proxy::dialects::mistral_chat {
namespace {

using native::append_json_string;

struct Words {
  std::string_view type;
  std::string_view code;  // Mistral's are strings of digits; empty: null
};

// Found wrong by us, before any provider saw it.
bool is_validation(const Error& error) {
  return error.code == ErrorCode::invalid_request && error.provider_status == 0;
}

Words words_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::invalid_request:
    case ErrorCode::context_length_exceeded:
      return {"invalid_request_invalid_args", "3051"};
    case ErrorCode::model_not_found:
      return {"invalid_model", "1500"};
    case ErrorCode::content_filtered:
      return {"guardrail_blocked", {}};
    case ErrorCode::rate_limited:
      return {"rate_limited", "1300"};
    case ErrorCode::quota_exhausted:
      return {"insufficient_quota", {}};
    case ErrorCode::overloaded:
      return {"service_tier_capacity_exceeded", "3505"};
    case ErrorCode::provider_not_configured:
    case ErrorCode::provider_auth_failed:
    case ErrorCode::provider_error:
    case ErrorCode::provider_timeout:
    case ErrorCode::provider_unreachable:
    case ErrorCode::stream_interrupted:
    case ErrorCode::cancelled:
    case ErrorCode::internal:
      break;
  }
  return {word(error.code), {}};
}

// messages[3].role -> "body","messages",3,"role"
void append_location(std::string& out, std::string_view path) {
  out.append(R"(["body")");
  while (!path.empty()) {
    const std::size_t end = std::min(path.find_first_of(".["), path.size());
    std::string_view step = path.substr(0, end);
    const bool indexed = step.ends_with(']');
    if (indexed) step.remove_suffix(1);
    if (!step.empty()) {
      out.push_back(',');
      if (const auto index = parse_integer<std::uint32_t>(step); indexed && index) {
        append_integer(out, *index);
      } else {
        append_json_string(out, step);
      }
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  out.push_back(']');
}

std::string validation_body(const Error& error) {
  const bool missing = error.message.starts_with("Missing required parameter");
  std::string out = R"({"detail":[{"type":)";
  out.append(missing ? R"("missing")" : R"("value_error")").append(R"(,"loc":)");
  append_location(out, error.parameter);
  out.append(R"(,"msg":)");
  append_json_string(out, chat_completions::error_sentence(error));
  return out.append(R"(,"input":null}]})");
}

}  // namespace

int error_status(const Error& error) {
  if (is_validation(error)) return 422;
  // As Mistral has it: its SDKs tell errors apart by their words, not by 404.
  if (error.code == ErrorCode::model_not_found) return 400;
  return http_status(error.code);
}

std::string render_error(const Error& error, std::string_view /*request_id: in the header*/) {
  if (is_validation(error)) return validation_body(error);
  const Words words = words_of(error);
  std::string out = R"({"object":"error","message":)";
  append_json_string(out, chat_completions::error_sentence(error));
  out.append(R"(,"type":")").append(words.type).append("\"");
  chat_completions::append_text_or_null(out, R"(,"param":)", error.parameter);
  chat_completions::append_text_or_null(out, R"(,"code":)", words.code);
  chat_completions::append_labelled_integer(out, R"(,"raw_status_code":)", error_status(error));
  return out.append("}");
}

}  // namespace ai_proxy::dialects::mistral_chat
