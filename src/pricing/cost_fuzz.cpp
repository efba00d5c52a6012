// Usage to money, whatever a provider counted. A cost is never negative, its parts make the whole, and one
// that is not known says why. Input: which model and tier, then the counts.
#include "pricing/cost.h"

#include "base/fuzz_input.h"

namespace ai_proxy::pricing {
namespace {

using fuzzing::require;

// Mostly small, now and then anything of 64 bits.
std::int64_t count(fuzzing::Input& input) {
  constexpr unsigned kWide = 0xF0;
  const unsigned first = input.byte();
  if (first < kWide) return first * first;
  std::uint64_t value = 0;
  for (unsigned i = kWide; i <= first; i += 2) value = value << 8 | input.byte();
  return static_cast<std::int64_t>(first % 2 != 0 ? ~value : value);
}

chat::Usage usage_of(fuzzing::Input& input, int depth = 0) {
  chat::Usage usage;
  for (std::int64_t chat::Usage::* member :
       {&chat::Usage::input_tokens, &chat::Usage::output_tokens, &chat::Usage::cache_read_tokens,
        &chat::Usage::cache_write_tokens, &chat::Usage::cache_write_1h_tokens,
        &chat::Usage::cache_write_12h_tokens, &chat::Usage::audio_input_tokens,
        &chat::Usage::image_input_tokens, &chat::Usage::cached_audio_tokens,
        &chat::Usage::cached_image_tokens, &chat::Usage::reasoning_tokens, &chat::Usage::audio_output_tokens,
        &chat::Usage::image_output_tokens, &chat::Usage::audio_seconds, &chat::Usage::web_search_calls,
        &chat::Usage::web_fetch_calls}) {
    usage.*member = count(input);
  }
  usage.valid = input.byte() % 16 != 15;
  static constexpr std::array<std::string_view, 6> kSpeeds{"", "", "fast", "ultrafast", "standard", "x"};
  static constexpr std::array<std::string_view, 5> kRegions{"", "", "us", "global", "not_available"};
  usage.speed = input.one_of(kSpeeds);
  usage.inference_region = input.one_of(kRegions);
  if (depth == 0 && input.byte() % 4 == 3)
    usage.other_models.push_back({.model = "claude-opus-4-6", .usage = usage_of(input, depth + 1)});
  return usage;
}

void check(const Cost& cost) {
  if (!cost.known()) {
    require(!cost.reason.empty() && !cost.input && !cost.output && !cost.fees, "an unknown cost says why");
    return;
  }
  require(cost.input && cost.output && cost.fees, "a cost is known as a whole");
  require(*cost.input >= 0 && *cost.output >= 0 && *cost.fees >= 0, "no cost is negative");
  require(*cost.input + *cost.output + *cost.fees == *cost.total, "the parts make the whole");
  const std::string text = format_usd(*cost.total);
  // Beyond a million million dollars nothing is read.
  require(parse_decimal(text, 12).value_or(*cost.total) == *cost.total, "money written out is the same",
          text);
}

}  // namespace
}  // namespace ai_proxy::pricing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  using namespace ai_proxy::pricing;
  static constexpr std::array<std::string_view, 10> kTiers{"",         "",     "standard", "default", "batch",
                                                           "priority", "flex", "fast",     "auto",    "x"};
  static constexpr std::array<std::string_view, 4> kDates{"", "2025-01-01", "2026-06-30", "9999-12-31"};
  static constexpr std::array<std::string_view, 4> kRegions{"", "global", "eu", "us"};
  static const auto catalog = Catalog::built_in();
  fuzzing::Input input(data, size);
  const std::size_t high = input.byte();
  const Model& model = catalog->models()[(high * 256 + input.byte()) % catalog->models().size()];
  CallContext context;
  context.service_tier = input.one_of(kTiers);
  context.region = input.one_of(kRegions);
  context.date = input.one_of(kDates);
  const unsigned flags = input.byte();
  context.batch = flags % 8 == 7;
  context.web_search_calls = count(input);
  chat::Usage usage = usage_of(input);
  usage.service_tier = flags % 4 == 3 ? input.one_of(kTiers) : std::string_view();
  check(cost_of(*catalog, model.provider, model.id, &usage, context));
  check(cost_of(*catalog, model.provider, model.id, nullptr, context));
  check(cost_of(*catalog, model.provider, input.rest(), &usage, context));
  return 0;
}
