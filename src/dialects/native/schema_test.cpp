#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "dialects/native/request_under_test.h"
#include "dialects/native/schema.h"
#include "dialects/native/schema_text.h"

namespace ai_proxy::dialects::native {
namespace {

TEST(NativeSchema, AnswersAMissingProviderAsTheOriginalDid) {
  const RequestUnderTest test(R"({"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]})");
  const json::Value failure = test.failure();
  EXPECT_EQ(failure["error"].raw(), R"("Invalid request")");
  EXPECT_EQ(failure["details"].raw(), R"({"provider":{"_errors":["Required"]}})");
  const json::Value structure = failure["expectedSchema"]["structure"];
  EXPECT_EQ(structure["type"].string(), "object");
  EXPECT_EQ(structure["properties"]["provider"].raw(),
            R"({"type":"enum","options":["openai","anthropic","mistral"]})");
  EXPECT_EQ(structure["properties"]["model"].raw(), R"({"type":"string"})");
  const json::Value messages = structure["properties"]["messages"];
  EXPECT_EQ(messages["type"].string(), "array");
  EXPECT_EQ(messages["items"]["type"].string(), "object");
  EXPECT_EQ(messages["items"]["properties"]["role"].raw(),
            R"({"type":"enum","options":["system","user","assistant","tool"]})");
  EXPECT_EQ(messages["items"]["properties"]["content"]["type"].string(), "string");
  EXPECT_TRUE(failure["expectedSchema"]["description"].string_or("").starts_with(
      "provider: enum: openai | anthropic | mistral\nmodel: string\nmessages: array of:\n"
      "  role: enum: system | user | assistant | tool\n  content: string"));
  EXPECT_EQ(failure["expectedSchema"]["example"].raw(),
            R"({"provider":"openai","model":"gpt-4-turbo","messages":[{"role":"user","content":"Hello"}]})");
}

// Is everything that `old_text` says also said by `text`? Words may have been added to lists, members to
// objects.
void expect_within(const json::Value& original, const json::Value& ours, const std::string& place) {
  ASSERT_EQ(original.type(), ours.type()) << place;
  if (original.is_object()) {
    for (const json::Value member : original) {
      expect_within(member, ours[member.key()], place + "." + std::string(member.key()));
    }
  } else if (original.is_array()) {
    for (std::size_t i = 0; i < original.size(); ++i) expect_within(original[i], ours[i], place + "[]");
  } else if (!place.ends_with(".description")) {
    EXPECT_EQ(original.raw(), ours.raw()) << place;
  }
}

TEST(NativeSchema, SaysAllThatTheOriginalReadmeShows) {
  const char* shared = std::getenv("AI_PROXY_SHARED");
  const std::filesystem::path file =
      std::filesystem::path(shared != nullptr ? shared : SOURCE_DIR "/../shared") / "spec/original-readme.md";
  if (!std::filesystem::exists(file))
    GTEST_SKIP() << "the original's readme is not at hand (AI_PROXY_SHARED)";
  std::ifstream stream(file);
  const std::string readme(std::istreambuf_iterator<char>(stream), {});
  const std::size_t begin = readme.find("```json\n", readme.find("### Error Handling")) + 8;
  json::Document document;
  ASSERT_FALSE(document.parse(std::string_view(readme).substr(begin, readme.find("```", begin) - begin)));
  const RequestUnderTest test(R"({"model":"gpt-4o","messages":[{"role":"user","content":"Hello"}]})");
  expect_within(document.root(), test.failure(), "");
}

TEST(NativeSchema, DescribesOptionalMembersInTheSameStyle) {
  const std::string text = schema_description({"openai", "groq"});
  EXPECT_TRUE(text.starts_with("provider: enum: openai | groq\nmodel: string\nmessages: array of:\n"))
      << text;
  for (const std::string_view line : {
           "\n  content: string, or array of:\n    type: enum: text | image_url | ",
           "\n    image_url (with type image_url): object of:\n      url: string\n",
           "\nstream (optional): boolean\ntemperature (optional, 0 to 2): number\n",
           "\nmax_tokens (optional, at least 1): integer\n",
           "\nstop (optional): string, or array of string\n",
           "\ntools (optional): array of:\n  type: enum: function\n  function: object of:\n    name: "
           "string\n",
           "\ntool_choice (optional): enum: none | auto | required, or object of:\n  type: enum: function\n",
           "\nmetadata (optional): object of names to string\n",
       }) {
    EXPECT_TRUE(text.contains(line)) << line << "\nis not in\n" << text;
  }
  EXPECT_FALSE(text.contains("stream_options"));
  EXPECT_FALSE(text.ends_with('\n'));
}

TEST(NativeSchema, ShowsBoundsAndAlternativesInTheStructure) {
  const RequestUnderTest test("{}");
  const json::Value properties = test.failure()["expectedSchema"]["structure"]["properties"];
  EXPECT_EQ(properties["temperature"].raw(), R"({"type":"number","minimum":0,"maximum":2,"optional":true})");
  EXPECT_EQ(properties["stop"].raw(),
            R"({"type":"string","or":{"type":"array","items":{"type":"string"}},"optional":true})");
  EXPECT_EQ(properties["metadata"].raw(), R"({"type":"object","values":{"type":"string"},"optional":true})");
  EXPECT_EQ(
      properties["messages"]["items"]["properties"]["content"]["or"]["items"]["properties"]["text"].raw(),
      R"({"type":"string","when":{"type":"text"}})");
}

TEST(NativeSchema, OffersAnExampleThatItAccepts) {
  for (const std::vector<std::string_view>& providers :
       {std::vector<std::string_view>{"openai"}, {"groq", "mistral"}, {"anthropic"}, {"groq"}, {}}) {
    const std::string body = malformed_json_body({}, providers);
    json::Document document;
    ASSERT_FALSE(document.parse(body));
    const json::Value example = document.root()["expectedSchema"]["example"];
    chat::Warnings warnings;
    const auto outcome =
        parse_request(example, providers, [](std::string_view) { return false; }, false, warnings);
    EXPECT_EQ(outcome.parsed.has_value(), !providers.empty()) << example.raw();
  }
}

TEST(NativeSchema, TellsOpenApiTheSame) {
  const std::string text = request_json_schema({"openai", "mistral"});
  json::Document document;
  ASSERT_FALSE(document.parse(text));
  const json::Value schema = document.root();
  EXPECT_EQ(schema["$schema"].string(), "https://json-schema.org/draft/2020-12/schema");
  EXPECT_EQ(schema["type"].string(), "object");
  EXPECT_EQ(schema["required"].raw(), R"(["model","messages"])");
  const json::Value properties = schema["properties"];
  EXPECT_EQ(properties["provider"]["enum"].raw(), R"(["openai","mistral",null])");
  EXPECT_EQ(properties["model"]["maxLength"].integer(), 256);
  EXPECT_EQ(properties["messages"]["minItems"].integer(), 1);
  EXPECT_EQ(properties["temperature"]["type"].raw(), R"(["number","null"])");
  EXPECT_EQ(properties["temperature"]["maximum"].integer(), 2);
  EXPECT_EQ(properties["stop"]["anyOf"][1]["maxItems"].integer(), 16);
  EXPECT_EQ(
      properties["tools"]["items"]["properties"]["function"]["properties"]["name"]["maxLength"].integer(),
      256);
  const json::Value format = properties["response_format"]["oneOf"][2]["properties"]["json_schema"];
  EXPECT_EQ(format["properties"]["name"]["pattern"].string(), "^[a-zA-Z0-9_-]+$")
      << properties["response_format"].raw();
  const json::Value parts =
      properties["messages"]["items"]["properties"]["content"]["anyOf"][1]["items"]["oneOf"];
  EXPECT_EQ(parts.size(), kPartTypes.size());
  EXPECT_EQ(parts[0]["properties"]["type"].raw(), R"({"const":"text"})");
  EXPECT_EQ(parts[0]["required"].raw(), R"(["type","text"])");
  EXPECT_FALSE(parts[0]["properties"]["image_url"].present());
  const json::Value formats = properties["response_format"]["oneOf"];
  EXPECT_EQ(formats[2]["required"].raw(), R"(["type","json_schema"])");
  EXPECT_EQ(formats[3]["type"].string(), "null");
  for (const Member& member : kRequest.members) {
    EXPECT_EQ(properties[member.name].present(), member.shown) << member.name;
  }
}

}  // namespace
}  // namespace ai_proxy::dialects::native
