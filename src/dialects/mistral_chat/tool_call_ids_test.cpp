#include "dialects/mistral_chat/tool_call_ids.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace ai_proxy::dialects::mistral_chat {
namespace {

chat::Request request_with(const std::vector<std::string>& ids) {
  chat::Request request;
  for (const std::string& id : ids) {
    chat::Message call;
    call.role = chat::Role::assistant;
    call.parts.push_back(
        {.kind = chat::ToolCallPart{.id = id, .name = "f", .arguments = "{}"}, .cache_control = {}});
    chat::Message result;
    result.role = chat::Role::tool;
    result.parts.push_back(
        {.kind = chat::ToolResultPart{.tool_call_id = id, .content = {}}, .cache_control = {}});
    request.messages.push_back(std::move(call));
    request.messages.push_back(std::move(result));
  }
  return request;
}

bool fits(std::string_view id) {
  return id.size() == 9 &&
         id.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") ==
             std::string_view::npos;
}

TEST(MistralToolCallIds, KeepsWhatFits) {
  const std::vector<std::string> ids{"D681PevKs", "000000000"};
  const chat::Request request = request_with(ids);
  const ToolCallIds sent(request);
  for (const std::string& id : ids) EXPECT_EQ(sent.of(id), id);
}

TEST(MistralToolCallIds, MapsForeignIdsToNineDistinctCharacters) {
  const std::vector<std::string> ids{"call_PTLP8xAAAA",
                                     "call_PTLP8xBBBB",
                                     "toolu_01AbCdEf",
                                     "turn1_0",
                                     "",
                                     "日本",
                                     "chatcmpl-tool-9f149c74c42f265b"};
  const chat::Request request = request_with(ids);
  const ToolCallIds sent(request);
  std::set<std::string_view> distinct;
  for (const std::string& id : ids) {
    EXPECT_TRUE(fits(sent.of(id))) << sent.of(id);
    distinct.insert(sent.of(id));
  }
  EXPECT_EQ(distinct.size(), ids.size());
}

TEST(MistralToolCallIds, MapsTheSameIdTheSameInEveryRequest) {
  const std::vector<std::string> one{"call_1"};
  const std::vector<std::string> many{"call_0", "call_1", "abcdefghi"};
  const chat::Request first = request_with(one);
  const chat::Request second = request_with(many);
  EXPECT_EQ(ToolCallIds(first).of("call_1"), ToolCallIds(second).of("call_1"));
}

TEST(MistralToolCallIds, GivesWayToAnIdThatFitsAndAlreadyStandsThere) {
  const std::vector<std::string> foreign{"call_1"};
  const chat::Request probe = request_with(foreign);
  const std::string taken(ToolCallIds(probe).of("call_1"));
  const std::vector<std::string> both{"call_1", taken};
  const chat::Request request = request_with(both);
  const ToolCallIds sent(request);
  EXPECT_EQ(sent.of(taken), taken);
  EXPECT_NE(sent.of("call_1"), taken);
  EXPECT_TRUE(fits(sent.of("call_1")));
}

}  // namespace
}  // namespace ai_proxy::dialects::mistral_chat
