// testdata/CASE.request.json, rendered, is testdata/CASE.call.json: {"warnings":[…],"body":…}, byte for byte.
// AI_PROXY_WRITE_GOLDEN=1 writes the .call.json files anew; read the difference before committing it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "base/json_writer.h"
#include "dialects/anthropic_messages/chat_request_for_tests.h"

namespace ai_proxy::dialects::anthropic_messages {
namespace {

const std::filesystem::path kFolder = SOURCE_DIR "/src/dialects/anthropic_messages/testdata";

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> cases() {
  constexpr std::string_view kSuffix = ".request.json";
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kSuffix)) names.push_back(name.substr(0, name.size() - kSuffix.size()));
  }
  std::ranges::sort(names);
  return names;
}

struct Rendered {
  json::Document source;
  std::string text;
  std::string body;
  std::string call;  // what the .call.json file holds
};

void render(const std::string& name, Rendered& rendered) {
  rendered.text = text_of(kFolder / (name + ".request.json"));
  ASSERT_FALSE(rendered.source.parse(rendered.text)) << name;
  const json::Value root = rendered.source.root();
  chat::Warnings warnings;
  const chat::Request request = for_tests::request_of(root);
  const auto body = render_request(request, request.model, for_tests::traits_of(root["_traits"]), warnings);
  ASSERT_TRUE(body) << name << ": " << body.error().message;
  rendered.body = *body;
  rendered.call = "{\"warnings\":[";
  for (const std::string& warning : warnings.list()) {
    rendered.call.append(&warning == warnings.list().data() ? "\n" : ",\n");
    json::Writer(rendered.call).string(warning);
  }
  rendered.call.append("],\n\"body\":").append(*body).append("}\n");
}

class AnthropicGolden : public testing::TestWithParam<std::string> {};

TEST_P(AnthropicGolden, RendersTheCall) {
  Rendered rendered;
  ASSERT_NO_FATAL_FAILURE(render(GetParam(), rendered));
  const auto path = kFolder / (GetParam() + ".call.json");
  if (std::getenv("AI_PROXY_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << rendered.call;
  EXPECT_EQ(rendered.call, text_of(path));
}

// What the API refuses with a 400, checked without looking at how we render.
void check_turn(const json::Value& turn, const std::set<std::string_view>& calls) {
  bool past_results = false;
  std::set<std::string_view> answered;
  for (const json::Value block : turn["content"]) {
    const std::string_view type = block["type"].string_or("");
    if (type == "text") {
      EXPECT_FALSE(block["text"].string_or("").empty());
    }
    if (type == "tool_result") {
      EXPECT_FALSE(past_results) << "tool results come first";
      answered.insert(block["tool_use_id"].string_or(""));
    } else {
      past_results = true;
    }
  }
  EXPECT_EQ(answered, calls) << "every call of the turn before is answered here";
}

std::size_t count_of(std::string_view text, std::string_view piece) {
  std::size_t count = 0;
  for (std::size_t at = text.find(piece); at != std::string_view::npos; at = text.find(piece, at + 1))
    ++count;
  return count;
}

TEST_P(AnthropicGolden, KeepsTheRulesOfTheApi) {
  Rendered rendered;
  ASSERT_NO_FATAL_FAILURE(render(GetParam(), rendered));
  json::Document document;
  ASSERT_FALSE(document.parse(rendered.body)) << rendered.body;
  const json::Value root = document.root();
  EXPECT_GE(root["max_tokens"].integer_or(0), 1);
  EXPECT_EQ(root["messages"][0]["role"].string_or(""), "user");
  std::string_view before;
  std::set<std::string_view> calls;
  for (const json::Value turn : root["messages"]) {
    const std::string_view role = turn["role"].string_or("");
    EXPECT_NE(role, before) << "turns alternate";
    before = role;
    EXPECT_FALSE(turn["content"].empty() && turn["content"].string_or("").empty());
    if (role == "user") check_turn(turn, calls);
    calls.clear();
    for (const json::Value block : turn["content"]) {
      if (block["type"].string_or("") == "tool_use") calls.insert(block["id"].string_or(""));
    }
  }
  EXPECT_LE(count_of(rendered.body, "\"cache_control\""), 4u);
  const std::int64_t budget = root["thinking"]["budget_tokens"].integer_or(1024);
  EXPECT_GE(budget, 1024);
  if (root["thinking"]["budget_tokens"].present()) {
    EXPECT_LT(budget, root["max_tokens"].integer_or(0));
  }
}

TEST_P(AnthropicGolden, GivesTheSameBytesTwice) {
  Rendered once;
  Rendered again;
  ASSERT_NO_FATAL_FAILURE(render(GetParam(), once));
  ASSERT_NO_FATAL_FAILURE(render(GetParam(), again));
  EXPECT_EQ(once.call, again.call);
}

INSTANTIATE_TEST_SUITE_P(Cases, AnthropicGolden, testing::ValuesIn(cases()), [](const auto& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace ai_proxy::dialects::anthropic_messages
