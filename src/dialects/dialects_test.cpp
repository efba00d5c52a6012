#include "dialects/dialects.h"

#include <gtest/gtest.h>

namespace ai_proxy::dialects {
namespace {

bool beyond(std::string_view call) {
  json::Document document;
  EXPECT_FALSE(document.parse(call)) << call;
  return asks_beyond_a_reply(document.root());
}

TEST(Dialects, AsksBeyondAReplyWhoWantsFurtherChoicesOrLogProbabilities) {
  EXPECT_TRUE(beyond(R"({"n":2})"));
  EXPECT_TRUE(beyond(R"({"logprobs":true})"));
  EXPECT_TRUE(beyond(R"({"top_logprobs":3})"));
  EXPECT_TRUE(beyond(R"({"include":["reasoning.encrypted_content","message.output_text.logprobs"]})"));
  EXPECT_FALSE(
      beyond(R"({"n":1,"logprobs":false,"top_logprobs":0,"include":["reasoning.encrypted_content"]})"));
  EXPECT_FALSE(beyond(R"({"n":null,"logprobs":null,"include":null,"messages":[{"n":2}]})"));
}

}  // namespace
}  // namespace ai_proxy::dialects
