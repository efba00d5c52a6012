#include "app/memory_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace ai_proxy::app {
namespace {

using http::Pressure;

TEST(MemoryWatch, RisesStepByStepByTheTighterLimit) {
  const MemoryLimits limits{.resident_max = 1000, .address_space_max = 10'000};
  EXPECT_EQ(pressure_of({.resident = 849, .address_space = 8499}, limits), Pressure::none);
  EXPECT_EQ(pressure_of({.resident = 850, .address_space = 0}, limits), Pressure::saving);
  EXPECT_EQ(pressure_of({.resident = 0, .address_space = 9000}, limits), Pressure::refusing);
  EXPECT_EQ(pressure_of({.resident = 950, .address_space = 9000}, limits), Pressure::shedding);
  EXPECT_EQ(pressure_of({.resident = 1 << 30, .address_space = 1 << 30}, {}), Pressure::none);
}

TEST(MemoryWatch, SaysHowMuchIsLeftOrTooMuch) {
  const MemoryLimits limits{.resident_max = 1000, .address_space_max = 10'000};
  EXPECT_EQ(room_of({.resident = 900, .address_space = 0}, limits), 50);
  EXPECT_EQ(room_of({.resident = 900, .address_space = 9480}, limits), 20);
  EXPECT_EQ(room_of({.resident = 960, .address_space = 9600}, limits), -100);
  EXPECT_GT(room_of({.resident = 1 << 30, .address_space = 1 << 30}, {}), std::int64_t{1} << 60);
}

TEST(MemoryWatch, TakesTheConfiguredLimitAndNoneForNought) {
  EXPECT_EQ(memory_limits(100u << 20).resident_max, 100u << 20);
  EXPECT_EQ(memory_limits(0).resident_max, 0u);
  EXPECT_EQ(memory_limits(0).address_space_max, 0u);
}

TEST(MemoryWatch, SeesWhatThisProcessHolds) {
  const MemoryWatch watch;
  const auto before = watch.use();
  ASSERT_TRUE(before);
  EXPECT_GT(before->resident, 1u << 20);
  EXPECT_GE(before->address_space, before->resident);
  const std::vector<char> held(64u << 20, 'x');
  EXPECT_GE(watch.use()->resident, before->resident + (60u << 20));
  EXPECT_EQ(held.back(), 'x');
}

}  // namespace
}  // namespace ai_proxy::app
