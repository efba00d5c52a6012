// Every rule from tokens to money, with figures worked out by hand.
#include "pricing/cost.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

// The cases name only the counts that matter; the rest is zero.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace ai_proxy::pricing {
namespace {

using chat::Usage;

Cost cost(std::string_view provider, std::string_view model, const Usage& usage,
          const CallContext& context = {}) {
  return cost_of(*Catalog::built_in(), provider, model, &usage, context);
}

// "input + output + fees = total", or the reason why there is none.
std::string bill(std::string_view provider, std::string_view model, const Usage& usage,
                 const CallContext& context = {}) {
  const Cost c = cost(provider, model, usage, context);
  if (!c.known()) {
    EXPECT_FALSE(c.input || c.output || c.fees);
    return c.reason;
  }
  EXPECT_EQ(*c.total, *c.input + *c.output + *c.fees);
  return format_usd(*c.input) + " " + format_usd(*c.output) + " " + format_usd(*c.fees);
}

TEST(Cost, OfTheReadmeExampleIsTheSumOfItsParts) {
  const Cost c = cost("openai", "gpt-4o", {.input_tokens = 10, .output_tokens = 25});
  EXPECT_EQ(format_usd(*c.input), "0.000025");
  EXPECT_EQ(format_usd(*c.output), "0.000250");
  EXPECT_EQ(format_usd(*c.total), "0.000275");
  EXPECT_EQ(c.model->id, "gpt-4o");
}

TEST(Cost, OfACacheHitIsZeroAndKnown) {
  EXPECT_TRUE(Cost::zero().known());
  EXPECT_EQ(*Cost::zero().total, 0);
}

TEST(Cost, OfNothingUsedIsZero) {
  EXPECT_EQ(bill("openai", "gpt-4o", {}), "0.000000 0.000000 0.000000");
}

TEST(Cost, IsUnknownForAnUnknownModelOrWithoutUsage) {
  const auto& catalog = *Catalog::built_in();
  EXPECT_EQ(bill("openai", "gpt-99", {.input_tokens = 1}), "unknown_model");
  EXPECT_EQ(cost_of(catalog, "openai", "gpt-99", nullptr).reason, "unknown_model");
  const Cost c = cost_of(catalog, "openai", "gpt-4o", nullptr);
  EXPECT_EQ(c.reason, "no_usage");
  EXPECT_EQ(c.model->id, "gpt-4o");
}

TEST(Cost, IsUnknownWhenTheNumbersContradictEachOther) {
  const std::string invalid = "invalid_usage";
  EXPECT_EQ(bill("openai", "gpt-4o", {.input_tokens = -1}), invalid);
  EXPECT_EQ(bill("openai", "gpt-4o", {.valid = false}), invalid);
  EXPECT_EQ(bill("openai", "o3", {.output_tokens = 100, .reasoning_tokens = 101}), invalid);
  EXPECT_EQ(
      bill("openai", "gpt-6-sol", {.input_tokens = 10, .cache_read_tokens = 6, .cache_write_tokens = 5}),
      invalid);
  EXPECT_EQ(bill("openai", "gpt-audio", {.input_tokens = 10, .audio_input_tokens = 11}), invalid);
  EXPECT_EQ(bill("openai", "gpt-audio", {.output_tokens = 10, .audio_output_tokens = 11}), invalid);
  EXPECT_EQ(bill("openai", "gpt-4o", {.web_search_calls = -1}), invalid);
  EXPECT_EQ(bill("openai", "gpt-4o", {}, {.web_search_calls = -1}), invalid);
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(bill("openai", "gpt-6-sol",
                 {.input_tokens = kMost, .cache_read_tokens = kMost, .cache_write_tokens = kMost}),
            invalid);
}

TEST(Cost, OfCachedAndWrittenTokensIsTheirOwnPrice) {
  EXPECT_EQ(bill("openai", "gpt-4o", {.input_tokens = 1000, .cache_read_tokens = 400, .output_tokens = 1}),
            "0.002000 0.000010 0.000000");
  // Claude 3 Haiku: published, rounded prices, not ratios: 0.30 and 0.50 to write, 0.03 to read.
  EXPECT_EQ(bill("anthropic", "claude-3-haiku",
                 {.input_tokens = 1'000'003,
                  .cache_read_tokens = 1,
                  .cache_write_tokens = 1,
                  .cache_write_1h_tokens = 1}),
            "0.25000083 0.000000 0.000000");
  // Sol 6.2 sells two lifetimes.
  EXPECT_EQ(bill("openai", "gpt-6.2-sol",
                 {.input_tokens = 3000, .cache_write_tokens = 1000, .cache_write_12h_tokens = 1000}),
            "0.009500 0.000000 0.000000");
}

TEST(Cost, OfCachedTokensWithoutAPriceIsThatOfInput) {
  EXPECT_EQ(bill("openai", "gpt-5.5-pro", {.input_tokens = 1000, .cache_read_tokens = 900}),
            "0.030000 0.000000 0.000000");
  EXPECT_EQ(bill("openai", "gpt-4o", {.input_tokens = 5000, .cache_read_tokens = 2048, .output_tokens = 100},
                 {.batch = true}),
            "0.006250 0.000500 0.000000");
}

TEST(Cost, OfWrittenTokensIsThatOfInputWhereWritingIsFree) {
  EXPECT_EQ(bill("openai", "gpt-5.5",
                 {.input_tokens = 6000, .cache_read_tokens = 2000, .cache_write_tokens = 3000}),
            "0.021000 0.000000 0.000000");
}

TEST(Cost, IsUnknownForALifetimeWithoutAPrice) {
  EXPECT_EQ(bill("openai", "gpt-6-sol", {.input_tokens = 1000, .cache_write_12h_tokens = 500}),
            "no_price:cache_write_12h");
  EXPECT_EQ(
      bill("openai", "gpt-6.2-sol", {.input_tokens = 1000, .cache_write_12h_tokens = 500}, {.batch = true}),
      "no_price:cache_write_12h");
}

TEST(LongContext, MovesTheWholeRequestOneTokenAboveTheThreshold) {
  EXPECT_EQ(bill("openai", "gpt-6-sol", {.input_tokens = 272'000, .output_tokens = 1000}),
            "0.544000 0.010000 0.000000");
  EXPECT_EQ(bill("openai", "gpt-6-sol", {.input_tokens = 272'001, .output_tokens = 1000}),
            "1.088004 0.015000 0.000000");
  // Cached and written tokens count.
  EXPECT_EQ(bill("anthropic", "claude-haiku-5-5",
                 {.input_tokens = 110'010,
                  .cache_read_tokens = 60'000,
                  .cache_write_tokens = 20'000,
                  .cache_write_1h_tokens = 30'000,
                  .output_tokens = 2500}),
            "0.045505 0.006250 0.000000");
  EXPECT_EQ(bill("anthropic", "claude-haiku-5-5", {.input_tokens = 100'000, .output_tokens = 500}),
            "0.010000 0.000250 0.000000");
  EXPECT_EQ(bill("openai", "gpt-4.1", {.input_tokens = 900'000}), "1.800000 0.000000 0.000000");
}

TEST(LongContext, OfATierNeedsAPriceOfItsOwn) {
  const Usage usage{.input_tokens = 300'000, .output_tokens = 700};
  EXPECT_EQ(bill("openai", "gpt-6-sol", usage, {.service_tier = "priority"}), "2.400000 0.021000 0.000000");
  EXPECT_EQ(bill("anthropic", "claude-haiku-5-5", usage, {.batch = true}), "0.075000 0.000875 0.000000");
  EXPECT_EQ(bill("openai", "gpt-5.5", usage, {.service_tier = "priority"}),
            "no_long_context_price_for_tier:priority");
  EXPECT_EQ(bill("openai", "gpt-6.2-sol", usage, {.service_tier = "ultrafast"}),
            "no_long_context_price_for_tier:ultrafast");
}

TEST(LongContext, MayBeginAtItsThreshold) {
  const auto catalog = Catalog::parse(R"({"schema": "ai-proxy-prices/1", "as_of": "2026-11-23",
    "unit": "USD per 1,000,000 tokens", "models": [{"provider": "acme", "model": "one", "mode": "chat",
    "prices": {"input": "1"}, "long_context": {"from_tokens": 10, "prices": {"input": "2"}},
    "status": "active", "source": "test", "as_of": "2026-11-23"}]})");
  ASSERT_TRUE(catalog);
  Usage usage{.input_tokens = 9};
  EXPECT_EQ(cost_of(**catalog, "acme", "one", &usage).total, PicoUsd{9'000'000});
  usage.input_tokens = 10;
  EXPECT_EQ(cost_of(**catalog, "acme", "one", &usage).total, PicoUsd{20'000'000});
}

TEST(Tiers, HaveTheirOwnPrices) {
  const Usage usage{.input_tokens = 6000, .cache_read_tokens = 2048, .output_tokens = 700};
  EXPECT_EQ(bill("openai", "gpt-5", usage, {.service_tier = "flex"}), "0.002598 0.003500 0.000000");
  EXPECT_EQ(bill("openai", "gpt-5.5", usage, {.service_tier = "priority"}), "0.051960 0.052500 0.000000");
  EXPECT_EQ(bill("openai", "gpt-6-luna", usage, {.service_tier = "fast"}),
            bill("openai", "gpt-6-luna", usage, {.service_tier = "priority"}));
  EXPECT_EQ(bill("mistral", "mistral-medium-latest", usage, {.service_tier = "priority"}),
            "0.0109116 0.0091875 0.000000");
  EXPECT_EQ(bill("mistral", "mistral-medium-latest", usage, {.batch = true}), "0.0031176 0.002625 0.000000");
}

TEST(Tiers, WithoutAPriceMakeTheCostUnknown) {
  const Usage usage{.input_tokens = 100, .output_tokens = 10};
  EXPECT_EQ(bill("openai", "gpt-4o", usage, {.service_tier = "flex"}), "no_price_for_tier:flex");
  EXPECT_EQ(bill("openai", "gpt-6.1-sol", usage, {.service_tier = "ultrafast"}),
            "no_price_for_tier:ultrafast");
  EXPECT_EQ(bill("anthropic", "claude-sonnet-4-5", {.input_tokens = 1, .speed = "fast"}),
            "no_price_for_tier:fast");
  EXPECT_EQ(bill("openai", "gpt-4o", usage, {.service_tier = "a\nb"}), "no_price_for_tier:unrecognised");
  EXPECT_EQ(bill("openai", "gpt-4o", usage, {.service_tier = std::string(1000, 'x')}),
            "no_price_for_tier:" + std::string(40, 'x'));
}

TEST(Tiers, AreWhatTheResponseSays) {
  const std::string list_price = bill("openai", "gpt-4o", {.input_tokens = 100});
  EXPECT_EQ(bill("openai", "gpt-4o", {.input_tokens = 100}, {.service_tier = "default"}), list_price);
  EXPECT_EQ(bill("openai", "gpt-4o", {.input_tokens = 100}, {.service_tier = "auto"}), list_price);
  EXPECT_EQ(bill("openai", "gpt-4o", {.input_tokens = 100, .service_tier = "default"},
                 {.service_tier = "priority"}),
            list_price);
  // Capacity bought beforehand.
  EXPECT_EQ(bill("anthropic", "claude-sonnet-4-6", {.input_tokens = 1000, .service_tier = "priority"}),
            "0.003000 0.000000 0.000000");
  EXPECT_EQ(bill("anthropic", "claude-sonnet-4-6", {.input_tokens = 1000, .service_tier = "batch"}),
            "0.001500 0.000000 0.000000");
  EXPECT_EQ(bill("anthropic", "claude-haiku-4-5", {.input_tokens = 1000, .service_tier = "standard"},
                 {.batch = true}),
            "0.000500 0.000000 0.000000");
}

TEST(Tiers, FastAndBatchAreNotSoldTogether) {
  EXPECT_EQ(bill("anthropic", "claude-opus-5", {.input_tokens = 1000, .speed = "fast"}),
            "0.010000 0.000000 0.000000");
  EXPECT_EQ(bill("anthropic", "claude-opus-5", {.input_tokens = 1000, .speed = "fast"}, {.batch = true}),
            "no_price_for_tier:fast+batch");
}

TEST(Tiers, EndWithTheLastDayTheyAreGoodFor) {
  const Usage usage{.input_tokens = 3000, .output_tokens = 700};
  const auto on = [&](std::string_view date) {
    return bill("openai", "gpt-6.2-sol", usage, {.service_tier = "ultrafast", .date = date});
  };
  EXPECT_EQ(on("2027-02-28"), "0.018000 0.021000 0.000000");
  EXPECT_EQ(on("2027-03-01"), "tier_price_expired:ultrafast");
  EXPECT_EQ(on(""), "0.018000 0.021000 0.000000");
}

TEST(Regions, AddATenthToTokensWhereTheModelSaysSo) {
  const Usage usage{.input_tokens = 3000, .output_tokens = 900};
  EXPECT_EQ(bill("openai", "gpt-5.4", usage, {.region = "eu"}), "0.008250 0.014850 0.000000");
  EXPECT_EQ(bill("openai", "gpt-5.4", usage, {.region = "global"}), "0.007500 0.013500 0.000000");
  EXPECT_EQ(bill("openai", "gpt-4o", usage, {.region = "eu"}), "0.007500 0.009000 0.000000");
  EXPECT_EQ(bill("mistral", "mistral-small", usage, {.region = "us"}), "0.000495 0.000594 0.000000");
}

TEST(Regions, OfAnthropicStandInTheUsage) {
  Usage usage{.input_tokens = 3000, .output_tokens = 900, .web_search_calls = 1, .inference_region = "us"};
  EXPECT_EQ(bill("anthropic", "claude-sonnet-5", usage, {.batch = true}), "0.003300 0.004950 0.010000");
  EXPECT_EQ(bill("anthropic", "claude-sonnet-4-5", usage), "0.009000 0.013500 0.010000");
  usage.speed = "fast";
  EXPECT_EQ(bill("anthropic", "claude-opus-5", usage), "0.033000 0.049500 0.010000");
  usage.inference_region = "global";
  EXPECT_EQ(bill("anthropic", "claude-opus-5", usage, {.region = "us"}), "0.030000 0.045000 0.010000");
}

TEST(Fees, AreAddedAndNeverMultiplied) {
  EXPECT_EQ(bill("anthropic", "claude-opus-4-5",
                 {.input_tokens = 2000,
                  .output_tokens = 300,
                  .web_search_calls = 3,
                  .web_fetch_calls = 7,
                  .service_tier = "batch"}),
            "0.005000 0.003750 0.030000");
  EXPECT_EQ(bill("openai", "gpt-4o", {.input_tokens = 900}, {.web_search_calls = 1}),
            "0.002250 0.000000 0.010000");
  // Told twice is billed once.
  EXPECT_EQ(bill("openai", "gpt-4o", {.web_search_calls = 2}, {.web_search_calls = 2}),
            "0.000000 0.000000 0.020000");
  EXPECT_EQ(bill("openai", "gpt-4o-search-preview", {.input_tokens = 900}, {.web_search_calls = 1}),
            "no_price:web_search");
  EXPECT_EQ(bill("openai", "gpt-4o", {.web_fetch_calls = 1}), "no_price:web_fetch");
}

TEST(Audio, HasItsOwnTokenPrices) {
  EXPECT_EQ(bill("openai", "gpt-realtime",
                 {.input_tokens = 1500,
                  .cache_read_tokens = 700,
                  .audio_input_tokens = 1000,
                  .cached_audio_tokens = 400,
                  .output_tokens = 1000,
                  .audio_output_tokens = 800}),
            "0.020280 0.054400 0.000000");
  // No price for cached tokens: it does not matter how many of them were audio.
  EXPECT_EQ(bill("openai", "gpt-audio",
                 {.input_tokens = 1000, .cache_read_tokens = 700, .audio_input_tokens = 800}),
            "0.026100 0.000000 0.000000");
  EXPECT_EQ(bill("openai", "gpt-4o", {.input_tokens = 10, .audio_input_tokens = 4}), "no_price:audio_input");
  EXPECT_EQ(bill("openai", "gpt-4o", {.output_tokens = 10, .audio_output_tokens = 4}),
            "no_price:audio_output");
  // It does matter here, and nobody says how many were.
  EXPECT_EQ(bill("openai", "gpt-realtime",
                 {.input_tokens = 1000, .cache_read_tokens = 700, .audio_input_tokens = 800}),
            "invalid_usage");
}

TEST(Audio, IsBilledByTheMinuteRoundedHalfToEven) {
  EXPECT_EQ(bill("openai", "whisper-1", {.audio_seconds = 95}), "0.009500 0.000000 0.000000");
  // 0.003 / 60 * 203; the token counts of a transcription mean nothing.
  EXPECT_EQ(
      bill("mistral", "voxtral-mini-latest",
           {.input_tokens = 2629, .audio_input_tokens = 2625, .output_tokens = 635, .audio_seconds = 203}),
      "0.010150 0.000000 0.000000");
  // 0.004 / 60 * 7 = 0.000466666666666…, next to 100 text tokens.
  EXPECT_EQ(bill("mistral", "voxtral-small-latest",
                 {.input_tokens = 190, .audio_input_tokens = 90, .output_tokens = 50, .audio_seconds = 7}),
            "0.000476666667 0.000020 0.000000");
  EXPECT_EQ(bill("mistral", "voxtral-small-latest", {.audio_seconds = 60}, {.service_tier = "priority"}),
            "0.007000 0.000000 0.000000");
  EXPECT_EQ(bill("mistral", "voxtral-small-latest", {.audio_seconds = 60}, {.region = "eu"}),
            "0.004000 0.000000 0.000000");
  EXPECT_EQ(bill("mistral", "mistral-large-latest", {.audio_seconds = 1}), "no_price:audio_minutes");
  EXPECT_EQ(bill("openai", "whisper-1", {.input_tokens = 10}), "no_price:input");
}

TEST(Images, CostWhatTextDoesForAChatModel) {
  EXPECT_EQ(bill("openai", "gpt-4o", {.input_tokens = 1300, .image_input_tokens = 1105, .output_tokens = 90}),
            "0.003250 0.000900 0.000000");
  // Cached tokens may overlap them in any way.
  EXPECT_EQ(
      bill("openai", "gpt-4o", {.input_tokens = 1300, .cache_read_tokens = 1024, .image_input_tokens = 1105}),
      "0.001970 0.000000 0.000000");
}

TEST(Images, HaveTheirOwnPricesForAnImageModel) {
  EXPECT_EQ(bill("openai", "gpt-image-1.5",
                 {.input_tokens = 150,
                  .image_input_tokens = 100,
                  .output_tokens = 1156,
                  .image_output_tokens = 1056}),
            "0.001050 0.034792 0.000000");
  // One number that is not split: all of it is images.
  EXPECT_EQ(bill("openai", "gpt-image-1", {.input_tokens = 50, .output_tokens = 1000}),
            "0.000250 0.040000 0.000000");
  EXPECT_EQ(bill("openai", "gpt-image-1", {.output_tokens = 1000, .image_output_tokens = 900}),
            "no_price:output");
  EXPECT_EQ(bill("openai", "gpt-realtime-mini",
                 {.input_tokens = 1100,
                  .audio_input_tokens = 800,
                  .image_input_tokens = 200,
                  .output_tokens = 200,
                  .audio_output_tokens = 150}),
            "0.008220 0.003120 0.000000");
  EXPECT_EQ(bill("openai", "gpt-4o-realtime-preview", {.input_tokens = 10, .image_input_tokens = 5}),
            "no_price:image_input");
}

TEST(Cost, OfHostileCountsIsStillExact) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(bill("openai", "o1-pro", {.input_tokens = kMost}), "1383505805528216.371050 0.000000 0.000000");
  EXPECT_EQ(bill("anthropic", "claude-opus-4-6",
                 {.input_tokens = 2'000'000'000,
                  .cache_read_tokens = 999'999'999,
                  .cache_write_tokens = 1,
                  .cache_write_1h_tokens = 1,
                  .output_tokens = 999'999'999}),
            "5500.00001075 24999.999975 0.000000");
}

TEST(OtherModels, ArePricedAsThemselvesAndAdded) {
  Usage usage{.input_tokens = 1000, .output_tokens = 100, .service_tier = "batch", .inference_region = "us"};
  usage.other_models.push_back(
      {.model = "claude-opus-5-5",
       .usage = {.input_tokens = 1000, .output_tokens = 100, .web_search_calls = 1}});
  // (2/10 + 4/20) * 0.5 * 1.1
  EXPECT_EQ(bill("anthropic", "claude-sonnet-5", usage), "0.003300 0.001650 0.010000");
  usage.other_models[0].model = "claude-unheard-of";
  EXPECT_EQ(bill("anthropic", "claude-sonnet-5", usage), "unknown_model");
}

TEST(History, PricesOldCallsAsTheyWere) {
  const Usage usage{.input_tokens = 1000, .output_tokens = 1000};
  EXPECT_EQ(bill("openai", "gpt-5.6-sol", usage, {.date = "2026-08-20"}), "0.005000 0.030000 0.000000");
  EXPECT_EQ(bill("openai", "gpt-5.6-sol", usage, {.date = "2026-08-21"}), "0.004000 0.020000 0.000000");
  // Only what differed is on record; the rest was as today.
  const Usage cached{.input_tokens = 2000, .cache_read_tokens = 1000};
  EXPECT_EQ(bill("anthropic", "claude-sonnet-5-5", cached, {.date = "2026-10-06"}),
            "0.002200 0.000000 0.000000");
  EXPECT_EQ(bill("anthropic", "claude-sonnet-5-5", cached, {.date = "2026-10-07"}),
            "0.002100 0.000000 0.000000");
}

TEST(History, DoesNotGuessWhatIsNotOnRecord) {
  const Usage usage{.input_tokens = 300'000};
  EXPECT_EQ(bill("openai", "gpt-5.6-sol", usage, {.batch = true, .date = "2026-08-20"}),
            "no_price_for_tier:batch");
  EXPECT_EQ(bill("openai", "gpt-5.6-sol", usage, {.date = "2026-08-20"}),
            "no_long_context_price_for_tier:standard");
  EXPECT_EQ(bill("anthropic", "claude-opus-4-6", usage, {.date = "2026-03-12"}),
            "no_long_context_price_for_tier:standard");
  EXPECT_EQ(bill("anthropic", "claude-opus-4-6", usage, {.batch = true, .date = "2026-03-12"}),
            "no_long_context_price_for_tier:batch");
  EXPECT_EQ(bill("anthropic", "claude-opus-4-6", usage, {.date = "2026-03-13"}),
            "1.500000 0.000000 0.000000");
  EXPECT_EQ(
      bill("anthropic", "claude-opus-4-6", {.input_tokens = 1000}, {.batch = true, .date = "2026-03-12"}),
      "0.002500 0.000000 0.000000");
}

}  // namespace
}  // namespace ai_proxy::pricing
