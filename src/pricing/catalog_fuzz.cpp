// A price file. What is accepted holds no price below zero, and every model is found by its own name.
#include "base/fuzz_input.h"
#include "pricing/catalog.h"

namespace ai_proxy::pricing {
namespace {

using fuzzing::require;

void check(const Prices& prices) {
  for (const PriceMember& member : kPriceMembers) {
    const std::optional<PicoUsd>& price = prices.*member.price;
    require(!price || *price >= 0, "no price is negative", member.name);
  }
}

void check(const Catalog& catalog) {
  for (const Model& model : catalog.models()) {
    require(catalog.find(model.provider, model.id) == &model, "a model is found by its name", model.id);
    for (const std::string& alias : model.aliases)
      require(catalog.find(model.provider, alias) == &model, "a model is found by its other name", alias);
    check(model.prices);
    if (model.long_context) check(model.long_context->prices);
    for (const Tier& tier : model.tiers) check(tier.prices);
    for (const PastPrices& past : model.history) check(past.prices);
    require(model.web_search_per_1000.value_or(0) >= 0 && model.per_audio_minute.value_or(0) >= 0,
            "no price is negative", model.id);
  }
}

}  // namespace
}  // namespace ai_proxy::pricing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ai_proxy;
  const fuzzing::Block text(fuzzing::Input(data, size).rest());
  const auto catalog = pricing::Catalog::parse(text.view());
  if (catalog) pricing::check(**catalog);
  if (!catalog) fuzzing::require(!catalog.error().message.empty(), "a refusal says why");
  return 0;
}
