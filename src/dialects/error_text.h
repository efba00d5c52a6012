// From what a provider said about a failure to an Error that may be shown: used by every dialect's
// parse_error. Pure. Nothing here knows a provider's words; the dialects decide the code, this makes the rest
// of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "dialects/dialect.h"

namespace ai_proxy::dialects {

inline constexpr std::size_t kErrorTextBytesMax = 1000;
// Who asks for more has made a mistake, and is not believed.
inline constexpr std::chrono::milliseconds kRetryAfterMax{std::chrono::hours(24)};

// `text` fit to be shown: trimmed, control characters blanked, valid UTF-8, keys redacted, cut at a
// character's border with " …" behind when it is longer than kErrorTextBytesMax.
std::string safe_error_text(std::string_view text);

// The human sentence in an error's `message` or `detail`, whatever its shape: a string; a string that is
// itself JSON ({"error":{"message":…}}, a few levels deep); an object holding message, error or detail; a
// list of {loc, msg} ("body.messages.0.user.name: Extra inputs are not permitted"). Empty when there is none.
// Not yet safe.
std::string error_message_of(const json::Value& value);
// The path of the first {loc} in such a list, in our spelling (messages[0].name); empty when there is none.
std::string error_parameter_of(const json::Value& value);

// A body that is no JSON: an HTML page gives its title, a short plain text itself, anything else "". Not yet
// safe.
std::string foreign_body_text(std::string_view body);

// retry-after-ms, else retry-after in whole or fractional seconds (an HTTP date is the caller's to
// convert: there is no clock here), within 0 … kRetryAfterMax. nullopt = absent, unreadable, or beyond these.
std::optional<std::chrono::milliseconds> retry_after(const ReplyHead& head);

// Is this a way of saying that the prompt does not fit the model's context? (Most providers have no code for
// it.)
bool says_context_too_long(std::string_view message);
// Is this about money spent or not there, not about pace?
bool says_quota_exhausted(std::string_view message);

// The code that a status alone suggests: 401, 403 -> provider_auth_failed; 402 -> quota_exhausted; 404 ->
// model_not_found; 408, 504, 524 -> provider_timeout; 429 -> rate_limited; 503, 529 -> overloaded; other 5xx
// and anything below 400 -> provider_error; other 4xx -> invalid_request.
ErrorCode error_code_of_status(int status);

// What a dialect found out about a failure.
struct ProviderFault {
  ErrorCode code = ErrorCode::provider_error;
  std::string message;        // the provider's own text, raw; empty = a sentence is made from code and status
  std::string parameter;      // empty = unknown
  std::string provider_code;  // the provider's own word for it; empty = none
  std::string request_id;     // found in the body; the header's wins
  std::optional<bool>
      retryable;  // where the fault's nature says otherwise than its code; x-should-retry wins
};

// The finished Error: safe message (provider_auth_failed says that it is the gateway's key that was refused,
// never the caller's), blame, retryable (x-should-retry first, then 409, then the code's nature), retry_after
// (only where a retry makes sense), provider_status, provider_request_id, provider_code.
Error make_provider_error(const ReplyHead& head, ProviderFault fault);

}  // namespace ai_proxy::dialects
