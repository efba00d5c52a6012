#include <gtest/gtest.h>

#include "base/json.h"
#include "dialects/openai_chat/door_answer.h"

namespace ai_proxy::dialects::openai_chat {
namespace {

std::string filtered(std::string_view data) {
  json::Document document;
  if (document.parse(data, json::kProviderLimits)) return std::string(data);
  std::string shown(document.root().raw());
  if (const std::string_view hidden = hidden_part(document.root()); !hidden.empty())
    shown.erase(static_cast<std::size_t>(hidden.data() - document.root().raw().data()), hidden.size());
  return shown;
}

TEST(OpenAiDoorFilter, A5UsageThatWasNotAskedForIsLeftOut) {
  EXPECT_EQ(filtered(R"({"id":"x","choices":[{"index":0}],"usage":null})"),
            R"({"id":"x","choices":[{"index":0}]})");
  EXPECT_EQ(filtered(R"({"usage": null, "choices":[{"index":0}]})"), R"({ "choices":[{"index":0}]})");
  EXPECT_EQ(filtered(R"({"a":1 , "usage":{"prompt_tokens":1},"choices":[{}],"b":2})"),
            R"({"a":1 ,"choices":[{}],"b":2})");
  EXPECT_EQ(filtered(R"({"choices":[{}],"usage":"usage","b":1})"), R"({"choices":[{}],"b":1})");
  EXPECT_EQ(filtered(R"({"usage":null})"), "{}");
  EXPECT_EQ(filtered(R"({"id":"x","choices":[],"usage":{"prompt_tokens":1}})"), "");
  EXPECT_EQ(
      filtered(R"({"choices":[{"delta":{"content":",\"usage\":null"}}],"usage":null,"obfuscation":"a}b"})"),
      R"({"choices":[{"delta":{"content":",\"usage\":null"}}],"obfuscation":"a}b"})");
  EXPECT_EQ(filtered(R"({"choices":[{}],"usage":null,"obfuscation":"ab","n":1})"),
            R"({"choices":[{}],"obfuscation":"ab","n":1})");
}

TEST(OpenAiDoorFilter, EverythingElseStandsByteForByte) {
  for (const char* data :
       {"[DONE]", R"({"choices":[],"moderation":{}})", R"({"choices":[{"delta":{"content":"\"usage\""}}]})",
        R"({"choices":[{"delta":{"usage":1}}]})", R"({"choices":[{"delta":{"a":1,"usage":null}}]})",
        R"({"choices":[{"a":1,"usage":null}],"b":1})", R"({"usage":)",
        R"({"choices":[{}],"a":"usage","us\u0061ge":null})"}) {
    EXPECT_EQ(filtered(data), data);
  }
}

}  // namespace
}  // namespace ai_proxy::dialects::openai_chat
