// See door_answer.h.
#include "dialects/chat_completions/door_answer.h"

#include "base/ascii.h"
#include "base/secret.h"
#include "dialects/native/utf8.h"

namespace ai_proxy::dialects::chat_completions {

std::string_view finish_word(chat::FinishReason reason) {
  switch (reason) {
    case chat::FinishReason::length:
      return "length";
    case chat::FinishReason::tool_calls:
      return "tool_calls";
    case chat::FinishReason::content_filter:
      return "content_filter";
    case chat::FinishReason::stop:
    case chat::FinishReason::paused:
    case chat::FinishReason::unknown:
      break;
  }
  return "stop";
}

std::string error_sentence(const Error& error) {
  return error.message.empty() ? std::string(word(error.code)) : redact_keys(error.message);
}

const chat::Usage* credible(const std::optional<chat::Usage>& usage) {
  constexpr std::int64_t kTokensMax = std::int64_t{1} << 52;  // two of them add up without loss anywhere
  const auto possible = [](std::int64_t count) { return count >= 0 && count <= kTokensMax; };
  if (!usage || !possible(usage->input_tokens) || !possible(usage->output_tokens)) return nullptr;
  const bool details = possible(usage->cache_read_tokens) && possible(usage->reasoning_tokens) &&
                       possible(usage->audio_input_tokens) && possible(usage->cache_write_tokens);
  return details && usage->audio_input_tokens <= usage->input_tokens ? &*usage : nullptr;
}

void append_text_or_null(std::string& out, std::string_view label, std::string_view text) {
  out.append(label);
  if (text.empty()) {
    out.append("null");
  } else {
    native::append_json_string(out, text);
  }
}

void append_labelled_integer(std::string& out, std::string_view label, std::int64_t value) {
  out.append(label);
  append_integer(out, value);
}

std::string_view arguments_or_empty_object(std::string_view arguments) {
  return arguments.empty() ? std::string_view("{}") : arguments;
}

}  // namespace ai_proxy::dialects::chat_completions
