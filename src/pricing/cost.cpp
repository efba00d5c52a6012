#include "pricing/cost.h"

#include <utility>

#include "pricing/buckets.h"
#include "pricing/terms.h"

namespace ai_proxy::pricing {
namespace {

Cost unpriced(std::string reason, const Model* model) {
  Cost cost;
  cost.reason = std::move(reason);
  cost.model = model;
  return cost;
}

// Half to even, for the one division that need not come out even: seconds of a minute. Both are not negative.
PicoUsd divided(PicoUsd amount, PicoUsd divisor) {
  const PicoUsd whole = amount / divisor, twice_rest = amount % divisor * 2;
  return whole + (twice_rest > divisor || (twice_rest == divisor && whole % 2 == 1) ? 1 : 0);
}

// One side of a bill. The first bucket that holds something and has no price makes all of it unknown.
class Bill {
 public:
  explicit Bill(int percent) : percent_(percent) {}

  void tokens(PicoUsd& side, std::string_view bucket, PicoUsd count, std::optional<PicoUsd> price) {
    if (count == 0) return;
    if (price)
      side += divided(count * *price * percent_, 100);
    else
      missing(bucket);
  }

  // Not a token price: no regional factor.
  void units(PicoUsd& side, std::string_view bucket, PicoUsd count, std::optional<PicoUsd> price, int per) {
    if (count == 0) return;
    if (price)
      side += divided(count * *price, per);
    else
      missing(bucket);
  }

  const std::string& missing_bucket() const { return missing_; }

 private:
  void missing(std::string_view bucket) {
    if (missing_.empty()) missing_ = bucket;
  }

  int percent_;
  std::string missing_;
};

struct Sums {
  PicoUsd input = 0, output = 0, fees = 0;
};

// Fills the sums; the answer is the bucket that has no price, empty when all have.
std::string add_up(const Buckets& b, const Terms& terms, Sums& sums) {
  const Prices& prices = terms.prices;
  Bill bill(terms.percent);
  bill.tokens(sums.input, "input", b.input, prices.input);
  bill.tokens(sums.input, "cache_read", b.cache_read, prices.cache_read);
  bill.tokens(sums.input, "cache_write", b.cache_write, prices.cache_write);
  bill.tokens(sums.input, "cache_write_1h", b.cache_write_1h, prices.cache_write_1h);
  bill.tokens(sums.input, "cache_write_12h", b.cache_write_12h, prices.cache_write_12h);
  bill.tokens(sums.input, "audio_input", b.audio_input, prices.audio_input);
  bill.tokens(sums.input, "audio_cache_read", b.audio_cache_read, prices.audio_cache_read);
  bill.tokens(sums.input, "image_input", b.image_input, prices.image_input);
  bill.tokens(sums.input, "image_cache_read", b.image_cache_read, prices.image_cache_read);
  bill.units(sums.input, "audio_minutes", b.audio_seconds, terms.per_audio_minute, 60);
  bill.tokens(sums.output, "output", b.output, prices.output);
  bill.tokens(sums.output, "audio_output", b.audio_output, prices.audio_output);
  bill.tokens(sums.output, "image_output", b.image_output, prices.image_output);
  return bill.missing_bucket();
}

// Calls of tools are billed beside the tokens: no tier and no region changes their price.
std::string add_fees(const Model& model, const chat::Usage& usage, const CallContext& context, Sums& sums) {
  Bill bill(100);
  const std::int64_t searches =
      usage.web_search_calls > 0 ? usage.web_search_calls : context.web_search_calls;
  bill.units(sums.fees, "web_search", searches, model.web_search_per_1000, 1000);
  bill.units(sums.fees, "web_fetch", usage.web_fetch_calls, model.web_fetch_per_1000, 1000);
  return bill.missing_bucket();
}

// Without the parts that other models answered.
Cost own_cost(const Model& model, const chat::Usage& usage, const CallContext& context) {
  if (!consistent(usage) || context.web_search_calls < 0) return unpriced("invalid_usage", &model);
  const auto terms = terms_of(model, usage, context);
  if (!terms) return unpriced(terms.error(), &model);
  const auto buckets = split(usage, *terms, model);
  if (!buckets) return unpriced("invalid_usage", &model);
  Sums sums;
  std::string missing = add_up(*buckets, *terms, sums);
  if (missing.empty()) missing = add_fees(model, usage, context, sums);
  if (!missing.empty()) return unpriced("no_price:" + missing, &model);
  Cost cost;
  cost.input = sums.input;
  cost.output = sums.output;
  cost.fees = sums.fees;
  cost.total = sums.input + sums.output + sums.fees;
  cost.model = &model;
  return cost;
}

}  // namespace

Cost Cost::zero() {
  Cost cost;
  cost.input = cost.output = cost.fees = cost.total = 0;
  return cost;
}

Cost cost_of(const Catalog& catalog, std::string_view provider, std::string_view model_name,
             const chat::Usage* usage, const CallContext& context) {
  const Model* model = catalog.find(provider, model_name);
  if (model == nullptr) return unpriced("unknown_model", nullptr);
  if (usage == nullptr) return unpriced("no_usage", model);
  Cost cost = own_cost(*model, *usage, context);
  if (!cost.known()) return cost;

  // Each other model at its own price, under the conditions of the whole call where it states none.
  CallContext inherited = context;
  inherited.web_search_calls = 0;
  for (const auto& part : usage->other_models) {
    chat::Usage part_usage = part.usage;
    if (part_usage.service_tier.empty()) part_usage.service_tier = usage->service_tier;
    if (part_usage.inference_region.empty()) part_usage.inference_region = usage->inference_region;
    const Cost part_cost = cost_of(catalog, provider, part.model, &part_usage, inherited);
    if (!part_cost.known()) return unpriced(part_cost.reason, model);
    *cost.input += *part_cost.input;
    *cost.output += *part_cost.output;
    *cost.fees += *part_cost.fees;
    *cost.total += *part_cost.total;
  }
  return cost;
}

}  // namespace ai_proxy::pricing
