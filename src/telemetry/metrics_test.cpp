// What is counted, by whom, and the text that comes of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "telemetry/counters.h"
#include "telemetry/exposition.h"
#include "telemetry/process_use.h"
#include "telemetry/series.h"

namespace ai_proxy::telemetry {
namespace {

using testing::HasSubstr;

constexpr std::array<std::int64_t, 3> kBounds{10, 100, 1000};
using TestHistogram = Histogram<kBounds>;

TEST(HistogramTest, ABoundBelongsToItsBucketAndTheLastTakesTheRest) {
  TestHistogram histogram;
  for (const std::int64_t value : {0, 10, 11, 100, 101, 1000, 1001, 50'000}) histogram.observe(value);
  for (std::size_t bucket = 0; bucket <= kBounds.size(); ++bucket)
    EXPECT_EQ(histogram.count_in(bucket), 2u) << bucket;
  EXPECT_EQ(histogram.sum(), 52'223u);
}

TEST(HistogramTest, AbsurdValuesDoNotMakeTheSumTurnOver) {
  TestHistogram histogram;
  histogram.observe(-5);
  EXPECT_EQ(histogram.count_in(0), 1u);
  EXPECT_EQ(histogram.sum(), 0u);
  histogram.observe(std::numeric_limits<std::int64_t>::max());
  histogram.observe(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(histogram.sum(), std::uint64_t{2} << 48);
}

TEST(HistogramTest, OneIsAddedToAnother) {
  TestHistogram one, all;
  one.observe(5);
  one.observe(5000);
  all.observe(50);
  all.add(one);
  EXPECT_EQ(all.sum(), 5055u);
  EXPECT_EQ(all.count_in(0) + all.count_in(1) + all.count_in(3), 3u);
}

TEST(MoneyCounterTest, SumsToThePico) {
  MoneyCounter money;
  PicoUsd expected = 0;
  for (const PicoUsd amount :
       {PicoUsd(1), PicoUsd(275'000'000), kPicoPerUsd - 1, kPicoPerUsd, 3 * kPicoPerUsd + 7}) {
    for (int i = 0; i < 1000; ++i) {
      money.add(amount);
      expected += amount;
    }
  }
  EXPECT_EQ(format_usd(money.value()), format_usd(expected));
  money.add(-kPicoPerUsd);  // there is no such cost
  EXPECT_EQ(money.value(), expected);
}

TEST(MoneyCounterTest, HostileAmountsNeitherWrapNorGoDown) {
  MoneyCounter money;
  PicoUsd last = 0;
  const PicoUsd huge = PicoUsd(std::numeric_limits<std::int64_t>::max()) * 10'000'000'000;
  for (int i = 0; i < 1000; ++i) {
    money.add(huge);
    EXPECT_GE(money.value(), last);
    last = money.value();
  }
}

TEST(CounterTest, AReaderOnAnotherThreadNeverSeesItGoDown) {
  Counter counter;
  MoneyCounter money;
  constexpr int kTimes = 200'000;
  std::thread owner([&] {
    for (int i = 0; i < kTimes; ++i) {
      counter.add();
      money.add(kPicoPerUsd - 1);
    }
  });
  std::uint64_t last = 0;
  PicoUsd last_money = 0;
  while (last < kTimes) {
    const std::uint64_t seen = counter.value();
    const PicoUsd seen_money = money.value();
    ASSERT_GE(seen, last);
    ASSERT_GE(seen_money, last_money);
    last = seen;
    last_money = seen_money;
  }
  owner.join();
  EXPECT_EQ(money.value(), PicoUsd(kTimes) * (kPicoPerUsd - 1));
}

TEST(SeriesNamesTest, ANumberStaysWithItsName) {
  SeriesNames names;
  EXPECT_THAT(names.labels(SeriesNames::kNobody).text(), HasSubstr("gen_ai_provider_name=\"none\""));
  EXPECT_THAT(names.labels(SeriesNames::kOthers).text(), HasSubstr("gen_ai_request_model=\"other\""));
  const auto first = names.number_of("openai", "gpt-4o");
  const auto second = names.number_of("azure", "gpt-4o");
  EXPECT_NE(first, second);
  EXPECT_EQ(names.number_of("openai", "gpt-4o"), first);
  EXPECT_THAT(names.labels(second).text(), HasSubstr("azure"));
  // One sample must not stand there twice.
  EXPECT_EQ(names.number_of("p", "a\x01"), names.number_of("p", "a\x02"));
}

TEST(SeriesNamesTest, WhenAllNumbersAreGivenOutTheRestSharesOne) {
  SeriesNames names;
  for (std::size_t i = 0; i < 2 * kSeriesMax; ++i) names.number_of("p", "m" + std::to_string(i));
  EXPECT_EQ(names.size(), kSeriesMax);
  EXPECT_EQ(names.number_of("p", "yet another"), SeriesNames::kOthers);
  EXPECT_EQ(names.number_of("p", "m0"), SeriesNames::kOthers + 1);
}

TEST(SeriesTableTest, ThreadsCountApartAndAreSummed) {
  constexpr std::uint32_t kNumber = 5;
  SeriesTable<Counter> tables[2];
  std::thread threads[2];
  for (int i = 0; i < 2; ++i) {
    threads[i] = std::thread([&table = tables[i]] {
      for (int times = 0; times < 10'000; ++times) table.at(kNumber).add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  Counter sum;
  for (const auto& table : tables) sum.add(*table.find(kNumber));
  EXPECT_EQ(sum.value(), 20'000u);
  EXPECT_EQ(tables[0].find(kNumber + 1), nullptr);
}

TEST(ExpositionTest, DecimalsAreExact) {
  EXPECT_EQ(decimal(0, 6), "0");
  EXPECT_EQ(decimal(1, 6), "0.000001");
  EXPECT_EQ(decimal(1500, 6), "0.0015");
  EXPECT_EQ(decimal(10'240'000, 6), "10.24");
  EXPECT_EQ(decimal(3'000'000, 6), "3");
  EXPECT_EQ(decimal(18'446'744'073'709'551'615u, 3), "18446744073709551.615");
  EXPECT_EQ(decimal(1200, 0), "1200");
}

TEST(ExpositionTest, AFamilyAndItsSamples) {
  Exposition out;
  out.family("things_total", Exposition::Kind::counter, "How many things.");
  out.sample({}, 7u);
  out.sample(Labels("colour", "blue").add("size", "big"), "1.5");
  EXPECT_EQ(out.take(),
            "# HELP things_total How many things.\n# TYPE things_total counter\nthings_total 7\n"
            "things_total{colour=\"blue\",size=\"big\"} 1.5\n");
}

TEST(ExpositionTest, AHistogramIsCumulativeAndItsCountIsTheLastBucket) {
  TestHistogram histogram;
  for (const std::int64_t value : {5, 50, 60, 5000}) histogram.observe(value);
  Exposition out;
  out.family("wait_seconds", Exposition::Kind::histogram, "How long.");
  out.histogram(Labels("who", "a"), histogram, 3);
  EXPECT_THAT(out.take(), HasSubstr("wait_seconds_bucket{who=\"a\",le=\"0.01\"} 1\n"
                                    "wait_seconds_bucket{who=\"a\",le=\"0.1\"} 3\n"
                                    "wait_seconds_bucket{who=\"a\",le=\"1\"} 3\n"
                                    "wait_seconds_bucket{who=\"a\",le=\"+Inf\"} 4\n"
                                    "wait_seconds_sum{who=\"a\"} 5.115\n"
                                    "wait_seconds_count{who=\"a\"} 4\n"));
}

TEST(ExpositionTest, NoValueBreaksOutOfItsLabel) {
  const auto shown = [](std::string_view value) { return Labels("a", value).text(); };
  EXPECT_EQ(shown("say \"x\\y\""), R"(a="say \"x\\y\"")");
  EXPECT_EQ(shown("two\nlines\r\t\x1b[0m"), "a=\"two\uFFFDlines\uFFFD\uFFFD\uFFFD[0m\"");
  EXPECT_EQ(shown("\xff\xc0 é 北"), "a=\"\uFFFD\uFFFD é 北\"");
  EXPECT_LT(shown(std::string(5000, 'x')).size(), 400u);
}

TEST(ProcessUseTest, SaysSomethingSensible) {
  const auto use = process_use();
  ASSERT_TRUE(use);
  EXPECT_GT(use->resident_bytes, 100'000u);
  EXPECT_GT(use->virtual_bytes, use->resident_bytes);
  EXPECT_GE(use->open_files, 3u);
  EXPECT_GE(use->open_files_max, use->open_files);
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  EXPECT_NEAR(static_cast<double>(use->started_ms), static_cast<double>(now), 600'000);
}

}  // namespace
}  // namespace ai_proxy::telemetry
