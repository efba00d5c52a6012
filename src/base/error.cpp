#include "base/error.h"

#include <array>
#include <utility>

namespace ai_proxy {
namespace {

struct CodeRow {
  std::string_view word;
  int http_status;
  bool retryable;
};

constexpr std::array<CodeRow, 15> kCodes{{
    {"provider_not_configured", 503, false},
    {"provider_auth_failed", 502, false},
    {"model_not_found", 404, false},
    {"context_length_exceeded", 400, false},
    {"invalid_request", 400, false},
    {"content_filtered", 400, false},
    {"rate_limited", 429, true},
    {"quota_exhausted", 429, false},
    {"overloaded", 503, true},
    {"provider_error", 502, true},
    {"provider_timeout", 504, true},
    {"provider_unreachable", 502, true},
    {"stream_interrupted", 502, true},
    {"cancelled", 499, false},
    {"internal", 500, false},
}};

const CodeRow& row(ErrorCode code) {
  return kCodes[static_cast<std::size_t>(std::to_underlying(code))];
}

Error make(Blame blame, ErrorCode code, std::string message) {
  Error error;
  error.blame = blame;
  error.code = code;
  error.message = std::move(message);
  error.retryable = retryable_by_nature(code);
  return error;
}

}  // namespace

std::string_view word(ErrorCode code) {
  return row(code).word;
}
int http_status(ErrorCode code) {
  return row(code).http_status;
}
bool retryable_by_nature(ErrorCode code) {
  return row(code).retryable;
}

Error bad_request(std::string message, std::string parameter) {
  Error error = make(Blame::client, ErrorCode::invalid_request, std::move(message));
  error.parameter = std::move(parameter);
  return error;
}

Error not_configured(std::string_view provider, std::string_view variable) {
  std::string message = "The provider \"";
  message.append(provider).append("\" has no API key. Set ").append(variable).append(" and restart.");
  return make(Blame::gateway, ErrorCode::provider_not_configured, std::move(message));
}

Error provider_failed(ErrorCode code, std::string message) {
  return make(Blame::provider, code, std::move(message));
}

Error internal_error(std::string message) {
  return make(Blame::gateway, ErrorCode::internal, std::move(message));
}

Error client_gone() {
  return make(Blame::client, ErrorCode::cancelled, "The client closed the connection.");
}

}  // namespace ai_proxy
