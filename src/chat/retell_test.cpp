#include "chat/retell.h"

#include <gtest/gtest.h>

namespace ai_proxy::chat {
namespace {

Reply full() {
  Reply reply;
  reply.text = "Grüße 🙂";
  reply.refusal = "no";
  reply.thinking = {{"first", "sig", ""}, {"", "", "sealed"}, {"second", "", ""}};
  reply.tool_calls = {{"a", "one", R"({"x":1})"}, {"b", "two", "{}"}};
  return reply;
}

Reply told_and_gathered(const Reply& reply) {
  ReplyBuilder builder;
  EXPECT_TRUE(retell(reply, [&builder](const Delta& delta) { builder.add(delta); }));
  EXPECT_TRUE(builder.complete());
  return builder.take();
}

TEST(RetellTest, AReplyComesBackFromItsDeltas) {
  const Reply before = full();
  const Reply after = told_and_gathered(before);
  EXPECT_EQ(after.text, before.text);
  EXPECT_EQ(after.refusal, before.refusal);
  ASSERT_EQ(after.thinking.size(), before.thinking.size());
  for (std::size_t i = 0; i < before.thinking.size(); ++i) {
    EXPECT_EQ(after.thinking[i].text, before.thinking[i].text);
    EXPECT_EQ(after.thinking[i].signature, before.thinking[i].signature);
    EXPECT_EQ(after.thinking[i].redacted_data, before.thinking[i].redacted_data);
  }
  ASSERT_EQ(after.tool_calls.size(), 2u);
  EXPECT_EQ(after.tool_calls[0].id, "a");
  EXPECT_EQ(after.tool_calls[0].name, "one");
  EXPECT_EQ(after.tool_calls[0].arguments, R"({"x":1})");
  EXPECT_EQ(after.tool_calls[1].arguments, "{}");
}

TEST(RetellTest, PiecesAreJoined) {
  ReplyBuilder builder;
  const auto add = [&builder](Delta::Kind kind, std::string_view text) {
    Delta delta;
    delta.kind = kind;
    delta.text = text;
    builder.add(delta);
  };
  add(Delta::Kind::thinking, "h");
  add(Delta::Kind::thinking, "m");
  add(Delta::Kind::text, "a");
  add(Delta::Kind::text, "b");
  const Reply reply = builder.take();
  EXPECT_EQ(reply.text, "ab");
  ASSERT_EQ(reply.thinking.size(), 1u);
  EXPECT_EQ(reply.thinking[0].text, "hm");
}

TEST(RetellTest, WhatHasNoPlaceIsNotLeftOut) {
  Reply opaque;
  opaque.opaque_parts = {"{}"};
  EXPECT_FALSE(retell(opaque, [](const Delta&) { FAIL(); }));
  for (const Delta::Kind kind : {Delta::Kind::opaque, Delta::Kind::tool_call_arguments}) {
    ReplyBuilder builder;
    Delta delta;
    delta.kind = kind;
    builder.add(delta);
    EXPECT_FALSE(builder.complete());
  }
}

}  // namespace
}  // namespace ai_proxy::chat
