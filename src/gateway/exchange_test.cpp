#include "gateway/exchange.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace ai_proxy::gateway {
namespace {

std::string value_of(const std::string& fields, std::string_view name) {
  const std::string begin = std::string(name) + ": ";
  EXPECT_TRUE(fields.starts_with(begin)) << fields;
  EXPECT_TRUE(fields.ends_with("\r\n")) << fields;
  return fields.substr(begin.size(), fields.size() - begin.size() - 2);
}

std::string harmless(std::string_view value) {
  std::string fields;
  append_foreign_field(fields, "x-name", value);
  return value_of(fields, "x-name");
}

// Case F3. Every byte there is, alone and within others.
TEST(ForeignField, KeepsPlainBytesAndMarksEveryOther) {
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const char shown = byte >= 0x20 && byte < 0x7f ? c : '?';
    EXPECT_EQ(harmless(std::string(1, c)), std::string(1, shown)) << byte;
    EXPECT_EQ(harmless(std::string("a") + c + c + "b"), std::string("a") + shown + shown + "b") << byte;
  }
  EXPECT_EQ(harmless(""), "");
}

TEST(ForeignField, IsOneLineWhateverItsValue) {
  using namespace std::string_view_literals;
  EXPECT_EQ(harmless("a\r\nx-evil: 1"), "a??x-evil: 1");
  EXPECT_EQ(harmless("a\nx-evil: 1"), "a?x-evil: 1");
  EXPECT_EQ(harmless("a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), "a????HTTP/1.1 200 OK????");
  EXPECT_EQ(harmless("a\0b\0"sv), "a?b?");
  // U+010A ends in the byte of a line feed where somebody keeps the last eight bits only; here it is two
  // marks.
  EXPECT_EQ(harmless("a\u010Ab"), "a??b");
  EXPECT_EQ(harmless(" a\tb "), " a?b ");
}

TEST(ForeignField, LeavesTheLinesBeforeItAlone) {
  std::string fields = "x-first: 1\r\n";
  append_foreign_field(fields, "x-second", "a\r\nb");
  append_foreign_field(fields, "x-third", "\r\n");
  EXPECT_EQ(fields, "x-first: 1\r\nx-second: a??b\r\nx-third: ??\r\n");
  EXPECT_EQ(std::ranges::count(fields, '\n'), 3);
}

}  // namespace
}  // namespace ai_proxy::gateway
