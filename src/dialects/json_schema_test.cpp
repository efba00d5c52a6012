// Schemas closed for Anthropic without a byte of theirs changed, and judged as OpenAI's strict mode does.
#include "dialects/json_schema.h"

#include <gtest/gtest.h>

namespace ai_proxy::dialects {
namespace {

using Kind = ClosedSchema::Kind;

ClosedSchema closed(std::string_view text) {
  json::Document document;
  EXPECT_FALSE(document.parse(text)) << text;
  return closed_schema(document.root());
}

TEST(JsonSchema, ClosesEveryObjectThatSaysNothing) {
  const ClosedSchema schema = closed(
      R"({ "type" : "object", "z":{"m":[1.0,9007199254740993]}, "properties":{"type":{"type":"string"},)"
      R"("properties":{"type":["object","null"],"properties":{}},"l":{"items":{ "type":"object"}},)"
      R"("u":{"anyOf":[{"type":"null"},{"type":"object","additionalProperties":false}]}},)"
      R"("$defs":{"d":{"description":"object","type":"object"}} })");
  EXPECT_EQ(schema.kind, Kind::closed);
  EXPECT_EQ(
      schema.text,
      R"({"additionalProperties":false, "type" : "object", "z":{"m":[1.0,9007199254740993]}, "properties":{"type":{"type":"string"},)"
      R"("properties":{"additionalProperties":false,"type":["object","null"],"properties":{}},"l":{"items":{"additionalProperties":false, "type":"object"}},)"
      R"("u":{"anyOf":[{"type":"null"},{"type":"object","additionalProperties":false}]}},)"
      R"("$defs":{"d":{"additionalProperties":false,"description":"object","type":"object"}} })");
  EXPECT_TRUE(json::valid(schema.text));
}

TEST(JsonSchema, LeavesOneAloneThatIsClosed) {
  for (const std::string_view text :
       {R"({"type":"object","additionalProperties":false})", R"({"type":"string"})", "{}",
        R"({"enum":[{"type":"object"}],"default":{"type":"object"}})"}) {
    EXPECT_EQ(closed(text).kind, Kind::as_it_was) << text;
    EXPECT_EQ(closed(text).text, "");
  }
}

TEST(JsonSchema, ClosesNoneThatIsOpenInSoManyWords) {
  for (const std::string_view open : {"true", "{}", R"({"type":"string"})", "null"}) {
    const std::string text =
        R"({"type":"object","properties":{"a":{"type":"object","additionalProperties":)" + std::string(open) +
        "}}}";
    EXPECT_EQ(closed(text).kind, Kind::deliberately_open) << text;
  }
}

TEST(JsonSchema, KnowsWhatOpenAiTakesStrictly) {
  for (
      const std::string_view good : {
          R"({"type":"object","additionalProperties":false})",
          R"({"type":"object","properties":{"a":{"type":["string","null"]}},"required":["a"],"additionalProperties":false})",
          R"({"type":"object","properties":{},"required":[],"additionalProperties":false,"$defs":{"not":{"type":"string"}}})",
      }) {
    EXPECT_TRUE(fits_openai_strict(good)) << good;
  }
  for (
      const std::string_view bad : {
          R"({"type":"object"})",
          R"({"type":"object","additionalProperties":true})",
          R"({"type":"object","additionalProperties":{}})",
          R"({"type":"object","properties":{"a":{},"b":{}},"required":["b"],"additionalProperties":false})",
          R"({"type":"object","properties":{"a":{"properties":{}}},"required":["a"],"additionalProperties":false})",
          R"({"type":"object","properties":{"a":{"items":{"type":"object"}}},"required":["a"],"additionalProperties":false})",
          R"({"type":"object","properties":{"a":{"allOf":[]}},"required":["a"],"additionalProperties":false})",
          R"({"type":"object","$defs":{"a":{"type":"object"}},"additionalProperties":false})",
          R"({"type":"string"})",
          "[]",
          "",
      }) {
    EXPECT_FALSE(fits_openai_strict(bad)) << bad;
  }
}

}  // namespace
}  // namespace ai_proxy::dialects
