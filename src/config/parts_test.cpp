// The small readers: .env, sizes and durations, Redis URLs, keys and header lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/credentials.h"
#include "config/dotenv.h"
#include "config/redis_url.h"
#include "config/settings_fixture.h"
#include "config/text.h"
#include "config/units.h"

namespace ai_proxy::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

std::string value_of(std::string_view text) {
  Faults faults;
  const auto assignments = parse_dotenv(text, faults);
  if (!faults.empty()) return "fault: " + joined(faults.take());
  return assignments.size() == 1 ? assignments[0].name + "|" + assignments[0].value : "not one";
}

TEST(Dotenv, ReadsEveryFormOfALine) {
  EXPECT_EQ(value_of("A=b"), "A|b");
  EXPECT_EQ(value_of("\xEF\xBB\xBF# c\r\n\r\n  export  A_1 = b c  # comment\r\n"), "A_1|b c");
  EXPECT_EQ(value_of("A=b#c"), "A|b#c");
  EXPECT_EQ(value_of("A=#c"), "A|");
  EXPECT_EQ(value_of("A="), "A|");
  EXPECT_EQ(value_of("A='x \\n # y' # z"), "A|x \\n # y");
  EXPECT_EQ(value_of(R"(A="x\n\t\"\\\$y" # z)"), "A|x\n\t\"\\$y");
  EXPECT_EQ(value_of("A=$B${C}"), "A|$B${C}");
  EXPECT_EQ(value_of("A=a=b=c"), "A|a=b=c");
  EXPECT_EQ(value_of("exported=1"), "exported|1");
}

TEST(Dotenv, NamesTheLineOfABrokenOneAndReadsOn) {
  Faults faults;
  const auto good =
      parse_dotenv("A=1\nno assignment\nB='open\nC=\"open\nD='x' y\nE=\"\\x\"\n2F=1\n=1\nG=2\n", faults);
  ASSERT_EQ(good.size(), 2u);
  EXPECT_EQ(good[1].name, "G");
  EXPECT_EQ(good[1].line, 9u);
  EXPECT_THAT(faults.take(),
              ElementsAre(".env:2: the line must be NAME=VALUE, with a name of letters, digits and '_'.",
                          ".env:3: B: the closing ' is missing.", ".env:4: C: the closing \" is missing.",
                          ".env:5: D: there is text after the closing '.",
                          ".env:6: E: an escape in \"…\" must be one of \\n \\r \\t \\\" \\\\ \\$.",
                          HasSubstr(".env:7: the line must be"), HasSubstr(".env:8: the line must be")));
}

TEST(Dotenv, RefusesBytesThatAreNoText) {
  EXPECT_THAT(value_of("A=1\nB=\xff\n"), HasSubstr(".env:2: the file is not valid UTF-8."));
  EXPECT_THAT(value_of(std::string_view("A=\0", 3)),
              HasSubstr(".env:1: the file holds a control character."));
}

TEST(Units, ReadSizes) {
  const auto size = [](std::string_view text) {
    return parse_size(text, 0, UINT64_MAX).value_or(UINT64_MAX);
  };
  EXPECT_EQ(size("0"), 0u);
  EXPECT_EQ(size("65536"), 65536u);
  EXPECT_EQ(size("64MB"), 64'000'000u);
  EXPECT_EQ(size("10MiB"), 10u << 20);
  EXPECT_EQ(size(" 10 mib "), 10u << 20);
  EXPECT_EQ(size("1GiB"), 1u << 30);
  EXPECT_EQ(size("7B"), 7u);
  for (const std::string_view text : {"", "MB", "1.5MB", "-1", "10M", "1 0", "18446744073709551616",
                                      "18446744073709551615KB", "0x10", "1e3"}) {
    EXPECT_FALSE(parse_size(text, 0, UINT64_MAX)) << text;
  }
}

TEST(Units, ReadDurations) {
  const auto time = [](std::string_view text) { return parse_duration(text, 0ms, 24h * 400).value_or(-1ms); };
  EXPECT_EQ(time("600"), 600s);
  EXPECT_EQ(time("500ms"), 500ms);
  EXPECT_EQ(time("1.5s"), 1500ms);
  EXPECT_EQ(time("0.5"), 500ms);
  EXPECT_EQ(time("10m"), 10min);
  EXPECT_EQ(time("1h"), 1h);
  EXPECT_EQ(time("2 d"), 48h);
  EXPECT_EQ(time("0"), 0ms);
  for (const std::string_view text :
       {"", "s", "-1s", "1w", "1h30m", "ten", "1e3", "99999999999999999999", "1..5s", "9999d", "5S"}) {
    EXPECT_EQ(time(text), -1ms) << text;
  }
}

TEST(Units, ReadYesAndNo) {
  for (const std::string_view text : {"true", "Yes", "ON", "1"}) EXPECT_EQ(parse_truth(text), true) << text;
  for (const std::string_view text : {"false", "No", "off", "0"}) EXPECT_EQ(parse_truth(text), false) << text;
  EXPECT_FALSE(parse_truth("2"));
  EXPECT_FALSE(parse_truth(""));
}

TEST(RedisUrl, TakesEveryForm) {
  const auto plain = parse_redis_url("redis://localhost");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->host, "localhost");
  EXPECT_EQ(plain->port, 6379);
  EXPECT_EQ(plain->database, 0);
  EXPECT_FALSE(plain->tls);
  EXPECT_TRUE(plain->password.empty());

  const auto ipv6 = parse_redis_url("REDISS://:p%3Aw@[::1]:7000/15");
  ASSERT_TRUE(ipv6);
  EXPECT_TRUE(ipv6->tls);
  EXPECT_EQ(ipv6->host, "::1");
  EXPECT_EQ(ipv6->port, 7000);
  EXPECT_EQ(ipv6->user, "");
  EXPECT_EQ(ipv6->password.reveal(), "p:w");
  EXPECT_EQ(ipv6->database, 15);

  EXPECT_EQ(parse_redis_url("redis://u:p@ss@h/")->password.reveal(), "p@ss");
  EXPECT_EQ(parse_redis_url("redis://[::1]")->port, 6379);
  EXPECT_EQ(parse_redis_url("redis://h:80")->port, 80);
}

TEST(RedisUrl, RefusesTheRestWithoutItsPassword) {
  for (const char* url :
       {"", "localhost:6379", "http://h", "redis:/h", "redis://", "redis://:secret@", "redis://u:secret%@h",
        "redis://u:secret%4@h", "redis://u:secret%zz@h", "redis://secret@h", "redis://u:secret@h:0",
        "redis://u:secret@h:99999", "redis://u:secret@h/x", "redis://u:secret@h/-1", "redis://u:secret@h/1/2",
        "redis://u:secret@h?db=1", "redis://u:secret@h#1", "redis://u:secret@h h", "redis://u:secret@[::1"}) {
    const auto settings = parse_redis_url(url);
    ASSERT_FALSE(settings) << url;
    EXPECT_THAT(settings.error(), Not(HasSubstr("secret"))) << url;
  }
}

TEST(Key, IsTrimmedAndThePlaceholderIsNone) {
  EXPECT_EQ(parse_keys(" sk-a\r\n").value().at(0).reveal(), "sk-a");
  EXPECT_TRUE(parse_keys("your_openai_api_key_here").value().empty());
  EXPECT_TRUE(parse_keys("").value().empty());
  EXPECT_FALSE(parse_keys("sk-\xC3\xA9"));
  EXPECT_FALSE(parse_keys(std::string(5000, 'k')));
}

TEST(Key, SeveralStandWithCommasOrLineBreaksBetween) {
  const auto keys = parse_keys("sk-a, sk-b\n\nsk-c\n");
  ASSERT_TRUE(keys);
  ASSERT_EQ(keys->size(), 3u);
  EXPECT_EQ(keys->at(1).reveal(), "sk-b");
  EXPECT_EQ(keys->at(2).reveal(), "sk-c");
  EXPECT_FALSE(parse_keys("sk-a,sk-a"));
}

TEST(TextFault, FollowsTheTableOfUnicode) {
  for (const std::string_view text : {"\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
                                      "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_FALSE(find_text_fault(text)) << testing::PrintToString(text);
  }
  for (const std::string_view text :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xC2", "\xE1\x80", "\xF1\x80\x80"}) {
    EXPECT_TRUE(find_text_fault(text)) << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace ai_proxy::config
