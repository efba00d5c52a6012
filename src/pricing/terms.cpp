#include "pricing/terms.h"

#include <algorithm>

#include "base/ascii.h"

namespace ai_proxy::pricing {
namespace {

constexpr std::string_view kStandard = "standard";

// The tier as the data file names it. Of the words a response may say, several mean the list price.
std::string tier_of(const Model& model, const chat::Usage& usage, const CallContext& context) {
  std::string_view word = usage.service_tier.empty() ? context.service_tier : usage.service_tier;
  if (word.empty() || word == "default" || word == "auto") word = kStandard;
  // Anthropic's priority is capacity bought beforehand, not a price per token.
  if (model.provider == "anthropic" && word == "priority") word = kStandard;
  // OpenAI sells its priority tier as "Fast mode".
  if (model.provider == "openai" && word == "fast") word = "priority";
  // A batch says "standard" or "default" in its responses; whoever sent it knows better.
  if (context.batch) word = "batch";
  if (usage.speed == "fast") {
    // Fast mode is not sold with batches: together they are no tier that has a price.
    return word == "batch" ? "fast+batch" : "fast";
  }
  return std::string(word);
}

// The tier comes from outside and ends up in a reason.
std::string named_reason(std::string_view reason, std::string_view tier) {
  constexpr std::size_t kTierLengthMax = 40;
  const bool plain = std::ranges::all_of(tier, [](char c) { return c > ' ' && c < 0x7f; });
  return std::string(reason).append(":").append(plain ? tier.substr(0, kTierLengthMax) : "unrecognised");
}

bool exceeds(std::int64_t tokens, const LongContext& band) {
  return band.at_threshold ? tokens >= band.threshold_tokens : tokens > band.threshold_tokens;
}

bool any_price(const Prices& prices) {
  return std::ranges::any_of(kPriceMembers,
                             [&](const PriceMember& m) { return (prices.*(m.price)).has_value(); });
}

// The entry of the price history that held on that day; null = today's prices did.
const PastPrices* past_prices(const Model& model, std::string_view date) {
  if (date.empty()) return nullptr;
  const auto past = std::ranges::find_if(model.history, [&](const PastPrices& p) { return date < p.until; });
  return past == model.history.end() ? nullptr : &*past;
}

std::expected<Terms, std::string> tier_terms(const Model& model, const std::string& tier_name,
                                             std::int64_t input_tokens, std::string_view date) {
  const bool is_long = model.long_context && exceeds(input_tokens, *model.long_context);
  if (tier_name == kStandard) {
    return Terms{.prices = is_long ? model.long_context->prices : model.prices,
                 .per_audio_minute = model.per_audio_minute};
  }
  const auto tier = std::ranges::find(model.tiers, tier_name, &Tier::name);
  if (tier == model.tiers.end()) return std::unexpected(named_reason("no_price_for_tier", tier_name));
  if (is_long && !tier->long_context) {
    return std::unexpected(named_reason("no_long_context_price_for_tier", tier_name));
  }
  if (!tier->valid_until.empty() && !date.empty() && date > tier->valid_until) {
    return std::unexpected(named_reason("tier_price_expired", tier_name));
  }
  const bool tier_is_long = tier->long_context && exceeds(input_tokens, *tier->long_context);
  return Terms{.prices = tier_is_long ? tier->long_context->prices : tier->prices,
               .per_audio_minute = tier->per_audio_minute};
}

std::expected<Terms, std::string> past_terms(const Model& model, const PastPrices& past,
                                             const std::string& tier, std::int64_t input_tokens,
                                             std::string_view date) {
  const bool prices_differ = any_price(past.prices);
  if (prices_differ && tier != kStandard) return std::unexpected(named_reason("no_price_for_tier", tier));
  if (past.long_context && exceeds(input_tokens, *past.long_context)) {
    if (tier != kStandard || !any_price(past.long_context->prices)) {
      return std::unexpected(named_reason("no_long_context_price_for_tier", tier));
    }
    return Terms{.prices = past.long_context->prices, .per_audio_minute = model.per_audio_minute};
  }
  if (!prices_differ) return tier_terms(model, tier, input_tokens, date);
  // Today's long band says where one was then, not what it cost.
  if (model.long_context && exceeds(input_tokens, *model.long_context)) {
    return std::unexpected(named_reason("no_long_context_price_for_tier", tier));
  }
  Terms terms{.prices = model.prices, .per_audio_minute = model.per_audio_minute};
  for (const PriceMember& member : kPriceMembers) {
    if (past.prices.*(member.price)) terms.prices.*(member.price) = past.prices.*(member.price);
  }
  return terms;
}

// Anthropic says in the usage where it ran; the others charge by the endpoint that was called.
bool is_regional(const Model& model, const chat::Usage& usage, const CallContext& context) {
  if (model.provider == "anthropic") return usage.inference_region == "us";
  return !context.region.empty() && !ascii_iequals(context.region, "global");
}

}  // namespace

std::expected<Terms, std::string> terms_of(const Model& model, const chat::Usage& usage,
                                           const CallContext& context) {
  const std::string tier = tier_of(model, usage, context);
  const PastPrices* past = past_prices(model, context.date);
  auto terms = past != nullptr ? past_terms(model, *past, tier, usage.input_tokens, context.date)
                               : tier_terms(model, tier, usage.input_tokens, context.date);
  if (terms && model.regional_percent && is_regional(model, usage, context))
    terms->percent = *model.regional_percent;
  return terms;
}

}  // namespace ai_proxy::pricing
