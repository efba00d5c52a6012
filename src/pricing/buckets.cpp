#include "pricing/buckets.h"

#include <algorithm>
#include <utility>

namespace ai_proxy::pricing {
namespace {

void split_input(const chat::Usage& usage, const Terms& terms, const Model& model, Buckets& b) {
  const Prices& prices = terms.prices;
  b.cache_read = PicoUsd{usage.cache_read_tokens} - usage.cached_audio_tokens - usage.cached_image_tokens;
  b.audio_input = PicoUsd{usage.audio_input_tokens} - usage.cached_audio_tokens;
  b.image_input = PicoUsd{usage.image_input_tokens} - usage.cached_image_tokens;
  b.audio_cache_read = usage.cached_audio_tokens;
  b.image_cache_read = usage.cached_image_tokens;
  b.cache_write = usage.cache_write_tokens;
  b.cache_write_1h = usage.cache_write_1h_tokens;
  b.cache_write_12h = usage.cache_write_12h_tokens;

  // Chat models read images at the price of text; models made for images have a price for them.
  if (!prices.image_input && model.mode.starts_with("chat")) {
    b.image_input = 0;
    b.cache_read += std::exchange(b.image_cache_read, 0);
  }
  // No price for cached tokens (pro models, models before gpt-4o, some Batch tables): there is no discount,
  // and they stay what they were.
  if (!prices.audio_cache_read) b.audio_input += std::exchange(b.audio_cache_read, 0);
  if (!prices.image_cache_read) b.image_input += std::exchange(b.image_cache_read, 0);
  if (!prices.cache_read) b.cache_read = 0;
  // No price for written tokens: writing is free, they are ordinary input. But a model with a price for one
  // lifetime and none for another has a price we do not know.
  if (!prices.cache_write) {
    b.cache_write = 0;
    if (!prices.cache_write_1h) b.cache_write_1h = 0;
    if (!prices.cache_write_12h) b.cache_write_12h = 0;
  }
  b.input = PicoUsd{usage.input_tokens} - b.cache_read - b.cache_write - b.cache_write_1h -
            b.cache_write_12h - b.audio_input - b.audio_cache_read - b.image_input - b.image_cache_read;
  // Audio that is billed by the minute (voxtral-small) is not billed by the token as well.
  if (terms.per_audio_minute && usage.audio_seconds > 0 && !prices.audio_input) b.audio_input = 0;
}

void split_output(const chat::Usage& usage, const Prices& prices, const Model& model, Buckets& b) {
  b.audio_output = usage.audio_output_tokens;
  b.image_output = usage.image_output_tokens;
  b.output = PicoUsd{usage.output_tokens} - b.audio_output - b.image_output;
  // What makes images or speech reports one number unless it splits it.
  if (model.mode == "image" && prices.image_output && b.image_output == 0) {
    b.image_output = std::exchange(b.output, 0);
  } else if (model.mode == "tts" && !prices.output && prices.audio_output) {
    b.audio_output += std::exchange(b.output, 0);
  }
}

}  // namespace

bool consistent(const chat::Usage& usage) {
  const std::int64_t counts[] = {
      usage.input_tokens,          usage.cache_read_tokens,      usage.cache_write_tokens,
      usage.cache_write_1h_tokens, usage.cache_write_12h_tokens, usage.audio_input_tokens,
      usage.image_input_tokens,    usage.cached_audio_tokens,    usage.cached_image_tokens,
      usage.output_tokens,         usage.reasoning_tokens,       usage.audio_output_tokens,
      usage.image_output_tokens,   usage.audio_seconds,          usage.web_search_calls,
      usage.web_fetch_calls};
  if (!usage.valid || std::ranges::any_of(counts, [](std::int64_t count) { return count < 0; })) return false;
  const PicoUsd from_cache = PicoUsd{usage.cache_read_tokens} + usage.cache_write_tokens +
                             usage.cache_write_1h_tokens + usage.cache_write_12h_tokens;
  return from_cache <= usage.input_tokens &&
         PicoUsd{usage.audio_input_tokens} + usage.image_input_tokens <= usage.input_tokens &&
         PicoUsd{usage.cached_audio_tokens} + usage.cached_image_tokens <= usage.cache_read_tokens &&
         usage.cached_audio_tokens <= usage.audio_input_tokens &&
         usage.cached_image_tokens <= usage.image_input_tokens &&
         usage.reasoning_tokens <= usage.output_tokens &&
         PicoUsd{usage.audio_output_tokens} + usage.image_output_tokens <= usage.output_tokens;
}

std::optional<Buckets> split(const chat::Usage& usage, const Terms& terms, const Model& model) {
  Buckets buckets;
  buckets.audio_seconds = usage.audio_seconds;
  // Billed by the minute alone (whisper-1, voxtral-mini for transcription): its token counts mean nothing.
  if (model.per_audio_minute && !model.prices.input && usage.audio_seconds > 0) return buckets;
  split_input(usage, terms, model, buckets);
  split_output(usage, terms.prices, model, buckets);
  if (buckets.input < 0) return std::nullopt;
  return buckets;
}

}  // namespace ai_proxy::pricing
