#include "gateway/block_cutter.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace ai_proxy::gateway {
namespace {

using Blocks = std::vector<std::string>;

// What comes out of `stream` in pieces of `size`; the last entry is what is no whole block.
Blocks cut(std::string_view stream, std::size_t size) {
  BlockCutter cutter;
  Blocks blocks;
  for (std::size_t at = 0; at < stream.size(); at += size) {
    cutter.feed(stream.substr(at, size), [&](std::string_view block) {
      blocks.emplace_back(block);
      return true;
    });
  }
  blocks.emplace_back(cutter.rest());
  return blocks;
}

TEST(BlockCutterTest, AnEmptyLineEndsABlockWhateverItsLineBreaksAndWhereverItIsCut) {
  struct Case {
    std::string_view stream;
    Blocks blocks;
  };
  const Case cases[] = {
      {"data: a\n\ndata: b\n\nda", {"data: a\n\n", "data: b\n\n", "da"}},
      {"id: 1\r\ndata: a\r\n\r\n: x\r\n\r\n", {"id: 1\r\ndata: a\r\n\r\n", ": x\r\n\r\n", ""}},
      {"data: a\r\rdata: b\r\r", {"data: a\r\r", "data: b\r\r"}},
      {"data: a\n\r\ndata: b\r\n\nc", {"data: a\n\r\n", "data: b\r\n\n", "c"}},
      {"\n\ndata: \r \n \n\n", {"\n\n", "data: \r \n \n\n", ""}},
  };
  for (const Case& one : cases) {
    for (std::size_t size = 1; size <= one.stream.size(); ++size) {
      EXPECT_EQ(cut(one.stream, size), one.blocks) << one.stream << " by " << size;
    }
  }
}

TEST(BlockCutterTest, StopsWhereItsSinkSaysSo) {
  BlockCutter cutter;
  int seen = 0;
  EXPECT_TRUE(cutter.feed("data: a\n\ndata: b\n\n", [&](std::string_view) { return ++seen > 1; }));
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(cutter.rest(), "data: b\n\n");
}

TEST(BlockCutterTest, RefusesABlockThatIsTooLarge) {
  BlockCutter cutter;
  const std::string piece(1024 * 1024, 'x');
  bool good = true;
  std::size_t fed = 0;
  for (; good && fed <= kEventBytesMax; fed += piece.size()) {
    good = cutter.feed(piece, [](std::string_view) { return true; });
  }
  EXPECT_FALSE(good);
  EXPECT_GT(fed, kEventBytesMax);
}

}  // namespace
}  // namespace ai_proxy::gateway
