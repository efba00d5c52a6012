// What can go wrong, in one shape: who is to blame, which HTTP status and stable code a client sees, and a
// message that is safe to show. Built only by the named functions below; crosses folders as Result<T>.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace ai_proxy {

// The stable words of the contract (details.code). Each has one HTTP status, see http_status().
enum class ErrorCode : std::uint8_t {
  provider_not_configured,  // 503: no key for this provider
  provider_auth_failed,     // 502: the provider refused our key; never shown as the caller's own bad key
  model_not_found,          // 404
  context_length_exceeded,  // 400
  invalid_request,          // 400
  content_filtered,         // 400
  rate_limited,             // 429
  quota_exhausted,          // 429: money, not pace; a retry does not help
  overloaded,               // 503
  provider_error,           // 502: 5xx or an answer that makes no sense
  provider_timeout,         // 504
  provider_unreachable,     // 502: connect, TLS or DNS failed, or the connection broke before an answer
  stream_interrupted,       // 502: only inside a stream that had begun
  cancelled,                // 499: the client went away; seen in the log only
  internal,                 // 500: our own fault
};

std::string_view word(ErrorCode code);
int http_status(ErrorCode code);
// May the same request succeed when it is sent again?
bool retryable_by_nature(ErrorCode code);

enum class Blame : std::uint8_t { client, gateway, provider };

struct Error {
  Blame blame = Blame::gateway;
  ErrorCode code = ErrorCode::internal;
  std::string message;  // for a person; no secret, no provider URL, capped
  bool retryable = false;
  std::optional<std::chrono::milliseconds> retry_after;
  // Of what failed on the way to a provider: had a byte of the request left? False (no name, no connection,
  // no trust, no place in the pool): sending it again repeats nothing.
  bool request_sent = true;
  // The time that the whole request may take was over, not that of a phase of the call.
  bool out_of_time = false;

  // What the provider said, when it said something.
  int provider_status = 0;          // HTTP status of its answer; 0 = none came
  std::string provider_request_id;  // empty = unknown
  std::string parameter;            // the member at fault, as a path (messages[3].role); empty = unknown
  std::string provider_code;        // the provider's own word for it; empty = none

  int status() const { return http_status(code); }
};

template <class T>
using Result = std::expected<T, Error>;

// The client sent something we cannot accept. `parameter` is a path such as messages[3].role, or empty.
Error bad_request(std::string message, std::string parameter = {});
Error not_configured(std::string_view provider, std::string_view variable);
// Failures between us and the provider, before or instead of an answer.
Error provider_failed(ErrorCode code, std::string message);
// Our own fault. `message` must be safe to show.
Error internal_error(std::string message);
Error client_gone();

}  // namespace ai_proxy
