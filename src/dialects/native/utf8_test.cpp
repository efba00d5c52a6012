#include "dialects/native/utf8.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/json.h"

namespace ai_proxy::dialects::native {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(NativeUtf8, EscapesWhatJsonMustEscapeAtEveryOffset) {
  // The fast way takes eight bytes at a time: no place may be special.
  for (std::size_t length = 0; length < 40; ++length) {
    const std::string plain(length, '~');
    EXPECT_EQ(json_string(plain), "\"" + plain + "\"");
    for (std::size_t place = 0; place <= length; ++place) {
      for (int c = 0; c < 0x20; ++c) {
        std::string text = plain;
        text.insert(place, 1, static_cast<char>(c));
        const std::string written = json_string(text);
        json::Document document;
        ASSERT_FALSE(document.parse(written)) << c << " at " << place << " of " << length;
        ASSERT_EQ(document.root().string(), text);
      }
      for (const char c : {'"', '\\', '\x7f', '/', ' '}) {
        std::string text = plain;
        text.insert(place, 1, c);
        const std::string written = json_string(text);
        json::Document document;
        ASSERT_FALSE(document.parse(written));
        ASSERT_EQ(document.root().string(), text);
      }
    }
  }
}

TEST(NativeUtf8, ReplacesIllFormedTextAsTheCorpusSays) {
  const char* shared = std::getenv("AI_PROXY_SHARED");
  const std::filesystem::path file =
      std::filesystem::path(shared != nullptr ? shared : SOURCE_DIR "/../shared") /
      "data/corpora/utf8/vectors.json";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "the corpora are not at hand (AI_PROXY_SHARED)";
  std::ifstream stream(file);
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  json::Document corpus;
  ASSERT_FALSE(corpus.parse(text));
  std::size_t judged = 0;
  for (const json::Value vector : corpus.root()["vectors"]) {
    const std::string_view hex = vector["hex"].string_or("");
    std::string bytes;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
      bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    }
    for (const std::string_view before : {"", "seven..", "eight..."}) {
      json::Document document;
      const std::string written = json_string(std::string(before) + bytes + "after it come some more");
      ASSERT_FALSE(document.parse(written)) << vector["id"].raw();
      EXPECT_EQ(document.root().string(), std::string(before)
                                              .append(vector["decoded_with_replacement"].string_or("?"))
                                              .append("after it come some more"))
          << vector["id"].raw();
    }
    ++judged;
  }
  EXPECT_EQ(judged, corpus.root()["vectors"].size());
  EXPECT_EQ(judged, 94u);
}

TEST(NativeUtf8, CountsCharactersAndFindsInvisibleOnes) {
  EXPECT_EQ(count_characters("aü😀"), 3u);
  EXPECT_FALSE(holds_invisible("gpt-4o ü 😀 / : @"));
  for (const char* text : {"\t", "\x7f", "\u0080", "a\u200e", "\u202e", "\u2028", "x\u2069", "\u061c"}) {
    EXPECT_TRUE(holds_invisible(text)) << text;
  }
}

}  // namespace
}  // namespace ai_proxy::dialects::native
