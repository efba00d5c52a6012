#include "dialects/error_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/ascii.h"
#include "base/json_writer.h"
#include "base/secret.h"

namespace ai_proxy::dialects {
namespace {

// Steps down to the sentence. Messages are JSON texts inside JSON texts where relays wrap what other relays
// said.
constexpr int kNestingMax = 12;
// Cheaper to cut before redacting; a key that the cut splits is still redacted up to the cut.
constexpr std::size_t kRawTextBytesMax = 8 * kErrorTextBytesMax;

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

std::string_view cut_at_character(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && is_continuation(text[end])) --end;
  return text.substr(0, end);
}

// Bodies that are no JSON and header values may hold any bytes, but our messages end up in JSON.
void make_utf8(std::string& text) {
  const bool ascii = std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (ascii) return;
  std::string quoted;
  json::Writer(quoted).string(text);
  if (json::valid(quoted)) return;
  for (char& c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  }
}

std::string safe_word(std::string_view text) {
  const std::string safe = safe_error_text(text);
  return std::string(cut_at_character(safe, 128));
}

// OpenAI echoes the refused key in part ("Incorrect API key provided: abc*****xyz."), whatever it looked
// like.
void redact_echoed_key(std::string& text) {
  constexpr std::string_view kMark = "key provided: ";
  const std::size_t at = text.find(kMark);
  if (at == std::string::npos) return;
  const std::size_t begin = at + kMark.size();
  std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
  if (end > begin && text[end - 1] == '.') --end;
  text.replace(begin, end - begin, "[redacted]");
}

bool contains_any(std::string_view text, std::initializer_list<std::string_view> words) {
  const std::string lowered = ascii_lowered(cut_at_character(text, kRawTextBytesMax));
  return std::ranges::any_of(words,
                             [&](std::string_view word) { return lowered.find(word) != std::string::npos; });
}

std::string location_of(const json::Value& location, std::string_view index_open,
                        std::string_view index_close) {
  std::string path;
  for (const json::Value step : location) {
    if (const auto index = step.integer()) {
      path.append(index_open);
      append_integer(path, *index);
      path.append(index_close);
    } else if (const auto name = step.string()) {
      if (!path.empty()) path.push_back('.');
      path.append(*name);
    }
  }
  return path;
}

std::string message_at(const json::Value& value, int depth);

// A string that holds JSON is opened; one that does not is the sentence itself.
std::string message_in_text(std::string_view text, int depth) {
  const std::string_view trimmed = ascii_trim(text);
  if (depth > 0 && trimmed.starts_with('{')) {
    json::Document nested;
    if (!nested.parse(trimmed, json::kProviderLimits)) {
      std::string inner = message_at(nested.root(), depth - 1);
      if (!inner.empty()) return inner;
    }
  }
  return std::string(trimmed);
}

std::string message_in_list(const json::Value& list, int depth) {
  std::string text;
  for (const json::Value entry : list) {
    std::string sentence = location_of(entry["loc"], ".", "");
    const std::string said = message_at(entry["msg"].present() ? entry["msg"] : entry, depth - 1);
    if (said.empty()) continue;
    if (!sentence.empty()) sentence.append(": ");
    sentence.append(said);
    if (!text.empty()) text.append("; ");
    text.append(sentence);
    if (text.size() > kErrorTextBytesMax) break;
  }
  return text;
}

std::string message_at(const json::Value& value, int depth) {
  if (depth < 0) return {};
  if (const auto text = value.string()) return message_in_text(*text, depth);
  if (value.is_array()) return message_in_list(value, depth);
  for (const std::string_view name : {"message", "error", "detail", "error_description"}) {
    if (!value[name].has_value()) continue;
    std::string found = message_at(value[name], depth - 1);
    if (!found.empty()) return found;
  }
  return {};
}

std::string sentence_for(ErrorCode code, int status) {
  switch (code) {
    case ErrorCode::model_not_found:
      return "The provider does not know this model.";
    case ErrorCode::rate_limited:
      return "The provider's rate limit is reached.";
    case ErrorCode::quota_exhausted:
      return "The provider account's quota is used up.";
    case ErrorCode::overloaded:
      return "The provider is overloaded.";
    case ErrorCode::provider_timeout:
      return "The provider did not answer in time.";
    default:
      break;
  }
  std::string text = "The provider answered with HTTP status ";
  append_integer(text, status);
  return text.append(" and no readable explanation.");
}

std::string auth_message(const ReplyHead& head, const std::string& said) {
  std::string text = head.status == 403
                         ? "The provider refused this gateway access (HTTP 403); check the provider "
                           "account and the key configured for it. This is not about your own key."
                         : "The provider refused the API key that this gateway is configured with. This "
                           "is not about your own key.";
  if (!said.empty()) text.append(" The provider said: ").append(said);
  return text;
}

Blame blame_for(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_request:
    case ErrorCode::context_length_exceeded:
    case ErrorCode::content_filtered:
    case ErrorCode::model_not_found:
      return Blame::client;
    case ErrorCode::provider_auth_failed:
    case ErrorCode::quota_exhausted:
      return Blame::gateway;
    default:
      return Blame::provider;
  }
}

std::optional<std::chrono::milliseconds> milliseconds_in(std::string_view text, double unit_ms) {
  text = ascii_trim(text);
  double value = 0;
  const auto [end, fault] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (fault != std::errc{} || end != text.data() + text.size() || text.empty() || std::isnan(value))
    return std::nullopt;
  const double milliseconds = value * unit_ms;
  if (milliseconds < 0 || milliseconds > static_cast<double>(kRetryAfterMax.count())) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(milliseconds)));
}

}  // namespace

std::string safe_error_text(std::string_view text) {
  std::string safe(cut_at_character(text, kRawTextBytesMax));
  for (char& c : safe) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  make_utf8(safe);
  safe = redact_keys(std::string(ascii_trim(safe)));
  redact_echoed_key(safe);
  if (safe.size() > kErrorTextBytesMax) {
    safe.resize(cut_at_character(safe, kErrorTextBytesMax).size());
    safe.append(" …");
  }
  return safe;
}

std::string error_message_of(const json::Value& value) {
  return message_at(value, kNestingMax);
}

std::string error_parameter_of(const json::Value& value) {
  if (value.is_object()) {
    for (const std::string_view name : {"detail", "message"}) {
      if (value[name].is_array() || value[name].is_object()) return error_parameter_of(value[name]);
    }
    return {};
  }
  const std::string path = location_of(value[0]["loc"], "[", "]");
  constexpr std::string_view kBody = "body.";
  return path.starts_with(kBody) ? path.substr(kBody.size()) : path;
}

std::string foreign_body_text(std::string_view body) {
  body = ascii_trim(body);
  if (body.empty()) return {};
  const std::string lowered = ascii_lowered(body.substr(0, kRawTextBytesMax));
  if (lowered.front() == '<' || lowered.find("<html") != std::string::npos) {
    constexpr std::string_view kOpen = "<title>";
    const std::size_t open = lowered.find(kOpen);
    const std::size_t close = lowered.find("</title>");
    if (open == std::string::npos || close == std::string::npos || close < open) return {};
    return std::string(ascii_trim(body.substr(open + kOpen.size(), close - open - kOpen.size())));
  }
  const bool readable = std::ranges::none_of(body.substr(0, kErrorTextBytesMax), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
  return readable && body.front() != '{' && body.front() != '['
             ? std::string(cut_at_character(body, kRawTextBytesMax))
             : std::string();
}

std::optional<std::chrono::milliseconds> retry_after(const ReplyHead& head) {
  if (auto exact = milliseconds_in(head.retry_after_ms, 1.0)) return exact;
  return milliseconds_in(head.retry_after, 1000.0);
}

bool says_context_too_long(std::string_view message) {
  return contains_any(message,
                      {"maximum context length", "context length exceeded", "context_length_exceeded",
                       "context window", "prompt is too long", "too large for model with",
                       "reduce the length of the messages", "input is too long", "exceeds the context"});
}

bool says_quota_exhausted(std::string_view message) {
  return contains_any(
      message, {"credit balance", "exceeded your current quota", "insufficient_quota", "insufficient quota",
                "prepaid credits", "spend limit", "spending limit", "usage limit", "quota exceeded",
                "monthly limit", "insufficient credits", "insufficient balance"});
}

ErrorCode error_code_of_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return ErrorCode::provider_auth_failed;
    case 402:
      return ErrorCode::quota_exhausted;
    case 404:
      return ErrorCode::model_not_found;
    case 408:
    case 504:
    case 524:
      return ErrorCode::provider_timeout;
    case 429:
      return ErrorCode::rate_limited;
    case 503:
    case 529:
      return ErrorCode::overloaded;
    default:
      return status >= 400 && status < 500 ? ErrorCode::invalid_request : ErrorCode::provider_error;
  }
}

Error make_provider_error(const ReplyHead& head, ProviderFault fault) {
  std::string said = safe_error_text(fault.message);
  std::string message;
  if (fault.code == ErrorCode::provider_auth_failed) {
    message = auth_message(head, said);
  } else {
    message = said.empty() ? sentence_for(fault.code, head.status) : std::move(said);
  }
  Error error = provider_failed(fault.code, std::move(message));
  error.blame = blame_for(fault.code);
  if (fault.retryable) {
    error.retryable = *fault.retryable;
  } else if (head.status == 409) {
    error.retryable = true;  // the providers' own SDKs retry a conflict
  }
  if (ascii_iequals(head.should_retry, "true")) error.retryable = true;
  if (ascii_iequals(head.should_retry, "false")) error.retryable = false;
  if (error.retryable || retryable_by_nature(fault.code)) error.retry_after = retry_after(head);
  error.provider_status = head.status;
  error.provider_request_id =
      safe_word(head.request_id.empty() ? std::string_view(fault.request_id) : head.request_id);
  error.parameter = safe_error_text(fault.parameter);
  error.provider_code = safe_word(fault.provider_code);
  return error;
}

}  // namespace ai_proxy::dialects
