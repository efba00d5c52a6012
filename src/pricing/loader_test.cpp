// A price file that cannot be trusted is refused, and the refusal names model and member.
#include "pricing/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace ai_proxy::pricing {
namespace {

using ::testing::HasSubstr;

// A good file with one model, in which `from` is replaced by `to`.
std::string file_with(std::string_view from = "", std::string_view to = "") {
  std::string text = R"({"schema": "ai-proxy-prices/1", "as_of": "2026-11-23", "currency": "USD",
    "unit": "USD per 1,000,000 tokens", "models": [
    {"provider": "acme", "model": "one", "aliases": ["uno"], "mode": "chat", "context_tokens": 1000,
     "prices": {"input": "2.5", "output": "10"},
     "long_context": {"from_tokens": 500, "prices": {"input": "5", "output": "15"}},
     "tiers": {"batch": {"prices": {"input": "1.25"}, "valid_until": "2027-02-28"}},
     "units": {"audio_minute": "0.006"}, "fees": {"thousand_web_searches": "27.5"}, "regional_factor": "1.1",
     "status": "active", "history": [{"until": "2026-08-21", "prices": {"input": "3"}}],
     "source": "test", "as_of": "2026-11"}]})";
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  return text;
}

std::string fault_of(const std::string& text) {
  const auto catalog = Catalog::parse(text);
  return catalog ? "" : catalog.error().message;
}

TEST(PriceFile, IsReadExactly) {
  const auto catalog = Catalog::parse(file_with());
  ASSERT_TRUE(catalog) << catalog.error().message;
  const Model* model = (*catalog)->find("acme", "uno");
  ASSERT_NE(model, nullptr);
  EXPECT_EQ(model->prices.input, PicoUsd{2'500'000});
  EXPECT_TRUE(model->long_context->at_threshold);
  EXPECT_EQ(model->per_audio_minute, PicoUsd{6'000'000'000});
  EXPECT_EQ(model->web_search_per_1000, kPicoPerUsd * 55 / 2);
  EXPECT_EQ(model->history[0].prices.input, PicoUsd{3'000'000});
  EXPECT_FALSE(model->history[0].prices.output);
}

TEST(PriceFile, MustStateItsUnit) {
  EXPECT_THAT(fault_of(file_with(R"("unit": "USD per 1,000,000 tokens", )")), HasSubstr("unit must be"));
  EXPECT_THAT(fault_of(file_with("USD per 1,000,000 tokens", "USD per token")), HasSubstr("unit must be"));
  EXPECT_THAT(fault_of(file_with("prices/1", "prices/2")), HasSubstr("schema"));
}

TEST(PriceFile, WithAPricePerTokenOfACentOrMoreIsRefused) {
  EXPECT_EQ(fault_of(file_with(R"("input": "2.5")", R"("input": "9999.999999")")), "");
  const auto catalog = Catalog::parse(file_with(R"("input": "2.5")", R"("input": "10000")"));
  ASSERT_FALSE(catalog);
  EXPECT_THAT(catalog.error().message, HasSubstr("acme/one: prices.input is implausibly high"));
  EXPECT_EQ(catalog.error().parameter, "prices.input");
  EXPECT_THAT(fault_of(file_with(R"("input": "1.25")", R"("input": "25000")")),
              HasSubstr("tiers.batch.prices.input"));
  EXPECT_THAT(fault_of(file_with(R"("input": "5")", R"("input": "25000")")),
              HasSubstr("long_context.prices.input"));
  EXPECT_THAT(fault_of(file_with(R"("input": "3")", R"("input": "25000")")),
              HasSubstr("history[0].prices.input"));
}

TEST(PriceFile, AHundredTimesOffTheBuiltInPriceIsRefused) {
  const auto with_price = [](std::string_view price) {
    std::string text = file_with("\"acme\"", "\"openai\"");
    text.replace(text.find("\"one\""), 5, "\"gpt-4o\"");  // 2.50 built in
    return text.replace(text.find("\"2.5\""), 5, '"' + std::string(price) + '"');
  };
  EXPECT_EQ(fault_of(with_price("249.99")), "");
  EXPECT_EQ(fault_of(with_price("0.026")), "");
  EXPECT_EQ(fault_of(with_price("0")), "");  // free is a statement
  EXPECT_THAT(fault_of(with_price("250")), HasSubstr("openai/gpt-4o: prices.input is a hundred times"));
  EXPECT_THAT(fault_of(with_price("0.025")), HasSubstr("hundred times"));
  EXPECT_THAT(fault_of(with_price("0.0000025")), HasSubstr("no plain decimal"));  // a price per token
}

TEST(PriceFile, WithSomethingThatIsNoPriceIsRefused) {
  const auto with_input = [](std::string_view json) { return file_with("\"2.5\"", json); };
  EXPECT_THAT(fault_of(with_input("2.5")),
              HasSubstr("acme/one: prices.input must be a decimal number as a text"));
  EXPECT_THAT(fault_of(with_input("null")), HasSubstr("prices.input"));
  EXPECT_THAT(fault_of(with_input("\"-1\"")), HasSubstr("must not be negative"));
  EXPECT_THAT(fault_of(with_input("\"1e3\"")), HasSubstr("no plain decimal"));
  EXPECT_THAT(fault_of(with_input("\"\"")), HasSubstr("no plain decimal"));
  EXPECT_THAT(fault_of(with_input("\"1.0000001\"")), HasSubstr("at most 6 decimals"));
  EXPECT_THAT(fault_of(with_input("\"99999999999999999999999999999999999999999\"")),
              HasSubstr("no plain decimal"));
}

TEST(PriceFile, WithAMemberNobodyKnowsIsRefused) {
  EXPECT_THAT(fault_of(file_with(R"({"input": "2.5")", R"({"imput": "2.5")")),
              HasSubstr("acme/one: prices.imput"));
  EXPECT_THAT(fault_of(file_with("\"status\"", "\"state\"")), HasSubstr("acme/one: state is not"));
  EXPECT_THAT(fault_of(file_with("\"valid_until\"", "\"valid_till\"")), HasSubstr("tiers.batch.valid_till"));
  EXPECT_THAT(fault_of(file_with("\"audio_minute\"", "\"audio_hour\"")), HasSubstr("units.audio_hour"));
  EXPECT_THAT(fault_of(file_with("\"thousand_web_searches\"", "\"search\"")), HasSubstr("fees.search"));
}

TEST(PriceFile, WithAFaultyMemberNamesIt) {
  EXPECT_THAT(fault_of(file_with("\"active\"", "\"alive\"")), HasSubstr("acme/one: status must be"));
  EXPECT_THAT(fault_of(file_with("2026-08-21", "2026-8-21")), HasSubstr("history[0].until"));
  EXPECT_THAT(fault_of(file_with("2027-02-28", "soon")), HasSubstr("tiers.batch.valid_until"));
  EXPECT_THAT(fault_of(file_with("\"from_tokens\": 500, ")), HasSubstr("long_context needs"));
  EXPECT_THAT(fault_of(file_with("\"1.1\"", "\"11\"")), HasSubstr("regional_factor"));
  EXPECT_THAT(fault_of(file_with("\"27.5\"", "\"27500\"")), HasSubstr("fees.thousand_web_searches"));
  EXPECT_THAT(fault_of(file_with("\"context_tokens\": 1000", "\"context_tokens\": -1")),
              HasSubstr("context_tokens"));
  EXPECT_THAT(fault_of(file_with("\"uno\"", "7")), HasSubstr("aliases"));
  EXPECT_THAT(fault_of(file_with("\"model\": \"one\", ")), HasSubstr("models[0]: model must be a text"));
  EXPECT_THAT(fault_of(file_with("\"source\": \"test\", ")), HasSubstr("source"));
}

TEST(PriceFile, WithANameTwiceIsRefused) {
  EXPECT_THAT(fault_of(file_with("\"uno\"", "\"one\"")), HasSubstr("acme/one: the name one stands twice"));
}

TEST(PriceFile, ThatIsNoPriceFileIsRefused) {
  EXPECT_THAT(fault_of("{"), HasSubstr("line 1"));
  EXPECT_THAT(fault_of("[]"), HasSubstr("JSON object"));
  EXPECT_THAT(fault_of(file_with(R"("models": [)", R"("models": [7,)")),
              HasSubstr("models[0] must be an object"));
}

}  // namespace
}  // namespace ai_proxy::pricing
