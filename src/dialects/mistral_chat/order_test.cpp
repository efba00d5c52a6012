// The order of the messages that Mistral gets: what its strict rules refuse is mended, or an error that names
// the message.
#include <gtest/gtest.h>

#include "dialects/chat_completions/request_fixture.h"
#include "dialects/dialects.h"

namespace ai_proxy::dialects {
namespace {

namespace fixture = chat_completions::fixture;

struct Order {
  std::string text;   // "system:a user:b assistant:c+1 tool:d"
  std::string error;  // "parameter: message"
  std::vector<std::string> warnings;
};

std::string line_of(const json::Value& message) {
  std::string line(message["role"].string_or("?"));
  line.append(":").append(message["content"].string_or("[]"));
  if (const std::size_t calls = message["tool_calls"].size(); calls > 0)
    line.append("+").append(std::to_string(calls));
  if (message["prefix"].boolean_or(false)) line.append("!");
  return line;
}

Order order_of(const std::string& messages) {
  const std::string text = R"({"messages":[)" + messages + "]}";
  json::Document document;
  EXPECT_FALSE(document.parse(text)) << text;
  const chat::Request request = fixture::request_of(document.root());
  chat::Warnings warnings;
  const auto body = kMistralChat.render_request(request, "m", {}, warnings);
  Order order;
  order.warnings = warnings.list();
  if (!body) {
    order.error = body.error().parameter + ": " + body.error().message;
    return order;
  }
  json::Document rendered;
  EXPECT_FALSE(rendered.parse(*body)) << *body;
  for (const json::Value message : rendered.root()["messages"]) {
    if (!order.text.empty()) order.text.append(" ");
    order.text.append(line_of(message));
  }
  return order;
}

std::string said(std::string_view role, std::string_view text) {
  std::string message = R"({"role":")";
  return message.append(role).append(R"(","content":")").append(text).append(R"("})");
}

std::string calls(std::initializer_list<std::string_view> ids) {
  std::string message = R"({"role":"assistant","tool_calls":[)";
  for (const std::string_view id : ids) {
    if (message.back() != '[') message.push_back(',');
    message.append(R"({"id":")").append(id).append(R"(","function":{"name":"f","arguments":"{}"}})");
  }
  return message.append("]}");
}

std::string result(std::string_view id, std::string_view text) {
  std::string message = R"({"role":"tool","tool_call_id":")";
  return message.append(id).append(R"(","content":")").append(text).append(R"("})");
}

TEST(MistralOrder, PutsLaterSystemMessagesBehindTheFirst) {
  const Order order =
      order_of(said("system", "a") + "," + said("user", "b") + "," + said("developer", "c") + "," +
               said("assistant", "d") + "," + said("system", "e") + "," + said("user", "f"));
  EXPECT_EQ(order.text, "system:a system:c system:e user:b assistant:d user:f");
  EXPECT_EQ(order.warnings,
            std::vector<std::string>{
                "messages: Mistral takes system messages only at the start; later ones were moved there."});
}

TEST(MistralOrder, LeavesAGoodOneAlone) {
  const Order order = order_of(said("system", "a") + "," + said("system", "b") + "," + said("user", "c") +
                               "," + calls({"c1"}) + "," + result("c1", "d") + "," + said("assistant", "e") +
                               "," + said("user", "f"));
  EXPECT_EQ(order.text, "system:a system:b user:c assistant:+1 tool:d assistant:e user:f");
  EXPECT_TRUE(order.warnings.empty());
}

// A trailing assistant message would be gone on with, which nobody asked for.
TEST(MistralOrder, SystemMessagesBehindTheLastAnswerBecomeTheUsers) {
  const Order order = order_of(said("user", "a") + "," + said("assistant", "b") + "," + said("system", "c") +
                               "," + said("developer", "d"));
  EXPECT_EQ(order.text, "user:a assistant:b user:c user:d");
  EXPECT_EQ(order.warnings.size(), 2u);
  EXPECT_EQ(order_of(said("user", "a") + "," + said("system", "b")).text, "system:b user:a");
  EXPECT_EQ(
      order_of(said("user", "a") + "," + calls({"c1"}) + "," + result("c1", "r") + "," + said("system", "b"))
          .text,
      "system:b user:a assistant:+1 tool:r");
}

TEST(MistralOrder, NeedsMoreThanSystemMessages) {
  EXPECT_EQ(order_of(said("system", "a")).error,
            "messages: Mistral needs at least one user message with content.");
  EXPECT_EQ(order_of(said("assistant", "")).error,
            "messages: Mistral needs at least one user message with content.");
}

TEST(MistralOrder, AnAssistantStandsBetweenAToolAndAUser) {
  const std::string turn = calls({"c1"}) + "," + result("c1", "r");
  const Order order = order_of(said("user", "a") + "," + turn + "," + said("user", "b") + "," + turn + "," +
                               said("system", "s") + "," + said("user", "c"));
  EXPECT_EQ(
      order.text,
      "system:s user:a assistant:+1 tool:r assistant:OK user:b assistant:+1 tool:r assistant:OK user:c");
  EXPECT_EQ(order.warnings.size(), 2u) << "each is told once";
  EXPECT_EQ(
      order_of(said("user", "a") + "," + turn + "," + said("assistant", "") + "," + said("user", "b")).text,
      "user:a assistant:+1 tool:r assistant:OK user:b")
      << "an empty one does not count";
}

TEST(MistralOrder, ResultsStandRightBehindTheirCalls) {
  const Order order = order_of(said("user", "a") + "," + calls({"c1", "c2"}) + "," + said("user", "") + "," +
                               result("c2", "2") + "," + said("assistant", "b") + "," + result("c1", "1"));
  EXPECT_EQ(order.text, "user:a assistant:+2 tool:2 tool:1 assistant:b!");
  EXPECT_EQ(order.warnings,
            std::vector<std::string>{"messages[2]: an empty user message after a tool's says nothing; it was "
                                     "left out."});
}

TEST(MistralOrder, NamesCallsWithoutResults) {
  const std::string error =
      "messages[1].tool_calls: Mistral needs one result for each tool call, and this message has calls "
      "without.";
  EXPECT_EQ(order_of(said("user", "a") + "," + calls({"c1", "c2"}) + "," + result("c1", "1")).error, error);
  EXPECT_EQ(order_of(said("user", "a") + "," + calls({"c1"})).error, error);
}

TEST(MistralOrder, NamesResultsNobodyAskedFor) {
  EXPECT_EQ(order_of(said("user", "a") + "," + result("c1", "1")).error,
            "messages[1].tool_call_id: There is no tool call before this result that has its id.");
  EXPECT_EQ(
      order_of(said("user", "a") + "," + calls({"c1"}) + "," + result("c1", "1") + "," + result("c1", "2"))
          .error,
      "messages[3].tool_call_id: Another result has answered this tool call already.");
}

TEST(MistralOrder, AResultOfNoKnownCallAnswersTheOnlyOneThatWaits) {
  const Order order = order_of(said("user", "a") + "," + calls({"c1", "c2"}) + "," + result("c1", "1") + "," +
                               result("else", "2"));
  EXPECT_EQ(order.text, "user:a assistant:+2 tool:1 tool:2");
  EXPECT_EQ(order.warnings, std::vector<std::string>{
                                "messages[3].tool_call_id: no tool call has this id; it was taken for the "
                                "one that waits for a result."});
  EXPECT_FALSE(
      order_of(said("user", "a") + "," + calls({"c1", "c2"}) + "," + result("else", "2")).error.empty());
}

TEST(MistralOrder, TheSameIdMayComeAgainInALaterTurn) {
  const std::string turn = calls({"c1"}) + "," + result("c1", "r");
  EXPECT_EQ(order_of(said("user", "a") + "," + turn + "," + turn).text,
            "user:a assistant:+1 tool:r assistant:+1 tool:r");
}

}  // namespace
}  // namespace ai_proxy::dialects
