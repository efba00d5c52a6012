// Unit tests of the small parts of base: money, secrets, ids, neighbours, errors.
#include <gtest/gtest.h>

#include <array>

#include "base/error.h"
#include "base/ids.h"
#include "base/money.h"
#include "base/nearest.h"
#include "base/secret.h"

namespace ai_proxy {
namespace {

TEST(Money, FormatsExactlyWithAtLeastSixDecimals) {
  EXPECT_EQ(format_usd(0), "0.000000");
  EXPECT_EQ(format_usd(275'000'000), "0.000275");
  EXPECT_EQ(format_usd(1), "0.000000000001");
  EXPECT_EQ(format_usd(6'600'000), "0.0000066");
  EXPECT_EQ(format_usd(12 * kPicoPerUsd + 340'000'000'000), "12.340000");
  EXPECT_EQ(format_usd(-275'000'000), "-0.000275");
}

TEST(Money, ParsesPlainDecimalsOnly) {
  EXPECT_TRUE(parse_decimal("2.5", 6) == PicoUsd{2'500'000});
  EXPECT_TRUE(parse_decimal("0", 6) == PicoUsd{0});
  EXPECT_TRUE(parse_decimal("-1.1", 1) == PicoUsd{-11});
  for (const char* bad : {"", ".", "1.", ".5", "1e3", "+1", "1.2345678", "1 ", "0x1", "1.2.3"}) {
    EXPECT_FALSE(parse_decimal(bad, 6)) << bad;
  }
}

TEST(Secret, IsRedactedWhereverItStands) {
  const Secret key("sk-test-1234567890");
  EXPECT_EQ(redact("bad key sk-test-1234567890, sk-test-1234567890!", key),
            "bad key [redacted], [redacted]!");
  EXPECT_EQ(redact_keys("Incorrect API key provided: sk-proj-abc***xyz. See"),
            "Incorrect API key provided: [redacted] See");
  EXPECT_EQ(redact_keys("the task-list is sk-"), "the task-list is sk-");
  EXPECT_EQ(redact_keys("the desk-assistant-2024-for-everybody"), "the desk-assistant-2024-for-everybody");
  // Found by settings_fuzz: a key glued to a word.
  EXPECT_EQ(redact_keys("modelsk-ant-4f7Qw9zX2mLp8RtV6bNc3kHd: is unknown"), "model[redacted]: is unknown");
  EXPECT_TRUE(key.matches("sk-test-1234567890"));
  EXPECT_FALSE(key.matches("sk-test-1234567891"));
}

TEST(RequestId, IsSaneAndDiffers) {
  EXPECT_TRUE(sane_request_id(new_request_id()));
  EXPECT_EQ(new_request_id().size(), 28u);
  EXPECT_NE(new_request_id(), new_request_id());
  EXPECT_FALSE(sane_request_id("a b"));
  EXPECT_FALSE(sane_request_id("a\r\nb"));
  EXPECT_FALSE(sane_request_id(""));
  EXPECT_FALSE(sane_request_id(std::string(129, 'a')));
}

TEST(Nearest, SuggestsWhatWasMeant) {
  constexpr std::array<std::string_view, 3> kProviders{"openai", "anthropic", "mistral"};
  EXPECT_EQ(did_you_mean("opnai", kProviders), " Did you mean \"openai\"?");
  EXPECT_EQ(did_you_mean("Anthropic", kProviders), " Did you mean \"anthropic\"?");
  EXPECT_EQ(did_you_mean("bedrock", kProviders), "");
}

TEST(Error, EveryCodeHasAWordAndAStatus) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
    EXPECT_FALSE(word(static_cast<ErrorCode>(i)).empty());
    EXPECT_GE(http_status(static_cast<ErrorCode>(i)), 400);
  }
  EXPECT_EQ(word(ErrorCode::internal), "internal");
}

}  // namespace
}  // namespace ai_proxy
