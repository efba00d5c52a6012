// ai-proxy price and ai-proxy models, as they are seen from outside; and every open price vector through the
// real path: JSON line, dialect, catalogue, cost.
#include "app/price_command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "app/models_command.h"
#include "base/json.h"

namespace ai_proxy::app {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kDay = "2026-11-23";

std::string priced(std::string_view line, std::string_view today = kDay) {
  return price_line(*pricing::Catalog::built_in(), line, today).text;
}

TEST(PriceCommand, PricesAUsageObject) {
  EXPECT_EQ(
      priced(R"({"provider":"openai","model":"gpt-4o","usage":{"prompt_tokens":10,"completion_tokens":25}})"),
      R"({"input_cost_usd":"0.000025","output_cost_usd":"0.000250","total_cost_usd":"0.000275",)"
      R"("fees_cost_usd":"0.000000"})");
}

TEST(PriceCommand, SaysWhyThereIsNoPrice) {
  const std::string unknown = R"({"input_cost_usd":null,"output_cost_usd":null,"total_cost_usd":null,)"
                              R"("fees_cost_usd":null,"reason":"unknown_model"})";
  EXPECT_EQ(priced(R"({"provider":"openai","model":"gpt-99","usage":{"prompt_tokens":10}})"), unknown);
  EXPECT_EQ(priced(R"({"provider":"acme","model":"gpt-4o","usage":{"prompt_tokens":10}})"), unknown);
  EXPECT_EQ(priced(R"({"provider":"openai","model":"","usage":{"prompt_tokens":10}})"), unknown);
  EXPECT_THAT(priced(R"({"provider":"openai","model":"gpt-4o","usage":null})"), HasSubstr("no_usage"));
  EXPECT_THAT(priced(R"({"provider":"openai","model":"gpt-4o","usage":{}})"), HasSubstr("no_usage"));
  EXPECT_THAT(priced(R"({"provider":"openai","model":"gpt-4o","usage":{"prompt_tokens":-1}})"),
              HasSubstr("invalid_usage"));
}

TEST(PriceCommand, ReadsTheContext) {
  const auto with = [](std::string_view model, std::string_view context, std::string_view today = kDay) {
    return priced(R"({"provider":"openai","model":")" + std::string(model) +
                      R"(","usage":{"prompt_tokens":1000000,"completion_tokens":0},"context":)" +
                      std::string(context) + "}",
                  today);
  };
  EXPECT_THAT(with("gpt-4o", R"({"batch":true})"), HasSubstr(R"("input_cost_usd":"1.250000")"));
  EXPECT_THAT(with("gpt-4o", R"({"service_tier":"priority"})"), HasSubstr(R"("input_cost_usd":"4.250000")"));
  EXPECT_THAT(with("gpt-5.4-mini", R"({"region":"eu"})"), HasSubstr(R"("input_cost_usd":"0.825000")"));
  EXPECT_THAT(with("gpt-4o", R"({"web_search_calls":2})"), HasSubstr(R"("fees_cost_usd":"0.020000")"));
  EXPECT_THAT(with("o3", R"({"at":"2025-06-09"})"), HasSubstr(R"("input_cost_usd":"10.000000")"));
  EXPECT_THAT(with("o3", R"({"at":"2025-06-10T00:00:00Z"})"), HasSubstr(R"("input_cost_usd":"2.000000")"));
  EXPECT_THAT(with("gpt-4o", R"({"batch":null})"), HasSubstr(R"("input_cost_usd":"2.500000")"));
}

TEST(PriceCommand, TakesTodayForCallsWithoutADate) {
  const std::string line = R"({"provider":"openai","model":"gpt-6.2-sol","usage":{"input_tokens":1000,
    "output_tokens":0},"context":{"service_tier":"ultrafast"}})";
  EXPECT_THAT(priced(line, "2027-02-28"), HasSubstr(R"("total_cost_usd":"0.006000")"));
  EXPECT_THAT(priced(line, "2027-03-01"), HasSubstr("tier_price_expired:ultrafast"));
}

TEST(PriceCommand, RefusesALineItCannotRead) {
  const auto refused = [](std::string_view line, std::string_view why) {
    const PricedLine answer = price_line(*pricing::Catalog::built_in(), line, kDay);
    EXPECT_FALSE(answer.good) << line;
    EXPECT_THAT(answer.text, HasSubstr(R"("total_cost_usd":null,"error":")")) << line;
    EXPECT_THAT(answer.text, HasSubstr(std::string(why))) << line;
    json::Document document;
    EXPECT_FALSE(document.parse(answer.text)) << answer.text;
  };
  refused("{", "Column");
  refused("[]", "object");
  refused("\"\xff\"", "Column");
  refused(R"({"model":"gpt-4o"})", "provider");
  refused(R"({"provider":"openai","model":4})", "model");
  refused(R"({"provider":"openai","context":[]})", "context must be an object");
  refused(R"({"provider":"openai","context":{"at":"yesterday"}})", "context.at");
  refused(R"({"provider":"openai","context":{"batch":"yes"}})", "context.batch");
  refused(R"({"provider":"openai","context":{"region":1}})", "context.region");
  refused(R"({"provider":"openai","context":{"service_tier":1}})", "context.service_tier");
  refused(R"({"provider":"openai","context":{"web_search_calls":1.5}})", "web_search_calls");
  refused(R"({"provider":"openai","context":{"bacth":true}})", "context knows");
  refused(std::string((1 << 20) + 1, ' '), "1 MiB");
}

TEST(PriceCommand, GoesOnAfterABrokenLine) {
  std::istringstream in(
      "nonsense\r\n\n" + std::string(2 << 20, 'x') +
      "\n{\"provider\":\"openai\",\"model\":\"gpt-4o\",\"usage\":{\"prompt_tokens\":10}}\r\n"
      "{\"provider\":\"openai\",\"model\":\"gpt-4o\",\"usage\":null}");
  std::ostringstream out, errors;
  EXPECT_EQ(run_price_command(*pricing::Catalog::built_in(), in, out, errors), 0);
  EXPECT_EQ(errors.str(), "");
  std::istringstream lines(out.str());
  std::string line;
  for (const char* expected : {"error", "1 MiB", "0.000025", "no_usage"}) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_THAT(line, HasSubstr(expected));
  }
  EXPECT_FALSE(std::getline(lines, line));
}

TEST(PriceCommand, FailsWhenNothingCouldBeRead) {
  std::istringstream in("nonsense\n");
  std::ostringstream out, errors;
  EXPECT_EQ(run_price_command(*pricing::Catalog::built_in(), in, out, errors), 2);
  EXPECT_THAT(errors.str(), HasSubstr("no line could be read"));
}

TEST(PriceCommand, HasNothingToSayToNothing) {
  for (const char* text : {"", "\n\n"}) {
    std::istringstream in(text);
    std::ostringstream out, errors;
    EXPECT_EQ(run_price_command(*pricing::Catalog::built_in(), in, out, errors), 0);
    EXPECT_EQ(out.str() + errors.str(), "");
  }
}

std::string models(bool json, bool colour = false) {
  std::ostringstream out;
  EXPECT_EQ(run_models_command(out, *pricing::Catalog::built_in(), json, colour), 0);
  return out.str();
}

TEST(ModelsCommand, PrintsATableWithAlignedColumns) {
  const std::string table = models(false);
  EXPECT_THAT(table, HasSubstr("178 models"));
  EXPECT_THAT(table, Not(HasSubstr("\x1b")));
  std::istringstream lines(table);
  std::string head, line;
  std::getline(lines, head);
  const std::size_t status = head.find("STATUS");
  std::size_t rows = 0;
  while (std::getline(lines, line) && line.find(" models. ") == std::string::npos) {
    ++rows;
    const std::string word = line.substr(std::min(status, line.size()), 6);
    EXPECT_TRUE(word == "active" || word == "deprec" || word == "retire") << line;
  }
  EXPECT_EQ(rows, 178U);
  EXPECT_THAT(table, ::testing::ContainsRegex("openai +gpt-6.2-sol +1.05M +128k +2 +10 +0.1 +2.5 +active\n"));
  EXPECT_THAT(table,
              ::testing::ContainsRegex("openai +whisper-1 +- +- +- +- +- +- +deprecated 2027-02-26\n"));
  EXPECT_THAT(models(false, true), HasSubstr("\x1b[2m"));
}

TEST(ModelsCommand, PrintsJsonWithEveryPrice) {
  const std::string text = models(true);
  json::Document document;
  ASSERT_FALSE(document.parse(text));
  ASSERT_EQ(document.root().size(), 178U);
  for (const json::Value model : document.root()) {
    if (model["model"].string_or("") != "gpt-6.2-sol") continue;
    EXPECT_EQ(model["prices"]["cache_write_12h"].string(), "5");
    EXPECT_EQ(model["long_context"]["above_tokens"].integer(), 272'000);
    EXPECT_EQ(model["tiers"]["ultrafast"]["valid_until"].string(), "2027-02-28");
    EXPECT_EQ(model["thousand_web_searches"].string(), "10");
    EXPECT_EQ(model["regional_factor"].string(), "1.1");
    return;
  }
  FAIL() << "gpt-6.2-sol is missing";
}

TEST(OpenVectors, AreAllPricedExactly) {
  const char* set = std::getenv("AI_PROXY_SHARED");
  const std::filesystem::path shared = set != nullptr ? set : SOURCE_DIR "/../shared";
  std::ifstream file(shared / "data/pricing/vectors_open.jsonl");
  if (!file) GTEST_SKIP() << "no vectors in " << shared;
  std::string line;
  std::size_t count = 0;
  while (std::getline(file, line)) {
    json::Document vector, answer;
    ASSERT_FALSE(vector.parse(line));
    const std::string text = priced(line);
    ASSERT_FALSE(answer.parse(text));
    const json::Value expected = vector.root()["expected"];
    for (const char* member : {"input_cost_usd", "output_cost_usd", "fees_cost_usd", "total_cost_usd"}) {
      EXPECT_EQ(answer.root()[member].raw(), expected[member].raw()) << member << " of " << line;
    }
    EXPECT_EQ(answer.root()["reason"].raw(), expected["reason"].raw()) << line;
    ++count;
  }
  EXPECT_EQ(count, 150U);
}

}  // namespace
}  // namespace ai_proxy::app
