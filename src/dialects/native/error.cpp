// A failed exchange as our API shows it: the message, and eight details that are always there (docs/api.md).
#include <string>

#include "base/ascii.h"
#include "base/secret.h"
#include "dialects/native/native.h"
#include "dialects/native/utf8.h"

namespace ai_proxy::dialects::native {
namespace {

void append_text_or_null(std::string& out, std::string_view label, std::string_view text) {
  out.append(label);
  if (text.empty()) {
    out.append("null");
  } else {
    append_json_string(out, text);
  }
}

void append_integer_or_null(std::string& out, std::string_view label, std::optional<std::int64_t> value) {
  out.append(label);
  if (value) {
    append_integer(out, *value);
  } else {
    out.append("null");
  }
}

// The error's own sentence, and the member it is about where the sentence does not name it.
std::string message_of(const Error& error) {
  std::string message = error.message.empty() ? std::string(word(error.code)) : redact_keys(error.message);
  if (!error.parameter.empty() && message.find(error.parameter) == std::string::npos) {
    message.append(" (").append(error.parameter).append(")");
  }
  return message;
}

void append_error(std::string& out, const ErrorView& view) {
  const Error& error = view.error;
  out.append(R"({"error":)");
  append_json_string(out, message_of(error));
  append_text_or_null(out, R"(,"details":{"code":)", word(error.code));
  append_text_or_null(out, R"(,"provider":)", view.provider);
  append_text_or_null(out, R"(,"model":)", view.model);
  append_integer_or_null(
      out, R"(,"status":)",
      error.provider_status > 0 ? std::optional<std::int64_t>(error.provider_status) : std::nullopt);
  out.append(R"(,"retryable":)").append(error.retryable ? "true" : "false");
  append_integer_or_null(
      out, R"(,"retry_after_ms":)",
      error.retry_after ? std::optional<std::int64_t>(error.retry_after->count()) : std::nullopt);
  append_text_or_null(out, R"(,"provider_request_id":)", error.provider_request_id);
  append_integer_or_null(out, R"(,"attempts":)", view.attempts);
  out.append("}}");
}

}  // namespace

std::string render_error(const ErrorView& view) {
  std::string out;
  append_error(out, view);
  return out;
}

void render_error_event(std::string& out, const ErrorView& view) {
  out.append("event: error\ndata: ");
  append_error(out, view);
  out.append("\n\n");
}

}  // namespace ai_proxy::dialects::native
