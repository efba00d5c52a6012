// The embedded catalogue, and from a model's name to its entry: never a prefix, never a neighbour.
#include "pricing/catalog.h"

#include <gtest/gtest.h>

#include <string>

namespace ai_proxy::pricing {
namespace {

std::string id_of(std::string_view provider, std::string_view name) {
  const Model* model = Catalog::built_in()->find(provider, name);
  return model == nullptr ? "" : model->id;
}

TEST(BuiltInCatalog, HoldsEveryModelWithSourceAndDate) {
  const auto catalog = Catalog::built_in();
  EXPECT_EQ(catalog->models().size(), 178U);
  std::size_t aliases = 0;
  for (const Model& model : catalog->models()) {
    EXPECT_FALSE(model.source.empty()) << model.id;
    EXPECT_FALSE(model.as_of.empty()) << model.id;
    aliases += model.aliases.size();
  }
  EXPECT_EQ(aliases, 182U);
  EXPECT_EQ(Catalog::built_in(), catalog);  // parsed once
}

TEST(BuiltInCatalog, KnowsTheFiguresOfAModel) {
  const Model* model = Catalog::built_in()->find("openai", "gpt-6.2-sol");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->context_tokens, 1'050'000);
  EXPECT_EQ(model->max_output_tokens, 128'000);
  EXPECT_EQ(model->prices.input, PicoUsd{2'000'000});
  EXPECT_EQ(model->prices.cache_read, PicoUsd{100'000});
  EXPECT_EQ(model->prices.cache_write_12h, PicoUsd{5'000'000});
  EXPECT_FALSE(model->prices.cache_write_1h);
  ASSERT_TRUE(model->long_context);
  EXPECT_EQ(model->long_context->threshold_tokens, 272'000);
  EXPECT_FALSE(model->long_context->at_threshold);
  EXPECT_EQ(model->long_context->prices.output, PicoUsd{15'000'000});
  EXPECT_EQ(model->regional_percent, 110);
  EXPECT_EQ(model->web_search_per_1000, 10 * kPicoPerUsd);
  ASSERT_EQ(model->tiers.size(), 3U);
  EXPECT_EQ(model->tiers[2].name, "ultrafast");
  EXPECT_EQ(model->tiers[2].valid_until, "2027-02-28");
  EXPECT_EQ(model->status, "active");
}

TEST(BuiltInCatalog, KeepsRetiredModels) {
  const Model* model = Catalog::built_in()->find("anthropic", "claude-3-opus");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->status, "retired");
  EXPECT_EQ(model->retirement_date, "2026-01-05");
}

TEST(ModelNames, AreFoundExactlyAndByAlias) {
  EXPECT_EQ(id_of("openai", "gpt-4o"), "gpt-4o");
  EXPECT_EQ(id_of("openai", "gpt-5.6"), "gpt-5.6-sol");
  EXPECT_EQ(id_of("anthropic", "claude-sonnet-4"), "claude-sonnet-4-0");
  EXPECT_EQ(id_of("mistral", "mistral-large"), "mistral-large-latest");
}

TEST(ModelNames, AreNeverMatchedByPrefixOrNeighbour) {
  EXPECT_EQ(id_of("openai", "gpt-4o-2024-05-13"), "gpt-4o-2024-05-13");
  EXPECT_EQ(id_of("openai", "gpt-3.5-turbo-1106"), "gpt-3.5-turbo-1106");
  EXPECT_EQ(id_of("openai", "gpt-4o-ultra"), "");
  EXPECT_EQ(id_of("openai", "gpt-4o-"), "");
  EXPECT_EQ(id_of("openai", "gpt-4"), "gpt-4");
  EXPECT_EQ(id_of("openai", "gpt"), "");
  EXPECT_EQ(id_of("openai", ""), "");
  EXPECT_EQ(id_of("openai", "GPT-4o"), "");
  EXPECT_EQ(id_of("anthropic", "gpt-4o"), "");
  EXPECT_EQ(id_of("google", "gpt-4o"), "");
}

TEST(ModelNames, LoseTheirOwnProviderOnly) {
  EXPECT_EQ(id_of("openai", "openai/gpt-4o"), "gpt-4o");
  EXPECT_EQ(id_of("anthropic", "anthropic/claude-sonnet-4.5"), "claude-sonnet-4-5");
  EXPECT_EQ(id_of("openai", "azure/gpt-4o"), "");
  EXPECT_EQ(id_of("anthropic", "openai/gpt-4o"), "");
  EXPECT_EQ(id_of("openai", "openai/"), "");
}

TEST(ModelNames, OfFineTunesAreKnownByTheirBase) {
  EXPECT_EQ(id_of("openai", "ft:gpt-4o-mini-2024-07-18:acme:support:AbC123"), "ft:gpt-4o-mini-2024-07-18");
  EXPECT_EQ(id_of("openai", "ft:gpt-4o-mini-2024-07-18:acme::AbC123"), "ft:gpt-4o-mini-2024-07-18");
  EXPECT_EQ(id_of("openai", "openai/ft:gpt-4.1-2025-04-14:acme::x"), "ft:gpt-4.1-2025-04-14");
  EXPECT_EQ(id_of("openai", "ft:gpt-3.5-turbo-1106:acme::x"), "ft:gpt-3.5-turbo");
  // Never the price of the model it was tuned from.
  EXPECT_EQ(id_of("openai", "ft:gpt-5:acme::x"), "");
  EXPECT_EQ(id_of("openai", "ft:gpt-4o-2024-05-13:acme::x"), "");
  EXPECT_EQ(id_of("mistral", "ft:mistral-small-latest:acme::x"), "");
}

TEST(ModelNames, LoseADateWhereDatesAreVersionsOfOnePrice) {
  EXPECT_EQ(id_of("openai", "gpt-4o-2027-01-31"), "gpt-4o");
  EXPECT_EQ(id_of("openai", "gpt-6.2-sol-2026-11-17"), "gpt-6.2-sol");
  EXPECT_EQ(id_of("anthropic", "claude-opus-5-5-20261009"), "claude-opus-5-5");
  EXPECT_EQ(id_of("anthropic", "claude-opus-5-5-2026-10-09"), "claude-opus-5-5");
  EXPECT_EQ(id_of("openai", "gpt-4o-2027-13-31"), "");
  EXPECT_EQ(id_of("openai", "gpt-4o-20270199"), "");
  EXPECT_EQ(id_of("openai", "gpt-4o2027-01-31"), "");
  EXPECT_EQ(id_of("openai", "-2027-01-31"), "");
}

TEST(ModelNames, OfMistralKeepTheirDates) {
  EXPECT_EQ(id_of("mistral", "mistral-large-2411"), "mistral-large-2411");
  EXPECT_EQ(id_of("mistral", "mistral-large-2512"), "mistral-large-latest");
  EXPECT_EQ(id_of("mistral", "mistral-large-2699"), "");
  EXPECT_EQ(id_of("mistral", "mistral-large-20261009"), "");
  EXPECT_EQ(id_of("mistral", "mistral-large-2026-10-09"), "");
}

TEST(BareNames, BelongToTheOneProviderThatKnowsThem) {
  const auto catalog = Catalog::built_in();
  EXPECT_EQ(catalog->provider_of("gpt-4o"), "openai");
  EXPECT_EQ(catalog->provider_of("claude-sonnet-4-5-20250929"), "anthropic");
  EXPECT_EQ(catalog->provider_of("codestral"), "mistral");
  EXPECT_EQ(catalog->provider_of("no-such-model"), "");
}

}  // namespace
}  // namespace ai_proxy::pricing
