#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace ai_proxy::json {
namespace {

// All that can be asked of a value and what is in it.
void tell(const Value& value, std::string& out) {
  out.append(std::to_string(static_cast<int>(value.type()))).append(" ").append(value.key()).append("=");
  out.append(value.raw()).append("/").append(value.string_or("-")).append("\n");
  for (const Value inner : value) tell(inner, out);
}

std::string told(Document& document, std::string_view text) {
  if (document.parse(text, kProviderLimits)) return "fault";
  std::string out;
  tell(document.root(), out);
  return out;
}

// What a document that has read `before` makes of `text`, and then of `before` again, is what one makes that
// has read nothing.
void expect_same(std::string_view before, std::string_view text) {
  Document used;
  told(used, before);
  Document fresh;
  EXPECT_EQ(told(used, text), told(fresh, text)) << before << "\n" << text;
  Document fresh_again;
  EXPECT_EQ(told(used, before), told(fresh_again, before)) << before << "\n" << text;
}

const std::vector<std::string_view> kTexts{
    R"({"id":"chatcmpl-1","n":1,"choices":[{"index":0,"delta":{"content":"Hello"},"end":null}],"usage":null})",
    R"({"id":"chatcmpl-1","n":1,"choices":[{"index":0,"delta":{"content":""},"end":null}],"usage":null})",
    R"({"id":"chatcmpl-1","n":1,"choices":[{"index":0,"delta":{"content":"Hello, world"},"end":null}],"usage":null})",
    R"({"id":"chatcmpl-1","n":1,"choices":[{"index":0,"delta":{"content":"a\nb"},"end":null}],"usage":null})",
    R"({"id":"chatcmpl-1","n":1,"choices":[{"index":0,"delta":{"content":"a\"b"},"end":null}],"usage":null})",
    R"({"id":"chatcmpl-1","n":1,"choices":[{"index":0,"delta":{"content":"grün"},"end":null}],"usage":null})",
    R"({"id":"chatcmpl-1","n":1,"choices":[{"index":0,"delta":{"content":"größer"},"end":null}],"usage":null})",
    R"({"id":"chatcmpl-1","n":1,"choices":[{"index":0,"delta":{"content":"x"},"end":"stop"}],"usage":null})",
    R"({"id":"chatcmpl-1","n":2,"choices":[{"index":0,"delta":{"content":"x"},"end":null}],"usage":null})",
    R"({"id":"chatcmpl-1","n":1,"choices":[{"index":0,"delta":{"refusal":"x"},"end":null}],"usage":null})",
    R"({"id":"other","n":1,"choices":[{"index":0,"delta":{"content":"y, z"},"end":null}],"usage":null,"pad":"ab"})",
    R"({"id":"another one","n":1,"choices":[{"index":0,"delta":{"content":"q"},"end":null}],"usage":null,"pad":"abcd"})",
    R"(["a","b","c","d","e","f"])",
    R"(["1","22","333","","55555","6"])",
    R"("alone")",
    R"("")",
    R"({"":"empty name","a":{"":""}})",
    R"({"":"","a":{"":"x"}})",
    R"({"a":1})",
    R"({"a":)",
    "",
};

TEST(JsonReread, ATextLikeTheOneBeforeIsReadAsAnyOther) {
  for (const std::string_view before : kTexts) {
    for (const std::string_view text : kTexts) expect_same(before, text);
  }
}

TEST(JsonReread, OneByteMoreOrLessOrOtherIsSeen) {
  constexpr std::string_view kBytes("\"\\{}[],: x\x01\x80\xc3\0", 15);
  for (const std::string_view text : kTexts) {
    for (std::size_t at = 0; at < text.size(); ++at) {
      std::string shorter(text);
      shorter.erase(at, 1);
      expect_same(text, shorter);
      for (const char c : kBytes) {
        std::string other(text);
        other[at] = c;
        expect_same(text, other);
        expect_same(text, std::string(text).insert(at, 1, c));
      }
    }
  }
}

TEST(JsonReread, OtherLimitsAreKept) {
  Document document;
  EXPECT_FALSE(document.parse(std::string_view(R"({"a":"1","a":"2"})"), kProviderLimits));
  EXPECT_TRUE(document.parse(std::string_view(R"({"a":"1","a":"3"})")));
}

}  // namespace
}  // namespace ai_proxy::json
