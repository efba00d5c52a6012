#include "chat/tool_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace ai_proxy::chat {
namespace {

constexpr std::size_t kShort = 64;
constexpr std::size_t kLong = 128;

Request request_with(const std::vector<std::string_view>& names) {
  Request request;
  for (const std::string_view name : names) request.tools.emplace_back().name = name;
  return request;
}

std::string name_for(std::string_view name, std::size_t length_max = kShort) {
  Request request = request_with({name});
  ToolNames names;
  const auto applied = names.apply(request, length_max);
  return applied ? std::string(request.tools[0].name) : "error: " + applied.error().message;
}

Part call_of(std::string_view name) {
  return {ToolCallPart{.id = "1", .name = name, .arguments = {}}, {}};
}

Delta began(std::string_view name) {
  Delta delta;
  delta.kind = Delta::Kind::tool_call_begin;
  delta.tool_name = name;
  return delta;
}

TEST(ToolNamesTest, LeavesWhatTheProviderTakes) {
  const std::string longest(kShort, 'n');
  for (const std::string& name : {std::string("weather"), std::string("a-b_C9"), std::string("0"), longest})
    EXPECT_EQ(name_for(name), name);
  EXPECT_EQ(name_for(std::string(kLong, 'n'), kLong), std::string(kLong, 'n'));
  EXPECT_EQ(name_for("any name, will do", 0), "any name, will do");
}

TEST(ToolNamesTest, MakesAliasesThatAModelCanRead) {
  // The digits are those of: printf %s NAME | sha256sum
  EXPECT_EQ(name_for("weather.today v2"), "weather_today_v2_f5a6315c");
  EXPECT_EQ(name_for("mcp://server/tool"), "mcp_server_tool_c2e3cd47");
  EXPECT_EQ(name_for("天气"), "tool_4d947325");
  EXPECT_EQ(name_for(std::string(65, 'n')), std::string(55, 'n') + "_1e3fb6d5");
}

TEST(ToolNamesTest, MakesTheSameAliasInEveryTurnAndForEveryProvider) {
  const std::string name(200, 'x');
  EXPECT_EQ(name_for(name, kShort), name_for(name, kLong));
  EXPECT_EQ(name_for(name, kShort).size(), kShort);
}

TEST(ToolNamesTest, RenamesTheChoiceAndTheHistoryAlike) {
  Request request = request_with({"get weather", "clock"});
  request.tool_choice = {.mode = ToolChoiceMode::named, .name = "get weather"};
  Message& turn = request.messages.emplace_back();
  turn.role = Role::assistant;
  turn.parts = {call_of("get weather"), call_of("clock"), call_of("gone.tool")};
  ToolNames names;
  ASSERT_TRUE(names.apply(request, kShort));
  const std::string_view alias = request.tools[0].name;
  EXPECT_TRUE(alias.starts_with("get_weather_")) << alias;
  EXPECT_EQ(request.tools[1].name, "clock");
  EXPECT_EQ(request.tool_choice->name, alias);
  EXPECT_EQ(std::get<ToolCallPart>(turn.parts[0].kind).name, alias);
  EXPECT_EQ(std::get<ToolCallPart>(turn.parts[1].kind).name, "clock");
  EXPECT_TRUE(std::get<ToolCallPart>(turn.parts[2].kind).name.starts_with("gone_tool_"));
}

TEST(ToolNamesTest, GivesTheCallerItsOwnNameBack) {
  Request request = request_with({"get weather", "clock"});
  ToolNames names;
  ASSERT_TRUE(names.apply(request, kShort));
  const std::string alias(request.tools[0].name);
  Reply reply;
  for (const std::string& name : {alias, std::string("clock"), std::string("unknown")})
    reply.tool_calls.emplace_back().name = name;
  names.restore(reply);
  EXPECT_EQ(reply.tool_calls[0].name, "get weather");
  EXPECT_EQ(reply.tool_calls[1].name, "clock");
  EXPECT_EQ(reply.tool_calls[2].name, "unknown");
  EXPECT_EQ(names.restored(began(alias)).tool_name, "get weather");
  EXPECT_EQ(names.restored(began("clock")).tool_name, "clock");
  Delta text;
  text.text = alias;
  EXPECT_EQ(names.restored(text).text, alias);
}

TEST(ToolNamesTest, MakesAnotherAliasWhereOneIsTaken) {
  const std::string first = name_for("get weather");
  Request request = request_with({"get weather", first, "get/weather"});
  ToolNames names;
  ASSERT_TRUE(names.apply(request, kShort));
  EXPECT_NE(request.tools[0].name, first);
  EXPECT_TRUE(request.tools[0].name.starts_with("get_weather_"));
  EXPECT_EQ(request.tools[1].name, first);
  EXPECT_NE(request.tools[2].name, request.tools[0].name);
  EXPECT_EQ(names.restored(began(first)).tool_name, first);
  EXPECT_EQ(names.restored(began(request.tools[0].name)).tool_name, "get weather");
  EXPECT_EQ(names.restored(began(request.tools[2].name)).tool_name, "get/weather");
}

// A request that is tried at one provider may be tried at the next.
TEST(ToolNamesTest, IsAppliedForOneProviderAfterTheOther) {
  const std::string hundred(100, 'h');
  Request request = request_with({hundred, "a b"});
  ToolNames names;
  ASSERT_TRUE(names.apply(request, kLong));
  EXPECT_EQ(request.tools[0].name, hundred);
  const std::string spaced(request.tools[1].name);
  ASSERT_TRUE(names.apply(request, kShort));
  const std::string cut(request.tools[0].name);
  EXPECT_EQ(cut.size(), kShort);
  EXPECT_EQ(request.tools[1].name, spaced);
  ASSERT_TRUE(names.apply(request, kLong));
  EXPECT_EQ(names.restored(began(cut)).tool_name, hundred);
  EXPECT_EQ(names.restored(began(spaced)).tool_name, "a b");
}

TEST(ToolNamesTest, NamesWhatCannotBeRenamed) {
  EXPECT_EQ(name_for(""), "error: The provider takes no tool without a name.");

  Request request = request_with({"fine", "not fine"});
  request.tools[1].raw = R"({"type":"custom","custom":{"name":"not fine"}})";
  ToolNames names;
  const auto applied = names.apply(request, kShort);
  ASSERT_FALSE(applied);
  EXPECT_THAT(applied.error().message, testing::HasSubstr("\"not fine\""));
  EXPECT_EQ(applied.error().parameter, "tools[1].function.name");

  request = request_with({""});
  request.tools[0].raw = R"({"type":"web_search"})";
  EXPECT_TRUE(names.apply(request, kShort));

  request.messages.emplace_back().parts.push_back(call_of(""));
  const auto unnamed = names.apply(request, kShort);
  ASSERT_FALSE(unnamed);
  EXPECT_EQ(unnamed.error().parameter, "messages[0].tool_calls");
}

}  // namespace
}  // namespace ai_proxy::chat
