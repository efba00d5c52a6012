#include "dialects/chat_completions/usage.h"

#include <cmath>
#include <initializer_list>
#include <limits>
#include <string_view>

namespace ai_proxy::dialects::chat_completions {
namespace {

// The first of these members that has a value: one thing has several names.
json::Value any_of(const json::Value& object, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    if (const json::Value value = object[name]; value.has_value()) return value;
  }
  return {};
}

// Usage whose totals are no numbers says nothing.
bool unreadable(const json::Value& total) {
  return total.has_value() && !total.is_number();
}

// What nobody can have used. Sums of such counts do not overflow.
constexpr std::int64_t kCountMax = 1'000'000'000'000;

// Reads counts; a value that is no whole number from 0 up, or beyond belief, spoils the usage.
class Counts {
 public:
  explicit Counts(chat::Usage& usage) : usage_(&usage) {}

  std::int64_t operator()(const json::Value& value) {
    if (!value.has_value()) return 0;
    const auto count = value.integer();
    if (count && *count >= 0 && *count <= kCountMax) return *count;
    usage_->valid = false;
    return 0;
  }

 private:
  chat::Usage* usage_;
};

// Whole seconds, rounded; 0 and invalid for what is no such number.
std::int64_t seconds_of(const json::Value& value, chat::Usage& usage) {
  if (!value.has_value()) return 0;
  const auto seconds = value.number();
  if (!seconds || !(*seconds >= 0) || *seconds > 1e12) {
    usage.valid = false;
    return 0;
  }
  return std::llround(*seconds);
}

// Sums without overflow: hostile counts reach INT64_MAX.
bool exceeds(std::initializer_list<std::int64_t> parts, std::int64_t whole) {
  __extension__ __int128 sum = 0;
  for (const std::int64_t part : parts) sum += part;
  return sum > whole;
}

void check(chat::Usage& usage) {
  const bool contradicts =
      exceeds({usage.cache_read_tokens, usage.cache_write_tokens, usage.cache_write_12h_tokens},
              usage.input_tokens) ||
      exceeds({usage.audio_input_tokens, usage.image_input_tokens}, usage.input_tokens) ||
      exceeds({usage.cached_audio_tokens, usage.cached_image_tokens}, usage.cache_read_tokens) ||
      usage.cached_audio_tokens > usage.audio_input_tokens ||
      usage.cached_image_tokens > usage.image_input_tokens || usage.reasoning_tokens > usage.output_tokens ||
      exceeds({usage.audio_output_tokens, usage.image_output_tokens}, usage.output_tokens) ||
      exceeds({usage.input_tokens, usage.output_tokens}, std::numeric_limits<std::int64_t>::max());
  if (usage.cache_write_tokens < 0 || contradicts) usage.valid = false;
}

}  // namespace

std::optional<chat::Usage> parse_openai_usage(const json::Value& usage) {
  if (!usage.is_object()) return std::nullopt;
  const json::Value input = any_of(usage, {"prompt_tokens", "input_tokens"});
  const json::Value output = any_of(usage, {"completion_tokens", "output_tokens"});
  if (!input.present() && !output.present() && !usage["seconds"].has_value()) return std::nullopt;
  if (unreadable(input) || unreadable(output)) return std::nullopt;

  std::optional<chat::Usage> result(std::in_place);
  chat::Usage& read = *result;
  Counts count(read);
  read.input_tokens = count(input);
  read.output_tokens = count(output);
  read.audio_seconds = seconds_of(usage["seconds"], read);

  const json::Value in =
      any_of(usage, {"prompt_tokens_details", "input_tokens_details", "input_token_details"});
  read.cache_read_tokens = count(in["cached_tokens"]);
  read.audio_input_tokens = count(in["audio_tokens"]);
  read.image_input_tokens = count(in["image_tokens"]);
  read.cached_audio_tokens = count(in["cached_tokens_details"]["audio_tokens"]);
  read.cached_image_tokens = count(in["cached_tokens_details"]["image_tokens"]);
  // The total of the writes is authoritative; the split tells how long they live.
  const json::Value writes = in["cache_write_tokens_details"];
  const std::int64_t half_hour = count(writes["ttl_30m_tokens"]);
  read.cache_write_12h_tokens = count(writes["ttl_12h_tokens"]);
  read.cache_write_tokens = in["cache_write_tokens"].has_value()
                                ? count(in["cache_write_tokens"]) - read.cache_write_12h_tokens
                                : half_hour;

  const json::Value out =
      any_of(usage, {"completion_tokens_details", "output_tokens_details", "output_token_details"});
  read.reasoning_tokens = count(out["reasoning_tokens"]);
  read.audio_output_tokens = count(out["audio_tokens"]);
  read.image_output_tokens = count(out["image_tokens"]);
  read.service_tier = usage["service_tier"].string_or("");
  check(read);
  return result;
}

std::optional<chat::Usage> parse_mistral_usage(const json::Value& usage) {
  if (!usage.is_object()) return std::nullopt;
  const json::Value seconds = usage["prompt_audio_seconds"];
  if (!usage["prompt_tokens"].has_value() && !usage["completion_tokens"].has_value() &&
      !seconds.has_value()) {
    return std::nullopt;
  }
  if (unreadable(usage["prompt_tokens"]) || unreadable(usage["completion_tokens"])) return std::nullopt;
  chat::Usage read;
  Counts count(read);
  const std::int64_t prompt = count(usage["prompt_tokens"]);
  read.output_tokens = count(usage["completion_tokens"]);
  // An empty object stands for "no audio" in some answers.
  if (seconds.is_number()) read.audio_seconds = seconds_of(seconds, read);

  const json::Value details = any_of(usage, {"prompt_tokens_details", "prompt_token_details"});
  const json::Value cached = details["cached_tokens"];
  read.cache_read_tokens = count(cached.has_value() ? cached : usage["num_cached_tokens"]);
  read.audio_input_tokens = count(details["audio_tokens"]);
  if (!details["audio_tokens"].has_value() && read.audio_seconds > 0) {
    // Told only by the total. No other member explains the difference.
    const std::int64_t total = count(usage["total_tokens"]);
    if (!exceeds({prompt, read.output_tokens}, total))
      read.audio_input_tokens = total - prompt - read.output_tokens;
  }
  if (exceeds({prompt, read.audio_input_tokens}, std::numeric_limits<std::int64_t>::max())) {
    read.valid = false;
    return read;
  }
  read.input_tokens = prompt + read.audio_input_tokens;
  read.service_tier = usage["service_tier"].string_or("");
  if (read.cache_read_tokens > prompt) read.valid = false;
  check(read);
  return read;
}

}  // namespace ai_proxy::dialects::chat_completions
