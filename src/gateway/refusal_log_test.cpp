#include "gateway/refusal_log.h"

#include <gtest/gtest.h>

namespace ai_proxy::gateway {
namespace {

using namespace std::chrono_literals;

TEST(RefusalLog, HasTenLinesASecondAndCountsTheOthers) {
  RefusalLog log;
  const http::Clock::time_point start = http::Clock::now();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(log.may_log(start + 10ms * i));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(log.may_log(start + 900ms));
  EXPECT_EQ(log.take_unlogged(), 5u);
  EXPECT_EQ(log.take_unlogged(), 0u);
  EXPECT_TRUE(log.may_log(start + 1s));
}

}  // namespace
}  // namespace ai_proxy::gateway
