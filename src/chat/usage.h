// What a request used, in tokens and calls, whichever provider answered: disjoint enough to price, rich
// enough to show. Filled by a dialect from the provider's usage object; priced by pricing/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ai_proxy::chat {

// All counts are tokens unless named otherwise. Totals are inclusive: input_tokens is the whole input
// (cached, written, audio and image tokens are inside it), output_tokens the whole output (reasoning is
// inside).
struct Usage {
  std::int64_t input_tokens = 0;
  std::int64_t cache_read_tokens = 0;
  std::int64_t cache_write_tokens = 0;      // at the provider's default lifetime (5 m, 30 m)
  std::int64_t cache_write_1h_tokens = 0;   // Anthropic's one-hour writes
  std::int64_t cache_write_12h_tokens = 0;  // OpenAI's twelve-hour writes
  std::int64_t audio_input_tokens = 0;
  std::int64_t image_input_tokens = 0;
  std::int64_t cached_audio_tokens = 0;  // inside cache_read and audio_input
  std::int64_t cached_image_tokens = 0;

  std::int64_t output_tokens = 0;
  std::int64_t reasoning_tokens = 0;
  std::int64_t audio_output_tokens = 0;
  std::int64_t image_output_tokens = 0;

  std::int64_t audio_seconds = 0;  // billed by time (Mistral voxtral, whisper)
  std::int64_t web_search_calls = 0;
  std::int64_t web_fetch_calls = 0;

  // What the provider says it served, in its own words; empty = not said. Never what was asked for.
  std::string service_tier;
  std::string speed;             // Anthropic: "fast"
  std::string inference_region;  // Anthropic: inference_geo
  bool valid = true;             // false: the numbers contradict each other (negative, cached > prompt …)

  std::int64_t total_tokens() const { return input_tokens + output_tokens; }
  std::int64_t cache_written_tokens() const {
    return cache_write_tokens + cache_write_1h_tokens + cache_write_12h_tokens;
  }

  // Parts that other models answered (Anthropic's advisor and fallback iterations), not counted above.
  struct OtherModel;
  std::vector<OtherModel> other_models;
};

struct Usage::OtherModel {
  std::string model;
  Usage usage;
};

}  // namespace ai_proxy::chat
