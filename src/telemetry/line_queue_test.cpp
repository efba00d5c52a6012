#include "telemetry/line_queue.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ai_proxy::telemetry {
namespace {

struct Taken {
  std::vector<std::string> lines;
  std::size_t markers = 0;
};

Taken take_all(LineQueue& queue) {
  LineBatch batch;
  queue.take(batch);
  Taken taken;
  while (!batch.empty()) {
    const LineBatch::Line line = batch.take();
    if (line.kind == LineKind::marker) {
      ++taken.markers;
    } else {
      taken.lines.emplace_back(line.text);
    }
  }
  return taken;
}

TEST(LineQueue, GivesLinesInTheirOrderWithTheirKind) {
  LineQueue queue;
  EXPECT_FALSE(queue.has_lines());
  queue.push(LineKind::message, "one\n");
  queue.push(LineKind::access, "");
  queue.push(LineKind::access, "two\n");
  EXPECT_TRUE(queue.has_lines());
  LineBatch batch;
  queue.take(batch);
  EXPECT_EQ(batch.take().kind, LineKind::message);
  EXPECT_EQ(batch.take().text, "");
  const LineBatch::Line last = batch.take();
  EXPECT_EQ(last.kind, LineKind::access);
  EXPECT_EQ(last.text, "two\n");
  EXPECT_TRUE(batch.empty());
  EXPECT_FALSE(queue.has_lines());
}

TEST(LineQueue, DropsTheOldestAndCountsThemButNoMarker) {
  LineQueue queue;
  queue.push(LineKind::marker, {});
  const std::string filler(1000, '.');
  const std::size_t pushed = 2 * LineQueue::kBytesMax / filler.size();
  for (std::size_t i = 0; i < pushed; ++i) queue.push(LineKind::access, std::to_string(i) + filler);
  const Taken taken = take_all(queue);
  EXPECT_EQ(taken.markers, 1u);
  EXPECT_EQ(taken.lines.size() + queue.dropped(), pushed);
  EXPECT_GT(queue.dropped(), 0u);
  EXPECT_GE(taken.lines.size(), LineQueue::kBytesMax / 2 / (filler.size() + 16));
  EXPECT_EQ(taken.lines.back(), std::to_string(pushed - 1) + filler);
  EXPECT_EQ(taken.lines.front(), std::to_string(queue.dropped()) + filler);
}

}  // namespace
}  // namespace ai_proxy::telemetry
